"""How long after it was said each fact of a timeline was heard."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("timeline_entry", sa.Column("delay_seconds", sa.BigInteger), schema="referral_api")
