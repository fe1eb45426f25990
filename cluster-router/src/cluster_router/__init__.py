"""Assigns each case to the right inclusion cluster, says why in a sentence, and knows its one accountable holder.

Read `domain/decision.py` first, then `handlers/routing.py`.
"""
