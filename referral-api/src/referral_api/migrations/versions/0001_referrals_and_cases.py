"""Referrals, the cases they open, who may be whom, timelines, names of clusters, squares of postcodes."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_chassis_tables
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0001"
down_revision = None

SCHEMA = "referral_api"


def upgrade() -> None:
    create_chassis_tables(op, SCHEMA)
    op.create_table(
        "case_file",
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("child_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.Column("closing_reason", sa.Text),
        sa.Column("circumstances", JSONB, nullable=False),
        sa.Column("participants", JSONB, nullable=False),
        sa.Column("organisations", ARRAY(sa.Text), nullable=False),
        sa.Column("assignment_state", sa.Text, nullable=False),
        sa.Column("cluster_id", sa.Text),
        sa.Column("holder_id", sa.Text),
        sa.Column("decision", sa.BigInteger),
        sa.Column("reasons", ARRAY(sa.Text), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("case_id"),
        sa.UniqueConstraint("reference"),
        schema=SCHEMA,
    )
    op.create_index("case_file_child_id", "case_file", ["child_id"], schema=SCHEMA)
    op.create_index("case_file_cluster_id", "case_file", ["cluster_id"], schema=SCHEMA)
    op.create_index(
        "case_file_one_open",
        "case_file",
        ["child_id"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index("case_file_opened_at", "case_file", ["opened_at", "case_id"], schema=SCHEMA)
    op.create_index("case_file_organisations", "case_file", ["organisations"], schema=SCHEMA, postgresql_using="gin")
    op.create_table(
        "referral",
        sa.Column("referral_id", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("child_id", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("sector", sa.Text, nullable=False),
        sa.Column("organisations", ARRAY(sa.Text), nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("urgency", sa.Text, nullable=False),
        sa.Column("sender_reference", sa.Text),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_by", sa.Text, nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("home", JSONB, nullable=False),
        sa.Column("content", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("referral_id"),
        schema=SCHEMA,
    )
    op.create_index("referral_case_id", "referral", ["case_id"], schema=SCHEMA)
    op.create_index("referral_child_id", "referral", ["child_id"], schema=SCHEMA)
    op.create_index("referral_organisation_id", "referral", ["organisation_id", "referral_id"], schema=SCHEMA)
    op.create_index("referral_sender_reference", "referral", ["organisation_id", "sender_reference"], schema=SCHEMA)
    op.create_table(
        "fingerprint",
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("referral_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", "referral_id"),
        schema=SCHEMA,
    )
    op.create_index("fingerprint_referral_id", "fingerprint", ["referral_id"], schema=SCHEMA)
    op.create_table(
        "possible_match",
        sa.Column("match_id", sa.Text, nullable=False),
        sa.Column("child_id", sa.Text, nullable=False),
        sa.Column("other_child_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("matched_by", sa.Text, nullable=False),
        sa.Column("weight", sa.Integer, nullable=False),
        sa.Column("levels", JSONB, nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.Column("decided_by", sa.Text),
        sa.PrimaryKeyConstraint("match_id"),
        sa.UniqueConstraint("child_id", "other_child_id", name="possible_match_once"),
        schema=SCHEMA,
    )
    op.create_index(
        "possible_match_open",
        "possible_match",
        ["match_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index("possible_match_other_child_id", "possible_match", ["other_child_id"], schema=SCHEMA)
    op.create_table(
        "information_request",
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("referral_id", sa.Text, nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("asked_by_person", sa.Text, nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_on", sa.Date, nullable=False),
        sa.Column("fields", ARRAY(sa.Text), nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("answer", sa.Text),
        sa.Column("answered_at", sa.DateTime(timezone=True)),
        sa.Column("answered_by_person", sa.Text),
        sa.Column("organisations", ARRAY(sa.Text), nullable=False),
        sa.PrimaryKeyConstraint("request_id"),
        schema=SCHEMA,
    )
    op.create_index("information_request_referral_id", "information_request", ["referral_id"], schema=SCHEMA)
    op.create_table(
        "timeline_entry",
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("data", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
        schema=SCHEMA,
    )
    op.create_index("timeline_entry_case_id", "timeline_entry", ["case_id", "at", "source", "sequence"], schema=SCHEMA)
    op.create_table(
        "known_name",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text),
        sa.PrimaryKeyConstraint("kind", "id"),
        schema=SCHEMA,
    )
    op.create_table(
        "postcode",
        sa.Column("postcode", sa.Text, nullable=False),
        sa.Column("easting_km", sa.SmallInteger, nullable=False),
        sa.Column("northing_km", sa.SmallInteger, nullable=False),
        sa.PrimaryKeyConstraint("postcode"),
        schema=SCHEMA,
    )
