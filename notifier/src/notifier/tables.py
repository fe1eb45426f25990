"""The notifier's tables: what it has heard of people and cases, what it told whom, and its letters."""

from typing import Final

import sqlalchemy as sa
from chassis.tables import Timestamp, chassis_tables
from sqlalchemy.dialects.postgresql import JSONB

metadata: Final = sa.MetaData(schema="notifier")
chassis: Final = chassis_tables(metadata)

#: People of the directory, as far as a message needs them: no names.
person: Final = sa.Table(
    "person",
    metadata,
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("organisation_id", sa.Text, nullable=False),
    sa.Column("email", sa.Text),
    sa.Column("active", sa.Boolean, nullable=False),
)
#: Who is what, where, from when until when: the directory's roles and the teams of the clusters.
role: Final = sa.Table(
    "role",
    metadata,
    sa.Column("role_id", sa.Text, primary_key=True),
    sa.Column("person_id", sa.Text, nullable=False),
    sa.Column("organisation_id", sa.Text, nullable=False),
    sa.Column("sector", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("cluster_id", sa.Text),
    sa.Column("since", sa.Date, nullable=False),
    sa.Column("until", sa.Date),
    sa.Index("role_cluster_id", "cluster_id"),
    sa.Index("role_organisation_id", "organisation_id", "role"),
    sa.Index("role_sector", "sector", "role"),
    sa.Index("role_person_id", "person_id"),
)
cluster: Final = sa.Table(
    "cluster",
    metadata,
    sa.Column("cluster_id", sa.Text, primary_key=True),
    #: The lead school's organisation.
    sa.Column("organisation_id", sa.Text, nullable=False),
    sa.Index("cluster_organisation_id", "organisation_id"),
)
case_file: Final = sa.Table(
    "case_file",
    metadata,
    sa.Column("case_id", sa.Text, primary_key=True),
    #: Unknown until the case's opening has been heard of.
    sa.Column("reference", sa.Text),
    sa.Column("urgency", sa.Text),
    #: The holder; null while the intake desk holds it.
    sa.Column("cluster_id", sa.Text),
    #: The referral that opened it.
    sa.Column("opened_by", sa.Text),
    #: Whether any referral of it has been heard of.
    sa.Column("referred", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("closed_at", Timestamp),
    sa.Column("erased_at", Timestamp),
)
referral: Final = sa.Table(
    "referral",
    metadata,
    sa.Column("referral_id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False),
    #: Who referred; unknown until the referral itself has been heard of.
    sa.Column("organisation_id", sa.Text),
    sa.Index("referral_case_id", "case_id"),
)
participant: Final = sa.Table(
    "participant",
    metadata,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("organisation_id", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, primary_key=True),
    sa.Column("since", sa.Date, primary_key=True),
    sa.Column("until", sa.Date),
    sa.Column("sector", sa.Text),
)
#: Providers of alternative provision, and the organisation that each belongs to.
provider: Final = sa.Table(
    "provider",
    metadata,
    sa.Column("provider_id", sa.Text, primary_key=True),
    sa.Column("organisation_id", sa.Text),
)
#: Time limits and duties that run: what escalates as its day comes near.
limit: Final = sa.Table(
    "time_limit",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    #: The event that began it.
    sa.Column("event_type", sa.Text, nullable=False),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("due_on", sa.Date, nullable=False),
    #: The organisation that must do it; null: the holder of the case.
    sa.Column("holder", sa.Text),
    sa.Column("ended_at", Timestamp),
    sa.Column("correlation_id", sa.Text, nullable=False),
    sa.Index("time_limit_case_id", "case_id"),
    sa.Index("time_limit_running", "id", postgresql_where=sa.text("ended_at IS NULL")),
)
#: Calendars as the directory said them; the county's is `county`.
calendar: Final = sa.Table(
    "calendar",
    metadata,
    sa.Column("calendar_id", sa.Text, primary_key=True),
    sa.Column("said", JSONB, nullable=False),
)
#: Whom a fact is for, by rule and place. `rung` other than 0: unclaimed, nobody is in the role.
address: Final = sa.Table(
    "address",
    metadata,
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("rule", sa.Text, primary_key=True),
    sa.Column("place", sa.Text, primary_key=True),
    sa.Column("event_type", sa.Text, nullable=False),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("at", Timestamp, nullable=False),
    sa.Column("case_urgency", sa.Text),
    sa.Column("actor", sa.Text),
    sa.Column("due", sa.Date),
    #: 0: people in the role. n: the ladder's nth step stood in. Null: nobody, anywhere.
    sa.Column("rung", sa.SmallInteger),
    sa.Column("correlation_id", sa.Text, nullable=False),
    #: What the messages are about, such as a clock's id.
    sa.Column("about", sa.Text),
    #: When the reason went away: newcomers need not hear of it.
    sa.Column("cleared_at", Timestamp),
    sa.Index("address_place", "place", "at"),
    sa.Index("address_case_id", "case_id"),
    sa.Index("address_unclaimed", "place", "at", postgresql_where=sa.text("rung IS DISTINCT FROM 0")),
)
#: The inbox: one row for each fact and person.
notification: Final = sa.Table(
    "notification",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("person_id", sa.Text, nullable=False),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("urgent", sa.Boolean, nullable=False),
    #: When the fact happened.
    sa.Column("at", Timestamp, nullable=False),
    sa.Column("told_at", Timestamp, nullable=False),
    sa.Column("read_at", Timestamp),
    #: When it was read for the first time; stays when it is marked unread.
    sa.Column("delivered_at", Timestamp),
    sa.Column("about", sa.Text),
    #: Why this person was told, in their language.
    sa.Column("why", sa.Text, nullable=False, server_default=""),
    #: Whom they cover for.
    sa.Column("covers", sa.Text),
    sa.Column("cleared_at", Timestamp),
    sa.Column("cleared_because", sa.Text),
    #: Who of those that were told sees to it; the same on each of their lines.
    sa.Column("claimed_by", sa.Text),
    sa.Column("claimed_at", Timestamp),
    sa.UniqueConstraint("event_id", "person_id", name="notification_once"),
    sa.Index("notification_person", "person_id", "at", "id"),
    sa.Index("notification_unread", "person_id", "at", "id", postgresql_where=sa.text("read_at IS NULL")),
    sa.Index("notification_case", "case_id", "at", "event_id"),
    sa.Index("notification_place", "place", "at", "event_id"),
)
#: What leaves the house about a line of the inbox, by one channel; waits for its hour until it is in a letter.
letter_item: Final = sa.Table(
    "letter_item",
    metadata,
    sa.Column("notification_id", sa.Text, primary_key=True),
    sa.Column("channel", sa.Text, primary_key=True),
    #: A person; for a team's room, the place.
    sa.Column("person_id", sa.Text, nullable=False),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("urgent", sa.Boolean, nullable=False),
    sa.Column("wakes", sa.Boolean, nullable=False),
    #: When the fact happened.
    sa.Column("at", Timestamp, nullable=False),
    #: Business time: not before this.
    sa.Column("leaves_at", Timestamp, nullable=False),
    sa.Column("letter_id", sa.Text),
    sa.Column("correlation_id", sa.Text, nullable=False),
    sa.Index("letter_item_waiting", "leaves_at", postgresql_where=sa.text("letter_id IS NULL")),
    sa.Index("letter_item_letter_id", "letter_id"),
    sa.Index("letter_item_case_id", "case_id"),
)
#: The intent to send one thing to somebody by one channel, and what became of it. What it says is in its items.
letter: Final = sa.Table(
    "letter",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("person_id", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("urgent", sa.Boolean, nullable=False),
    sa.Column("wakes", sa.Boolean, nullable=False),
    #: Fixed at the first attempt; every later one uses it again.
    sa.Column("message_id", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    #: Wall time, as are all times of a letter.
    sa.Column("asked_at", Timestamp, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    #: When it is tried next; while it is being tried, when somebody else may try it.
    sa.Column("next_at", Timestamp, nullable=False),
    sa.Column("ended_at", Timestamp),
    sa.Column("reason", sa.Text),
    #: What the channel says afterwards: delivered, or failed.
    sa.Column("receipt", sa.Text),
    sa.Column("receipt_at", Timestamp),
    sa.Index("letter_due", "channel", sa.text("urgent DESC"), "next_at", postgresql_where=sa.text("state = 'waiting'")),
)
#: Every attempt and the server's answer: the receipts.
attempt: Final = sa.Table(
    "attempt",
    metadata,
    sa.Column("letter_id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at", Timestamp, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("code", sa.Integer),
    sa.Column("reply", sa.Text, nullable=False),
)
preference: Final = sa.Table(
    "preference",
    metadata,
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("email", sa.Boolean, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.Text, nullable=False, server_default="daily"),
    sa.Column("channels", JSONB, nullable=False, server_default=sa.text("'[]'::jsonb")),
    sa.Column("language", sa.Text, nullable=False, server_default="en"),
    #: A work mobile; stays here.
    sa.Column("mobile", sa.Text),
    sa.Column("digest_hour", sa.SmallInteger),
    sa.Column("quiet_from", sa.Time),
    sa.Column("quiet_until", sa.Time),
    sa.Column("roles", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")),
    sa.Column("absent_from", sa.Date),
    sa.Column("absent_until", sa.Date),
    sa.Column("cover", sa.Text),
)
#: Browsers that somebody's notices go to.
push_subscription: Final = sa.Table(
    "push_subscription",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("person_id", sa.Text, nullable=False),
    sa.Column("endpoint", sa.Text, nullable=False, unique=True),
    sa.Column("p256dh", sa.Text, nullable=False),
    sa.Column("auth", sa.Text, nullable=False),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Index("push_subscription_person_id", "person_id"),
)
#: What a person of the intake desk must put right: a role that nobody holds, a letter that cannot be delivered.
task: Final = sa.Table(
    "task",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    #: What it is about: the place and roles, or the letter. One task for each.
    sa.Column("about", sa.Text, nullable=False),
    sa.Column("case_id", sa.Text),
    sa.Column("person_id", sa.Text),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("opened_at", Timestamp, nullable=False),
    sa.Column("done_at", Timestamp),
    sa.Column("done_by", sa.Text),
    sa.Column("claimed_by", sa.Text),
    sa.Column("claimed_at", Timestamp),
    sa.UniqueConstraint("kind", "about", name="task_once"),
    sa.Index("task_open", "opened_at", "id", postgresql_where=sa.text("done_at IS NULL")),
)
#: A link for somebody of a family: what it opens with is kept hashed, where it goes sealed and only until it has gone.
family_link: Final = sa.Table(
    "family_link",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text, nullable=False),
    #: The contact by the case's own opaque id.
    sa.Column("contact_id", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("interpreter", sa.Boolean, nullable=False),
    #: Address and token, sealed; null once it has gone or cannot go.
    sa.Column("sealed", sa.LargeBinary),
    sa.Column("token_hash", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("fact_salt", sa.LargeBinary, nullable=False),
    sa.Column("fact_hash", sa.LargeBinary, nullable=False),
    sa.Column("attempts_left", sa.SmallInteger, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("expires_at", Timestamp, nullable=False),
    sa.Column("revoked_at", Timestamp),
    sa.Index("family_link_case_id", "case_id"),
)
#: What families answered. The text is personal and goes with the case; the counts name nobody and stay.
family_answer: Final = sa.Table(
    "family_answer",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    #: Null once the case was erased.
    sa.Column("case_id", sa.Text),
    sa.Column("link_id", sa.Text),
    sa.Column("cluster_id", sa.Text),
    #: helped, listened, views, feedback.
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("code", sa.Text),
    sa.Column("text", sa.Text),
    sa.Column("at", Timestamp, nullable=False),
    sa.Index("family_answer_case_id", "case_id"),
    sa.Index("family_answer_link_id", "link_id"),
)
#: Who of a family may be contacted, and how, by the case's opaque contact ids.
safe_contact: Final = sa.Table(
    "safe_contact",
    metadata,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("contact_id", sa.Text, primary_key=True),
    sa.Column("never", sa.Boolean, nullable=False),
    #: The channels that are safe; empty: all.
    sa.Column("channels", JSONB, nullable=False),
)
#: The version of a case's safe-contact rules.
safe_contact_version: Final = sa.Table(
    "safe_contact_version",
    metadata,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
)
#: How far a case has come, in stages that a family may read.
progress: Final = sa.Table(
    "progress",
    metadata,
    sa.Column("case_id", sa.Text, primary_key=True),
    sa.Column("stage", sa.Text, primary_key=True),
    sa.Column("at", Timestamp, nullable=False),
)
