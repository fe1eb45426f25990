"""The tables of referral-api: the only ones in the house that hold who a child is.

Rows about people carry `organisations`: who may read them.
"""

from typing import Final

import sqlalchemy as sa
from chassis.tables import Timestamp, chassis_tables
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata: Final = sa.MetaData(schema="referral_api")
chassis: Final = chassis_tables(metadata)

_OPEN: Final = sa.text("status = 'open'")

case_file: Final = sa.Table(
    "case_file",
    metadata,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("reference", sa.Text, nullable=False, unique=True),
    #: Whom it concerns; a child has one open case at most.
    sa.Column("child_id", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("opened_at", Timestamp, nullable=False),
    sa.Column("closed_at", Timestamp),
    sa.Column("closing_reason", sa.Text),
    sa.Column("circumstances", JSONB, nullable=False),
    sa.Column("participants", JSONB, nullable=False),
    sa.Column("organisations", ARRAY(sa.Text), nullable=False),
    #: What routing has told: pending, queued, assigned or accepted.
    sa.Column("assignment_state", sa.Text, nullable=False),
    sa.Column("cluster_id", sa.Text),
    sa.Column("holder_id", sa.Text),
    sa.Column("decision", sa.BigInteger),
    sa.Column("reasons", ARRAY(sa.Text), nullable=False),
    sa.Column("assigned_at", Timestamp),
    #: When anything about it last changed, by whatever service; absent: when it was opened.
    sa.Column("last_changed_at", Timestamp),
    #: What its ETag says.
    sa.Column("version", sa.BigInteger, nullable=False, server_default="1"),
    sa.Index("case_file_child_id", "child_id"),
    sa.Index("case_file_one_open", "child_id", unique=True, postgresql_where=_OPEN),
    sa.Index("case_file_organisations", "organisations", postgresql_using="gin"),
    sa.Index("case_file_cluster_id", "cluster_id"),
    sa.Index("case_file_opened_at", "opened_at", "case_id"),
    sa.Index("case_file_school_urn", sa.text("(circumstances ->> 'school_urn')")),
)

referral: Final = sa.Table(
    "referral",
    metadata,
    sa.Column("referral_id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("child_id", sa.Text, nullable=False),
    sa.Column("organisation_id", sa.Text, nullable=False),
    sa.Column("sector", sa.Text, nullable=False),
    sa.Column("organisations", ARRAY(sa.Text), nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("urgency", sa.Text, nullable=False),
    #: The sender's own id of it.
    sa.Column("sender_reference", sa.Text),
    sa.Column("submitted_at", Timestamp, nullable=False),
    sa.Column("submitted_by", sa.Text, nullable=False),
    sa.Column("said_at", Timestamp, nullable=False),
    sa.Column("home", JSONB, nullable=False),
    #: What was sent, as it stands now.
    sa.Column("content", JSONB, nullable=False),
    #: referral, or exclusion-notice: a school's, which asks for nothing.
    sa.Column("kind", sa.Text, nullable=False, server_default="referral"),
    #: The words of the child's names, folded, to be found by.
    sa.Column("search_words", ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Index("referral_case_id", "case_id"),
    sa.Index("referral_child_id", "child_id"),
    sa.Index("referral_organisation_id", "organisation_id", "referral_id"),
    sa.Index("referral_sender_reference", "organisation_id", "sender_reference"),
    sa.Index("referral_search_words", sa.text("array_to_tsvector(search_words)"), postgresql_using="gin"),
    sa.Index("referral_date_of_birth", sa.text("((content -> 'child') ->> 'date_of_birth')")),
)

#: Which notices of exclusions a school has sent, by a digest of its own reference: each is taken once.
exclusion_notice: Final = sa.Table(
    "exclusion_notice",
    metadata,
    sa.Column("organisation_id", sa.Text, primary_key=True),
    sa.Column("reference_digest", sa.LargeBinary, primary_key=True),
    sa.Column("referral_id", sa.Text, nullable=False, unique=True),
)

#: Where descriptions of one child meet (`domain.fingerprints`).
fingerprint: Final = sa.Table(
    "fingerprint",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("referral_id", sa.Text, primary_key=True),
    sa.Index("fingerprint_referral_id", "referral_id"),
)

#: Two children that may be one, and what a person found.
possible_match: Final = sa.Table(
    "possible_match",
    metadata,
    sa.Column("match_id", sa.Text, primary_key=True),
    #: In alphabetical order.
    sa.Column("child_id", sa.Text, nullable=False),
    sa.Column("other_child_id", sa.Text, nullable=False),
    #: open, same or different.
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("matched_by", sa.Text, nullable=False),
    sa.Column("weight", sa.Integer, nullable=False),
    #: Field -> level of agreement; no values.
    sa.Column("levels", JSONB, nullable=False),
    sa.Column("asked_at", Timestamp, nullable=False),
    sa.Column("decided_at", Timestamp),
    sa.Column("decided_by", sa.Text),
    sa.UniqueConstraint("child_id", "other_child_id", name="possible_match_once"),
    sa.Index("possible_match_other_child_id", "other_child_id"),
    sa.Index("possible_match_open", "match_id", postgresql_where=_OPEN),
)

information_request: Final = sa.Table(
    "information_request",
    metadata,
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("referral_id", sa.Text, nullable=False),
    sa.Column("asked_by", sa.Text, nullable=False),
    sa.Column("asked_by_person", sa.Text, nullable=False),
    sa.Column("asked_at", Timestamp, nullable=False),
    sa.Column("due_on", sa.Date, nullable=False),
    sa.Column("fields", ARRAY(sa.Text), nullable=False),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("answer", sa.Text),
    sa.Column("answered_at", Timestamp),
    sa.Column("answered_by_person", sa.Text),
    #: When nobody waited for an answer any more: the referral or its case had ended.
    sa.Column("ended_at", Timestamp),
    sa.Column("organisations", ARRAY(sa.Text), nullable=False),
    sa.Index("information_request_referral_id", "referral_id"),
)

#: Every fact about a case from every service, as it was said; it names nobody.
timeline_entry: Final = sa.Table(
    "timeline_entry",
    metadata,
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("at", Timestamp, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("data", JSONB, nullable=False),
    #: When it was heard here, by the business clock.
    sa.Column("heard_at", Timestamp),
    #: How long that was after it was said, by the machine's clock; absent: not known.
    sa.Column("delay_seconds", sa.BigInteger),
    #: Facts that are told in one line share this; absent: a line of its own.
    sa.Column("line", sa.Text),
    #: Whether the line stands where this fact does.
    sa.Column("leads", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Index("timeline_entry_case_id", "case_id", "at", "source", "sequence"),
)

#: Clusters and organisations, by the name that people know.
known_name: Final = sa.Table(
    "known_name",
    metadata,
    #: cluster or organisation.
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    #: Of a cluster: its lead school's organisation.
    sa.Column("organisation_id", sa.Text),
)

#: Which square kilometre a postcode's homes lie in; no closer.
postcode: Final = sa.Table(
    "postcode",
    metadata,
    sa.Column("postcode", sa.Text, primary_key=True),
    sa.Column("easting_km", sa.SmallInteger, nullable=False),
    sa.Column("northing_km", sa.SmallInteger, nullable=False),
)

#: That a case was erased, by whom and why; of its referrals ids, codes and dates.
erasure: Final = sa.Table(
    "erasure",
    metadata,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("erased_at", Timestamp, nullable=False),
    sa.Column("erased_by", sa.Text, nullable=False),
    sa.Column("organisation_id", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    #: Whether the reason stood above the retention rule.
    sa.Column("overridden", sa.Boolean, nullable=False),
    sa.Column("kept_until", sa.Date, nullable=False),
    #: The day from which the retention rule that was asked holds.
    sa.Column("rule_since", sa.Date, nullable=False),
    #: How many rows went, by what they were.
    sa.Column("erased", JSONB, nullable=False),
    sa.Column("referrals", JSONB, nullable=False),
)

#: Who may read a case outside their team, why and until when. The note is free text, and goes with the case.
access_request: Final = sa.Table(
    "access_request",
    metadata,
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("organisation_id", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("note", sa.Text),
    sa.Column("asked_at", Timestamp, nullable=False),
    sa.Column("until", Timestamp, nullable=False),
    sa.Index("access_request_case_id", "case_id", "subject"),
)

#: The access log of a case, newest first, a page at a time.
audit_case_log: Final = sa.Index("audit_case_log", chassis.audit.c.case_id, chassis.audit.c.id)
