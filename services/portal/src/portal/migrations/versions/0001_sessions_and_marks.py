"""Sessions, what was seen, reasons for looking, batches that wait."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_chassis_tables
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

SCHEMA = "portal"


def upgrade() -> None:
    create_chassis_tables(op, SCHEMA)
    op.create_table(
        "sign_in",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "session",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("notice", JSONB),
        schema=SCHEMA,
    )
    op.create_index("session_ends_at", "session", ["ends_at"], schema=SCHEMA)
    op.create_table(
        "seen",
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "reason",
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "batch",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("steps", JSONB, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("results", JSONB),
        schema=SCHEMA,
    )
    op.create_index("batch_subject", "batch", ["subject", "begins_at"], schema=SCHEMA)
