"""Topics, their partitions' heads, the records, and where each group is."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

SCHEMA = "event_log"


def upgrade() -> None:
    op.create_table(
        "topic",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("partitions", sa.Integer, nullable=False),
        sa.Column("compacted", sa.Boolean, nullable=False),
        sa.Column("kept_days", sa.Integer, nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "partition",
        sa.Column("topic", sa.Text, sa.ForeignKey(f"{SCHEMA}.topic.name"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("next_offset", sa.BigInteger, nullable=False, server_default="0"),
        schema=SCHEMA,
    )
    op.create_table(
        "record",
        sa.Column("topic", sa.Text, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True),
        sa.Column("offset", sa.BigInteger, primary_key=True),
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("headers", sa.LargeBinary, nullable=False),
        sa.Column("appended_at", sa.DateTime(timezone=True), nullable=False),
        schema=SCHEMA,
    )
    op.create_index("record_appended_at", "record", ["topic", "appended_at"], schema=SCHEMA)
    op.create_table(
        "group_offset",
        sa.Column("group", sa.Text, primary_key=True),
        sa.Column("topic", sa.Text, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True),
        sa.Column("next_offset", sa.BigInteger, nullable=False, server_default="0"),
        schema=SCHEMA,
    )
