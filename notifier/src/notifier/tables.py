"""The notifier's tables: what it has heard of people and cases, what it told whom, and its letters."""

from typing import Final

import sqlalchemy as sa
from chassis.tables import Timestamp, chassis_tables

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
    sa.UniqueConstraint("event_id", "person_id", name="notification_once"),
    sa.Index("notification_person", "person_id", "at", "id"),
    sa.Index("notification_unread", "person_id", "at", "id", postgresql_where=sa.text("read_at IS NULL")),
    sa.Index("notification_case", "case_id", "at", "event_id"),
    sa.Index("notification_place", "place", "at", "event_id"),
)
#: The intent to send a letter, and what became of it.
letter: Final = sa.Table(
    "letter",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("notification_id", sa.Text, nullable=False, unique=True),
    sa.Column("person_id", sa.Text, nullable=False),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("urgent", sa.Boolean, nullable=False),
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
    sa.Column("correlation_id", sa.Text, nullable=False),
    sa.Index("letter_due", sa.text("urgent DESC"), "next_at", postgresql_where=sa.text("state = 'waiting'")),
    sa.Index("letter_case_id", "case_id"),
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
    sa.UniqueConstraint("kind", "about", name="task_once"),
    sa.Index("task_open", "opened_at", "id", postgresql_where=sa.text("done_at IS NULL")),
)
