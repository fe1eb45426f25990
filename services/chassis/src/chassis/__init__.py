"""What every service stands on: transaction, outbox, event log, inbox, auth, errors, clock. No domain word in it.

Read `transaction.py` and `consuming.py` first, then `service.py`, which shows how the parts meet.
"""
