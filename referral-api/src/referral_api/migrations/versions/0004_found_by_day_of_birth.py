"""Children are found by their day of birth."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    # On a table in use, without stopping its writers. A killed run may leave the index behind, invalid.
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        connection.exec_driver_sql("SET lock_timeout = 0")
        connection.exec_driver_sql("DROP INDEX CONCURRENTLY IF EXISTS referral_api.referral_date_of_birth")
        connection.exec_driver_sql(
            "CREATE INDEX CONCURRENTLY referral_date_of_birth ON referral_api.referral"
            " (((content -> 'child') ->> 'date_of_birth'))"
        )
        connection.exec_driver_sql("SET lock_timeout = '5s'")
