"""Who is signed in, what they have seen, why they looked, and what they asked for that waits. Never a case's data."""

from typing import Final

import sqlalchemy as sa
from chassis.tables import Timestamp, chassis_tables
from sqlalchemy.dialects.postgresql import JSONB

metadata: Final = sa.MetaData(schema="portal")
chassis: Final = chassis_tables(metadata)

#: A sign-in that has begun at the issuer and not come back. Sealed: nonce, verifier, where to go then.
sign_in: Final = sa.Table(
    "sign_in",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("ends_at", Timestamp, nullable=False),
)

#: Somebody who is signed in. The key to what is sealed is in their cookie alone.
session: Final = sa.Table(
    "session",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("began_at", Timestamp, nullable=False),
    sa.Column("seen_at", Timestamp, nullable=False),
    sa.Column("ends_at", Timestamp, nullable=False),
    #: What the next page says at its top, once.
    sa.Column("notice", JSONB),
    sa.Index("session_ends_at", "ends_at"),
)

#: Up to when somebody has seen a case's story.
seen: Final = sa.Table(
    "seen",
    metadata,
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("at", Timestamp, nullable=False),
)

#: Why somebody looks at a case outside their own teams; asked again when it has run out.
reason: Final = sa.Table(
    "reason",
    metadata,
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("ends_at", Timestamp, nullable=False),
)

#: One thing to be done to several resources once the time to change one's mind is over.
batch: Final = sa.Table(
    "batch",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("steps", JSONB, nullable=False),
    #: waiting, undone or done.
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("begins_at", Timestamp, nullable=False),
    sa.Column("results", JSONB),
    sa.Index("batch_subject", "subject", "begins_at"),
)
