"""When children begin Year 7, which hand-overs were offered for it, and the county's calendar."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"

SCHEMA = "cluster_router"

#: What is known of the cases that are here: by their year group when they were opened, else by their age.
_BEGINS = """
UPDATE cluster_router.case_file SET begins_year_7 =
  extract(year FROM opened_at AT TIME ZONE 'Europe/London' + interval '4 months')::int
  + CASE
      WHEN circumstances->>'year_group' = 'N' THEN 7
      WHEN circumstances->>'year_group' = 'R' THEN 6
      WHEN circumstances->>'year_group' ~ '^[0-9]{1,2}$' THEN 6 - (circumstances->>'year_group')::int
      ELSE 10 - (circumstances->>'age')::int
    END
WHERE circumstances IS NOT NULL
"""


def upgrade() -> None:
    op.add_column("case_file", sa.Column("begins_year_7", sa.Integer), schema=SCHEMA)
    op.add_column("case_file", sa.Column("transferred", sa.Integer), schema=SCHEMA)
    op.execute(_BEGINS)
    op.add_column("case_file", sa.Column("changed_at", sa.DateTime(timezone=True)), schema=SCHEMA)
    op.execute("UPDATE cluster_router.case_file SET changed_at = opened_at")
    op.alter_column("case_file", "changed_at", nullable=False, schema=SCHEMA)
    op.create_index(
        "case_file_offered_to",
        "case_file",
        [sa.text("(handover->>'to_cluster')")],
        postgresql_where=sa.text("handover IS NOT NULL"),
        schema=SCHEMA,
    )
    op.create_index(
        "case_file_begins_year_7",
        "case_file",
        ["begins_year_7", "case_id"],
        postgresql_where=sa.text("NOT closed"),
        schema=SCHEMA,
    )
    op.create_table(
        "transfer",
        sa.Column("year", sa.Integer, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("handover_id", sa.Text, nullable=False),
        sa.Column("to_cluster", sa.Text, nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("year", "case_id"),
        schema=SCHEMA,
    )
    op.create_table(
        "calendar",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("said", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
