"""The one row that says whether business time is simulated."""

import sqlalchemy as sa

SCHEMA = "business_time"

metadata = sa.MetaData(schema=SCHEMA)

#: At wall time `anchor` it was `base`; since then business time passes `rate` times as fast. No row: real time.
simulation = sa.Table(
    "simulation",
    metadata,
    sa.Column("one", sa.Boolean, sa.CheckConstraint("one", name="only_one"), primary_key=True, server_default="true"),
    sa.Column("base", sa.DateTime(timezone=True), nullable=False),
    sa.Column("anchor", sa.DateTime(timezone=True), nullable=False),
    sa.Column("rate", sa.Float, nullable=False),
)
