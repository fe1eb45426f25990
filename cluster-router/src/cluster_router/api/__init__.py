"""The routes of the router, by resource: parse, have it handled, answer."""
