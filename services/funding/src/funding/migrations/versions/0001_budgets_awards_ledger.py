"""Cases, requests, awards, budgets, and a ledger that cannot be changed or overspent, whoever writes to it."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_chassis_tables
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

SCHEMA = "funding"

#: What the ledger promises, kept by the database: whoever posts holds the budget's row; at the commit each posting adds
#: up to nothing and no account holds what it cannot; what was written stays as it was written.
LEDGER = (
    """
    CREATE FUNCTION funding.hold_budget() RETURNS trigger LANGUAGE plpgsql SET search_path = funding, pg_temp AS $$
    BEGIN
      PERFORM 1 FROM budget WHERE id = NEW.budget_id FOR UPDATE;
      IF NOT FOUND THEN
        RAISE EXCEPTION 'a posting without a budget' USING ERRCODE = 'foreign_key_violation';
      END IF;
      RETURN NEW;
    END $$
    """,
    """
    CREATE FUNCTION funding.posting_adds_up() RETURNS trigger LANGUAGE plpgsql SET search_path = funding, pg_temp AS $$
    DECLARE
      id_ text := to_jsonb(NEW) ->> TG_ARGV[0];
      head posting%ROWTYPE;
      found_ record;
    BEGIN
      SELECT * INTO head FROM posting WHERE id = id_;
      SELECT count(*) AS n, coalesce(sum(amount_pence), 0) AS total,
             coalesce(bool_and(budget_id = head.budget_id AND award_id IS NOT DISTINCT FROM head.award_id), false)
               AS one
      INTO found_ FROM entry WHERE posting_id = id_;
      IF found_.n < 2 OR found_.total <> 0 OR NOT found_.one THEN
        RAISE EXCEPTION 'a posting does not add up' USING ERRCODE = 'check_violation';
      END IF;
      RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION funding.budget_holds() RETURNS trigger LANGUAGE plpgsql SET search_path = funding, pg_temp AS $$
    DECLARE
      sums record;
    BEGIN
      SELECT coalesce(sum(amount_pence) FILTER (WHERE account = 'free'), 0) AS free,
             coalesce(sum(amount_pence) FILTER (WHERE account = 'committed'), 0) AS committed,
             coalesce(sum(amount_pence) FILTER (WHERE account IN ('paid', 'clawed-back')), 0) AS spent
      INTO sums FROM entry WHERE budget_id = NEW.budget_id;
      IF sums.free < 0 OR sums.committed < 0 OR sums.spent < 0 THEN
        RAISE EXCEPTION 'a budget is overspent' USING ERRCODE = 'check_violation';
      END IF;
      IF NEW.award_id IS NOT NULL THEN
        SELECT coalesce(sum(amount_pence) FILTER (WHERE account = 'committed'), 0) AS committed,
               coalesce(sum(amount_pence) FILTER (WHERE account IN ('paid', 'clawed-back')), 0) AS spent
        INTO sums FROM entry WHERE award_id = NEW.award_id;
        IF sums.committed < 0 OR sums.spent < 0 THEN
          RAISE EXCEPTION 'an award is overspent' USING ERRCODE = 'check_violation';
        END IF;
      END IF;
      RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION funding.ledger_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION 'the ledger is only added to' USING ERRCODE = 'insufficient_privilege';
    END $$
    """,
    """
    CREATE TRIGGER posting_holds_budget BEFORE INSERT ON funding.posting
    FOR EACH ROW EXECUTE FUNCTION funding.hold_budget()
    """,
    """
    CREATE CONSTRAINT TRIGGER posting_adds_up AFTER INSERT ON funding.posting DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION funding.posting_adds_up('id')
    """,
    """
    CREATE CONSTRAINT TRIGGER entry_adds_up AFTER INSERT ON funding.entry DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION funding.posting_adds_up('posting_id')
    """,
    """
    CREATE CONSTRAINT TRIGGER budget_holds AFTER INSERT ON funding.posting DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION funding.budget_holds()
    """,
    """
    CREATE TRIGGER posting_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON funding.posting
    FOR EACH STATEMENT EXECUTE FUNCTION funding.ledger_stays()
    """,
    """
    CREATE TRIGGER entry_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON funding.entry
    FOR EACH STATEMENT EXECUTE FUNCTION funding.ledger_stays()
    """,
    "REVOKE UPDATE, DELETE, TRUNCATE ON funding.posting, funding.entry FROM funding",
)


def upgrade() -> None:
    create_chassis_tables(op, SCHEMA)
    op.create_table(
        "case_file",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("referred_at", sa.DateTime(timezone=True)),
        sa.Column("school_urn", sa.Text),
        sa.Column("need", sa.Text),
        sa.Column("cluster_id", sa.Text),
        sa.Column("closed", sa.Boolean, nullable=False, server_default="false"),
        sa.Column("first_paid_on", sa.Date),
        sa.Column("days_to_money", sa.Integer),
        sa.Column("working_days_to_money", sa.Integer),
        schema=SCHEMA,
    )
    op.create_index(
        "case_file_first_paid_on",
        "case_file",
        ["first_paid_on"],
        schema=SCHEMA,
        postgresql_where=sa.text("first_paid_on IS NOT NULL"),
    )
    op.create_table(
        "referral",
        sa.Column("referral_id", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("need", sa.Text, nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asks", sa.Boolean, nullable=False),
        sa.Column("withdrawn", sa.Boolean, nullable=False),
        sa.Column("settled", sa.Boolean, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("referral_case_id", "referral", ["case_id"], schema=SCHEMA)
    op.create_table(
        "participant",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("organisation_id", sa.Text, primary_key=True),
        sa.Column("role", sa.Text, primary_key=True),
        sa.Column("since", sa.Date, primary_key=True),
        sa.Column("until", sa.Date),
        schema=SCHEMA,
    )
    op.create_index("participant_organisation_id", "participant", ["organisation_id"], schema=SCHEMA)
    op.create_table(
        "school",
        sa.Column("urn", sa.Text, primary_key=True),
        sa.Column("organisation_id", sa.Text, nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "cluster",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("organisation_id", sa.Text, nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "calendar",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("days", JSONB, nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "budget",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("cluster_id", sa.Text, nullable=False),
        sa.Column("financial_year", sa.Text, nullable=False),
        sa.Column("mark", sa.Integer),
        sa.Column("version", sa.Integer, nullable=False),
        sa.UniqueConstraint("cluster_id", "financial_year", name="budget_one_a_year"),
        schema=SCHEMA,
    )
    op.create_table(
        "request",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("cluster_id", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("referral_id", sa.Text),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("amount_pence", sa.BigInteger, nullable=False),
        sa.Column("since", sa.Date, nullable=False),
        sa.Column("until", sa.Date, nullable=False),
        sa.Column("asked_by", sa.Text),
        sa.Column("asked_by_organisation", sa.Text, nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("waits_because", sa.Text),
        sa.Column("decided_by", sa.Text),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.Column("refusal", sa.Text),
        sa.Column("note", sa.Text),
        sa.Column("rules_version", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
        sa.CheckConstraint("amount_pence > 0 AND until >= since", name="request_makes_sense"),
        schema=SCHEMA,
    )
    op.create_index("request_case_id", "request", ["case_id"], schema=SCHEMA)
    op.create_index("request_list", "request", ["asked_at", "id"], schema=SCHEMA)
    op.create_index("request_one_a_referral", "request", ["referral_id", "case_id"], schema=SCHEMA, unique=True)
    op.create_index(
        "request_one_of_referrals",
        "request",
        ["case_id"],
        schema=SCHEMA,
        unique=True,
        postgresql_where=sa.text("origin = 'referral' AND state IN ('waiting', 'awarded')"),
    )
    op.create_index(
        "request_waiting",
        "request",
        ["cluster_id", "asked_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "part",
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("financial_year", sa.Text, primary_key=True),
        sa.Column("amount_pence", sa.BigInteger, nullable=False),
        sa.Column("since", sa.Date, nullable=False),
        sa.Column("until", sa.Date, nullable=False),
        sa.Column("award_id", sa.Text),
        schema=SCHEMA,
    )
    op.create_table(
        "award",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("cluster_id", sa.Text, nullable=False),
        sa.Column("budget_id", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("amount_pence", sa.BigInteger, nullable=False),
        sa.Column("since", sa.Date, nullable=False),
        sa.Column("until", sa.Date, nullable=False),
        sa.Column("decided_by", sa.Text),
        sa.Column("rules_version", sa.Text, nullable=False),
        sa.Column("awarded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_on", sa.Date),
        sa.Column("ending", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
        sa.CheckConstraint("amount_pence > 0", name="award_is_money"),
        schema=SCHEMA,
    )
    op.create_index("award_budget_id", "award", ["budget_id"], schema=SCHEMA)
    op.create_index("award_case_id", "award", ["case_id"], schema=SCHEMA)
    op.create_index("award_list", "award", ["awarded_at", "id"], schema=SCHEMA)
    op.create_index("award_request_id", "award", ["request_id"], schema=SCHEMA)
    op.create_table(
        "instalment",
        sa.Column("award_id", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("due_on", sa.Date, nullable=False),
        sa.Column("amount_pence", sa.BigInteger, nullable=False),
        sa.Column("payment_id", sa.Text),
        sa.Column("paid_on", sa.Date),
        sa.Column("cancelled", sa.Boolean, nullable=False),
        sa.CheckConstraint("payment_id IS NULL OR NOT cancelled", name="instalment_paid_or_cancelled"),
        schema=SCHEMA,
    )
    op.create_index(
        "instalment_due",
        "instalment",
        ["due_on", "award_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("payment_id IS NULL AND NOT cancelled"),
    )
    op.create_table(
        "posting",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("budget_id", sa.Text, nullable=False),
        sa.Column("award_id", sa.Text),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("by", sa.Text),
        sa.Column("reason", sa.Text),
        schema=SCHEMA,
    )
    op.create_index("posting_award_id", "posting", ["award_id"], schema=SCHEMA)
    op.create_index("posting_budget_id", "posting", ["budget_id"], schema=SCHEMA)
    op.create_table(
        "entry",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("posting_id", sa.Text, nullable=False),
        sa.Column("budget_id", sa.Text, nullable=False),
        sa.Column("award_id", sa.Text),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("amount_pence", sa.BigInteger, nullable=False),
        sa.CheckConstraint("amount_pence <> 0", name="entry_is_money"),
        sa.CheckConstraint(
            "account IN ('funds', 'free', 'committed', 'paid', 'clawed-back')", name="entry_account_exists"
        ),
        schema=SCHEMA,
    )
    op.create_index("entry_award_id", "entry", ["award_id", "account"], schema=SCHEMA)
    op.create_index("entry_budget_id", "entry", ["budget_id", "account"], schema=SCHEMA)
    op.create_index("entry_posting_id", "entry", ["posting_id"], schema=SCHEMA)
    for statement in LEDGER:
        op.execute(statement)
