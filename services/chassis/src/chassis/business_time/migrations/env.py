"""Alembic's way in."""

from chassis.business_time.tables import SCHEMA, metadata
from chassis.migrations import run

run(metadata, SCHEMA)
