"""Cases are found by their school."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    # On a table in use, without stopping its writers. A killed run may leave the index behind, invalid.
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        connection.exec_driver_sql("SET lock_timeout = 0")
        connection.exec_driver_sql("DROP INDEX CONCURRENTLY IF EXISTS referral_api.case_file_school_urn")
        connection.exec_driver_sql(
            "CREATE INDEX CONCURRENTLY case_file_school_urn ON referral_api.case_file"
            " ((circumstances ->> 'school_urn'))"
        )
        connection.exec_driver_sql("SET lock_timeout = '5s'")
