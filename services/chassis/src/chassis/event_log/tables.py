"""The embedded event log's tables: append-only records, one locked head row per partition, one offset per group."""

import sqlalchemy as sa

SCHEMA = "event_log"

metadata = sa.MetaData(schema=SCHEMA)

topic = sa.Table(
    "topic",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("partitions", sa.Integer, nullable=False),
    sa.Column("compacted", sa.Boolean, nullable=False),
    sa.Column("kept_days", sa.Integer, nullable=False),
)

#: The head row: whoever appends to a partition holds its lock, so offsets are given out in commit order.
partition = sa.Table(
    "partition",
    metadata,
    sa.Column("topic", sa.Text, sa.ForeignKey(topic.c.name), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("next_offset", sa.BigInteger, nullable=False, server_default="0"),
)

record = sa.Table(
    "record",
    metadata,
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True),
    sa.Column("offset", sa.BigInteger, primary_key=True),
    sa.Column("key", sa.LargeBinary, nullable=False),
    sa.Column("value", sa.LargeBinary, nullable=False),
    #: JSON pairs, each value read as Latin-1: headers may hold any byte, which jsonb may not.
    sa.Column("headers", sa.LargeBinary, nullable=False),
    sa.Column("appended_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("record_appended_at", "topic", "appended_at"),
)

#: One row per group and partition; its owner keeps it locked while it works on a batch.
group_offset = sa.Table(
    "group_offset",
    metadata,
    sa.Column("group", sa.Text, primary_key=True),
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True),
    sa.Column("next_offset", sa.BigInteger, nullable=False, server_default="0"),
)
