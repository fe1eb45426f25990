"""How a case finds its cluster and who holds it: rules, county, decision, assignment. Values and decisions only.

Read `rules.py`, then `county.py`, `entitlement.py`, `choice.py`, `decision.py`; who holds a case is `assignment.py`.
"""
