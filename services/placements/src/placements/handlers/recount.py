"""Counting a child's exclusions anew after any change to them: totals, duties and risk, each said when it differs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final

from chassis.cause import Cause
from chassis.clock import new_id
from schemas.days import school_year
from schemas.placement import (
    DutyBreached,
    DutyCancelled,
    DutyDueSoon,
    DutyStarted,
    ExclusionReported,
    RiskRaised,
)

from placements.domain.cases import Case
from placements.domain.days import Calendars, day_of, start_of
from placements.domain.duties import (
    GOVERNORS,
    GOVERNORS_ASKED,
    LIMIT,
    PENDING,
    Duty,
    DutyState,
    Law,
    Wanted,
    soon_days,
    wanted,
)
from placements.domain.exclusions import Counted, Exclusion, count
from placements.domain.placements import Placement
from placements.domain.risk import Risk, Signs, is_new, reasons
from placements.policy import duty_rules, risk_rules, tariff, terms
from placements.store import Tx
from placements.store.heard import council

#: Deadlines of a duty: it is due soon (subject `<duty>:<days left>`), its day has passed, its school year ends.
DUTY_SOON: Final = "duty-soon"
DUTY_PASSED: Final = "duty-passed"
YEAR_ENDED: Final = "suspension-year-ended"


@dataclass
class Recount:
    """What is known of some cases, and what comes of counting anew, for one transaction."""

    tx: Tx
    today: date
    law: Law
    cases: dict[str, Case]
    exclusions: dict[str, list[Exclusion]]
    duties: dict[str, list[Duty]]
    risks: dict[str, list[Risk]]
    broke_down: Mapping[str, date]
    #: Exclusions that are new or were changed, and so are said whatever they add up to.
    told: set[str] = field(default_factory=set)
    _exclusions: dict[str, Exclusion] = field(default_factory=dict)
    _duties: dict[str, Duty] = field(default_factory=dict)
    _risks: dict[str, Risk] = field(default_factory=dict)

    @staticmethod
    async def open(tx: Tx, case_ids: Collection[str]) -> "Recount":
        """Lock these cases, then read all that counts."""
        return await Recount._read(tx, case_ids, lock=True)

    @staticmethod
    async def read(tx: Tx, case_ids: Collection[str]) -> "Recount":
        """The same for looking only."""
        return await Recount._read(tx, case_ids, lock=False)

    @staticmethod
    async def _read(tx: Tx, case_ids: Collection[str], *, lock: bool) -> "Recount":
        ids = sorted(set(case_ids))
        cases = await tx.cases.find(ids, lock=lock)
        exclusions = await tx.exclusions.grouped("case_id", ids)
        duties, risks = await tx.duties.grouped("case_id", ids), await tx.risks.grouped("case_id", ids)
        ended = await tx.placements.where("case_id = ANY($1::text[]) AND ending = 'broke-down'", ids)
        schools = {one.school_urn for ones in exclusions.values() for one in ones}
        today = day_of(tx.now)
        law = Law(duty_rules, tariff(today), await tx.calendars.of(schools), await council(tx))
        return Recount(tx, today, law, cases, exclusions, duties, risks, _last_days(ended))

    async def school_calendars(self, schools: Collection[str]) -> None:
        """Know the calendars of these schools too: a first exclusion at a school brings it in."""
        known = {one.school_urn for ones in self.exclusions.values() for one in ones}
        self.law = replace(self.law, calendars=await self.tx.calendars.of(known | set(schools)))

    @property
    def calendars(self) -> Calendars:
        """School days."""
        return self.law.calendars

    def exclusion(self, case_id: str, id: str) -> Exclusion | None:
        """One of a case's exclusions as it now is."""
        return next((one for one in self.exclusions.get(case_id, ()) if one.id == id), None)

    def put(self, exclusion: Exclusion) -> None:
        """An exclusion is new or was changed: it will be said."""
        others = [one for one in self.exclusions.get(exclusion.case_id, ()) if one.id != exclusion.id]
        self.exclusions[exclusion.case_id] = [*others, exclusion]
        self._exclusions[exclusion.id] = exclusion
        self.told.add(exclusion.id)

    def take_out(self, exclusion: Exclusion) -> None:
        """An exclusion is its case's no longer."""
        of_case = self.exclusions[exclusion.case_id]
        self.exclusions[exclusion.case_id] = [one for one in of_case if one.id != exclusion.id]

    def counted(self, case_id: str) -> list[Counted]:
        """The exclusions of a case that stand, with what they add up to."""
        on = self.today
        return count(self.exclusions.get(case_id, ()), self.calendars, tariff(on), terms(on))

    async def settle(self, case_id: str, cause: Cause) -> None:
        """Count anew, keep and say what differs. A closed case has no duties and no risk any more."""
        counted = self.counted(case_id)
        for one in counted:
            self._say(one, cause)
        closed = self.cases[case_id].closed
        await self._settle_duties(case_id, {} if closed else wanted(counted, self.law), cause)
        if not closed:
            self._settle_risk(case_id, counted, cause)

    def _say(self, one: Counted, cause: Cause) -> None:
        exclusion, total = one.exclusion, one.total
        same = (exclusion.sessions_in_term, exclusion.sessions_in_year) == (total.in_term, total.in_year)
        if same and exclusion.id not in self.told:
            return
        now = replace(
            exclusion, sessions_in_term=total.in_term, sessions_in_year=total.in_year, version=exclusion.version + 1
        )
        self._exclusions[now.id] = now
        of_case = self.exclusions[now.case_id]
        of_case[of_case.index(exclusion)] = now
        event = ExclusionReported(
            case_id=now.case_id, exclusion_id=now.id, version=now.version, organisation_id=now.organisation_id,
            school_urn=now.school_urn, kind=now.kind, reasons=now.reasons, first_on=now.first_on,
            sessions=one.sessions, sessions_in_term=total.in_term, sessions_in_year=total.in_year,
            year_group=now.year_group, social_worker=now.social_worker,
        )  # fmt: skip
        self.tx.emit(event, cause)

    async def _settle_duties(self, case_id: str, want: Mapping[tuple[str, str], Wanted], cause: Cause) -> None:
        known = {(d.exclusion_id, d.kind): d for d in self.duties.get(case_id, ()) if d.state != DutyState.CANCELLED}
        for key, old in known.items():
            if old.state in PENDING and key not in want:
                await self.cancel(old, self._why_gone(old, want), cause)
        for key, one in want.items():
            duty: Duty | None = known.get(key)
            if duty is not None and duty.state == DutyState.OPEN and duty.kind != LIMIT and _differs(duty, one):
                await self.cancel(duty, "replaced", cause)
                duty = None
            if duty is None:
                duty = await self._start(case_id, one, cause)
            if one.kind == LIMIT:
                await self._reach(duty, one, cause)

    def _why_gone(self, duty: Duty, want: Mapping[tuple[str, str], Wanted]) -> str:
        exclusion = self.exclusion(duty.case_id, duty.exclusion_id)
        if exclusion is None or exclusion.cancelled is not None:
            return "exclusion-cancelled"
        if self.cases[duty.case_id].closed:
            return "case-closed"
        instead = {GOVERNORS: GOVERNORS_ASKED, GOVERNORS_ASKED: GOVERNORS}.get(duty.kind)
        if (duty.exclusion_id, instead) in want or (duty.kind == LIMIT and any(kind == LIMIT for _, kind in want)):
            return "replaced"
        return "exclusion-shortened"

    async def _start(self, case_id: str, one: Wanted, cause: Cause) -> Duty:
        duty = Duty(new_id(), one.exclusion_id, case_id, one.kind, one.holder, self.today, one.due_on)
        self._keep(duty)
        self.tx.emit(
            DutyStarted(
                case_id=case_id, exclusion_id=one.exclusion_id, duty_id=duty.id, kind=duty.kind, holder=duty.holder,
                due_on=duty.due_on, started_on=duty.started_on,
            ),
            cause,
        )  # fmt: skip
        about = {"case": case_id, "duty": duty.id}
        if duty.kind == LIMIT:
            year = school_year(one.passed_on or one.due_on)
            await self.tx.set_deadline(YEAR_ENDED, duty.id, start_of(year[1] + _DAY), cause=cause, payload=about)
            return duty
        exclusion = self.exclusion(case_id, one.exclusion_id)
        calendar = self.calendars.of(exclusion.school_urn if exclusion else None)
        for days, day in soon_days(duty, duty_rules(self.today), calendar, after=self.today).items():
            await self.tx.set_deadline(
                DUTY_SOON, f"{duty.id}:{days}", start_of(day), cause=cause, payload={**about, "days": days}
            )
        await self.tx.set_deadline(DUTY_PASSED, duty.id, start_of(duty.due_on + _DAY), cause=cause, payload=about)
        return duty

    async def _reach(self, duty: Duty, one: Wanted, cause: Cause) -> None:
        """The limit of a school year comes near, mark by mark; past it, it is breached."""
        rules = duty_rules(self.today)
        mark = max((mark for mark in rules.limit_marks if mark <= one.days), default=0)
        if one.passed_on is not None and duty.state == DutyState.OPEN:
            duty = replace(duty, state=DutyState.BREACHED, due_on=one.passed_on, mark=mark)
            self._keep(duty)
            self.say_breached(duty, cause)
        elif mark > duty.mark and duty.state == DutyState.OPEN:
            duty = replace(duty, mark=mark)
            self._keep(duty)
            left = max(rules.limit - one.days, 0)
            self.tx.emit(DutyDueSoon(**said_of(duty), days_left=left), cause)

    def say_breached(self, duty: Duty, cause: Cause) -> None:
        """The day has passed, and how long ago."""
        self.tx.emit(DutyBreached(**said_of(duty), days_late=max((self.today - duty.due_on).days, 0)), cause)

    async def cancel(self, duty: Duty, reason: str, cause: Cause) -> None:
        """A duty's reason is gone."""
        duty = replace(duty, state=DutyState.CANCELLED, reason=reason)
        self._keep(duty)
        await self.stop_clocks(duty)
        self.tx.emit(DutyCancelled(**said_of(duty), reason=reason), cause)

    async def stop_clocks(self, duty: Duty) -> None:
        """Nobody is called about a duty any more."""
        for days in duty_rules(duty.started_on).soon.get(duty.kind, ()):
            await self.tx.cancel_deadline(DUTY_SOON, f"{duty.id}:{days}")
        await self.tx.cancel_deadline(DUTY_PASSED, duty.id)
        await self.tx.cancel_deadline(YEAR_ENDED, duty.id)

    def _settle_risk(self, case_id: str, counted: Sequence[Counted], cause: Cause) -> None:
        case, rules = self.cases[case_id], risk_rules(self.today)
        signs = Signs(imminent=case.imminent, broke_down_on=self.broke_down.get(case_id))
        found = reasons(counted, signs, rules, tariff(self.today), self.today)
        if not found or not is_new(found, self.risks.get(case_id, ()), self.today):
            return
        risk = Risk(new_id(), case_id, case.cluster_id, found, rules.version, self.today)
        self._risks[risk.id] = risk
        self.risks.setdefault(case_id, []).append(risk)
        event = RiskRaised(
            case_id=case_id, risk_id=risk.id, cluster_id=risk.cluster_id, reasons=found, rules_version=rules.version
        )
        self.tx.emit(event, cause)

    def _keep(self, duty: Duty) -> None:
        self._duties[duty.id] = duty
        others = [one for one in self.duties.get(duty.case_id, ()) if one.id != duty.id]
        self.duties[duty.case_id] = [*others, duty]

    def keep(self, duty: Duty) -> None:
        """A duty as it now is, to be written in the end."""
        self._keep(duty)

    async def close(self) -> None:
        """Write everything. Duties that ended are written before those that took their place."""
        await self.tx.exclusions.save(self._exclusions.values())
        ended = [duty for duty in self._duties.values() if duty.state == DutyState.CANCELLED]
        await self.tx.duties.save(ended)
        await self.tx.duties.save(duty for duty in self._duties.values() if duty.state != DutyState.CANCELLED)
        await self.tx.risks.save(self._risks.values())


_DAY: Final = timedelta(days=1)


def _differs(duty: Duty, one: Wanted) -> bool:
    return (duty.due_on, duty.holder) != (one.due_on, one.holder)


def _last_days(ended: Sequence[Placement]) -> dict[str, date]:
    days: dict[str, date] = {}
    for one in ended:
        if one.ended_on is not None:
            days[one.case_id] = max(one.ended_on, days.get(one.case_id, one.ended_on))
    return days


def said_of(duty: Duty) -> dict[str, Any]:
    """What every event says of a duty."""
    return {
        "case_id": duty.case_id, "exclusion_id": duty.exclusion_id, "duty_id": duty.id, "kind": duty.kind,
        "holder": duty.holder, "due_on": duty.due_on,
    }  # fmt: skip
