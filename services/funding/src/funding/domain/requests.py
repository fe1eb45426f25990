"""Requests, awards and the case they are for, as values."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from funding.domain.ledger import Balances
from funding.domain.spans import Instalment, Part


class State(StrEnum):
    """Where a request is."""

    WAITING = "waiting"
    AWARDED = "awarded"
    DECLINED = "declined"
    #: Every award that came of it has ended.
    ENDED = "ended"


class Origin(StrEnum):
    """How money came to be asked for."""

    REFERRAL = "referral"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class CaseFile:
    """What is known of a case."""

    id: str
    #: When its first referral arrived; None until one is known.
    referred_at: datetime | None = None
    school_urn: str | None = None
    #: The first need, by its rank.
    need: str | None = None
    cluster_id: str | None = None
    closed: bool = False
    first_paid_on: date | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """Money that was asked for. `organisation_id` is who it would be paid to."""

    id: str
    case_id: str
    cluster_id: str
    organisation_id: str
    origin: Origin
    referral_id: str | None
    purpose: str
    amount_pence: int
    since: date
    until: date
    #: The person who asked; None when a referral did.
    asked_by: str | None
    asked_by_organisation: str
    asked_at: datetime
    #: In the words of who asked; None when nobody said, or it was erased.
    reason: str | None
    state: State = State.WAITING
    waits_because: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    #: A code of `funding-refusals`.
    refusal: str | None = None
    #: In the words of who decided.
    note: str | None = None
    rules_version: str | None = None
    parts: tuple[Part, ...] = ()
    #: Counts its changes; the ETag.
    version: int = 0


@dataclass(frozen=True, slots=True)
class Award:
    """Money that was granted, of one budget. A request over two financial years becomes two awards."""

    id: str
    request_id: str
    case_id: str
    cluster_id: str
    budget_id: str
    organisation_id: str
    purpose: str
    amount_pence: int
    since: date
    until: date
    #: None when the rule for small sums decided.
    decided_by: str | None
    rules_version: str
    awarded_at: datetime
    instalments: tuple[Instalment, ...]
    ended_on: date | None = None
    #: A code of `funding-endings`.
    ending: str | None = None
    version: int = 0
    #: The sums of its own entries.
    balances: Balances = Balances()  # noqa: RUF009  a frozen value
