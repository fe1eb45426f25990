"""The desk at which every change to a case's work is made: under the lock of the case, written together at the end."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final, TypeVar

from chassis.cause import Cause
from chassis.errors import Refusal
from schemas.assessment import AssessmentEvent
from schemas.days import Calendar

from assessments.domain.advice import Advice
from assessments.domain.asking import Organisation
from assessments.domain.assessment import Assessment
from assessments.domain.basis import Basis
from assessments.domain.clocks import Clock, Told, next_tick
from assessments.domain.days import day_of
from assessments.domain.limits import Limit
from assessments.domain.plans import Plan
from assessments.domain.statutory import Request
from assessments.policy import LIMITS, Standing, asking_of
from assessments.store import CaseFile, Tx
from assessments.store.county import COUNTY
from assessments.store.texts import View

W = TypeVar("W", Assessment, Advice, Plan, Request, Clock)

#: The deadline of a case's clocks: the next day that makes something of one of them.
CLOCKS: Final = "clocks"


@dataclass
class Work:
    """What is known and changed of some cases; copied, so that a refused act leaves no trace."""

    assessments: dict[str, Assessment] = field(default_factory=dict)
    advice: dict[str, Advice] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    requests: dict[str, Request] = field(default_factory=dict)
    clocks: dict[str, Clock] = field(default_factory=dict)
    #: Ids of what changed.
    changed: set[str] = field(default_factory=set)
    events: list[tuple[AssessmentEvent, Cause]] = field(default_factory=list)
    #: The last thing that changed the clocks of a case.
    timed: dict[str, Cause] = field(default_factory=dict)
    questions: list[tuple[str, str, str]] = field(default_factory=list)
    answers: list[tuple[str, str, str, str]] = field(default_factory=list)
    views: list[View] = field(default_factory=list)
    plan_texts: list[dict[str, Any]] = field(default_factory=list)
    evidence: list[dict[str, Any]] = field(default_factory=list)
    links: list[dict[str, Any]] = field(default_factory=list)
    #: Advice whose links open no longer.
    answered: list[str] = field(default_factory=list)

    def copy(self) -> "Work":
        """The same, apart."""
        return Work(**{name: getattr(self, name).copy() for name in self.__dataclass_fields__})


@dataclass
class Desk:
    """Some cases with all that is done about them, for one transaction."""

    tx: Tx
    today: date
    cases: dict[str, CaseFile]
    participants: dict[str, set[tuple[str, str]]]
    calendars: dict[str, Calendar]
    work: Work
    #: What each case rests on.
    bases: Mapping[str, Sequence[Basis]] = field(default_factory=dict)
    organisations: Sequence[Organisation] = ()
    schools: dict[str, str] = field(default_factory=dict)

    @staticmethod
    async def open(tx: Tx, cases: Collection[str], *, asking: bool = False, files: bool = False) -> "Desk":
        """Lock the cases, then read them.

        `asking`: also whom their advice could be asked of. `files`: what others said of them will be changed too.
        """
        ids = sorted(set(cases))
        await tx.lock_subjects(ids)
        today = day_of(tx.now)
        known = await tx.county.cases(ids, lock=files)
        urns = {case.school_urn for case in known.values() if case.school_urn is not None}
        desk = Desk(
            tx,
            today,
            known,
            await tx.county.participants(ids, today),
            await tx.county.calendars(urns),
            Work(
                assessments={one.id: one for one in await tx.casework.assessments(ids)},
                advice={one.id: one for one in await tx.casework.advice(ids)},
                plans={one.id: one for one in await tx.casework.plans(ids)},
                requests={one.id: one for one in await tx.casework.requests(ids)},
                clocks={one.id: one for one in await tx.casework.clocks(ids)},
            ),
            await tx.county.bases(ids),
        )
        if asking:
            kinds = {kind for asked in asking_of(today).asked.values() for kind in asked.kinds}
            desk.organisations = await tx.county.organisations(kinds)
            desk.schools = await tx.county.schools(urns)
        return desk

    def standing(self, case: CaseFile) -> Standing:
        """A case as far as access goes."""
        return Standing(case.cluster_id, self.participants.get(case.id, set()))

    def calendar(self, case: CaseFile) -> Calendar:
        """The school's own calendar, or the county's, or the usual week."""
        return self.calendars.get(case.school_urn or "") or self.calendars.get(COUNTY) or Calendar()

    @contextmanager
    def trying(self, *, keep: bool = True) -> Iterator[None]:
        """What is done inside leaves no trace when it ends in a refusal, or is not to be kept."""
        before = self.work.copy()
        try:
            yield
        except Refusal:
            self.work = before
            raise
        if not keep:
            self.work = before

    def say(self, events: Sequence[AssessmentEvent], cause: Cause) -> None:
        """Facts, in their order."""
        self.work.events += [(event, cause) for event in events]

    def keep_assessment(self, one: Assessment) -> None:
        """An assessment as it now is."""
        self.work.assessments[one.id] = one
        self.work.changed.add(one.id)

    def keep_advice(self, one: Advice) -> None:
        """Advice as it now is."""
        self.work.advice[one.id] = one
        self.work.changed.add(one.id)

    def keep_plan(self, one: Plan) -> None:
        """A plan as it now is."""
        self.work.plans[one.id] = one
        self.work.changed.add(one.id)

    def keep_request(self, one: Request) -> None:
        """A statutory request as it now is."""
        self.work.requests[one.id] = one
        self.work.changed.add(one.id)

    def keep_clock(self, told: Told, cause: Cause) -> None:
        """A clock as it now is, and what is said about it."""
        before = self.work.clocks.get(told.clock.id)
        self.work.timed[told.clock.case_id] = cause
        if before != told.clock:
            self.work.clocks[told.clock.id] = told.clock
            self.work.changed.add(told.clock.id)
        self.say(told.events, cause)

    def limit_of(self, clock: Clock) -> Limit:
        """The rule that a clock was started under."""
        return LIMITS.limit(clock.kind, clock.rule_since)

    def open_assessment(self, case_id: str) -> Assessment | None:
        """The open assessment of a case."""
        return next((one for one in self.work.assessments.values() if one.case_id == case_id and one.is_open), None)

    def advice_of(self, case_id: str) -> list[Advice]:
        """The advice of a case."""
        return [one for one in self.work.advice.values() if one.case_id == case_id]

    def requests_of(self, case_id: str) -> list[Request]:
        """The statutory requests of a case."""
        return [one for one in self.work.requests.values() if one.case_id == case_id]

    def open_clocks(self, case_id: str, *, about: str | None = None) -> list[Clock]:
        """The clocks of a case, or of one thing in it, whose work is still to be done."""
        return [
            one
            for one in self.work.clocks.values()
            if one.case_id == case_id and one.is_open and about in {None, one.about}
        ]

    def clocks_about(self, about: str) -> list[Clock]:
        """Every clock of one thing."""
        return [one for one in self.work.clocks.values() if one.about == about]

    async def close(self) -> None:
        """Write what has changed, say it, and ask to be called when the next day of a clock comes."""
        work = self.work
        await self.tx.casework.save(
            assessments=[one for one in work.assessments.values() if one.id in work.changed],
            advice_=[one for one in work.advice.values() if one.id in work.changed],
            plans=[one for one in work.plans.values() if one.id in work.changed],
            requests=[one for one in work.requests.values() if one.id in work.changed],
            clocks=[one for one in work.clocks.values() if one.id in work.changed],
        )
        await self.tx.texts.ask(work.questions)
        await self.tx.texts.answer(work.answers)
        await self.tx.texts.save_views(work.views)
        await self.tx.texts.write_plans(work.plan_texts)
        await self.tx.texts.save_evidence(work.evidence)
        await self.tx.texts.make_links(work.links)
        if work.answered:
            await self.tx.texts.end_links(work.answered)
        for event, cause in work.events:
            self.tx.emit(event, cause)
        for case_id, cause in work.timed.items():
            await self._wind(case_id, cause)

    async def _wind(self, case_id: str, cause: Cause) -> None:
        ticks = [
            tick
            for clock in self.open_clocks(case_id)
            if (tick := next_tick(clock, self.limit_of(clock), hour=LIMITS.tell_at_hour)) is not None
        ]
        if ticks:
            await self.tx.set_deadline(CLOCKS, case_id, min(ticks), cause=cause)
        else:
            await self.tx.cancel_deadline(CLOCKS, case_id)


def saved(one: W) -> W:
    """A thing at the version that it is written with."""
    return replace(one, version=one.version + 1)
