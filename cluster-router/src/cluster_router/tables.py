"""The county as it is known here, cases with their holders, and every decision with its trace."""

from typing import Final

import sqlalchemy as sa
from chassis.tables import Timestamp, chassis_tables
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

SCHEMA: Final = "cluster_router"
metadata: Final = sa.MetaData(schema=SCHEMA)
chassis: Final = chassis_tables(metadata)

#: One row: the lock that all decisions are made under, their counter, and what changes when schools or clusters do.
county: Final = sa.Table(
    "county",
    metadata,
    sa.Column("one", sa.Boolean, sa.CheckConstraint("one", name="only_one"), primary_key=True, server_default="true"),
    sa.Column("last_decision", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("version", sa.Text, nullable=False, server_default="empty"),
)

school: Final = sa.Table(
    "school",
    metadata,
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
)

cluster: Final = sa.Table(
    "cluster",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("phase", sa.Text, nullable=False),
    sa.Column("area", sa.Text, nullable=False),
    sa.Column("lead_school_urn", sa.Text, nullable=False),
    sa.Column("organisation_id", sa.Text, nullable=False),
    sa.Column("members", JSONB, nullable=False),
    sa.Column("capacities", JSONB, nullable=False),
    #: Open cases that it holds.
    sa.Column("load", sa.Integer, nullable=False, server_default="0"),
)

#: Who works for which cluster, by role; names and contacts are the directory's.
team: Final = sa.Table(
    "team",
    metadata,
    sa.Column("role_id", sa.Text, primary_key=True),
    sa.Column("person_id", sa.Text, nullable=False),
    sa.Column("cluster_id", sa.Text),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("sector", sa.Text, nullable=False),
    sa.Column("since", sa.Date, nullable=False),
    sa.Column("until", sa.Date),
    sa.Index("team_cluster_id", "cluster_id"),
)

_WAITING: Final = sa.text("state = 'queued' AND NOT closed")
_OFFERED: Final = sa.text("handover IS NOT NULL")

case_file: Final = sa.Table(
    "case_file",
    metadata,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("reference", sa.Text, nullable=False),
    #: Null once the case was erased.
    sa.Column("circumstances", JSONB),
    sa.Column("opened_at", Timestamp, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("cluster", sa.Text),
    sa.Column("handover", JSONB),
    sa.Column("for_a_person", sa.Boolean, nullable=False),
    sa.Column("closed", sa.Boolean, nullable=False),
    #: The decision that put it there.
    sa.Column("decision", sa.BigInteger, nullable=False),
    sa.Column("reasons", ARRAY(sa.Text), nullable=False),
    #: How urgent it is for those who wait with it.
    sa.Column("weight", sa.Integer, nullable=False),
    #: How it came to be where it is: decided, returned or handed-over; and why, where a person said so.
    sa.Column("way", sa.Text, nullable=False),
    sa.Column("why", sa.Text),
    #: When anything about it last changed.
    sa.Column("changed_at", Timestamp, nullable=False),
    #: The year in whose September the child begins Year 7.
    sa.Column("begins_year_7", sa.Integer),
    #: The year for which a secondary cluster took it over: from then on the child is placed as of Year 7.
    sa.Column("transferred", sa.Integer),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("case_file_queue", "weight", "opened_at", "case_id", postgresql_where=_WAITING),
    sa.Index("case_file_opened_at", "opened_at", "case_id", postgresql_where=sa.text("NOT closed")),
    sa.Index("case_file_cluster", "cluster", "opened_at"),
    sa.Index("case_file_offered_to", sa.text("(handover->>'to_cluster')"), postgresql_where=_OFFERED),
    sa.Index("case_file_begins_year_7", "begins_year_7", "case_id", postgresql_where=sa.text("NOT closed")),
)

#: Hand-overs to secondary clusters: each case once a year.
transfer: Final = sa.Table(
    "transfer",
    metadata,
    sa.Column("year", sa.Integer, primary_key=True),
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("handover_id", sa.Text, nullable=False),
    sa.Column("to_cluster", sa.Text, nullable=False),
    sa.Column("offered_at", Timestamp, nullable=False),
)

#: The county's school days and bank holidays, as the directory said them last.
calendar: Final = sa.Table(
    "calendar",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("said", JSONB, nullable=False),
)

decision: Final = sa.Table(
    "decision",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("decided_at", Timestamp, nullable=False),
    sa.Column("rules_version", sa.Text, nullable=False),
    sa.Column("cluster", sa.Text),
    sa.Column("reasons", ARRAY(sa.Text), nullable=False),
    sa.Column("trace", JSONB, nullable=False),
    sa.Column("circumstances", JSONB),
    sa.Index("decision_case_id", "case_id", "number"),
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

#: Who held which case: no two at once, which the database itself sees to.
tenure: Final = sa.Table(
    "tenure",
    metadata,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    #: Null is the intake desk.
    sa.Column("cluster", sa.Text),
    sa.Column("organisation_id", sa.Text),
    sa.Column("since", Timestamp, nullable=False),
    sa.Column("until", Timestamp),
    sa.CheckConstraint("until >= since", name="tenure_forward"),
    sa.Index("tenure_one_holder", "case_id", unique=True, postgresql_where=sa.text("until IS NULL")),
)
