"""Alembic's way in."""

from assessments.tables import metadata
from chassis.migrations import run

run(metadata, "assessments")
