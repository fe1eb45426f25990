"""Alternative provision and exclusions: who could take a child, who does, and what the law wants done meanwhile.

Read `handlers/desk.py` for places and `handlers/recount.py` for exclusions first.
"""
