"""The tables of the directory. A row's `version` is its ETag; what is dated in days is dated in the county's days."""

from typing import Final

import sqlalchemy as sa
from chassis.tables import Timestamp, chassis_tables
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata: Final = sa.MetaData(schema="directory")
chassis: Final = chassis_tables(metadata)

organisation: Final = sa.Table(
    "organisation",
    metadata,
    #: `school-<urn>` for schools, a code such as `county-council` for all others.
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("sector", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Index("organisation_name", "name", "id"),
)

school: Final = sa.Table(
    "school",
    metadata,
    sa.Column("urn", sa.Text, primary_key=True),
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
    #: Field -> the day of the extract that said it last.
    sa.Column("said", JSONB, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Index("school_name", "name", "urn"),
    sa.Index("school_district", "district", "phase"),
)

#: Links of the register. Either side may be a school that no extract has described yet.
school_successor: Final = sa.Table(
    "school_successor",
    metadata,
    sa.Column("urn", sa.Text, primary_key=True),
    sa.Column("successor_urn", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("since", sa.Date),
    sa.Column("as_of", sa.Date, nullable=False),
    sa.Index("school_successor_successor_urn", "successor_urn"),
)

person: Final = sa.Table(
    "person",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("organisation_id", sa.Text, sa.ForeignKey("directory.organisation.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("title", sa.Text),
    sa.Column("email", sa.Text),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Index("person_organisation_id", "organisation_id", "name"),
    sa.Index("person_name", "name", "id"),
    #: An address is somebody's, however its letters are written.
    sa.Index("person_email", "organisation_id", sa.text("lower(email)"), unique=True),
)

role: Final = sa.Table(
    "role",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("person_id", sa.Text, sa.ForeignKey("directory.person.id"), nullable=False),
    sa.Column("organisation_id", sa.Text, sa.ForeignKey("directory.organisation.id"), nullable=False),
    sa.Column("sector", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    #: None: for the whole organisation.
    sa.Column("cluster_id", sa.Text),
    sa.Column("since", sa.Date, nullable=False),
    #: The last day on which it is held.
    sa.Column("until", sa.Date),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Index("role_person_id", "person_id"),
    sa.Index("role_organisation_id", "organisation_id", "role", "cluster_id"),
)

#: Shifts: who is called first for a role, from an instant until before another.
duty: Final = sa.Table(
    "duty",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("organisation_id", sa.Text, sa.ForeignKey("directory.organisation.id"), nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("cluster_id", sa.Text),
    sa.Column("person_id", sa.Text, sa.ForeignKey("directory.person.id"), nullable=False),
    sa.Column("starts_at", Timestamp, nullable=False),
    sa.Column("ends_at", Timestamp, nullable=False),
    sa.Index("duty_organisation_id", "organisation_id", "role", "ends_at"),
)

#: Who is away, and who covers. Why is nobody's business.
absence: Final = sa.Table(
    "absence",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("person_id", sa.Text, sa.ForeignKey("directory.person.id"), nullable=False),
    sa.Column("starts_at", Timestamp, nullable=False),
    sa.Column("ends_at", Timestamp),
    sa.Column("cover_id", sa.Text, sa.ForeignKey("directory.person.id")),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Index("absence_person_id", "person_id", "ends_at"),
)

#: Which days are school days: stated of the county, and of schools that differ from it.
calendar: Final = sa.Table(
    "calendar",
    metadata,
    #: `county`, or the school's URN.
    sa.Column("id", sa.Text, primary_key=True),
    #: [first, last], in order.
    sa.Column("terms", JSONB, nullable=False),
    sa.Column("closures", JSONB, nullable=False),
    #: What was said of it last: for a school together with what it has of the county's.
    sa.Column("said", JSONB),
    sa.Column("version", sa.BigInteger, nullable=False),
)
