"""Organisations, schools and who carries on for them, people, their roles, shifts and absences."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_chassis_tables
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0001"
down_revision = None

SCHEMA = "directory"


def upgrade() -> None:
    create_chassis_tables(op, SCHEMA)
    op.create_table(
        "organisation",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sector", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index("organisation_name", "organisation", ["name", "id"], schema=SCHEMA)
    op.create_table(
        "school",
        sa.Column("urn", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("phase", sa.SmallInteger, nullable=False),
        sa.Column("status", sa.SmallInteger, nullable=False),
        sa.Column("establishment_type", sa.Text, nullable=False),
        sa.Column("local_authority", sa.Text),
        sa.Column("establishment_number", sa.Text),
        sa.Column("district", sa.Text),
        sa.Column("street", sa.Text),
        sa.Column("town", sa.Text),
        sa.Column("postcode", sa.Text),
        sa.Column("opened_on", sa.Date),
        sa.Column("closed_on", sa.Date),
        sa.Column("closing_on", sa.Date),
        sa.Column("low_age", sa.SmallInteger),
        sa.Column("high_age", sa.SmallInteger),
        sa.Column("capacity", sa.Integer),
        sa.Column("pupils", sa.Integer),
        sa.Column("easting", sa.Integer),
        sa.Column("northing", sa.Integer),
        sa.Column("need_types", ARRAY(sa.Text), nullable=False),
        sa.Column("resourced_places", sa.Integer),
        sa.Column("unit_places", sa.Integer),
        sa.Column("ukprn", sa.Text),
        sa.Column("said", JSONB, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("urn"),
        schema=SCHEMA,
    )
    op.create_index("school_name", "school", ["name", "urn"], schema=SCHEMA)
    op.create_index("school_district", "school", ["district", "phase"], schema=SCHEMA)
    op.create_table(
        "school_successor",
        sa.Column("urn", sa.Text, nullable=False),
        sa.Column("successor_urn", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("since", sa.Date),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.PrimaryKeyConstraint("urn", "successor_urn"),
        schema=SCHEMA,
    )
    op.create_index("school_successor_successor_urn", "school_successor", ["successor_urn"], schema=SCHEMA)
    op.create_table(
        "person",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("title", sa.Text),
        sa.Column("email", sa.Text),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["organisation_id"], ["directory.organisation.id"]),
        schema=SCHEMA,
    )
    op.create_index("person_organisation_id", "person", ["organisation_id", "name"], schema=SCHEMA)
    op.create_index("person_name", "person", ["name", "id"], schema=SCHEMA)
    op.create_index("person_email", "person", ["organisation_id", sa.text("lower(email)")], unique=True, schema=SCHEMA)
    op.create_table(
        "role",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("sector", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("cluster_id", sa.Text),
        sa.Column("since", sa.Date, nullable=False),
        sa.Column("until", sa.Date),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["person_id"], ["directory.person.id"]),
        sa.ForeignKeyConstraint(["organisation_id"], ["directory.organisation.id"]),
        schema=SCHEMA,
    )
    op.create_index("role_person_id", "role", ["person_id"], schema=SCHEMA)
    op.create_index("role_organisation_id", "role", ["organisation_id", "role", "cluster_id"], schema=SCHEMA)
    op.create_table(
        "duty",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("cluster_id", sa.Text),
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["organisation_id"], ["directory.organisation.id"]),
        sa.ForeignKeyConstraint(["person_id"], ["directory.person.id"]),
        schema=SCHEMA,
    )
    op.create_index("duty_organisation_id", "duty", ["organisation_id", "role", "ends_at"], schema=SCHEMA)
    op.create_table(
        "absence",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True)),
        sa.Column("cover_id", sa.Text),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["person_id"], ["directory.person.id"]),
        sa.ForeignKeyConstraint(["cover_id"], ["directory.person.id"]),
        schema=SCHEMA,
    )
    op.create_index("absence_person_id", "absence", ["person_id", "ends_at"], schema=SCHEMA)
