"""The county, its clusters and teams, cases with their holder, decisions, participants."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_chassis_tables
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0001"
down_revision = None

SCHEMA = "cluster_router"


def upgrade() -> None:
    create_chassis_tables(op, SCHEMA)
    op.create_table(
        "county",
        sa.Column(
            "one", sa.Boolean, sa.CheckConstraint("one", name="only_one"), primary_key=True, server_default="true"
        ),
        sa.Column("last_decision", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("version", sa.Text, nullable=False, server_default="empty"),
        schema=SCHEMA,
    )
    op.execute(f"INSERT INTO {SCHEMA}.county DEFAULT VALUES")
    op.create_table(
        "school",
        sa.Column("urn", sa.Text, primary_key=True),
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("phase", sa.Integer, nullable=False),
        sa.Column("establishment_type", sa.Text, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("local_authority", sa.Text),
        sa.Column("district", sa.Text),
        sa.Column("opened_on", sa.Date),
        sa.Column("closed_on", sa.Date),
        sa.Column("pupils", sa.Integer),
        sa.Column("easting", sa.Integer),
        sa.Column("northing", sa.Integer),
        sa.Column("successors", JSONB, nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "cluster",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("area", sa.Text, nullable=False),
        sa.Column("lead_school_urn", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("members", JSONB, nullable=False),
        sa.Column("capacities", JSONB, nullable=False),
        sa.Column("load", sa.Integer, nullable=False, server_default="0"),
        schema=SCHEMA,
    )
    op.create_table(
        "team",
        sa.Column("role_id", sa.Text, primary_key=True),
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("cluster_id", sa.Text),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("sector", sa.Text, nullable=False),
        sa.Column("since", sa.Date, nullable=False),
        sa.Column("until", sa.Date),
        schema=SCHEMA,
    )
    op.create_index("team_cluster_id", "team", ["cluster_id"], schema=SCHEMA)
    op.create_table(
        "case_file",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("circumstances", JSONB),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("cluster", sa.Text),
        sa.Column("handover", JSONB),
        sa.Column("for_a_person", sa.Boolean, nullable=False),
        sa.Column("closed", sa.Boolean, nullable=False),
        sa.Column("decision", sa.BigInteger, nullable=False),
        sa.Column("reasons", ARRAY(sa.Text), nullable=False),
        sa.Column("weight", sa.Integer, nullable=False),
        sa.Column("way", sa.Text, nullable=False),
        sa.Column("why", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
        schema=SCHEMA,
    )
    op.create_index(
        "case_file_queue",
        "case_file",
        ["weight", "opened_at", "case_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("state = 'queued' AND NOT closed"),
    )
    op.create_index(
        "case_file_opened_at",
        "case_file",
        ["opened_at", "case_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("NOT closed"),
    )
    op.create_index("case_file_cluster", "case_file", ["cluster", "opened_at"], schema=SCHEMA)
    op.create_table(
        "decision",
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rules_version", sa.Text, nullable=False),
        sa.Column("cluster", sa.Text),
        sa.Column("reasons", ARRAY(sa.Text), nullable=False),
        sa.Column("trace", JSONB, nullable=False),
        sa.Column("circumstances", JSONB),
        schema=SCHEMA,
    )
    op.create_index("decision_case_id", "decision", ["case_id", "number"], schema=SCHEMA)
    op.create_table(
        "participant",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("organisation_id", sa.Text, primary_key=True),
        sa.Column("role", sa.Text, primary_key=True),
        sa.Column("since", sa.Date, primary_key=True),
        sa.Column("until", sa.Date),
        schema=SCHEMA,
    )
    op.create_index("participant_organisation_id", "participant", ["organisation_id"], schema=SCHEMA)
    op.create_table(
        "tenure",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("cluster", sa.Text),
        sa.Column("organisation_id", sa.Text),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True)),
        sa.CheckConstraint("until >= since", name="tenure_forward"),
        schema=SCHEMA,
    )
    op.create_index(
        "tenure_one_holder",
        "tenure",
        ["case_id"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("until IS NULL"),
    )
