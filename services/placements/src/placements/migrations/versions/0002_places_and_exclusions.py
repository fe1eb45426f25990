"""Cases as they were heard of, providers and their places, placements, exclusions with their duties, risks."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

SCHEMA = "placements"


def upgrade() -> None:
    op.create_table(
        "attendance",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("placement_id", sa.Text, nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("attended", sa.Integer(), nullable=False),
        sa.Column("possible", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index("attendance_placement_id", "attendance", ["placement_id"], unique=False, schema=SCHEMA)
    op.create_table(
        "calendar",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("said", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_table(
        "case_file",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=True),
        sa.Column("circumstances", postgresql.JSONB(), nullable=True),
        sa.Column("cluster_id", sa.Text, nullable=True),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("place_asked_by", sa.Text, nullable=True),
        sa.Column("imminent", sa.Boolean(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("erased", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index("case_file_reference", "case_file", ["reference"], unique=False, schema=SCHEMA)
    op.create_table(
        "duty",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("exclusion_id", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("started_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("met_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text, nullable=True),
        sa.Column("mark", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index("duty_case_id", "duty", ["case_id"], unique=False, schema=SCHEMA)
    op.create_index(
        "duty_one_each",
        "duty",
        ["exclusion_id", "kind"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("state <> 'cancelled'"),
    )
    op.create_table(
        "exclusion",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("school_urn", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("reasons", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("sessions", sa.Integer(), nullable=False),
        sa.Column("year_group", sa.Text, nullable=True),
        sa.Column("social_worker", sa.Boolean(), nullable=False),
        sa.Column("reported_on", sa.Date(), nullable=False),
        sa.Column("asked_on", sa.Date(), nullable=True),
        sa.Column("cancelled", sa.Text, nullable=True),
        sa.Column("sessions_in_term", sa.Integer(), nullable=False),
        sa.Column("sessions_in_year", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index("exclusion_case_id", "exclusion", ["case_id"], unique=False, schema=SCHEMA)
    op.create_index("exclusion_first_on", "exclusion", ["first_on", "id"], unique=False, schema=SCHEMA)
    op.create_index("exclusion_school_urn", "exclusion", ["school_urn"], unique=False, schema=SCHEMA)
    op.create_table(
        "hold",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("placement_id", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("provider_id", sa.Text, nullable=False),
        sa.Column("place_id", sa.Text, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index(
        "hold_one_each",
        "hold",
        ["placement_id", "provider_id"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("state = 'held'"),
    )
    op.create_index("hold_placement_id", "hold", ["placement_id"], unique=False, schema=SCHEMA)
    op.create_table(
        "offer",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("placement_id", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("provider_id", sa.Text, nullable=False),
        sa.Column("hold_id", sa.Text, nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=True),
        sa.Column("answered_by", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index(
        "offer_one_accepted",
        "offer",
        ["placement_id"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("state = 'accepted'"),
    )
    op.create_index("offer_placement_id", "offer", ["placement_id"], unique=False, schema=SCHEMA)
    op.create_index("offer_provider_id", "offer", ["provider_id"], unique=False, schema=SCHEMA)
    op.create_table(
        "organisation",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("sector", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_table(
        "participant",
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("case_id", "organisation_id", "role", "since"),
        schema=SCHEMA,
    )
    op.create_index("participant_organisation_id", "participant", ["organisation_id"], unique=False, schema=SCHEMA)
    op.create_table(
        "place",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("provider_id", sa.Text, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("session", sa.Text, nullable=False),
        sa.Column("need", sa.Text, nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.CheckConstraint("held >= 0", name="place_held"),
        sa.CheckConstraint("taken + held <= places", name="place_never_overbooked"),
        sa.CheckConstraint("taken >= 0", name="place_taken"),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index("place_provider_id", "place", ["provider_id"], unique=False, schema=SCHEMA)
    op.create_table(
        "placement",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("needs", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("year_group", sa.Text, nullable=True),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("session", sa.Text, nullable=True),
        sa.Column("sessions_a_week", sa.Integer(), nullable=False),
        sa.Column("wanted_from", sa.Date(), nullable=False),
        sa.Column("notes", sa.Text, nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("provider_id", sa.Text, nullable=True),
        sa.Column("place_id", sa.Text, nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("started_on", sa.Date(), nullable=True),
        sa.Column("metres_from_home", sa.Integer(), nullable=True),
        sa.Column("heard_until", sa.Date(), nullable=True),
        sa.Column("at_risk", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("next_review_on", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("ending", sa.Text, nullable=True),
        sa.Column("reintegrated_on", sa.Date(), nullable=True),
        sa.Column("school_urn", sa.Text, nullable=True),
        sa.Column("checked_on", sa.Date(), nullable=True),
        sa.Column("sustained", sa.Boolean(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index("placement_case_id", "placement", ["case_id"], unique=False, schema=SCHEMA)
    op.create_index("placement_provider_id", "placement", ["provider_id"], unique=False, schema=SCHEMA)
    op.create_index("placement_requested_at", "placement", ["requested_at", "id"], unique=False, schema=SCHEMA)
    op.create_table(
        "provider",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text, nullable=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("phases", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("needs", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("easting", sa.Integer(), nullable=True),
        sa.Column("northing", sa.Integer(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("external_id", sa.Text, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index("provider_organisation_id", "provider", ["organisation_id"], unique=False, schema=SCHEMA)
    op.create_table(
        "provider_check",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("provider_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("checked_on", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index("provider_check_provider_id", "provider_check", ["provider_id"], unique=False, schema=SCHEMA)
    op.create_table(
        "review",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("placement_id", sa.Text, nullable=False),
        sa.Column("reviewed_on", sa.Date(), nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("next_review_on", sa.Date(), nullable=True),
        sa.Column("notes", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index("review_placement_id", "review", ["placement_id"], unique=False, schema=SCHEMA)
    op.create_table(
        "risk",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("cluster_id", sa.Text, nullable=True),
        sa.Column("reasons", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("rules_version", sa.Text, nullable=False),
        sa.Column("raised_on", sa.Date(), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("decided_by", sa.Text, nullable=True),
        sa.Column("reason", sa.Text, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index("risk_case_id", "risk", ["case_id"], unique=False, schema=SCHEMA)
    op.create_index("risk_raised_on", "risk", ["raised_on", "id"], unique=False, schema=SCHEMA)
    op.create_table(
        "school",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("easting", sa.Integer(), nullable=True),
        sa.Column("northing", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
