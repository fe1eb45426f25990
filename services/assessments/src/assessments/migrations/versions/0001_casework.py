"""Cases, their assessments, advice, views, plans, statutory requests and clocks."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_chassis_tables
from chassis.tables import Timestamp
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0001"
down_revision = None

SCHEMA = "assessments"


def upgrade() -> None:
    create_chassis_tables(op, SCHEMA)
    op.create_table(
        "case_file",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("needs", ARRAY(sa.Text), nullable=False),
        sa.Column("age", sa.Integer, nullable=False),
        sa.Column("school_urn", sa.Text),
        sa.Column("cluster_id", sa.Text),
        sa.Column("organisation_id", sa.Text),
        sa.Column("opened_on", sa.Date, nullable=False),
        sa.Column("closed", sa.Boolean, nullable=False),
        sa.Column("erased", sa.Boolean, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("case_file_cluster_id", "case_file", ["cluster_id"], schema=SCHEMA)
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
        "organisation",
        sa.Column("organisation_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sector", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("organisation_kind", "organisation", ["kind", "sector"], schema=SCHEMA)
    op.create_table(
        "school",
        sa.Column("urn", sa.Text, primary_key=True),
        sa.Column("organisation_id", sa.Text, nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "calendar",
        sa.Column("calendar_id", sa.Text, primary_key=True),
        sa.Column("said", JSONB, nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "assessment",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("cluster_id", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("needs", ARRAY(sa.Text), nullable=False),
        sa.Column("disciplines", ARRAY(sa.Text), nullable=False),
        sa.Column("opened_on", sa.Date, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("completed_on", sa.Date),
        sa.Column("outcome", sa.Text),
        sa.Column("findings", JSONB, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        schema=SCHEMA,
    )
    op.create_index(
        "assessment_one_open",
        "assessment",
        ["case_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
        schema=SCHEMA,
    )
    op.create_index("assessment_case_id", "assessment", ["case_id", "opened_on", "id"], schema=SCHEMA)
    op.create_table(
        "advice",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("assessment_id", sa.Text, nullable=False),
        sa.Column("discipline", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("asked_of", sa.Text),
        sa.Column("requested_on", sa.Date),
        sa.Column("due_on", sa.Date),
        sa.Column("received_on", sa.Date),
        sa.Column("earlier_id", sa.Text),
        sa.Column("agreements", JSONB, nullable=False),
        sa.Column("statutory", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("advice_case_id", "advice", ["case_id"], schema=SCHEMA)
    op.create_index("advice_asked_of", "advice", ["asked_of", "due_on", "id"], schema=SCHEMA)
    op.create_table(
        "advice_text",
        sa.Column("advice_id", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("question", sa.Text),
        sa.Column("text", sa.Text),
        sa.Column("given_by", sa.Text),
        schema=SCHEMA,
    )
    op.create_index("advice_text_case_id", "advice_text", ["case_id"], schema=SCHEMA)
    op.create_table(
        "answer_link",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("advice_id", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("made_at", Timestamp, nullable=False),
        sa.Column("expires_at", Timestamp, nullable=False),
        sa.Column("ended_at", Timestamp),
        schema=SCHEMA,
    )
    op.create_index("answer_link_advice_id", "answer_link", ["advice_id"], schema=SCHEMA)
    op.create_index("answer_link_case_id", "answer_link", ["case_id"], schema=SCHEMA)
    op.create_table(
        "views",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("assessment_id", sa.Text, nullable=False),
        sa.Column("of", sa.Text, nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("asked_on", sa.Date, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("not_given", sa.Text),
        sa.Column("text", sa.Text),
        schema=SCHEMA,
    )
    op.create_index("views_case_id", "views", ["case_id"], schema=SCHEMA)
    op.create_table(
        "plan",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("assessment_id", sa.Text),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("basis", sa.Text, nullable=False),
        sa.Column("basis_on", sa.Date, nullable=False),
        sa.Column("cycles", JSONB, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("plan_case_id", "plan", ["case_id", "id"], schema=SCHEMA)
    op.create_table(
        "plan_text",
        sa.Column("plan_id", sa.Text, primary_key=True),
        sa.Column("cycle", sa.Integer, primary_key=True),
        sa.Column("part", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("text", sa.Text),
        schema=SCHEMA,
    )
    op.create_index("plan_text_case_id", "plan_text", ["case_id"], schema=SCHEMA)
    op.create_table(
        "statutory_request",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("assessment_id", sa.Text, nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("received_on", sa.Date, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("taken", JSONB, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("statutory_request_case_id", "statutory_request", ["case_id", "id"], schema=SCHEMA)
    op.create_table(
        "clock",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("assessment_id", sa.Text),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("about", sa.Text),
        sa.Column("started_on", sa.Date, nullable=False),
        sa.Column("due_on", sa.Date, nullable=False),
        sa.Column("rule_since", sa.Date, nullable=False),
        sa.Column("cluster_id", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("excuses", JSONB, nullable=False),
        sa.Column("told", sa.Integer),
        sa.Column("breached_on", sa.Date),
        sa.Column("met_on", sa.Date),
        sa.Column("version", sa.Integer, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("clock_case_id", "clock", ["case_id", "due_on"], schema=SCHEMA)
    op.create_index("clock_due_on", "clock", ["due_on", "id"], schema=SCHEMA)
    op.create_table(
        "clock_evidence",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("clock_id", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("exception", sa.Text, nullable=False),
        sa.Column("recorded_by", sa.Text, nullable=False),
        sa.Column("recorded_at", Timestamp, nullable=False),
        sa.Column("evidence", sa.Text),
        schema=SCHEMA,
    )
    op.create_index("clock_evidence_case_id", "clock_evidence", ["case_id"], schema=SCHEMA)
