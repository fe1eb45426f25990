"""What people decide about a case: take it on, give it back, place it elsewhere, hand it over."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.clock import new_id
from chassis.deadlines import Due
from chassis.errors import Forbidden, Invalid, NotFound, PreconditionFailed, Refusal

from cluster_router.domain.assignment import (
    Change,
    Handover,
    accept,
    accept_handover,
    end_handover,
    give_back,
    offer,
    override,
)
from cluster_router.domain.decision import Decision
from cluster_router.domain.decision import override as decide_override
from cluster_router.handlers.routing import Desk, look_at_the_queue
from cluster_router.policy import WORDING, overrides, sees, works_for
from cluster_router.store import CaseFile, Tx


class NoSuchCluster(Invalid):
    """The cluster named does not exist."""

    code = "no-such-cluster"


class NoSuchReason(Invalid):
    """The reason given is not one that people may give."""

    code = "no-such-reason"


@dataclass(frozen=True, slots=True)
class Act:
    """What a person asks for. `version` is the one they read; `cluster` and `reason` where the act names them."""

    case_id: str
    version: int
    caller: Caller
    cause: Cause
    cluster: str = ""
    reason: str = ""


#: One act on one case: what it makes of the case, with the decision that it stands for, if it is one.
_Step = Callable[[Desk, CaseFile, Act], Awaitable[tuple[Change, Decision | None]]]


async def accept_cases(acts: Sequence[Act], tx: Tx) -> Sequence[CaseFile | Refusal]:
    """The cluster takes the case on."""

    async def step(desk: Desk, case: CaseFile, act: Act) -> tuple[Change, Decision | None]:
        _decides_for(act, case.assignment.cluster)
        return accept(case.assignment, desk.organisations, by=act.caller.subject), None

    return await _perform(acts, tx, step)


async def return_cases(acts: Sequence[Act], tx: Tx) -> Sequence[CaseFile | Refusal]:
    """The cluster gives the case back, with a reason."""

    async def step(_: Desk, case: CaseFile, act: Act) -> tuple[Change, Decision | None]:
        _decides_for(act, case.assignment.cluster)
        return give_back(case.assignment, by=act.caller.subject, reason=_reason(act)), None

    outcomes = await _perform(acts, tx, step)
    if any(not isinstance(outcome, Refusal) for outcome in outcomes):
        await look_at_the_queue(tx, acts[0].cause)
    return outcomes


async def override_cases(acts: Sequence[Act], tx: Tx) -> Sequence[CaseFile | Refusal]:
    """A person places the case, with a reason; a hard capacity binds people too."""

    async def step(desk: Desk, case: CaseFile, act: Act) -> tuple[Change, Decision | None]:
        if not overrides(act.caller, case.assignment):
            raise Forbidden(
                "Only the intake desk, or the lead of the cluster that holds the case, may place it elsewhere."
            )
        cluster, reason = _cluster(desk, act), _reason(act)
        ruled = desk.decide(case)
        decided = decide_override(ruled.number, ruled, cluster, by=act.caller.subject, reason=reason)
        return override(case.assignment, decided, desk.organisations, by=act.caller.subject), decided

    return await _perform(acts, tx, step)


async def offer_handovers(acts: Sequence[Act], tx: Tx) -> Sequence[CaseFile | Refusal]:
    """The holder offers the case to another cluster."""

    async def step(desk: Desk, case: CaseFile, act: Act) -> tuple[Change, Decision | None]:
        _decides_for(act, case.assignment.cluster)
        answer_by = tx.now + timedelta(days=desk.county.rules.answer_within_days)
        handover = Handover(new_id(), _cluster(desk, act), _reason(act), answer_by, act.caller.subject)
        return offer(case.assignment, handover), None

    return await _perform(acts, tx, step)


async def accept_handovers(acts: Sequence[Act], tx: Tx) -> Sequence[CaseFile | Refusal]:
    """The receiving cluster takes the case over."""

    async def step(desk: Desk, case: CaseFile, act: Act) -> tuple[Change, Decision | None]:
        _decides_for(act, case.assignment.handover.to_cluster if case.assignment.handover else None)
        return accept_handover(case.assignment, desk.organisations, by=act.caller.subject), None

    return await _perform(acts, tx, step)


async def decline_handovers(acts: Sequence[Act], tx: Tx) -> Sequence[CaseFile | Refusal]:
    """The receiving cluster declines, or the sender thinks better of it."""

    async def step(_: Desk, case: CaseFile, act: Act) -> tuple[Change, Decision | None]:
        offered_to = case.assignment.handover.to_cluster if case.assignment.handover else None
        if not works_for(act.caller, case.assignment.cluster):
            _decides_for(act, offered_to)
        return end_handover(case.assignment), None

    return await _perform(acts, tx, step)


async def lapse_handovers(due: Sequence[Due], tx: Tx) -> None:
    """Nobody took the case in time: the sender keeps it and is told."""
    desk = await Desk.open(tx)
    cases = await tx.cases.find([one.subject for one in due], lock=True)
    for one in due:
        case = cases.get(one.subject)
        current = case.assignment.handover if case else None
        if case is not None and current is not None and current.id == one.payload["handover"]:
            desk.take(case, end_handover(case.assignment), None, one.cause)
    await desk.close()


async def _perform(acts: Sequence[Act], tx: Tx, step: _Step) -> Sequence[CaseFile | Refusal]:
    """Each act on its case, in turn, under the county's lock; a refusal is that act's own."""
    await tx.lock_subjects(act.case_id for act in acts)
    desk = await Desk.open(tx)
    cases = await tx.cases.find([act.case_id for act in acts], lock=True)
    participants = await tx.cases.organisations(cases, tx.now.date())
    outcomes: list[str | Refusal] = []
    for act in acts:
        case = desk.changed.get(act.case_id) or cases.get(act.case_id)
        try:
            if case is None or not sees(act.caller, case.assignment, participants.get(act.case_id, ())):
                raise NotFound
            if case.version != act.version or case.id in desk.changed:
                raise PreconditionFailed
            change, decided = await step(desk, case, act)
            desk.take(case, change, decided, act.cause)
            await desk.keep_time(case.assignment, change.assignment, act.cause)
        except Refusal as refusal:
            outcomes.append(refusal)
        else:
            outcomes.append(case.id)
    await desk.close()
    after = await tx.cases.find([outcome for outcome in outcomes if isinstance(outcome, str)])
    return [outcome if isinstance(outcome, Refusal) else after[outcome] for outcome in outcomes]


def _decides_for(act: Act, cluster: str | None) -> None:
    if not works_for(act.caller, cluster):
        raise Forbidden("Only the people of that cluster may do this.")


def _cluster(desk: Desk, act: Act) -> str:
    if act.cluster not in desk.county.clusters:
        raise NoSuchCluster("There is no such cluster.", pointer="/cluster_id")
    return act.cluster


def _reason(act: Act) -> str:
    if act.reason not in WORDING.person:
        raise NoSuchReason(f"The reason must be one of: {', '.join(sorted(WORDING.person))}.", pointer="/reason")
    return act.reason
