"""Alembic's way in."""

from chassis.migrations import run
from portal.tables import metadata

run(metadata, "portal")
