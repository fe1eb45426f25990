"""What several routes need: who may call, ids in paths, cursors, keys, settings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

from chassis.actions import IdempotencyKey
from chassis.auth import Caller
from chassis.errors import Malformed, Refusal
from chassis.http import allow, cause, idempotency_key, json_response, runtime
from chassis.wire import Line
from fastapi import Depends, Path, Query, Request, Response

from referral_api.domain.case_file import CaseFile
from referral_api.domain.lifecycle import CaseStatus
from referral_api.domain.participation import present
from referral_api.domain.portrait import shown
from referral_api.domain.school_years import day_of
from referral_api.handlers import files
from referral_api.handlers.files import File, nothing
from referral_api.policy import (
    identifiers,
    is_intake,
    is_officer,
    sees_case,
    sees_restricted_address,
    works_case,
)
from referral_api.settings import Settings
from referral_api.store import Tx
from referral_api.store.dated import front_door

R = TypeVar("R")
Row = dict[str, Any]

_ID: Final = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"
#: Who sends referrals.
Sender = Annotated[Caller, Depends(allow("agency-system", "referrer", "caseworker"))]
#: Who reads referrals and cases, as far as they take part.
Reader = Annotated[
    Caller,
    Depends(
        allow(
            "agency-system", "referrer", "caseworker", "cluster-lead", "adviser", "data-protection-officer", "service"
        )
    ),
]
#: Who works cases.
Worker = Annotated[Caller, Depends(allow("caseworker", "cluster-lead", "adviser"))]
#: Who sits at the intake desk, if their organisation has it.
Desk = Annotated[Caller, Depends(allow("caseworker"))]

Id = Annotated[str, Path(pattern=_ID)]
OptionalId = Annotated[str | None, Query(pattern=_ID)]
OptionalWord = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$")]
OptionalLine = Annotated[Line | None, Query(max_length=100)]
DryRun = Annotated[bool, Query()]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=600)]


def settings(request: Request) -> Settings:
    """What is set of this service."""
    known = runtime(request).settings
    return known if isinstance(known, Settings) else Settings(**known.model_dump(exclude_unset=True))


def at_the_desk(request: Request, caller: Caller) -> None:
    """Raises `NotFound` unless the caller sits at the intake desk: for others its queue does not exist."""
    if not is_intake(caller, settings(request).intake_organisation):
        raise nothing()


def is_the_officer(request: Request, caller: Caller) -> bool:
    """Whether the caller is the council's data protection officer."""
    return is_officer(caller, settings(request).intake_organisation)


def optional_key(request: Request, caller: Caller, digest: bytes) -> IdempotencyKey | None:
    """The Idempotency-Key of a change, which is safe to repeat without: If-Match sees to it."""
    if "idempotency-key" not in request.headers:
        return None
    return idempotency_key(request, caller, digest)


def position(
    request: Request, caller: Caller, cursor: str | None, *kinds: Callable[[Any], Any]
) -> tuple[Any, ...] | None:
    """What a cursor stands for. Raises `Malformed` unless it was made for a list of this kind."""
    if cursor is None:
        return None
    values = runtime(request).cursors.decode(caller, cursor)
    try:
        return tuple(kind(value) for kind, value in zip(kinds, values, strict=True))
    except (ValueError, TypeError) as error:
        raise Malformed("The cursor is not one of ours.", pointer="/query/cursor") from error


def page(
    request: Request,
    caller: Caller,
    rows: Sequence[Row],
    limit: int,
    *,
    show: Callable[[Row], Row],
    at: Callable[[Row], Sequence[str | int]],
) -> Response:
    """A page of a list that was asked for with one row more than fits."""
    last = rows[limit - 1] if len(rows) > limit else None
    following = runtime(request).cursors.encode(caller, *at(last)) if last is not None else None
    return json_response({"items": [show(row) for row in rows[:limit]], "next": following})


def instant_of(text: Any) -> datetime:
    """A cursor's time. Raises `ValueError` for anything else."""
    return datetime.fromisoformat(str(text))


def note_read(
    request: Request,
    tx: Tx,
    caller: Caller,
    *,
    what: str,
    what_id: str,
    case_id: str | None = None,
    reason: str | None = None,
) -> None:
    """Audit that somebody reads."""
    tx.audit(
        action="read",
        what=what,
        what_id=what_id,
        caller=caller,
        case_id=case_id,
        reason=reason,
        correlation_id=cause(request).correlation_id,
    )


def utc(at: datetime | None) -> datetime | None:
    """A moment as somebody wrote it, in UTC."""
    return None if at is None else at.astimezone(UTC)


def returned(outcome: R | Refusal) -> R:
    """What a handler gave back outside a batch. Raises its refusal."""
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody sees of a case."""

    case: CaseFile
    #: Whether they work it.
    works: bool
    #: Why they read it from outside their team; None: they need no leave.
    asked_for: str | None = None

    @property
    def reads_all(self) -> bool:
        """Whether they read what every sender said."""
        return self.works or self.asked_for is not None


async def sight(tx: Tx, caller: Caller, case_id: str) -> Sight:
    """A case that the caller may know of, or has said why they must read. Raises `NotFound`."""
    case = (await tx.cases.load([case_id])).get(case_id)
    if case is None or case.status is CaseStatus.ERASED:
        raise nothing()
    if sees_case(caller, present(case.participants), case.assignment.cluster_id):
        return Sight(case, works_case(caller, case.participants, case.assignment.cluster_id))
    return Sight(case, works=False, asked_for=await asked_to_see(tx, caller, case_id))


async def seen_referral(tx: Tx, caller: Caller, referral_id: str) -> tuple[File, str | None]:
    """A referral that the caller may read, and why from outside (None: they need no leave). Raises `NotFound`."""
    file = (await files.read([referral_id], tx)).get(referral_id)
    if file is None:
        raise nothing()
    return file, None if file.exists_for(caller) else await asked_to_see(tx, caller, file.case.case_id)


def child_for(file: File, caller: Caller) -> Mapping[str, Any]:
    """What the caller may read of the child of a referral that they may read."""
    child: Mapping[str, Any] = file.referral.content["child"]
    if file.is_of(caller):
        return child
    return shown(child, numbers=identifiers(caller), whereabouts=sees_restricted_address(caller, own=False))


def whom_to_call(request: Request) -> dict[str, Any]:
    """Whom to call when a child is in danger: the council's own setting, else what the data says today."""
    known = front_door(day_of(runtime(request).clock.now()))
    own = settings(request)
    return {
        "name": own.front_door_name or known["name"],
        "telephone": own.front_door_telephone or known["telephone"],
        "hours": own.front_door_hours or known["hours"],
        "advice": known["advice"],
    }


async def asked_to_see(tx: Tx, caller: Caller, case_id: str) -> str:
    """Why the caller reads this case from outside. Raises `NotFound` unless they have asked, and not long ago."""
    reasons = await tx.grants.standing([case_id], subject=caller.subject, organisation=caller.organisation)
    if case_id not in reasons:
        raise nothing()
    return reasons[case_id]
