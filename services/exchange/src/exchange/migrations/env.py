"""Alembic's way in."""

from chassis.migrations import run
from exchange.tables import metadata

run(metadata, "exchange")
