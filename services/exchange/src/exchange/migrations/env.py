"""Alembic's way in."""

from chassis.migrations import run
from exchange.tables import SCHEMA, metadata

run(metadata, SCHEMA)
