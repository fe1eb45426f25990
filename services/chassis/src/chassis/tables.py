"""The tables that every service has in its own schema, added to the service's own metadata.

`DDL` is what SQLAlchemy cannot say: the outbox is partitioned by day, and its days are made by a function that the
schema's owner lends to the runtime role.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

Timestamp = sa.DateTime(timezone=True)


@dataclass(frozen=True, slots=True)
class ChassisTables:
    """The chassis's tables of one service."""

    subject_head: sa.Table
    outbox: sa.Table
    relay_cursor: sa.Table
    inbox: sa.Table
    subject_seen: sa.Table
    parked: sa.Table
    idempotency: sa.Table
    audit: sa.Table
    deadline: sa.Table


def chassis_tables(metadata: sa.MetaData) -> ChassisTables:
    """Add the chassis's tables to a service's metadata, which names the service's schema."""
    return ChassisTables(
        #: Locked by whoever speaks of a subject, before the outbox row is written: that is the order of events.
        subject_head=sa.Table(
            "subject_head",
            metadata,
            sa.Column("source", sa.Text, primary_key=True),
            sa.Column("subject", sa.Text, primary_key=True),
            sa.Column("last_sequence", sa.BigInteger, nullable=False),
        ),
        #: Append-only; kept longer than any topic, so that topics can be rebuilt from it.
        outbox=sa.Table(
            "outbox",
            metadata,
            sa.Column("day", sa.Date, primary_key=True),
            sa.Column("id", sa.BigInteger, sa.Sequence("outbox_id", metadata=metadata), primary_key=True),
            sa.Column("event_id", sa.Text, nullable=False),
            sa.Column("topic", sa.Text, nullable=False),
            sa.Column("source", sa.Text, nullable=False),
            sa.Column("subject", sa.Text, nullable=False),
            sa.Column("sequence", sa.BigInteger, nullable=False),
            sa.Column("type", sa.Text, nullable=False),
            sa.Column("time", Timestamp, nullable=False),
            sa.Column("dataschema", sa.Text, nullable=False),
            sa.Column("correlation_id", sa.Text, nullable=False),
            sa.Column("causation_id", sa.Text),
            sa.Column("traceparent", sa.Text),
            sa.Column("data", sa.LargeBinary, nullable=False),
            sa.Index("outbox_id_only", "id"),
            sa.Index("outbox_subject", "source", "subject", "sequence"),
            postgresql_partition_by="RANGE (day)",
        ),
        #: Where the relay is: the last id it looked past, the ids it still waits for, and its fencing number.
        relay_cursor=sa.Table(
            "relay_cursor",
            metadata,
            sa.Column("name", sa.Text, primary_key=True),
            sa.Column("epoch", sa.BigInteger, nullable=False),
            sa.Column("last_id", sa.BigInteger, nullable=False),
            sa.Column("last_day", sa.Date, nullable=False),
            sa.Column("holes", JSONB, nullable=False),
            sa.Column("saved_at", Timestamp, nullable=False),
        ),
        inbox=sa.Table(
            "inbox",
            metadata,
            sa.Column("consumer", sa.Text, primary_key=True),
            sa.Column("epoch", sa.Integer, primary_key=True),
            sa.Column("event_id", sa.Text, primary_key=True),
            sa.Column("taken_at", Timestamp, nullable=False),
            sa.Index("inbox_taken_at", "taken_at"),
        ),
        #: The newest sequence each consumer has taken of each subject: shows a gap before it does harm.
        subject_seen=sa.Table(
            "subject_seen",
            metadata,
            sa.Column("consumer", sa.Text, primary_key=True),
            sa.Column("epoch", sa.Integer, primary_key=True),
            sa.Column("source", sa.Text, primary_key=True),
            sa.Column("subject", sa.Text, primary_key=True),
            sa.Column("last_sequence", sa.BigInteger, nullable=False),
        ),
        #: Events that wait: for a subject not yet known, for a gap to fill, for a person, or behind another.
        parked=sa.Table(
            "parked",
            metadata,
            sa.Column("consumer", sa.Text, primary_key=True),
            sa.Column("event_id", sa.Text, primary_key=True),
            sa.Column("position", sa.BigInteger, sa.Identity(always=True), nullable=False),
            sa.Column("subject", sa.Text, nullable=False),
            sa.Column("state", sa.Text, nullable=False),
            sa.Column("reason", sa.Text, nullable=False),
            sa.Column("topic", sa.Text, nullable=False),
            sa.Column("partition", sa.Integer, nullable=False),
            sa.Column("offset", sa.BigInteger, nullable=False),
            sa.Column("key", sa.LargeBinary, nullable=False),
            sa.Column("value", sa.LargeBinary, nullable=False),
            sa.Column("headers", sa.LargeBinary, nullable=False),
            sa.Column("attempts", sa.Integer, nullable=False),
            sa.Column("parked_at", Timestamp, nullable=False),
            sa.Column("retry_at", Timestamp),
            sa.Index("parked_subject", "consumer", "subject", "position"),
            sa.Index("parked_retry_at", "consumer", "retry_at"),
        ),
        idempotency=sa.Table(
            "idempotency",
            metadata,
            sa.Column("organisation", sa.Text, primary_key=True),
            sa.Column("key", sa.Text, primary_key=True),
            sa.Column("request_hash", sa.LargeBinary, nullable=False),
            sa.Column("status", sa.Integer, nullable=False),
            sa.Column("headers", JSONB, nullable=False),
            sa.Column("body", sa.LargeBinary, nullable=False),
            sa.Column("answered_at", Timestamp, nullable=False),
            sa.Index("idempotency_answered_at", "answered_at"),
        ),
        #: Who read or wrote what, for which organisation, why. Sealed later, in batches.
        audit=sa.Table(
            "audit",
            metadata,
            sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
            sa.Column("at", Timestamp, nullable=False),
            sa.Column("actor", sa.Text, nullable=False),
            sa.Column("client_id", sa.Text),
            sa.Column("organisation", sa.Text),
            sa.Column("action", sa.Text, nullable=False),
            sa.Column("what", sa.Text, nullable=False),
            sa.Column("what_id", sa.Text, nullable=False),
            sa.Column("case_id", sa.Text),
            sa.Column("reason", sa.Text),
            sa.Column("correlation_id", sa.Text),
            sa.Column("organisations", ARRAY(sa.Text), nullable=False, server_default="{}"),
            sa.Index("audit_case_id", "case_id"),
        ),
        #: Durable timers on the business clock. (kind, subject) is one timer; setting it again moves it.
        deadline=sa.Table(
            "deadline",
            metadata,
            sa.Column("kind", sa.Text, primary_key=True),
            sa.Column("subject", sa.Text, primary_key=True),
            sa.Column("due_at", Timestamp, nullable=False),
            sa.Column("payload", JSONB, nullable=False),
            sa.Column("correlation_id", sa.Text, nullable=False),
            sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
            sa.Column("retry_at", Timestamp),
            sa.Index("deadline_due_at", "due_at"),
        ),
    )


