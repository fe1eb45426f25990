"""The event log in PostgreSQL: what runs where one machine is enough. The same topics, keys, groups and offsets.

Appending locks the head row of each partition, so offsets follow commits and nothing is ever skipped. Reading locks the
group's offset row for the length of a batch, so a partition has one owner even while members come and go. Who the
members are is told by advisory locks: they vanish with the connection of a member that dies.
"""

from chassis.event_log.embedded.log import EmbeddedEventLog

__all__ = ["EmbeddedEventLog"]
