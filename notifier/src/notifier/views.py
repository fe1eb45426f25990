"""What travels over HTTP."""

from collections.abc import Mapping
from typing import Any

from chassis.wire import In, Out
from pydantic import AwareDatetime


class NotificationOut(Out):
    """One line of an inbox: what changed, by case reference, and where to read more."""

    id: str
    case_id: str
    reference: str
    #: Why you are told: the rule that names your role.
    rule: str
    text: str
    #: When it happened.
    at: AwareDatetime
    #: When you read it. In a cluster's or a case's list: when the first of those who were told did.
    read_at: AwareDatetime | None
    href: str

    @staticmethod
    def of(row: Mapping[str, Any]) -> "NotificationOut":
        """From a row of a list."""
        return NotificationOut(
            id=row["id"],
            case_id=row["case_id"],
            reference=row["reference"],
            rule=row["rule"],
            text=row["text"],
            at=row["at"],
            read_at=row["read_at"],
            href=f"/cases/{row['case_id']}",
        )


class ReadIn(In):
    """Mark a line."""

    #: False: as if you had not read it.
    read: bool = True


class PreferencesIn(In):
    """How you want to be told. Your inbox is always complete."""

    email: bool


class PreferencesOut(Out):
    """How you want to be told, beside your inbox."""

    #: Letters by e-mail, to the address that the directory has of you.
    email: bool


class NotificationTaskOut(Out):
    """What somebody at the intake desk must put right so that people are told."""

    id: str
    #: unclaimed: nobody holds a role there. undelivered: a letter could not be delivered.
    kind: str
    #: The cluster or organisation without anybody, as `cluster:…` or `organisation:…`.
    place: str | None
    #: How many facts about open cases went to somebody else, or to nobody.
    facts: int | None
    case_id: str | None
    person_id: str | None
    reason: str
    opened_at: AwareDatetime

    @staticmethod
    def of(row: Mapping[str, Any]) -> "NotificationTaskOut":
        """From a row of the list."""
        unclaimed = row["kind"] == "unclaimed"
        return NotificationTaskOut(
            id=row["id"],
            kind=row["kind"],
            place=row["about"] if unclaimed else None,
            facts=row["facts"] if unclaimed else None,
            case_id=row["case_id"],
            person_id=row["person_id"],
            reason=row["reason"],
            opened_at=row["opened_at"],
        )
