"""Early funding: budgets, awards, ledger."""
