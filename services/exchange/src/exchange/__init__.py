"""What leaves the house: sector feeds, subscriptions, webhooks, HTTP feed, who-knows ledger."""
