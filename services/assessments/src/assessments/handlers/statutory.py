"""What the law asks for: a request for an assessment, the steps of its process, exceptions of its clocks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from chassis.cause import Cause
from chassis.clock import new_id
from chassis.errors import NotFound

from assessments.domain import clocks as ticking
from assessments.domain import statutory
from assessments.domain.clocks import Clock, Excuse
from assessments.domain.statutory import Request, Step
from assessments.handlers import casework
from assessments.handlers.acts import ASSESSMENT, Act, perform, unchanged
from assessments.handlers.assessments import find, past
from assessments.handlers.desk import Desk, saved
from assessments.policy import LIMITS, asking_of, check_code, process_of
from assessments.store import CaseFile, Tx

REQUEST: Final = "request"
CLOCK: Final = "clock"


@dataclass(frozen=True, slots=True)
class NewRequest:
    """Who asks the council to assess, and when the council received it."""

    asked_by: str
    received_on: date


@dataclass(frozen=True, slots=True)
class NextStep:
    """A step of the process, on a day. `of`: the assessment or the case of the request, as it was named."""

    of: str
    step: str
    on: date
    #: Which of several days of the year a clock is for, such as `post-16`.
    variant: str = ""


@dataclass(frozen=True, slots=True)
class Excepted:
    """An exception of the law, with what shows that it is true."""

    exception: str
    since: date
    until: date | None
    evidence: str


async def open_requests(acts: Sequence[Act], tx: Tx) -> Sequence[object]:
    """The council received a request: the clocks run from that day."""

    def step(desk: Desk, case: CaseFile, act: Act) -> Request:
        said: NewRequest = act.said
        past(desk, said.received_on, "/received_on")
        if any(one.is_open for one in desk.requests_of(case.id)):
            raise statutory.RequestOpen("The case has a request that is not over.")
        request = Request(
            id=new_id(),
            case_id=case.id,
            assessment_id=find(desk, case, act).id,
            asked_by=said.asked_by,
            received_on=said.received_on,
        )
        desk.keep_request(request)
        for kind in process_of(said.received_on).opens:
            _start(desk, request, kind, said.received_on, act.cause)
        return saved(request)

    return await perform(acts, tx, step, what=ASSESSMENT, action="statutory-request-received")


async def take_steps(acts: Sequence[Act], tx: Tx) -> Sequence[object]:
    """A decision, a draft, a plan, a meeting: what it was waited for is met, and what follows starts."""

    def step(desk: Desk, _: CaseFile, act: Act) -> Request:
        said: NextStep = act.said
        request = desk.work.requests[act.id]
        if said.of not in {request.assessment_id, request.case_id}:
            raise NotFound
        unchanged(desk, request, act)
        past(desk, said.on, "/on")
        # The table of the day on which it was asked for: a change of the law does not change what runs.
        row = process_of(request.received_on).step(said.step)
        taken = statutory.take(request, row, desk.clocks_about(request.id), on=said.on, by=act.caller.subject)
        desk.keep_request(taken)
        _apply(desk, taken, row, said, act.cause)
        return saved(taken)

    return await perform(acts, tx, step, what=REQUEST, action="statutory-step", asking=True)


def _apply(desk: Desk, request: Request, row: Step, said: NextStep, cause: Cause) -> None:
    case = desk.cases[request.case_id]
    casework.meet_clocks(desk, case.id, request.id, said.on, cause, kinds=row.meets)
    for kind, reason in row.cancels.items():
        casework.cancel_clocks(desk, case.id, reason, cause, about=request.id, kinds=(kind,))
    if row.cancels_all is not None:
        casework.cancel_clocks(desk, case.id, row.cancels_all, cause, about=request.id)
        for advice in desk.advice_of(case.id):
            if advice.is_open and advice.statutory:
                casework.cancel_advice(desk, advice, "not-needed", cause)
    for kind in row.starts:
        _start(desk, request, kind, said.on, cause, variant=said.variant)
    if row.asks:
        _ask(desk, case, request, cause)


def _ask(desk: Desk, case: CaseFile, request: Request, cause: Cause) -> None:
    """Whoever the law names is asked, but for those who are being asked already."""
    assessment = desk.work.assessments[request.assessment_id]
    asked = {one.discipline for one in desk.advice_of(case.id) if one.is_open}
    for discipline in asking_of(desk.today).statutory:
        if discipline not in asked:
            casework.ask(desk, case, assessment, discipline, cause, statutory=True)


def _start(desk: Desk, request: Request, kind: str, on: date, cause: Cause, *, variant: str = "") -> None:
    casework.start_clock(
        desk,
        desk.cases[request.case_id],
        kind,
        on,
        cause,
        about=request.id,
        assessment_id=request.assessment_id,
        variant=variant,
    )


async def except_clocks(acts: Sequence[Act], tx: Tx) -> Sequence[object]:
    """An exception of the law is recorded with its evidence; the clock goes on."""

    def step(desk: Desk, case: CaseFile, act: Act) -> Clock:
        said: Excepted = act.said
        clock = desk.work.clocks[act.id]
        check_code("clock-exceptions", said.exception, on=desk.today, pointer="/exception")
        told = ticking.except_(clock, Excuse(said.exception, said.since, said.until), LIMITS)
        desk.keep_clock(told, act.cause)
        desk.work.evidence.append(
            {
                "id": new_id(),
                "clock_id": clock.id,
                "case_id": case.id,
                "exception": said.exception,
                "recorded_by": act.caller.subject,
                "recorded_at": tx.now,
                "evidence": said.evidence,
            }
        )
        return saved(told.clock)

    return await perform(acts, tx, step, what=CLOCK, action="exception-recorded")
