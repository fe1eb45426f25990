"""Alembic's way in."""

from chassis.migrations import run
from notifier.tables import metadata

run(metadata, "notifier")
