"""Referrals as they arrive: whose each is, which case it joins or opens, and what others hear of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.clock import new_id
from chassis.errors import Refusal

from referral_api.domain.case_file import CaseFile, Referral
from referral_api.domain.circumstances import home_of
from referral_api.domain.content import Flaw, child_of, flaws, tidied
from referral_api.domain.lifecycle import CaseStatus
from referral_api.domain.matching import Arrival, Belonging, Question, settle
from referral_api.domain.references import case_id_from, reference_from
from referral_api.domain.school_years import day_of
from referral_api.handlers.refusals import UnfitReferral
from referral_api.store import Tx
from referral_api.store.dated import identity_rules, limits
from referral_api.store.identities import NewQuestion


@dataclass(frozen=True, slots=True)
class SubmitReferral:
    """An agency asks for help for a child."""

    referral_id: str
    content: dict[str, Any]
    #: The organisation of the intake desk.
    intake: str
    caller: Caller
    cause: Cause


@dataclass(frozen=True, slots=True)
class Submitted:
    """A referral that was taken, and the case it belongs to."""

    referral: Referral
    reference: str
    #: Referrals of the same child by the same organisation that still ask for help.
    repeats: tuple[str, ...]


@dataclass(slots=True)
class _Fit:
    """A command whose content makes sense."""

    number: int
    command: SubmitReferral
    content: dict[str, Any]
    arrival: Arrival = field(init=False)


async def submit_referrals(commands: Sequence[SubmitReferral], tx: Tx) -> Sequence[Submitted | Refusal]:
    """Take a batch of referrals with a fixed number of statements.

    The answer says nothing of whether the child was known: a second agency must not learn it from a referral.
    """
    outcomes: dict[int, Submitted | Refusal] = {}
    fit: list[_Fit] = []
    today = day_of(tx.now)
    for number, command in enumerate(commands):
        content, wrong = checked(command.content, tx)
        if wrong:
            outcomes[number] = UnfitReferral(wrong)
        else:
            fit.append(_Fit(number, command, content))
    if fit:
        rules = identity_rules(today)
        for each in fit:
            each.arrival = Arrival.of(each.command.referral_id, child_of(each.content), rules, new_child_id=new_id())
        prints = {number for each in fit for number in each.arrival.fingerprints}
        await tx.identities.lock(prints)
        belongings = settle([each.arrival for each in fit], await tx.identities.known(prints, rules))
        for each, submitted in zip(fit, await _take(fit, belongings, tx), strict=True):
            outcomes[each.number] = submitted
    return [outcomes[number] for number in range(len(commands))]


def checked(content: dict[str, Any], tx: Tx) -> tuple[dict[str, Any], list[Flaw]]:
    """The content with identifiers in their one form, and what is wrong with it today."""
    today = day_of(tx.now)
    clean = tidied(content)
    return clean, flaws(clean, on=today, limits=limits(today))


async def _take(fit: Sequence[_Fit], belongings: Sequence[Belonging], tx: Tx) -> list[Submitted]:
    squares = await tx.places.squares([code for each in fit if (code := each.content["child"].get("postcode"))])
    known = {one.child_id for one in belongings if one.matched} - {each.arrival.new_child_id for each in fit}
    before = await tx.cases.locked(set((await tx.cases.open_of(known)).values()) if known else set())
    # A case may have ended between the look and the lock; then the child gets its next one.
    cases = {case.child_id: case for case in before.values() if case.status is CaseStatus.OPEN}
    references = await _references(sum(1 for _ in _new_children(belongings, set(cases))), tx)
    opened: list[CaseFile] = []
    taken: list[Submitted] = []
    for each, one in zip(fit, belongings, strict=True):
        command = each.command
        square = squares.get(each.content["child"].get("postcode") or "")
        referral = Referral(
            referral_id=command.referral_id,
            case_id="",
            child_id=one.child_id,
            organisation_id=command.caller.organisation,
            sector=command.caller.sector,
            content=each.content,
            home=home_of(each.content, square),
            submitted_at=tx.now,
            said_at=tx.now,
            submitted_by=command.caller.subject,
        )
        case = cases.get(one.child_id)
        repeats: tuple[str, ...] = ()
        if case is None:
            referral.case_id, reference = references.pop()
            case = CaseFile.opened(referral, reference=reference, intake=command.intake, at=tx.now)
            cases[one.child_id] = case
            opened.append(case)
        else:
            repeats = tuple(
                other.referral_id
                for other in case.referrals
                if other.active and other.organisation_id == referral.organisation_id
            )
            case.take(referral, matched_by=one.matched.by if one.matched else "exact", at=tx.now)
        for event in case.told():
            tx.emit(event, cause=command.cause)
        tx.audit(
            action="created",
            what="referral",
            what_id=referral.referral_id,
            caller=command.caller,
            case_id=case.case_id,
            correlation_id=command.cause.correlation_id,
        )
        taken.append(Submitted(referral, case.reference, repeats))
    await tx.cases.save([case for case in before.values() if case.touched])
    await tx.cases.add(opened)
    await tx.identities.add({each.command.referral_id: each.arrival.fingerprints for each in fit})
    await ask([question for one in belongings for question in one.questions], tx)
    return taken


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
