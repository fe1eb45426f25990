"""What sharing rests on: recorded with referrals, and which plans and advice rest on it no longer."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

SCHEMA = "assessments"


def upgrade() -> None:
    op.create_table(
        "basis",
        sa.Column("referral_id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("ended_on", sa.Date),
        schema=SCHEMA,
    )
    op.create_index("basis_case_id", "basis", ["case_id"], schema=SCHEMA)
    for table in ("plan", "advice"):
        op.add_column(table, sa.Column("basis_ended_on", sa.Date), schema=SCHEMA)
