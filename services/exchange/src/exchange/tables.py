"""What is known of cases, what was said, the ways out, what each was told, and how its telling goes."""

from typing import Final

import sqlalchemy as sa
from chassis.tables import Timestamp, chassis_tables
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

SCHEMA: Final = "exchange"
metadata: Final = sa.MetaData(schema=SCHEMA)
chassis: Final = chassis_tables(metadata)
_WORDS: Final = ARRAY(sa.Text)

#: What subscriptions filter by, and whether anything may still be told of it.
case_file: Final = sa.Table(
    "case_file",
    metadata,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("school_urn", sa.Text),
    sa.Column("cluster_id", sa.Text),
    sa.Column("needs", _WORDS, nullable=False, server_default="{}"),
    sa.Column("erased", sa.Boolean, nullable=False, server_default="false"),
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
    sa.Column("sector", sa.Text, nullable=False),
)

#: Why the law allows sharing, by the referral that it was recorded with.
basis: Final = sa.Table(
    "basis",
    metadata,
    sa.Column("referral_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("organisation_id", sa.Text, nullable=False),
    sa.Column("ended_at", Timestamp),
    sa.Index("basis_case_id", "case_id"),
)

#: Which phase a cluster is for.
cluster: Final = sa.Table(
    "cluster",
    metadata,
    sa.Column("cluster_id", sa.Text, primary_key=True),
    sa.Column("phase", sa.Text, nullable=False),
)

#: What was said, for as long as it can be told again. Held: nobody knows yet who takes part in its case.
event: Final = sa.Table(
    "event",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, sa.Identity(always=True), nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("time", Timestamp, nullable=False),
    sa.Column("correlation_id", sa.Text, nullable=False),
    sa.Column("causation_id", sa.Text),
    sa.Column("traceparent", sa.Text),
    #: Null once its case was erased.
    sa.Column("data", sa.LargeBinary),
    sa.Column("held", sa.Boolean, nullable=False),
    sa.Index("event_subject", "subject", "position"),
    sa.Index("event_time", "time", "position"),
    sa.Index("event_held", "subject", "position", postgresql_where=sa.text("held")),
)

#: The data of an event as it leaves, once for each shape in which it does.
body: Final = sa.Table(
    "body",
    metadata,
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("shape", sa.Text, primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

#: What was agreed with an organisation: for what, on which bases, for how long, and whether for the whole sector.
agreement: Final = sa.Table(
    "agreement",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("organisation_id", sa.Text, nullable=False),
    sa.Column("sector", sa.Text, nullable=False),
    sa.Column("county_wide", sa.Boolean, nullable=False),
    sa.Column("purposes", _WORDS, nullable=False),
    sa.Column("bases", _WORDS, nullable=False),
    sa.Column("since", sa.Date, nullable=False),
    sa.Column("until", sa.Date, nullable=False),
    sa.Column("recorded_at", Timestamp, nullable=False),
    sa.Column("recorded_by", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("agreement_organisation_id", "organisation_id"),
)

#: The ways out: the sectors' feeds, which belong to nobody, and subscriptions.
stream: Final = sa.Table(
    "stream",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("sector", sa.Text, nullable=False),
    sa.Column("organisation_id", sa.Text),
    sa.Column("agreement_id", sa.Text),
    sa.Column("county_wide", sa.Boolean, nullable=False),
    sa.Column("purposes", _WORDS, nullable=False),
    sa.Column("bases", _WORDS, nullable=False),
    sa.Column("filter", JSONB, nullable=False),
    sa.Column("until", sa.Date),
    #: kafka, webhook, http-feed or sse.
    sa.Column("way", sa.Text, nullable=False),
    sa.Column("topic", sa.Text),
    sa.Column("url", sa.Text),
    #: active, paused, disabled (its receiver is gone), suspended (its right is) or ended; and why.
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("stream_organisation_id", "organisation_id", "created_at"),
    sa.Index("stream_agreement_id", "agreement_id"),
    sa.Index("stream_topic", "topic", unique=True, postgresql_where=sa.text("topic IS NOT NULL AND state <> 'ended'")),
)

#: How an event finds the streams that may want it: by its type and the narrowest thing they filter by. No other is
#: looked at.
interest: Final = sa.Table(
    "interest",
    metadata,
    sa.Column("type", sa.Text, primary_key=True),
    sa.Column("sector", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("stream_id", sa.Text, primary_key=True),
    sa.Index("interest_stream_id", "stream_id"),
)

#: The end of each stream: locked by whoever writes to it until they commit, so that no reader ever sees a gap.
tail: Final = sa.Table(
    "tail",
    metadata,
    sa.Column("stream_id", sa.Text, primary_key=True),
    sa.Column("last_position", sa.BigInteger, nullable=False, server_default="0"),
    #: Up to where its reader has come back for more.
    sa.Column("acknowledged", sa.BigInteger, nullable=False, server_default="0"),
)

#: What each stream was told: the ledger. It holds no data, and outlives it.
entry: Final = sa.Table(
    "entry",
    metadata,
    sa.Column("stream_id", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    #: 1, 2, 3 ... per stream and subject: a hearer that misses one sees it.
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("shape", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text),
    #: The basis of the case that it rests on; what it rests on no more is not told any more.
    sa.Column("basis", sa.Text),
    sa.Column("replay", sa.Boolean, nullable=False),
    #: Told whatever else holds: an end of a basis, an erasure, a recall.
    sa.Column("duty", sa.Boolean, nullable=False),
    sa.Column("at", Timestamp, nullable=False),
    sa.Column("told_at", Timestamp),
    sa.Column("acknowledged_at", Timestamp),
    sa.Column("withheld_at", Timestamp),
    sa.Index("entry_subject", "subject", "position"),
    sa.Index("entry_event_id", "event_id"),
    sa.Index("entry_at", "stream_id", "at"),
)

#: Webhooks to be sent, and what became of them.
delivery: Final = sa.Table(
    "delivery",
    metadata,
    sa.Column("stream_id", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("subject", sa.Text, nullable=False),
    #: waiting, delivered, failed (given up) or withheld.
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("tried_at", Timestamp),
    sa.Column("reason", sa.Text),
    sa.Index("delivery_waiting", "stream_id", "subject", "position", postgresql_where=sa.text("state = 'waiting'")),
    sa.Index("delivery_failed", "stream_id", "position", postgresql_where=sa.text("state = 'failed'")),
)

#: One for each case of which a stream still has something to be told: only its first may be sent.
lane: Final = sa.Table(
    "lane",
    metadata,
    sa.Column("stream_id", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("due_at", Timestamp, nullable=False),
    #: Somebody is sending it; after this they are taken for dead.
    sa.Column("leased_until", Timestamp),
    sa.Index("lane_due_at", "stream_id", "due_at"),
)

#: How a receiver is doing.
receiver: Final = sa.Table(
    "receiver",
    metadata,
    sa.Column("stream_id", sa.Text, primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("failing_since", Timestamp),
    sa.Column("rests_until", Timestamp),
    sa.Column("last_success_at", Timestamp),
    sa.Column("last_failure_at", Timestamp),
    sa.Column("last_reason", sa.Text),
)

#: What webhooks are signed with, sealed. An old key signs beside its successor until it ends.
signing_key: Final = sa.Table(
    "signing_key",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("stream_id", sa.Text, nullable=False),
    sa.Column("algorithm", sa.Text, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    #: Of ed25519 alone.
    sa.Column("public", sa.Text),
    sa.Column("since", Timestamp, nullable=False),
    sa.Column("until", Timestamp),
    sa.Index("signing_key_stream_id", "stream_id"),
)

replay: Final = sa.Table(
    "replay",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("stream_id", sa.Text, nullable=False),
    sa.Column("case_id", sa.Text),
    sa.Column("since", Timestamp),
    sa.Column("until", Timestamp),
    #: Events up to here were looked at; and where it ends.
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("last_position", sa.BigInteger, nullable=False),
    sa.Column("told", sa.Integer, nullable=False, server_default="0"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("asked_at", Timestamp, nullable=False),
    sa.Index("replay_stream_id", "stream_id", "asked_at"),
    sa.Index("replay_running", "id", postgresql_where=sa.text("state = 'running'")),
)

recall: Final = sa.Table(
    "recall",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    #: None: everything.
    sa.Column("event_ids", _WORDS, nullable=False),
    sa.Column("answer_by", sa.Date, nullable=False),
    sa.Column("issued_at", Timestamp, nullable=False),
    sa.Column("issued_by", sa.Text, nullable=False),
    sa.Index("recall_case_id", "case_id"),
)

recall_recipient: Final = sa.Table(
    "recall_recipient",
    metadata,
    sa.Column("recall_id", sa.Text, primary_key=True),
    sa.Column("organisation_id", sa.Text, primary_key=True),
    sa.Column("acknowledged_at", Timestamp),
    sa.Column("acknowledged_by", sa.Text),
    sa.Column("reminded_at", Timestamp),
    sa.Index("recall_recipient_organisation_id", "organisation_id"),
)

#: Who read what of a case through the API.
disclosure: Final = sa.Table(
    "disclosure",
    metadata,
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("organisation_id", sa.Text, nullable=False),
    sa.Column("sector", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("basis", sa.Text, nullable=False),
    sa.Column("at", Timestamp, nullable=False),
    sa.Index("disclosure_case_id", "case_id", "at"),
)
