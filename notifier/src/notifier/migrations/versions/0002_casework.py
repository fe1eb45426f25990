"""Casework: escalation, digests and channels, absence and cover, receipts, families."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"

SCHEMA = "notifier"


def upgrade() -> None:  # noqa: PLR0915  one table after the other
    op.create_table(
        "calendar",
        sa.Column("calendar_id", sa.Text(), nullable=False),
        sa.Column("said", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("calendar_id"),
        schema=SCHEMA,
    )
    op.create_table(
        "family_answer",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=True),
        sa.Column("link_id", sa.Text(), nullable=True),
        sa.Column("cluster_id", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index("family_answer_case_id", "family_answer", ["case_id"], schema=SCHEMA)
    op.create_index("family_answer_link_id", "family_answer", ["link_id"], schema=SCHEMA)
    op.create_table(
        "family_link",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("interpreter", sa.Boolean(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("fact_salt", sa.LargeBinary(), nullable=False),
        sa.Column("fact_hash", sa.LargeBinary(), nullable=False),
        sa.Column("attempts_left", sa.SmallInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
        schema=SCHEMA,
    )
    op.create_index("family_link_case_id", "family_link", ["case_id"], schema=SCHEMA)
    op.create_table(
        "letter_item",
        sa.Column("notification_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("wakes", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leaves_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("letter_id", sa.Text(), nullable=True),
        sa.Column("correlation_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("notification_id", "channel"),
        schema=SCHEMA,
    )
    op.create_index("letter_item_case_id", "letter_item", ["case_id"], schema=SCHEMA)
    op.create_index("letter_item_letter_id", "letter_item", ["letter_id"], schema=SCHEMA)
    op.create_index(
        "letter_item_waiting",
        "letter_item",
        ["leaves_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("letter_id IS NULL"),
    )
    op.create_table(
        "progress",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "stage"),
        schema=SCHEMA,
    )
    op.create_table(
        "provider",
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("provider_id"),
        schema=SCHEMA,
    )
    op.create_table(
        "push_subscription",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("p256dh", sa.Text(), nullable=False),
        sa.Column("auth", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("endpoint"),
        schema=SCHEMA,
    )
    op.create_index("push_subscription_person_id", "push_subscription", ["person_id"], schema=SCHEMA)
    op.create_table(
        "safe_contact",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.Text(), nullable=False),
        sa.Column("never", sa.Boolean(), nullable=False),
        sa.Column("channels", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "contact_id"),
        schema=SCHEMA,
    )
    op.create_table(
        "safe_contact_version",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("case_id"),
        schema=SCHEMA,
    )
    op.create_table(
        "time_limit",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("correlation_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index("time_limit_case_id", "time_limit", ["case_id"], schema=SCHEMA)
    op.create_index(
        "time_limit_running", "time_limit", ["id"], schema=SCHEMA, postgresql_where=sa.text("ended_at IS NULL")
    )
    op.add_column("address", sa.Column("about", sa.Text(), nullable=True), schema=SCHEMA)
    op.add_column("address", sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True), schema=SCHEMA)
    # Letters on their way keep their id, state and attempts; what they say moves to their items.
    op.execute(
        "INSERT INTO notifier.letter_item (notification_id, channel, person_id, case_id, rule, language, subject, text,"
        " urgent, wakes, at, leaves_at, letter_id, correlation_id)"
        " SELECT l.notification_id, 'email', l.person_id, l.case_id, l.rule, 'en', l.subject, l.text, l.urgent, false,"
        " l.asked_at, l.asked_at, l.id, l.correlation_id FROM notifier.letter l"
    )
    op.add_column(
        "letter", sa.Column("channel", sa.Text(), nullable=False, server_default=sa.text("'email'")), schema=SCHEMA
    )
    op.alter_column("letter", "channel", server_default=None, schema=SCHEMA)
    op.add_column(
        "letter", sa.Column("language", sa.Text(), nullable=False, server_default=sa.text("'en'")), schema=SCHEMA
    )
    op.alter_column("letter", "language", server_default=None, schema=SCHEMA)
    op.add_column(
        "letter", sa.Column("wakes", sa.Boolean(), nullable=False, server_default=sa.text("false")), schema=SCHEMA
    )
    op.alter_column("letter", "wakes", server_default=None, schema=SCHEMA)
    op.add_column("letter", sa.Column("receipt", sa.Text(), nullable=True), schema=SCHEMA)
    op.add_column("letter", sa.Column("receipt_at", sa.DateTime(timezone=True), nullable=True), schema=SCHEMA)
    op.drop_index(("letter_case_id"), table_name="letter", schema=SCHEMA)
    op.drop_constraint(("letter_notification_id_key"), "letter", schema=SCHEMA, type_="unique")
    op.drop_index(("letter_due"), table_name="letter", schema=SCHEMA, postgresql_where="(state = 'waiting'::text)")
    op.create_index(
        "letter_due",
        "letter",
        ["channel", sa.text("urgent DESC"), "next_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.drop_column("letter", "notification_id", schema=SCHEMA)
    op.drop_column("letter", "subject", schema=SCHEMA)
    op.drop_column("letter", "case_id", schema=SCHEMA)
    op.drop_column("letter", "rule", schema=SCHEMA)
    op.drop_column("letter", "correlation_id", schema=SCHEMA)
    op.drop_column("letter", "text", schema=SCHEMA)
    op.add_column("notification", sa.Column("about", sa.Text(), nullable=True), schema=SCHEMA)
    op.add_column("notification", sa.Column("why", sa.Text(), server_default="", nullable=False), schema=SCHEMA)
    op.add_column("notification", sa.Column("covers", sa.Text(), nullable=True), schema=SCHEMA)
    op.add_column("notification", sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True), schema=SCHEMA)
    op.add_column("notification", sa.Column("cleared_because", sa.Text(), nullable=True), schema=SCHEMA)
    op.add_column("notification", sa.Column("claimed_by", sa.Text(), nullable=True), schema=SCHEMA)
    op.add_column("notification", sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True), schema=SCHEMA)
    op.add_column("participant", sa.Column("sector", sa.Text(), nullable=True), schema=SCHEMA)
    op.add_column("preference", sa.Column("digest", sa.Text(), server_default="daily", nullable=False), schema=SCHEMA)
    op.add_column(
        "preference",
        sa.Column("channels", JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        schema=SCHEMA,
    )
    op.add_column("preference", sa.Column("language", sa.Text(), server_default="en", nullable=False), schema=SCHEMA)
    op.add_column("preference", sa.Column("mobile", sa.Text(), nullable=True), schema=SCHEMA)
    op.add_column("preference", sa.Column("digest_hour", sa.SmallInteger(), nullable=True), schema=SCHEMA)
    op.add_column("preference", sa.Column("quiet_from", sa.Time(), nullable=True), schema=SCHEMA)
    op.add_column("preference", sa.Column("quiet_until", sa.Time(), nullable=True), schema=SCHEMA)
    op.add_column(
        "preference", sa.Column("roles", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False), schema=SCHEMA
    )
    op.add_column("preference", sa.Column("absent_from", sa.Date(), nullable=True), schema=SCHEMA)
    op.add_column("preference", sa.Column("absent_until", sa.Date(), nullable=True), schema=SCHEMA)
    op.add_column("preference", sa.Column("cover", sa.Text(), nullable=True), schema=SCHEMA)
    op.add_column("task", sa.Column("claimed_by", sa.Text(), nullable=True), schema=SCHEMA)
    op.add_column("task", sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True), schema=SCHEMA)
