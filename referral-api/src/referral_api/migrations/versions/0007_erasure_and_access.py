"""Cases can be erased and have versions; reading outside one's team is asked for; questions end with their referral."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"

SCHEMA = "referral_api"


def upgrade() -> None:
    op.add_column("case_file", sa.Column("version", sa.BigInteger, nullable=False, server_default="1"), schema=SCHEMA)
    op.add_column("information_request", sa.Column("ended_at", sa.DateTime(timezone=True)), schema=SCHEMA)
    op.create_table(
        "erasure",
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("erased_by", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("overridden", sa.Boolean, nullable=False),
        sa.Column("kept_until", sa.Date, nullable=False),
        sa.Column("rule_since", sa.Date, nullable=False),
        sa.Column("erased", JSONB, nullable=False),
        sa.Column("referrals", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("case_id"),
        schema=SCHEMA,
    )
    op.create_table(
        "access_request",
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("note", sa.Text),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("request_id"),
        schema=SCHEMA,
    )
    op.create_index("access_request_case_id", "access_request", ["case_id", "subject"], schema=SCHEMA)
