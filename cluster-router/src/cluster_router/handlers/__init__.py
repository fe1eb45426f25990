"""Everything the router does: what it hears of cases and of the county, and what people decide.

Locks are taken in one order: heads of cases and clusters (sorted), the county, cases' rows (sorted).
"""
