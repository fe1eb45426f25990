"""The routes: subscriptions and agreements, events to be read, the ledger of who knows."""
