"""Tells people what changed and what is due, and knows whether it arrived.

Read `data/rules.json` first (who is told of what), then `domain/planning.py`, then `handlers/telling.py`.
"""
