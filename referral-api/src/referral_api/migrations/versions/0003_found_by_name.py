"""Children are found by the beginnings of their names."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # On a table in use, without stopping its writers. A killed run may leave the index behind, invalid.
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        connection.exec_driver_sql("SET lock_timeout = 0")
        connection.exec_driver_sql("DROP INDEX CONCURRENTLY IF EXISTS referral_api.referral_search_words")
        connection.exec_driver_sql(
            "CREATE INDEX CONCURRENTLY referral_search_words ON referral_api.referral"
            " USING gin (array_to_tsvector(search_words))"
        )
        connection.exec_driver_sql("SET lock_timeout = '5s'")
