"""The routes of referral-api, by resource: parse, have it handled, answer."""
