"""What every service has: outbox, inbox, audit, deadlines."""

from alembic import op
from chassis.migrations import create_chassis_tables

revision = "0001"
down_revision = None

SCHEMA = "funding"


def upgrade() -> None:
    create_chassis_tables(op, SCHEMA)
