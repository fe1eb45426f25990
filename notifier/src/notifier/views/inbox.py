"""Inboxes, tasks and preferences as they travel over HTTP."""

import re
from collections.abc import Mapping
from datetime import date, time
from typing import Annotated, Any, Literal, Self

from chassis.wire import Action, Day, In, Out
from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, WithJsonSchema, model_validator

from notifier.domain.facts import is_case, read_at
from notifier.domain.wishes import RoleWish, Wish
from notifier.policy import LANGUAGES, TEXTS


class NotificationOut(Out):
    """One line of an inbox: what changed, by case reference, and where to read more."""

    id: str
    #: Absent when it is about a budget or a subscription.
    case_id: str | None
    reference: str
    #: The rule that names your role.
    rule: str
    #: Why you are told, in a sentence.
    why: str
    text: str
    #: When it happened.
    at: AwareDatetime
    #: When you read it. In a cluster's or a case's list: when the first of those who were told did.
    read_at: AwareDatetime | None
    urgent: bool
    #: Whom you cover for.
    covers: str | None
    #: When its reason went away, and why; you need not mind it any more.
    cleared_at: AwareDatetime | None
    cleared_because: str | None
    #: Who of those that were told sees to it.
    claimed_by: str | None
    claimed_at: AwareDatetime | None
    href: str
    #: None in lists of others' lines.
    actions: tuple[Action, ...] = ()

    @staticmethod
    def of(row: Mapping[str, Any], *, reader: str | None = None) -> "NotificationOut":
        """From a row of a list; `reader` is whose own line it is."""
        because = row["cleared_because"]
        return NotificationOut(
            id=row["id"],
            case_id=row["case_id"] if is_case(row["case_id"]) else None,
            reference=row["reference"],
            rule=row["rule"],
            why=row["why"],
            text=row["text"],
            at=row["at"],
            read_at=row["read_at"],
            urgent=row["urgent"],
            covers=row["covers"],
            cleared_at=row["cleared_at"],
            cleared_because=TEXTS.cleared.get(because, because) if because is not None else None,
            claimed_by=row["claimed_by"],
            claimed_at=row["claimed_at"],
            href=read_at(row["case_id"]),
            actions=_actions(row, reader) if reader is not None else (),
        )


def _actions(row: Mapping[str, Any], reader: str) -> tuple[Action, ...]:
    href, holder = f"/v1/notifications/{row['id']}", row["claimed_by"]
    others = holder is not None and holder != reader
    why = "A colleague sees to it." if others else "It is cleared." if row["cleared_at"] is not None else None
    return (
        Action(name="read", method="POST", href=f"{href}/read", allowed=True),
        Action(name="claim", method="POST", href=f"{href}/claim", allowed=why is None, reason=why),
    )


class ReadIn(In):
    """Mark a line."""

    #: False: as if you had not read it.
    read: bool = True


class ClaimIn(In):
    """See to something, or give it back."""

    #: False: give it back to the others.
    claim: bool = True


class UnreadOut(Out):
    """How much waits for you."""

    unread: int


def _known(language: str) -> str:
    if language not in LANGUAGES:
        raise ValueError(f"must be one of {', '.join(sorted(LANGUAGES))}")
    return language


def _clock(text: str) -> str:
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise ValueError("must be written as hh:mm")
    return text


