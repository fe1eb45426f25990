"""Providers with their places, placements, exclusions with their duties, and what was heard of cases and schools."""

from typing import Any, Final

import sqlalchemy as sa
from chassis.tables import Timestamp, chassis_tables
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

SCHEMA: Final = "placements"
metadata: Final = sa.MetaData(schema=SCHEMA)
chassis: Final = chassis_tables(metadata)


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.Text, primary_key=True)


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=null)


def _texts(name: str) -> sa.Column[Any]:
    return sa.Column(name, ARRAY(sa.Text), nullable=False)


def _day(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Date, nullable=null)


def _number(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=null)


def _flag(name: str, *, null: bool = False) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=null)


case_file: Final = sa.Table(
    "case_file", metadata, _id(), _text("reference", null=True), sa.Column("circumstances", JSONB),
    _text("cluster_id", null=True), _flag("accepted"), _text("place_asked_by", null=True), _flag("imminent"),
    _flag("closed"), _flag("erased"), sa.Index("case_file_reference", "reference"),
)  # fmt: skip

#: Who takes part in which case, as referral-api says.
participant: Final = sa.Table(
    "participant",
    metadata,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("organisation_id", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, primary_key=True),
    sa.Column("since", sa.Date, primary_key=True),
    _day("until", null=True),
    sa.Index("participant_organisation_id", "organisation_id"),
)

school: Final = sa.Table(
    "school", metadata, _id(), _text("organisation_id"), _number("easting", null=True), _number("northing", null=True)
)

organisation: Final = sa.Table(
    "organisation", metadata, _id(), _text("name"), _text("kind"), _text("sector"), _flag("active")
)

calendar: Final = sa.Table("calendar", metadata, _id(), sa.Column("said", JSONB, nullable=False))

provider: Final = sa.Table(
    "provider", metadata, _id(), _text("name"), _text("organisation_id", null=True), _text("kind"), _texts("phases"),
    _texts("needs"), _number("easting", null=True), _number("northing", null=True), _flag("active"), _text("source"),
    _text("external_id", null=True), _number("version"), sa.Index("provider_organisation_id", "organisation_id"),
)  # fmt: skip

#: `check` is a word of SQL.
provider_check: Final = sa.Table(
    "provider_check", metadata, _id(), _text("provider_id"), _text("kind"), _text("outcome"), _day("checked_on"),
    _day("valid_until", null=True), sa.Index("provider_check_provider_id", "provider_id"),
)  # fmt: skip

#: No more taken and kept than there are: whoever writes it, the database refuses.
place: Final = sa.Table(
    "place", metadata, _id(), _text("provider_id"), _text("phase"), _text("session"), _text("need"),
    _number("places"), _number("taken"), _number("held"),
    sa.CheckConstraint("taken >= 0", name="place_taken"),
    sa.CheckConstraint("held >= 0", name="place_held"),
    sa.CheckConstraint("taken + held <= places", name="place_never_overbooked"),
    sa.Index("place_provider_id", "provider_id"),
)  # fmt: skip

placement: Final = sa.Table(
    "placement", metadata, _id(), _text("case_id"), _text("organisation_id"), _texts("needs"),
    _text("year_group", null=True), _text("phase"), _text("session", null=True), _number("sessions_a_week"),
    _day("wanted_from"), _text("notes", null=True), sa.Column("requested_at", Timestamp, nullable=False),
    _text("state"), _text("provider_id", null=True), _text("place_id", null=True), _day("starts_on", null=True),
    _day("started_on", null=True), _number("metres_from_home", null=True), _day("heard_until", null=True),
    _texts("at_risk"), _day("next_review_on", null=True), _day("ended_on", null=True), _text("ending", null=True),
    _day("reintegrated_on", null=True), _text("school_urn", null=True), _day("checked_on", null=True),
    _flag("sustained", null=True), _number("version"),
    sa.Index("placement_case_id", "case_id"), sa.Index("placement_provider_id", "provider_id"),
    sa.Index("placement_requested_at", "requested_at", "id"),
)  # fmt: skip

hold: Final = sa.Table(
    "hold", metadata, _id(), _text("placement_id"), _text("case_id"), _text("provider_id"), _text("place_id"),
    sa.Column("until", Timestamp, nullable=False), _text("state"), _text("reason", null=True),
    sa.Index("hold_placement_id", "placement_id"),
    # One place of a provider is kept for a child, not two.
    sa.Index(
        "hold_one_each", "placement_id", "provider_id", unique=True, postgresql_where=sa.text("state = 'held'"),
    ),
)  # fmt: skip

offer: Final = sa.Table(
    "offer", metadata, _id(), _text("placement_id"), _text("case_id"), _text("provider_id"), _text("hold_id"),
    sa.Column("offered_at", Timestamp, nullable=False), sa.Column("answer_by", Timestamp, nullable=False),
    _text("state"), _text("reason", null=True), _text("answered_by", null=True),
    sa.Index("offer_placement_id", "placement_id"), sa.Index("offer_provider_id", "provider_id"),
    # The first who accepts wins: there is no second.
    sa.Index("offer_one_accepted", "placement_id", unique=True, postgresql_where=sa.text("state = 'accepted'")),
)  # fmt: skip

attendance: Final = sa.Table(
    "attendance", metadata, _id(), _text("placement_id"), _day("week"), _number("attended"), _number("possible"),
    sa.Index("attendance_placement_id", "placement_id"),
)  # fmt: skip

review: Final = sa.Table(
    "review", metadata, _id(), _text("placement_id"), _day("reviewed_on"), _text("outcome"),
    _day("next_review_on", null=True), _text("notes", null=True), sa.Index("review_placement_id", "placement_id"),
)  # fmt: skip

exclusion: Final = sa.Table(
    "exclusion", metadata, _id(), _text("case_id"), _text("organisation_id"), _text("school_urn"), _text("kind"),
    _texts("reasons"), _day("first_on"), _number("sessions"), _text("year_group", null=True), _flag("social_worker"),
    _day("reported_on"), _day("asked_on", null=True), _text("cancelled", null=True), _number("sessions_in_term"),
    _number("sessions_in_year"), _number("version"),
    sa.Index("exclusion_case_id", "case_id"), sa.Index("exclusion_school_urn", "school_urn"),
    sa.Index("exclusion_first_on", "first_on", "id"),
)  # fmt: skip

duty: Final = sa.Table(
    "duty", metadata, _id(), _text("exclusion_id"), _text("case_id"), _text("kind"), _text("holder"),
    _day("started_on"), _day("due_on"), _text("state"), _day("met_on", null=True), _text("reason", null=True),
    _number("mark"), sa.Index("duty_case_id", "case_id"),
    sa.Index(
        "duty_one_each", "exclusion_id", "kind", unique=True, postgresql_where=sa.text("state <> 'cancelled'"),
    ),
)  # fmt: skip

risk: Final = sa.Table(
    "risk", metadata, _id(), _text("case_id"), _text("cluster_id", null=True), _texts("reasons"),
    _text("rules_version"), _day("raised_on"), _text("state"), _text("decided_by", null=True),
    _text("reason", null=True), _number("version"), sa.Index("risk_case_id", "case_id"),
    sa.Index("risk_raised_on", "raised_on", "id"),
)  # fmt: skip
