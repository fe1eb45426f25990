"""The one row of simulated time."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "simulation",
        sa.Column(
            "one", sa.Boolean, sa.CheckConstraint("one", name="only_one"), primary_key=True, server_default="true"
        ),
        sa.Column("base", sa.DateTime(timezone=True), nullable=False),
        sa.Column("anchor", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rate", sa.Float, nullable=False),
        schema="business_time",
    )
