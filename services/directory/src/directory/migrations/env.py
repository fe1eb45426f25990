"""Alembic's way in: the migrations of directory's schema."""

from chassis.migrations import run
from directory.tables import metadata

run(metadata, "directory")
