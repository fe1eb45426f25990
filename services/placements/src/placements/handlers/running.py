"""A placement from its first day to its last, and whether the return to school lasted."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from chassis.cause import Cause
from chassis.clock import new_id
from chassis.deadlines import Due
from chassis.errors import Invalid, Refusal
from schemas.days import weeks_after
from schemas.placement import (
    PlacementAtRisk,
    PlacementAttended,
    PlacementEnded,
    PlacementReviewed,
    PlacementStarted,
    ReintegrationChecked,
)

from placements.domain.days import day_of, start_of
from placements.domain.placements import (
    PLACED,
    Attendance,
    OutOfTurn,
    Placement,
    Review,
    State,
    low_attendance,
)
from placements.domain.providers import failings
from placements.handlers.acts import Act, Done, Standing, must_place, must_provide, perform
from placements.handlers.desk import Desk
from placements.handlers.recount import Recount
from placements.policy import check_rules, coded, placement_rules
from placements.store import Tx

#: Deadlines whose subject is the placement: nobody has told of attendance; weeks after the return to a school.
SILENCE: Final = "placement-silence"
REINTEGRATION: Final = "reintegration-check"

_WEEK: Final = timedelta(days=7)


class DayOutOfRange(Invalid):
    """A day that does not go with the others."""

    code = "day-out-of-range"


def _must_be(placement: Placement, *states: State) -> None:
    if placement.state not in states:
        raise OutOfTurn(f"The placement is {placement.state}.")


async def start_placements(acts: Sequence[Act], tx: Tx) -> Sequence[Done | Refusal]:
    """The child has begun."""

    async def step(desk: Desk, placement: Placement, act: Act, standing: Standing) -> None:
        must_provide(act, standing, or_place=True)
        _must_be(placement, State.ACCEPTED)
        started_on: date = act.said["started_on"]
        if not day_of(placement.requested_at) <= started_on <= desk.today:
            raise DayOutOfRange("Give the day on which the child began, today at the latest.", pointer="/started_on")
        now = desk.put(
            replace(
                placement, state=State.STARTED, started_on=started_on, heard_until=started_on,
                next_review_on=weeks_after(started_on, placement_rules(desk.today).review_weeks),
            )
        )  # fmt: skip
        event = PlacementStarted(
            case_id=now.case_id, placement_id=now.id, provider_id=str(now.provider_id), request_id=now.id,
            started_on=started_on, sessions_a_week=now.sessions_a_week, metres_from_home=now.metres_from_home,
        )  # fmt: skip
        tx.emit(event, act.cause)
        await _listen(desk, now, act.cause)
        lapsed = failings(desk.checks.get(str(now.provider_id), ()), check_rules(desk.today), desk.today)
        if lapsed:
            say_at_risk(desk, now, "check-lapsed", act.cause)

    return await perform(acts, tx, step, "started")


async def _listen(desk: Desk, placement: Placement, cause: Cause) -> None:
    """Ask again after so many school days without a word."""
    heard = placement.heard_until or desk.today
    last = desk.county.school_days_after(heard, placement_rules(desk.today).silence_school_days)
    due_at = start_of(last + timedelta(days=1))
    await desk.tx.set_deadline(SILENCE, placement.id, due_at, cause=cause, payload={"placement": placement.id})


def say_at_risk(desk: Desk, placement: Placement, reason: str, cause: Cause) -> Placement:
    """The placement may break down for this reason: said once for as long as it holds."""
    if reason in placement.at_risk:
        return placement
    now = desk.put(replace(placement, at_risk=(*placement.at_risk, reason)))
    event = PlacementAtRisk(
        case_id=now.case_id, placement_id=now.id, provider_id=str(now.provider_id), reasons=now.at_risk
    )
    desk.tx.emit(event, cause)
    return now


def _calm(placement: Placement, reason: str) -> Placement:
    return replace(placement, at_risk=tuple(each for each in placement.at_risk if each != reason))


async def note_attendance(acts: Sequence[Act], tx: Tx) -> Sequence[Done | Refusal]:
    """The provider says how much of a week the child came; said again, the week is put right."""
    known = await tx.attendances.grouped("placement_id", [act.placement_id for act in acts])
    told: dict[str, Attendance] = {}

    async def step(desk: Desk, placement: Placement, act: Act, standing: Standing) -> None:
        must_provide(act, standing)
        _must_be(placement, State.STARTED)
        week, attended, possible = act.said["week"], act.said["attended"], act.said["possible"]
        began = placement.started_on or desk.today
        if week.weekday() != 0 or not began - _WEEK < week <= desk.today:
            raise DayOutOfRange("Give the Monday of a week since the child began.", pointer="/week")
        if attended > possible:
            raise DayOutOfRange("The child cannot have come to more sessions than there were.", pointer="/attended")
        id = f"{placement.id}/{week.isoformat()}"
        one = Attendance(id, placement.id, week, attended, possible)
        weeks = {**{each.id: each for each in known.get(placement.id, ())}, id: one}
        known[placement.id] = list(weeks.values())
        told[id] = one
        tx.emit(
            PlacementAttended(
                case_id=placement.case_id, placement_id=placement.id, provider_id=str(placement.provider_id),
                week=week, attended=attended, possible=possible,
            ),
            act.cause,
        )  # fmt: skip
        heard = max(week + timedelta(days=4), placement.heard_until or week)
        now = desk.put(replace(_calm(placement, "silence"), heard_until=min(heard, desk.today)))
        await _listen(desk, now, act.cause)
        if low_attendance(known[placement.id], placement_rules(desk.today)):
            say_at_risk(desk, now, "low-attendance", act.cause)
        else:
            desk.put(_calm(now, "low-attendance"))

    outcomes = await perform(acts, tx, step, "attendance-told")
    await tx.attendances.save(told.values())
    return outcomes


async def silence(due: Sequence[Due], tx: Tx) -> None:
    """Nobody has told of attendance for too long: said once, until somebody tells."""
    desk = await Desk.open(tx, {one.payload["placement"] for one in due})
    for one in due:
        placement = desk.placements.get(one.payload["placement"])
        if placement is not None and placement.state == State.STARTED:
            say_at_risk(desk, placement, "silence", one.cause)
    await desk.close()


async def review_placements(acts: Sequence[Act], tx: Tx) -> Sequence[Done | Refusal]:
    """The placement was reviewed."""
    made: list[Review] = []

    async def step(desk: Desk, placement: Placement, act: Act, standing: Standing) -> str:
        must_provide(act, standing, or_place=True)
        _must_be(placement, State.STARTED)
        reviewed_on, outcome = (
            act.said["reviewed_on"],
            coded("placement-reviews", act.said["outcome"], desk.today, "/outcome"),
        )
        if not (placement.started_on or desk.today) <= reviewed_on <= desk.today:
            raise DayOutOfRange("Give a day since the child began, today at the latest.", pointer="/reviewed_on")
        weeks = placement_rules(desk.today).review_weeks
        following: date = act.said["next_review_on"] or weeks_after(reviewed_on, weeks)
        if following <= reviewed_on:
            raise DayOutOfRange("Give a day after this review.", pointer="/next_review_on")
        review = Review(new_id(), placement.id, reviewed_on, outcome, following, act.said["notes"])
        made.append(review)
        tx.emit(
            PlacementReviewed(
                case_id=placement.case_id, placement_id=placement.id, provider_id=str(placement.provider_id),
                reviewed_on=reviewed_on, outcome=outcome, next_review_on=following,
            ),
            act.cause,
        )  # fmt: skip
        now = desk.put(replace(placement, next_review_on=following))
        if outcome == "at-risk":
            say_at_risk(desk, now, "review", act.cause)
        else:
            desk.put(_calm(now, "review"))
        return review.id

    outcomes = await perform(acts, tx, step, "reviewed")
    await tx.reviews.save(made)
    return outcomes


async def flag_placements(acts: Sequence[Act], tx: Tx) -> Sequence[Done | Refusal]:
    """Somebody says that the placement is at risk."""

    async def step(desk: Desk, placement: Placement, act: Act, standing: Standing) -> None:
        must_provide(act, standing, or_place=True)
        _must_be(placement, State.ACCEPTED, State.STARTED)
        say_at_risk(desk, placement, coded("placement-risks", act.said["reason"], desk.today, "/reason"), act.cause)

    return await perform(acts, tx, step, "flagged")


async def end_placements(acts: Sequence[Act], tx: Tx) -> Sequence[Done | Refusal]:
    """The placement ended; a child who went back to a school is looked at some weeks later."""
    broke_down: dict[str, Cause] = {}

    async def step(desk: Desk, placement: Placement, act: Act, standing: Standing) -> None:
        must_provide(act, standing, or_place=True)
        _must_be(placement, State.ACCEPTED, State.STARTED)
        reason = coded("placement-endings", act.said["reason"], desk.today, "/reason")
        if reason == "reintegrated":
            must_place(act, standing)
        ended_on: date = act.said["ended_on"]
        began = placement.started_on or day_of(placement.requested_at)
        if not began <= ended_on <= desk.today:
            raise DayOutOfRange("Give the last day, today at the latest.", pointer="/ended_on")
        back_on: date | None = act.said["reintegrated_on"]
        if (back_on is None) is (reason == "reintegrated") or (back_on is not None and back_on < ended_on):
            raise DayOutOfRange(
                "A child who went back to a school did so on a day, not before the last one here; nobody else did.",
                pointer="/reintegrated_on",
            )
        await end(desk, placement, reason, act.cause, on=ended_on, back_on=back_on, school=act.said["school_urn"])
        if reason == "broke-down":
            broke_down[placement.case_id] = act.cause

    outcomes = await perform(acts, tx, step, "ended")
    await _risk_after_break(tx, broke_down)
    return outcomes


async def _risk_after_break(tx: Tx, cases: dict[str, Cause]) -> None:
    """A placement that broke down may be why a permanent exclusion comes near."""
    if cases:
        recount = await Recount.open(tx, cases)
        for case_id in recount.cases:
            await recount.settle(case_id, cases[case_id])
        await recount.close()


async def end(
    desk: Desk, placement: Placement, reason: str, cause: Cause, *, on: date, back_on: date | None = None,
    school: str | None = None,
) -> None:  # fmt: skip
    """A placement ends, and its place is free again."""
    now = desk.put(
        replace(
            placement, state=State.ENDED, ended_on=on, ending=reason, reintegrated_on=back_on,
            school_urn=school if back_on else None, at_risk=(),
        )
    )  # fmt: skip
    desk.leave(placement, cause)
    await desk.tx.cancel_deadline(SILENCE, now.id)
    desk.tx.emit(
        PlacementEnded(
            case_id=now.case_id, placement_id=now.id, provider_id=str(now.provider_id), reason=reason, ended_on=on,
            reintegrated_on=back_on, school_urn=now.school_urn,
        ),
        cause,
    )  # fmt: skip
    if back_on is not None:
        weeks = placement_rules(desk.today).reintegration_weeks
        await desk.tx.set_deadline(
            REINTEGRATION, now.id, start_of(weeks_after(back_on, weeks)), cause=cause, payload={"placement": now.id}
        )


_SINCE: Final = """
SELECT EXISTS (SELECT 1 FROM exclusion e WHERE e.case_id = $1 AND e.cancelled IS NULL AND e.kind = ANY($2::text[])
               AND e.first_on >= $3 AND e.first_on <= $4)
    OR EXISTS (SELECT 1 FROM placement p WHERE p.case_id = $1 AND p.id <> $5 AND p.requested_at >= $6
               AND p.state <> 'withdrawn') AS broken
