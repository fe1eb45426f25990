"""Alembic's way in."""

from chassis.migrations import run
from cluster_router.tables import SCHEMA, metadata

run(metadata, SCHEMA)
