"""Everything this service does, by topic; every handler takes a batch and answers for each member.

Locks are taken in one order: fingerprints, then cases, then rows. Read `arriving.py` first.
"""