"""


async def check_reintegrations(due: Sequence[Due], tx: Tx) -> None:
    """Some weeks after the return: it has lasted when there was no exclusion that counts and no new placement since."""
    desk = await Desk.open(tx, {one.payload["placement"] for one in due})
    rules = placement_rules(desk.today)
    for one in due:
        placement = desk.placements.get(one.payload["placement"])
        if placement is None or placement.reintegrated_on is None or placement.sustained is not None:
            continue
        back_on = placement.reintegrated_on
        # Downtime must not make the weeks longer.
        until = weeks_after(back_on, rules.reintegration_weeks)
        [row] = await tx.rows(
            _SINCE, placement.case_id, list(rules.breaks), back_on, until, placement.id, start_of(back_on)
        )
        now = desk.put(replace(placement, checked_on=desk.today, sustained=not row["broken"]))
        tx.emit(
            ReintegrationChecked(
                case_id=now.case_id, placement_id=now.id, provider_id=str(now.provider_id), checked_on=desk.today,
                sustained=not row["broken"],
            ),
            one.cause,
        )  # fmt: skip
    await desk.close()


async def close_placements(tx: Tx, case_ids: Sequence[str], causes: dict[str, Cause]) -> None:
    """Cases ended: what is looked for is looked for no more, and what runs ends."""
    live = await tx.placements.where(
        "case_id = ANY($1::text[]) AND state IN ('requested', 'accepted', 'started')", list(case_ids)
    )
    desk = await Desk.open(tx, [one.id for one in live])
    for placement in list(desk.placements.values()):
        cause = causes[placement.case_id]
        if placement.state == State.REQUESTED:
            await desk.let_go(placement, "case-closed", cause)
            desk.put(replace(placement, state=State.WITHDRAWN))
        elif placement.state in PLACED:
            await end(desk, placement, "case-closed", cause, on=desk.today)
    await desk.close()
