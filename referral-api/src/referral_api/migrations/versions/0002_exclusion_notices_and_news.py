"""Notices of exclusions; when a case last changed; lines of a timeline that tell of several facts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0002"
down_revision = "0001"

SCHEMA = "referral_api"


def upgrade() -> None:
    op.add_column("referral", sa.Column("kind", sa.Text, nullable=False, server_default="referral"), schema=SCHEMA)
    op.add_column(
        "referral", sa.Column("search_words", ARRAY(sa.Text), nullable=False, server_default="{}"), schema=SCHEMA
    )
    op.add_column("case_file", sa.Column("last_changed_at", sa.DateTime(timezone=True)), schema=SCHEMA)
    op.add_column("timeline_entry", sa.Column("heard_at", sa.DateTime(timezone=True)), schema=SCHEMA)
    op.add_column("timeline_entry", sa.Column("line", sa.Text), schema=SCHEMA)
    op.add_column(
        "timeline_entry", sa.Column("leads", sa.Boolean, nullable=False, server_default=sa.true()), schema=SCHEMA
    )
    op.create_table(
        "exclusion_notice",
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("reference_digest", sa.LargeBinary, nullable=False),
        sa.Column("referral_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "reference_digest"),
        sa.UniqueConstraint("referral_id"),
        schema=SCHEMA,
    )