Language = Annotated[str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": sorted(LANGUAGES)})]
HourText = Annotated[
    str,
    AfterValidator(_clock),
    WithJsonSchema({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}),
]
Digest = Literal["daily", "at-once"]
Further = Literal["sms", "push"]
PersonId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
Mobile = Annotated[str, StringConstraints(pattern=r"^\+?[0-9 ]{9,20}$")]


class QuietIn(In):
    """Nothing but what may wake people leaves between these; from and until the same: no quiet at all."""

    since: HourText
    until: HourText


class RoleWishIn(In):
    """What differs in one role."""

    email: bool | None = None
    digest: Digest | None = None
    channels: tuple[Further, ...] | None = Field(default=None, strict=False, max_length=4)


class AbsenceIn(In):
    """You are away; whoever covers is told in your place."""

    since: Day
    until: Day | None = None
    cover: PersonId | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until is not None and self.until < self.since:
            raise ValueError("must not end before it begins")
        return self


class PreferencesIn(In):
    """How you want to be told. Your inbox is always complete."""

    email: bool
    digest: Digest = "daily"
    #: The hour of the county's day at which ordinary messages come together; absent: the county's.
    digest_hour: int | None = Field(default=None, ge=0, le=23)
    quiet: QuietIn | None = None
    language: Language = "en"
    channels: tuple[Further, ...] = Field(default=(), strict=False, max_length=4)
    #: Your work mobile, for text messages.
    mobile: Mobile | None = None
    roles: dict[Annotated[str, StringConstraints(pattern=r"^[a-z-]{1,40}$")], RoleWishIn] = Field(
        default={}, max_length=10
    )
    absence: AbsenceIn | None = None

    def wish(self) -> Wish:
        """As the rules take it."""
        return Wish(
            email=self.email,
            digest=self.digest,
            channels=frozenset(self.channels),
            language=self.language,
            digest_hour=self.digest_hour,
            quiet_from=time.fromisoformat(self.quiet.since) if self.quiet else None,
            quiet_until=time.fromisoformat(self.quiet.until) if self.quiet else None,
            roles={
                role: RoleWish(own.email, own.digest, frozenset(own.channels) if own.channels is not None else None)
                for role, own in self.roles.items()
            },
            absent_from=self.absence.since if self.absence else None,
            absent_until=self.absence.until if self.absence else None,
            cover=self.absence.cover if self.absence else None,
        )


class QuietOut(Out):
    """Your own quiet hours."""

    since: str
    until: str


class RoleWishOut(Out):
    """What differs in one role."""

    email: bool | None
    digest: str | None
    channels: tuple[str, ...] | None


class AbsenceOut(Out):
    """When you are away, and who covers."""

    since: date
    until: date | None
    cover: str | None


class PreferencesOut(Out):
    """How you want to be told, beside your inbox."""

    #: Letters by e-mail, to the address that the directory has of you.
    email: bool
    digest: str
    digest_hour: int | None
    quiet: QuietOut | None
    language: str
    channels: tuple[str, ...]
    mobile: str | None
    roles: dict[str, RoleWishOut]
    absence: AbsenceOut | None
    #: What can be chosen here.
    offered: tuple[str, ...]
    languages: tuple[str, ...]

    @staticmethod
    def of(wish: Wish, *, cover: str | None, mobile: str | None, offered: tuple[str, ...]) -> "PreferencesOut":
        """From a wish as it was said."""
        quiet = wish.quiet_from is not None and wish.quiet_until is not None
        return PreferencesOut(
            email=wish.email,
            digest=wish.digest,
            digest_hour=wish.digest_hour,
            quiet=QuietOut(since=f"{wish.quiet_from:%H:%M}", until=f"{wish.quiet_until:%H:%M}") if quiet else None,
            language=wish.language,
            channels=tuple(sorted(wish.channels)),
            mobile=mobile,
            roles={
                role: RoleWishOut(
                    email=own.email,
                    digest=own.digest,
                    channels=tuple(sorted(own.channels)) if own.channels is not None else None,
                )
                for role, own in sorted(wish.roles.items())
            },
            absence=AbsenceOut(since=wish.absent_from, until=wish.absent_until, cover=cover)
            if wish.absent_from is not None
            else None,
            offered=tuple(channel for channel in offered if channel in {"email", "sms", "push"}),
            languages=tuple(sorted(LANGUAGES)),
        )


class NotificationTaskOut(Out):
    """What somebody at the intake desk must put right so that people are told."""

    id: str
    #: unclaimed: nobody holds a role there. undelivered: a letter could not be delivered. family-undelivered: a
    #: family's message could not; its link is revoked and sent anew with another address.
    kind: str
    #: The cluster or organisation without anybody, as `cluster:…` or `organisation:…`.
    place: str | None
    #: How many facts about open cases went to somebody else, or to nobody.
    facts: int | None
    case_id: str | None
    person_id: str | None
    reason: str
    opened_at: AwareDatetime
    #: Who of the desk has taken it.
    claimed_by: str | None

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
            claimed_by=row["claimed_by"],
        )
