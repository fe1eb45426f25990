"""The access log of a case is read from an index, a page at a time."""

from alembic import op
from chassis.migrations import create_index_concurrently

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    create_index_concurrently(op, "audit_case_log", "audit", ["case_id", "id"], schema="referral_api")
