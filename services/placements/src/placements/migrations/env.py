"""Alembic's way in."""

from chassis.migrations import run
from placements.tables import SCHEMA, metadata

run(metadata, SCHEMA)
