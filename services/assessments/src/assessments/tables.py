"""Cases as far as this service needs them, their assessments, advice, views, plans, statutory requests and clocks.

What people wrote lies in columns named `text`, `evidence`, `question` and `findings`; all are emptied on erasure.
"""

from typing import Final

import sqlalchemy as sa
from chassis.tables import Timestamp, chassis_tables
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

SCHEMA: Final = "assessments"
metadata: Final = sa.MetaData(schema=SCHEMA)
chassis: Final = chassis_tables(metadata)

case_file: Final = sa.Table(
    "case_file",
    metadata,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("needs", ARRAY(sa.Text), nullable=False),
    sa.Column("age", sa.Integer, nullable=False),
    sa.Column("school_urn", sa.Text),
    #: Who holds it now; null is the intake desk.
    sa.Column("cluster_id", sa.Text),
    sa.Column("organisation_id", sa.Text),
    sa.Column("opened_on", sa.Date, nullable=False),
    sa.Column("closed", sa.Boolean, nullable=False),
    sa.Column("erased", sa.Boolean, nullable=False),
    sa.Index("case_file_cluster_id", "cluster_id"),
)

#: Who takes part in which case, as referral-api says.
participant: Final = sa.Table(
    "participant",
    metadata,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("organisation_id", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, primary_key=True),
    sa.Column("since", sa.Date, primary_key=True),
    sa.Column("until", sa.Date),
    sa.Index("participant_organisation_id", "organisation_id"),
)

#: Why the law allows sharing, by the referral that it was recorded with.
basis: Final = sa.Table(
    "basis",
    metadata,
    sa.Column("referral_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("organisation_id", sa.Text, nullable=False),
    sa.Column("ended_on", sa.Date),
    sa.Index("basis_case_id", "case_id"),
)

organisation: Final = sa.Table(
    "organisation",
    metadata,
    sa.Column("organisation_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("sector", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Index("organisation_kind", "kind", "sector"),
)

#: Which organisation a school is.
school: Final = sa.Table(
    "school",
    metadata,
    sa.Column("urn", sa.Text, primary_key=True),
    sa.Column("organisation_id", sa.Text, nullable=False),
)

#: `county`, or a school's own by its URN.
calendar: Final = sa.Table(
    "calendar",
    metadata,
    sa.Column("calendar_id", sa.Text, primary_key=True),
    sa.Column("said", JSONB, nullable=False),
)

assessment: Final = sa.Table(
    "assessment",
    metadata,
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
    #: Need, provision and what it is to achieve.
    sa.Column("findings", JSONB, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    #: One open assessment a case, which the database itself sees to.
    sa.Index("assessment_one_open", "case_id", unique=True, postgresql_where=sa.text("state = 'open'")),
    sa.Index("assessment_case_id", "case_id", "opened_on", "id"),
)

advice: Final = sa.Table(
    "advice",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("assessment_id", sa.Text, nullable=False),
    sa.Column("discipline", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    #: Null: somebody without an account.
    sa.Column("asked_of", sa.Text),
    sa.Column("requested_on", sa.Date),
    sa.Column("due_on", sa.Date),
    sa.Column("received_on", sa.Date),
    sa.Column("earlier_id", sa.Text),
    sa.Column("agreements", JSONB, nullable=False),
    sa.Column("statutory", sa.Boolean, nullable=False),
    #: Since when nothing that it could rest on stands.
    sa.Column("basis_ended_on", sa.Date),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("advice_case_id", "case_id"),
    sa.Index("advice_asked_of", "asked_of", "due_on", "id"),
)

#: What was asked and what was answered, apart from the advice: read only by those who may.
advice_text: Final = sa.Table(
    "advice_text",
    metadata,
    sa.Column("advice_id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("question", sa.Text),
    sa.Column("text", sa.Text),
    #: Who wrote it: a person of an organisation, or the title that was given through a link.
    sa.Column("given_by", sa.Text),
    sa.Index("advice_text_case_id", "case_id"),
)

#: A way to answer without an account. The token itself is never kept.
answer_link: Final = sa.Table(
    "answer_link",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("advice_id", sa.Text, nullable=False),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("made_by", sa.Text, nullable=False),
    sa.Column("made_at", Timestamp, nullable=False),
    sa.Column("expires_at", Timestamp, nullable=False),
    #: Answered through it, or a newer one took its place.
    sa.Column("ended_at", Timestamp),
    sa.Index("answer_link_advice_id", "advice_id"),
    sa.Index("answer_link_case_id", "case_id"),
)

views: Final = sa.Table(
    "views",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("assessment_id", sa.Text, nullable=False),
    #: child or family.
    sa.Column("of", sa.Text, nullable=False),
    sa.Column("asked_by", sa.Text, nullable=False),
    sa.Column("asked_on", sa.Date, nullable=False),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("not_given", sa.Text),
    sa.Column("text", sa.Text),
    sa.Index("views_case_id", "case_id"),
)

plan: Final = sa.Table(
    "plan",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("assessment_id", sa.Text),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("basis", sa.Text, nullable=False),
    sa.Column("basis_on", sa.Date, nullable=False),
    #: Since when it does not stand any more.
    sa.Column("basis_ended_on", sa.Date),
    sa.Column("cycles", JSONB, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("plan_case_id", "case_id", "id"),
)

#: What a plan says and what its reviews found, by cycle.
plan_text: Final = sa.Table(
    "plan_text",
    metadata,
    sa.Column("plan_id", sa.Text, primary_key=True),
    sa.Column("cycle", sa.Integer, primary_key=True),
    #: `plan` or `review`.
    sa.Column("part", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("text", sa.Text),
    sa.Index("plan_text_case_id", "case_id"),
)

statutory_request: Final = sa.Table(
    "statutory_request",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("assessment_id", sa.Text, nullable=False),
    sa.Column("asked_by", sa.Text, nullable=False),
    sa.Column("received_on", sa.Date, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("taken", JSONB, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("statutory_request_case_id", "case_id", "id"),
)

clock: Final = sa.Table(
    "clock",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("assessment_id", sa.Text),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("about", sa.Text),
    sa.Column("started_on", sa.Date, nullable=False),
    sa.Column("due_on", sa.Date, nullable=False),
    sa.Column("rule_since", sa.Date, nullable=False),
    #: The cluster that held the case as it started; null is the intake desk.
    sa.Column("cluster_id", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("excuses", JSONB, nullable=False),
    sa.Column("told", sa.Integer),
    sa.Column("breached_on", sa.Date),
    sa.Column("met_on", sa.Date),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("clock_case_id", "case_id", "due_on"),
    sa.Index("clock_due_on", "due_on", "id"),
    sa.Index("clock_state", "state", "due_on", "id"),
)

#: What shows that an exception of the law is true.
clock_evidence: Final = sa.Table(
    "clock_evidence",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("clock_id", sa.Text, nullable=False),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("exception", sa.Text, nullable=False),
    sa.Column("recorded_by", sa.Text, nullable=False),
    sa.Column("recorded_at", Timestamp, nullable=False),
    sa.Column("evidence", sa.Text),
    sa.Index("clock_evidence_case_id", "case_id"),
)
