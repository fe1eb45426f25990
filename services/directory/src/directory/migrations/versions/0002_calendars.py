"""Term dates and closures, of the county and of schools that have their own."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"

SCHEMA = "directory"


def upgrade() -> None:
    op.create_table(
        "calendar",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("terms", JSONB, nullable=False),
        sa.Column("closures", JSONB, nullable=False),
        sa.Column("said", JSONB),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
