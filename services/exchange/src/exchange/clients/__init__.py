"""The outside world: receivers of webhooks, names and addresses, and the keys that sign."""
