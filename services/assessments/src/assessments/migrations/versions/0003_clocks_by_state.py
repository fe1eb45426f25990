"""Time limits that run, and those that passed, are found without reading those that ended."""

from alembic import op
from chassis.migrations import create_index_concurrently

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    create_index_concurrently(op, "clock_state", "clock", ["state", "due_on", "id"], schema="assessments")
