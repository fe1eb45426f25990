"""What Jointly's services say to each other: events, topics and dated code registries.

Read `event.py` first, then `topics.py`, then one file per speaking service.
"""
