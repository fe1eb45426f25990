"""Alembic's way in."""

from chassis.migrations import run
from placements.tables import metadata

run(metadata, "placements")
