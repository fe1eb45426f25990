"""The rules, without time, storage or network."""
