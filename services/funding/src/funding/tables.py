"""Cases as far as money needs them, requests, awards with their instalments, budgets, and the ledger beneath them."""

from typing import Final

import sqlalchemy as sa
from chassis.tables import Timestamp, chassis_tables
from sqlalchemy.dialects.postgresql import JSONB

SCHEMA: Final = "funding"
metadata: Final = sa.MetaData(schema=SCHEMA)
chassis: Final = chassis_tables(metadata)

#: Nothing personal; what came from the child is null once the case was erased.
case_file: Final = sa.Table(
    "case_file",
    metadata,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("referred_at", Timestamp),
    sa.Column("school_urn", sa.Text),
    sa.Column("need", sa.Text),
    sa.Column("cluster_id", sa.Text),
    sa.Column("closed", sa.Boolean, nullable=False, server_default="false"),
    #: The measure: when money first came, and how many days after the first referral.
    sa.Column("first_paid_on", sa.Date),
    sa.Column("days_to_money", sa.Integer),
    sa.Column("working_days_to_money", sa.Integer),
    sa.Index("case_file_first_paid_on", "first_paid_on", postgresql_where=sa.text("first_paid_on IS NOT NULL")),
)

referral: Final = sa.Table(
    "referral",
    metadata,
    sa.Column("referral_id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("organisation_id", sa.Text, nullable=False),
    sa.Column("need", sa.Text, nullable=False),
    sa.Column("submitted_at", Timestamp, nullable=False),
    #: It asks for early funding.
    sa.Column("asks", sa.Boolean, nullable=False),
    sa.Column("withdrawn", sa.Boolean, nullable=False),
    #: It made a request, or came while the case had one.
    sa.Column("settled", sa.Boolean, nullable=False),
    sa.Index("referral_case_id", "case_id"),
)

#: Who takes part in which case, as referral-api says.
participant: Final = sa.Table(
    "participant",
    metadata,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("organisation_id", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, primary_key=True),
    sa.Column("since", sa.Date, primary_key=True),
    sa.Column("until", sa.Date),
    sa.Index("participant_organisation_id", "organisation_id"),
)

school: Final = sa.Table(
    "school",
    metadata,
    sa.Column("urn", sa.Text, primary_key=True),
    sa.Column("organisation_id", sa.Text, nullable=False),
)

cluster: Final = sa.Table(
    "cluster",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    #: Its lead school's organisation.
    sa.Column("organisation_id", sa.Text, nullable=False),
)

#: The county's bank holidays and terms, as the directory says.
calendar: Final = sa.Table(
    "calendar",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("days", JSONB, nullable=False),
)

#: Its sums are the ledger's; its row is the lock that everything which moves its money waits for.
budget: Final = sa.Table(
    "budget",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("cluster_id", sa.Text, nullable=False),
    sa.Column("financial_year", sa.Text, nullable=False),
    #: The lowest mark that was said and holds, percent; null while none does.
    sa.Column("mark", sa.Integer),
    sa.Column("version", sa.Integer, nullable=False),
    sa.UniqueConstraint("cluster_id", "financial_year", name="budget_one_a_year"),
)

_OPEN_REFERRAL: Final = sa.text("origin = 'referral' AND state IN ('waiting', 'awarded')")

request: Final = sa.Table(
    "request",
    metadata,
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
    sa.Column("asked_at", Timestamp, nullable=False),
    #: Free text; null once the case was erased. So is `note`.
    sa.Column("reason", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("waits_because", sa.Text),
    sa.Column("decided_by", sa.Text),
    sa.Column("decided_at", Timestamp),
    sa.Column("refusal", sa.Text),
    sa.Column("note", sa.Text),
    sa.Column("rules_version", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
    sa.CheckConstraint("amount_pence > 0 AND until >= since", name="request_makes_sense"),
    sa.Index("request_case_id", "case_id"),
    sa.Index("request_list", "asked_at", "id"),
    sa.Index("request_waiting", "cluster_id", "asked_at", postgresql_where=sa.text("state = 'waiting'")),
    #: One referral never makes two requests, and a second referral of a case does not double its first.
    sa.Index("request_one_a_referral", "referral_id", "case_id", unique=True),
    sa.Index("request_one_of_referrals", "case_id", unique=True, postgresql_where=_OPEN_REFERRAL),
)

#: What of a request falls into which financial year; without an award it waits for that year's budget.
part: Final = sa.Table(
    "part",
    metadata,
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("financial_year", sa.Text, primary_key=True),
    sa.Column("amount_pence", sa.BigInteger, nullable=False),
    sa.Column("since", sa.Date, nullable=False),
    sa.Column("until", sa.Date, nullable=False),
    sa.Column("award_id", sa.Text),
)

award: Final = sa.Table(
    "award",
    metadata,
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
    sa.Column("awarded_at", Timestamp, nullable=False),
    sa.Column("ended_on", sa.Date),
    sa.Column("ending", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
    sa.CheckConstraint("amount_pence > 0", name="award_is_money"),
    sa.Index("award_case_id", "case_id"),
    sa.Index("award_budget_id", "budget_id"),
    sa.Index("award_request_id", "request_id"),
    sa.Index("award_list", "awarded_at", "id"),
)

instalment: Final = sa.Table(
    "instalment",
    metadata,
    sa.Column("award_id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("due_on", sa.Date, nullable=False),
    sa.Column("amount_pence", sa.BigInteger, nullable=False),
    sa.Column("payment_id", sa.Text),
    sa.Column("paid_on", sa.Date),
    sa.Column("cancelled", sa.Boolean, nullable=False),
    sa.CheckConstraint("payment_id IS NULL OR NOT cancelled", name="instalment_paid_or_cancelled"),
    sa.Index("instalment_due", "due_on", "award_id", postgresql_where=sa.text("payment_id IS NULL AND NOT cancelled")),
)

#: One movement of money. Append-only; the database itself sees that its entries add up to nothing.
posting: Final = sa.Table(
    "posting",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, sa.Identity(always=True), nullable=False),
    sa.Column("budget_id", sa.Text, nullable=False),
    sa.Column("award_id", sa.Text),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("at", Timestamp, nullable=False),
    #: The day that it counts for: when money was paid or came back.
    sa.Column("day", sa.Date, nullable=False),
    #: Who; null for the rule or a file.
    sa.Column("by", sa.Text),
    #: A code.
    sa.Column("reason", sa.Text),
    sa.Index("posting_award_id", "award_id"),
    sa.Index("posting_budget_id", "budget_id"),
)

entry: Final = sa.Table(
    "entry",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("posting_id", sa.Text, nullable=False),
    sa.Column("budget_id", sa.Text, nullable=False),
    sa.Column("award_id", sa.Text),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("amount_pence", sa.BigInteger, nullable=False),
    sa.CheckConstraint("amount_pence <> 0", name="entry_is_money"),
    sa.CheckConstraint("account IN ('funds', 'free', 'committed', 'paid', 'clawed-back')", name="entry_account_exists"),
    sa.Index("entry_posting_id", "posting_id"),
    sa.Index("entry_budget_id", "budget_id", "account"),
    sa.Index("entry_award_id", "award_id", "account"),
)
