"""Links to families and what they answer, as they travel over HTTP."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from chassis.wire import In, Out, Prose, clean, one_line
from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from notifier.domain.family import ANSWERS
from notifier.views.inbox import Language

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
Way = Literal["email", "sms", "letter"]
#: An answer that nobody guesses in five tries.
SecondFact = Annotated[str, StringConstraints(min_length=4, max_length=100), AfterValidator(one_line)]


class FamilyLinkIn(In):
    """Send somebody of a family a link. The address is kept sealed until the message has gone, then forgotten."""

    case_id: Id
    #: The contact by the case's own opaque id; what the case says of it is obeyed.
    contact_id: Id
    channel: Way
    #: The e-mail address, the mobile number, or the lines of a postal address.
    address: Annotated[str, StringConstraints(min_length=3, max_length=500), AfterValidator(clean)]
    language: Language = "en"
    #: They need an interpreter to speak with us.
    interpreter: bool = False
    #: What you agreed with the family; the link asks for it. It is kept so that nobody can read it.
    second_fact: SecondFact

    @property
    def address_fits(self) -> bool:
        """Whether the address is one that the channel can carry."""
        lines = [line for line in self.address.splitlines() if line.strip()]
        if self.channel == "letter":
            return 3 <= len(lines) <= 7  # noqa: PLR2004  as letters have them
        if self.channel == "sms":
            return len(lines) == 1 and re.fullmatch(r"\+?[0-9 ]{9,20}", self.address.strip()) is not None
        return len(lines) == 1 and "@" in self.address and " " not in self.address.strip()


class FamilyLinkOut(Out):
    """A link, without its token and address."""

    id: str
    contact_id: str
    channel: str
    language: str
    interpreter: bool
    #: working, expired, locked or revoked.
    state: str
    #: Whether the message has left: waiting, sent, delivered, failed.
    message: str
    created_by: str
    created_at: AwareDatetime
    expires_at: AwareDatetime

    @staticmethod
    def of(row: Mapping[str, Any], now: datetime) -> "FamilyLinkOut":
        """From a row of the list."""
        state = (
            "revoked" if row["revoked_at"] is not None
            else "expired" if row["expires_at"] <= now
            else "locked" if row["attempts_left"] == 0
            else "working"
        )  # fmt: skip
        return FamilyLinkOut(
            id=row["id"],
            contact_id=row["contact_id"],
            channel=row["channel"],
            language=row["language"],
            interpreter=row["interpreter"],
            state=state,
            message="delivered" if row["receipt"] == "delivered" else row["state"] or "waiting",
            created_by=row["created_by"],
            created_at=row["created_at"],
            expires_at=row["expires_at"],
        )


class ContactIn(In):
    """Whether and how somebody of a family may be contacted."""

    contact_id: Id
    #: Never, by anybody, in any way.
    never: bool = False
    #: The ways that are safe; empty: any.
    channels: tuple[Way, ...] = Field(default=(), strict=False, max_length=3)


class SafeContactIn(In):
    """A case's safe-contact rules, whole."""

    contacts: tuple[ContactIn, ...] = Field(strict=False, max_length=50)

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len({c.contact_id for c in self.contacts}) != len(self.contacts):
            raise ValueError("a contact is named twice")
        return self


class ContactOut(Out):
    """Whether and how somebody of a family may be contacted."""

    contact_id: str
    never: bool
    channels: tuple[str, ...]


class SafeContactOut(Out):
    """A case's safe-contact rules."""

    contacts: tuple[ContactOut, ...]


class FamilyIn(In):
    """Open a link with its second fact; and answer, if you like."""

    second_fact: Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(one_line)]
    #: Was help received?
    helped: Literal["yes", "no", "not-yet"] | None = None
    #: Did people listen?
    listened: Literal["yes", "no", "in-part"] | None = None
    #: What you want the team to know.
    views: Annotated[Prose, Field(min_length=1, max_length=4000)] | None = None
    #: What was good and what was not.
    feedback: Annotated[Prose, Field(min_length=1, max_length=4000)] | None = None

    def answers(self) -> tuple[tuple[str, str | None, str | None], ...]:
        """Each as (kind, code, text)."""
        coded = [(kind, getattr(self, kind), None) for kind in ANSWERS if getattr(self, kind) is not None]
        free = [(kind, None, text) for kind in ("views", "feedback") if (text := getattr(self, kind)) is not None]
        return (*coded, *free)


class StageOut(Out):
    """Something that has happened, in plain words."""

    code: str
    text: str
    at: AwareDatetime


class FamilyOut(Out):
    """How things are going. It names nobody."""

    language: str
    stages: tuple[StageOut, ...]
    questions: dict[str, tuple[str, ...]]
    expires_at: AwareDatetime


class FamilyAnswerOut(Out):
    """What a family answered."""

    id: str
    #: helped, listened, views or feedback.
    kind: str
    code: str | None
    text: str | None
    at: AwareDatetime


class FeedbackRowOut(Out):
    """Answers to one question in one cluster and term; null where there are too few to show."""

    cluster_id: str | None
    term: str
    question: str
    answers: int | None
    counts: dict[str, int | None]


class FeedbackOut(Out):
    """What families answered, summed up so that it identifies nobody."""

    #: Fewer than this are not shown.
    suppressed_below: int
    items: tuple[FeedbackRowOut, ...]
