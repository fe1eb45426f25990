"""Cases as they are known here, what was said, the ways out and what each was told; the sectors' feeds."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_chassis_tables
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0001"
down_revision = None

SCHEMA = "exchange"

#: The sectors with one county-wide system each. Everything that a rule lets the sector hear goes there.
SECTORS = ("education", "health", "social-care")
PURPOSES = "{assessment,early-funding,placement,plan-review,safeguarding}"
BASES = "{consent,public-task,legal-obligation,vital-interests}"


def upgrade() -> None:
    create_chassis_tables(op, SCHEMA)
    op.create_table(
        "case_file",
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("school_urn", sa.Text),
        sa.Column("cluster_id", sa.Text),
        sa.Column("needs", ARRAY(sa.Text), server_default="{}", nullable=False),
        sa.Column("erased", sa.Boolean, server_default="false", nullable=False),
        sa.PrimaryKeyConstraint("case_id"),
        schema=SCHEMA,
    )
    op.create_table(
        "participant",
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("since", sa.Date, nullable=False),
        sa.Column("until", sa.Date),
        sa.Column("sector", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("case_id", "organisation_id", "role", "since"),
        schema=SCHEMA,
    )
    op.create_table(
        "basis",
        sa.Column("referral_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("referral_id", "kind"),
        schema=SCHEMA,
    )
    op.create_index("basis_case_id", "basis", ["case_id"], schema=SCHEMA)
    op.create_table(
        "cluster",
        sa.Column("cluster_id", sa.Text, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("cluster_id"),
        schema=SCHEMA,
    )
    op.create_table(
        "event",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("position", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("correlation_id", sa.Text, nullable=False),
        sa.Column("causation_id", sa.Text),
        sa.Column("traceparent", sa.Text),
        sa.Column("data", sa.LargeBinary),
        sa.Column("held", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index("event_held", "event", ["subject", "position"], schema=SCHEMA, postgresql_where=sa.text("held"))
    op.create_index("event_subject", "event", ["subject", "position"], schema=SCHEMA)
    op.create_index("event_time", "event", ["time", "position"], schema=SCHEMA)
    op.create_table(
        "body",
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("shape", sa.Text, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("event_id", "shape"),
        schema=SCHEMA,
    )
    op.create_table(
        "agreement",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("sector", sa.Text, nullable=False),
        sa.Column("county_wide", sa.Boolean, nullable=False),
        sa.Column("purposes", ARRAY(sa.Text), nullable=False),
        sa.Column("bases", ARRAY(sa.Text), nullable=False),
        sa.Column("since", sa.Date, nullable=False),
        sa.Column("until", sa.Date, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index("agreement_organisation_id", "agreement", ["organisation_id"], schema=SCHEMA)
    op.create_table(
        "stream",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("sector", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text),
        sa.Column("agreement_id", sa.Text),
        sa.Column("county_wide", sa.Boolean, nullable=False),
        sa.Column("purposes", ARRAY(sa.Text), nullable=False),
        sa.Column("bases", ARRAY(sa.Text), nullable=False),
        sa.Column("filter", JSONB, nullable=False),
        sa.Column("until", sa.Date),
        sa.Column("way", sa.Text, nullable=False),
        sa.Column("topic", sa.Text),
        sa.Column("url", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index("stream_agreement_id", "stream", ["agreement_id"], schema=SCHEMA)
    op.create_index("stream_organisation_id", "stream", ["organisation_id", "created_at"], schema=SCHEMA)
    op.create_index(
        "stream_topic",
        "stream",
        ["topic"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("topic IS NOT NULL AND state <> 'ended'"),
    )
    op.create_table(
        "interest",
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("sector", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("stream_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("type", "sector", "key", "stream_id"),
        schema=SCHEMA,
    )
    op.create_index("interest_stream_id", "interest", ["stream_id"], schema=SCHEMA)
    op.create_table(
        "tail",
        sa.Column("stream_id", sa.Text, nullable=False),
        sa.Column("last_position", sa.BigInteger, server_default="0", nullable=False),
        sa.Column("acknowledged", sa.BigInteger, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("stream_id"),
        schema=SCHEMA,
    )
    op.create_table(
        "entry",
        sa.Column("stream_id", sa.Text, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("shape", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text),
        sa.Column("basis", sa.Text),
        sa.Column("replay", sa.Boolean, nullable=False),
        sa.Column("duty", sa.Boolean, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True)),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True)),
        sa.Column("withheld_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("stream_id", "position"),
        schema=SCHEMA,
    )
    op.create_index("entry_at", "entry", ["stream_id", "at"], schema=SCHEMA)
    op.create_index("entry_event_id", "entry", ["event_id"], schema=SCHEMA)
    op.create_index("entry_subject", "entry", ["subject", "position"], schema=SCHEMA)
    op.create_table(
        "delivery",
        sa.Column("stream_id", sa.Text, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, server_default="0", nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True)),
        sa.Column("reason", sa.Text),
        sa.PrimaryKeyConstraint("stream_id", "position"),
        schema=SCHEMA,
    )
    op.create_index(
        "delivery_failed",
        "delivery",
        ["stream_id", "position"],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("state = 'failed'"),
    )
    op.create_index(
        "delivery_waiting",
        "delivery",
        ["stream_id", "subject", "position"],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "lane",
        sa.Column("stream_id", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("stream_id", "subject"),
        schema=SCHEMA,
    )
    op.create_index("lane_due_at", "lane", ["stream_id", "due_at"], schema=SCHEMA)
    op.create_table(
        "receiver",
        sa.Column("stream_id", sa.Text, nullable=False),
        sa.Column("failures", sa.Integer, server_default="0", nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True)),
        sa.Column("rests_until", sa.DateTime(timezone=True)),
        sa.Column("last_success_at", sa.DateTime(timezone=True)),
        sa.Column("last_failure_at", sa.DateTime(timezone=True)),
        sa.Column("last_reason", sa.Text),
        sa.PrimaryKeyConstraint("stream_id"),
        schema=SCHEMA,
    )
    op.create_table(
        "signing_key",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("stream_id", sa.Text, nullable=False),
        sa.Column("algorithm", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("public", sa.Text),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index("signing_key_stream_id", "signing_key", ["stream_id"], schema=SCHEMA)
    op.create_table(
        "replay",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("stream_id", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text),
        sa.Column("since", sa.DateTime(timezone=True)),
        sa.Column("until", sa.DateTime(timezone=True)),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("last_position", sa.BigInteger, nullable=False),
        sa.Column("told", sa.Integer, server_default="0", nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index("replay_running", "replay", ["id"], schema=SCHEMA, postgresql_where=sa.text("state = 'running'"))
    op.create_index("replay_stream_id", "replay", ["stream_id", "asked_at"], schema=SCHEMA)
    op.create_table(
        "recall",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("event_ids", ARRAY(sa.Text), nullable=False),
        sa.Column("answer_by", sa.Date, nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index("recall_case_id", "recall", ["case_id"], schema=SCHEMA)
    op.create_table(
        "recall_recipient",
        sa.Column("recall_id", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True)),
        sa.Column("acknowledged_by", sa.Text),
        sa.Column("reminded_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("recall_id", "organisation_id"),
        schema=SCHEMA,
    )
    op.create_index("recall_recipient_organisation_id", "recall_recipient", ["organisation_id"], schema=SCHEMA)
    op.create_table(
        "disclosure",
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("sector", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("basis", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
        schema=SCHEMA,
    )
    op.create_index("disclosure_case_id", "disclosure", ["case_id", "at"], schema=SCHEMA)

    for sector in SECTORS:
        feed = f"{sector}-feed"
        op.execute(
            f"INSERT INTO {SCHEMA}.stream (id, source, sector, county_wide, purposes, bases, filter, way, topic, state,"
            f" created_at, version) VALUES ('{feed}', '/exchange/{feed}', '{sector}', true, '{PURPOSES}', '{BASES}',"
            f" '{{}}', 'kafka', '{feed}', 'active', '2026-09-01T00:00:00Z', 1)"
        )
        op.execute(
            f"INSERT INTO {SCHEMA}.interest (type, sector, key, stream_id) VALUES ('*', '{sector}', '*', '{feed}')"
        )
        op.execute(f"INSERT INTO {SCHEMA}.tail (stream_id) VALUES ('{feed}')")
