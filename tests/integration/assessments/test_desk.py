"""The desk: what is refused leaves no trace, and whose calendar counts."""

from collections.abc import Sequence
from datetime import date

from assessments.handlers.acts import Act, perform
from assessments.handlers.desk import Desk
from assessments.store import CaseFile, Tx
from chassis.auth import Caller
from chassis.cause import Cause
from chassis.errors import Conflict
from integration.assessments.county import a_case
from schemas.assessment import ViewsRecorded
from schemas.days import Calendar
from schemas.directory import CalendarChanged, Span
from support.service import Served

TEAM = Caller("team", "team", "school-100001", "education", frozenset({"caseworker"}), frozenset({"north"}))


async def test_an_act_that_is_refused_half_way_leaves_no_trace(service: Served) -> None:
    case = await a_case(service)
    before = await service.said()

    def step(desk: Desk, file: CaseFile, act: Act) -> str:
        [one, *_] = desk.work.assessments.values()
        desk.say(
            [
                ViewsRecorded(
                    case_id=file.id,
                    assessment_id=one.id,
                    answer_id=act.said,
                    of="child",
                    method="online",
                    asked_on=desk.today,
                )
            ],
            act.cause,
        )
        if act.said == "no":
            raise Conflict("Not now.")
        return str(act.said)

    async def both(tx: Tx) -> Sequence[object]:
        acts = [Act(case, TEAM, Cause.fresh(), said=said) for said in ("no", "yes")]
        return await perform(acts, tx, step, what="assessment", action="tried")

    async with service.runtime.transaction() as tx:
        refused, done = await both(tx)
    assert isinstance(refused, Conflict)
    assert done == "yes"
    [said] = (await service.said())[len(before) :]
    assert isinstance(said, ViewsRecorded)
    assert said.answer_id == "yes"
    assert len(await service.rows("SELECT 1 FROM audit WHERE action = 'tried'")) == 1


async def test_the_schools_own_calendar_counts_then_the_countys_then_the_usual_week(service: Served) -> None:
    case = await a_case(service)
    inset = date(2027, 1, 4)

    async def calendar() -> Calendar:
        async with service.runtime.transaction() as tx:
            desk = await Desk.open(tx, [case])
            return desk.calendar(desk.cases[case])

    def said(id: str, *closures: date) -> CalendarChanged:
        term = Span(first=date(2027, 1, 4), last=date(2027, 2, 12))
        return CalendarChanged(calendar_id=id, terms=(term,), closures=closures)

    assert (await calendar()).is_assumed(inset)
    await service.hear(said("county"), said("999999", inset))
    assert (await calendar()).is_school_day(inset)
    await service.hear(said("100002", inset))
    assert not (await calendar()).is_school_day(inset)
    assert (await calendar()).school_days_after(date(2027, 1, 3), 1) == date(2027, 1, 5)
