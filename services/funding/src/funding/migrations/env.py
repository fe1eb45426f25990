"""Alembic's way in."""

from chassis.migrations import run
from funding.tables import metadata

run(metadata, "funding")
