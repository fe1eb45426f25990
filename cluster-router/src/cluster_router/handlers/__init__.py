"""Everything the router does: what it hears of cases and of the county, and what people decide."""
