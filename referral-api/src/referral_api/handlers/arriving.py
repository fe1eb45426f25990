"""What arrives about a child, referral or notice: recognised, put into its case, or given a case of its own."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.clock import new_id

from referral_api.domain.case_file import CaseFile, Referral
from referral_api.domain.circumstances import home_of
from referral_api.domain.content import child_of
from referral_api.domain.exclusions import REFERRAL
from referral_api.domain.identity import Rules
from referral_api.domain.lifecycle import CaseStatus
from referral_api.domain.matching import Arrival, Belonging, Question, settle
from referral_api.domain.references import case_id_from, reference_from
from referral_api.store import Tx
from referral_api.store.identities import NewQuestion


@dataclass(slots=True)
class Incoming:
    """What an agency sent, with content that makes sense."""

    referral_id: str
    content: dict[str, Any]
    #: The organisation of the intake desk.
    intake: str
    caller: Caller
    cause: Cause
    rules: Rules
    kind: str = REFERRAL
    arrival: Arrival = field(init=False)

    def __post_init__(self) -> None:
        """Make the description ready to be looked up and compared."""
        child = child_of(self.content)
        self.arrival = Arrival.of(self.referral_id, child, self.rules, new_child_id=new_id())


@dataclass(frozen=True, slots=True)
class Placed:
    """What arrived, in its case."""

    referral: Referral
    case: CaseFile
    #: Referrals of the same child by the same organisation that still ask for help.
    repeats: tuple[str, ...]


async def lock(incoming: Sequence[Incoming], tx: Tx, *, also: Iterable[int] = ()) -> None:
    """Keep everybody else from deciding about these children; `also` are further locks, taken in the same order."""
    await tx.identities.lock([*also, *(number for each in incoming for number in each.arrival.fingerprints)])


async def place(incoming: Sequence[Incoming], tx: Tx) -> list[Placed]:
    """Put each into the case of its child; all are locked. What happens is told, in order."""
    if not incoming:
        return []
    prints = {number for each in incoming for number in each.arrival.fingerprints}
    known = await tx.identities.known(prints, incoming[0].rules)
    return await _take(incoming, settle([each.arrival for each in incoming], known), tx)


async def _take(incoming: Sequence[Incoming], belongings: Sequence[Belonging], tx: Tx) -> list[Placed]:
    squares = await tx.places.squares([code for each in incoming if (code := each.content["child"].get("postcode"))])
    known = {one.child_id for one in belongings if one.matched} - {each.arrival.new_child_id for each in incoming}
    before = await tx.cases.locked(set((await tx.cases.open_of(known)).values()) if known else set())
    # A case may have ended between the look and the lock; then the child gets its next one.
    cases = {case.child_id: case for case in before.values() if case.status is CaseStatus.OPEN}
    references = await _references(sum(1 for _ in _new_children(belongings, set(cases))), tx)
    opened: list[CaseFile] = []
    placed: list[Placed] = []
    for each, one in zip(incoming, belongings, strict=True):
        referral = _referral(each, one.child_id, squares.get(each.content["child"].get("postcode") or ""), tx)
        case = cases.get(one.child_id)
        repeats: tuple[str, ...] = ()
        if case is None:
            referral.case_id, reference = references.pop()
            case = CaseFile.opened(referral, reference=reference, intake=each.intake, at=tx.now)
            cases[one.child_id] = case
            opened.append(case)
        else:
            repeats = _repeats(case, referral)
            case.take(referral, matched_by=one.matched.by if one.matched else "exact", at=tx.now)
        for event in case.told():
            tx.emit(event, cause=each.cause)
        tx.audit(
            action="created",
            what=each.kind,
            what_id=referral.referral_id,
            caller=each.caller,
            case_id=case.case_id,
            correlation_id=each.cause.correlation_id,
        )
        placed.append(Placed(referral, case, repeats))
    await tx.cases.save([case for case in before.values() if case.touched])
    await tx.cases.add(opened)
    await tx.identities.add({each.referral_id: each.arrival.fingerprints for each in incoming})
    await ask([question for one in belongings for question in one.questions], tx)
    return placed


def _referral(each: Incoming, child_id: str, square: tuple[int, int] | None, tx: Tx) -> Referral:
    return Referral(
        referral_id=each.referral_id,
        case_id="",
        child_id=child_id,
        organisation_id=each.caller.organisation,
        sector=each.caller.sector,
        content=each.content,
        home=home_of(each.content, square),
        submitted_at=tx.now,
        said_at=tx.now,
        submitted_by=each.caller.subject,
        kind=each.kind,
    )


def _repeats(case: CaseFile, referral: Referral) -> tuple[str, ...]:
    return tuple(
        other.referral_id
        for other in case.referrals
        if other.active and (other.organisation_id, other.kind) == (referral.organisation_id, referral.kind)
    )


async def ask(questions: Sequence[Question], tx: Tx) -> None:
    """Put these before the intake desk."""
    await tx.identities.ask(
        [
            NewQuestion(
                match_id=new_id(),
                child_id=question.child_id,
                other_child_id=question.other_child_id,
                matched_by=question.likeness.by,
                weight=question.likeness.weight,
                levels=question.likeness.levels,
            )
            for question in questions
        ],
        at=tx.now,
    )


def _new_children(belongings: Sequence[Belonging], known: set[str]) -> Iterator[str]:
    for one in belongings:
        if one.child_id not in known:
            known.add(one.child_id)
            yield one.child_id


async def _references(count: int, tx: Tx) -> list[tuple[str, str]]:
    """Ids and references for so many new cases; a reference that is taken gives way to the next attempt's."""
    ids = [case_id_from(new_id()) for _ in range(count)]
    made = {case_id: reference_from(case_id) for case_id in ids}
    taken = await tx.cases.taken_references(made.values()) if made else set()
    attempt = 0
    while clashes := [case_id for case_id, reference in made.items() if reference in taken]:
        attempt += 1
        made |= {case_id: reference_from(case_id, attempt=attempt) for case_id in clashes}
        taken = await tx.cases.taken_references([made[case_id] for case_id in clashes])
    return list(made.items())


async def new_case(tx: Tx) -> tuple[str, str]:
    """The id and the reference of one new case."""
    ((case_id, reference),) = await _references(1, tx)
    return case_id, reference
