"""Alembic's way in."""

from chassis.event_log.tables import SCHEMA, metadata
from chassis.migrations import run

run(metadata, SCHEMA)