#: Run by the first migration of each service, after the tables, as the schema's owner. `{schema}` is filled in.
DDL: tuple[str, ...] = (
    """
    CREATE FUNCTION {schema}.ensure_outbox_days(first date, last date) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
    DECLARE
      d date;
      name text;
      made integer := 0;
    BEGIN
      -- One at a time, or two processes make the same day.
      PERFORM pg_advisory_xact_lock(hashtext('{schema}.outbox'));
      FOR d IN SELECT generate_series(first, least(last, first + 60), interval '1 day')::date LOOP
        name := 'outbox_' || to_char(d, 'YYYYMMDD');
        CONTINUE WHEN to_regclass('{schema}.' || name) IS NOT NULL;
        -- Made apart and then attached: PARTITION OF would stop every writer until the last of them has committed.
        EXECUTE format('CREATE TABLE %I (LIKE outbox INCLUDING ALL)', name);
        -- Rows of a day that nobody made in time lie in the default partition, and would refuse their day for ever.
        EXECUTE format('WITH late AS (DELETE FROM outbox_default WHERE day = %L RETURNING *)'
                       ' INSERT INTO %I SELECT * FROM late', d, name);
        EXECUTE format('ALTER TABLE outbox ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, d, d + 1);
        made := made + 1;
      END LOOP;
      RETURN made;
    END $$
    """,
    """
    CREATE FUNCTION {schema}.drop_outbox_days(before date) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
    DECLARE
      child regclass;
      dropped integer := 0;
    BEGIN
      PERFORM pg_advisory_xact_lock(hashtext('{schema}.outbox'));
      FOR child IN
        SELECT i.inhrelid::regclass FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = '{schema}.outbox'::regclass AND c.relname < 'outbox_' || to_char(before, 'YYYYMMDD')
          AND c.relname ~ '^outbox_[0-9]{{8}}$'
      LOOP
        EXECUTE format('DROP TABLE %s', child);
        dropped := dropped + 1;
      END LOOP;
      RETURN dropped;
    END $$
    """,
    # A day that nobody made in time still takes its rows: late housekeeping must not refuse a referral.
    "CREATE TABLE {schema}.outbox_default PARTITION OF {schema}.outbox DEFAULT",
    "REVOKE ALL ON FUNCTION {schema}.ensure_outbox_days(date, date) FROM PUBLIC",
    "REVOKE ALL ON FUNCTION {schema}.drop_outbox_days(date) FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION {schema}.ensure_outbox_days(date, date) TO {schema}",
    "GRANT EXECUTE ON FUNCTION {schema}.drop_outbox_days(date) TO {schema}",
)
