"""A term of the county goes by in a real house; then every figure it answers is worked out anew from the topics."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from datetime import date, datetime
from typing import Any, Final

import pytest
from e2e.house import Callers, arguments, callers
from support.agency import Person
from support.host import Host, running
from support.term import SIMULATED, Facts, at_rest, facts, gaps, play
from support.term_figures import (
    clocks,
    days_to_money,
    exclusion_totals,
    half,
    holder_at,
    kept,
    metres_from_home,
    open_assessments,
    places,
    purses,
    tenures,
)

CASES: Final = 45
SEED: Final = 5
_WHOLE: Final = date(2026, 4, 1), date(2027, 3, 31)
#: What a term must have had, each at least once.
_HAPPENS: Final = (
    "referral.submitted", "case.opened", "case.assigned", "case.accepted", "case.returned", "handover.offered",
    "handover.accepted", "handover.lapsed", "assessment.opened", "assessment.completed", "advice.requested",
    "advice.received", "views.recorded", "plan.agreed", "plan.reviewed", "clock.started", "clock.due-soon",
    "clock.breached", "clock.excepted", "clock.met", "funding.requested", "funding.awarded", "funding.declined",
    "funding.paid", "funding.clawed-back", "exclusion.notified", "exclusion.reported", "duty.started",
    "duty.breached", "duty.met", "risk.raised", "risk.confirmed", "placement.requested", "placement.held",
    "placement.released", "placement.offered", "placement.declined", "placement.accepted", "placement.started",
    "placement.attended", "placement.reviewed", "placement.at-risk", "placement.ended", "reintegration.checked",
)  # fmt: skip


@pytest.fixture(scope="module")
def host(event_log: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A house on simulated time, in which a term has been played."""
    folder = tmp_path_factory.mktemp("term")
    with running(folder, environment=SIMULATED, arguments=arguments(event_log)) as up:
        play(up, referrals=CASES, seed=SEED)
        yield up


@pytest.fixture(scope="module")
def said(host: Host, event_log: str) -> Facts:
    """Everything that was said in it."""
    import asyncio

    async def read() -> Facts:
        await at_rest(host, event_log)
        return await facts(host, event_log)

    return asyncio.run(read())


@pytest.fixture
async def known(host: Host) -> AsyncIterator[Callers]:
    """Everybody who can call it."""
    async with callers(host) as found:
        yield found


@pytest.fixture
async def officer(known: Callers) -> Person:
    """The intake desk, which sees every case."""
    return await known.person("Intake officer")


@pytest.fixture
async def finance(known: Callers) -> Person:
    """The council's finance officer."""
    return await known.person("Finance officer")


def test_the_term_had_everything_that_a_term_has(said: Facts) -> None:
    happened = Counter(fact.type for stream in said.streams.values() for fact in stream)
    assert [kind for kind in _HAPPENS if not happened[kind]] == []
    by_person = [fact for fact in said.of("funding.awarded") if fact.data.get("decided_by")]
    by_rule = [fact for fact in said.of("funding.awarded") if not fact.data.get("decided_by")]
    assert by_person
    assert by_rule


def test_each_source_counts_what_it_says_of_each_subject_without_a_gap(said: Facts) -> None:
    assert gaps(said) == []


async def test_the_money_of_every_cluster_is_what_its_events_add_up_to(said: Facts, finance: Person) -> None:
    worked_out = purses(said)
    assert any(purse.paid for purse in worked_out.values())
    for (cluster, year), purse in worked_out.items():
        answer = (await finance.get("/v1/funding/position", cluster=cluster, year=year)).body
        told = tuple(answer[f"{name}_pence"] for name in ("budget", "committed", "paid", "clawed_back", "remaining"))
        assert told == (purse.budget, purse.committed, purse.paid, purse.clawed_back, purse.remaining), cluster
        assert purse.remaining >= 0


async def test_the_days_to_money_are_counted_from_the_first_referral(said: Facts, finance: Person) -> None:
    worked_out = days_to_money(said)
    assert [one for one in worked_out if one.days != one.said] == []
    since, until = _WHOLE
    answer = (await finance.get("/v1/funding/measures", **{"from": since.isoformat(), "to": until.isoformat()})).body
    assert answer["count"] == len(worked_out)
    assert answer["median_days"] == half([one.days for one in worked_out])


async def test_clocks_are_kept_as_their_events_say_county_and_cluster_alike(said: Facts, officer: Person) -> None:
    worked_out, (since, until) = clocks(said), _WHOLE
    days = {"from": since.isoformat(), "to": until.isoformat()}
    clusters = {clock.cluster for clock in worked_out.values()}
    assert len(clusters) > 3
    for cluster in [None, *sorted(filter(None, clusters))]:
        named = {"cluster": cluster} if cluster else {}
        answer = (await officer.get("/v1/clocks/figures", **days, **named)).body
        told = answer["total"], answer["in_time"], answer["in_time_or_excused"]
        assert told == kept(worked_out, cluster, since, until), cluster
    total, in_time, excused = kept(worked_out, None, since, until)
    assert total > excused > in_time > 0
    states = {one["id"]: one["state"] async for one in officer.items("/v1/clocks")}
    assert states == {id: clock.state for id, clock in worked_out.items()}


def test_what_is_late_was_said_once_and_within_the_round_of_the_demo(said: Facts) -> None:
    late = [clock for clock in clocks(said).values() if clock.breached]
    assert late
    assert {clock.breached for clock in late} == {1}
    # The weeks after the term pass at a stride; during it nobody waits longer than a week for a round.
    in_term = [clock for clock in late if clock.due_on < date(2026, 12, 14)]
    assert max(clock.days_late for clock in in_term) <= 7


async def test_the_assessments_that_go_on_are_those_that_were_opened_and_not_completed(
    said: Facts, officer: Person
) -> None:
    answer = Counter([one["cluster_id"] async for one in officer.items("/v1/assessments", state="open")])
    assert answer == open_assessments(said)


async def test_the_half_days_of_every_child_add_up(said: Facts, officer: Person) -> None:
    answer = {
        one["id"]: (one["sessions_in_term"], one["sessions_in_year"]) async for one in officer.items("/v1/exclusions")
    }
    assert answer
    assert answer == exclusion_totals(said)


async def test_free_places_are_what_nobody_keeps_and_nobody_took(said: Facts, officer: Person) -> None:
    answer = {one["id"]: one["places"] async for one in officer.items("/v1/providers")}
    for provider, worked_out in places(said).items():
        kinds = answer.pop(provider)
        assert sum(kind["open"] for kind in kinds) == worked_out.open == worked_out.said_open, provider
        assert sum(kind["taken"] for kind in kinds) == len(worked_out.taken)
        assert sum(kind["held"] for kind in kinds) == len(worked_out.held)
    assert not any(answer.values())


async def test_the_way_from_home_is_a_straight_line(said: Facts, officer: Person) -> None:
    answer = {
        one["id"]: one["metres_from_home"]
        async for one in officer.items("/v1/placements")
        if one["state"] in {"accepted", "started", "ended"}
    }
    assert answer
    assert answer == metres_from_home(said)


async def test_every_case_has_exactly_one_holder_at_every_instant(said: Facts, officer: Person) -> None:
    moved = 0
    for case, held in tenures(said).items():
        answer = (await officer.get(f"/v1/assignments/{case}")).body
        told = answer["holders"]
        assert [one["cluster_id"] for one in told] == [one.cluster for one in held], case
        assert [_instant(one["since"]) for one in told][1:] == [one.since for one in held][1:], case
        # One ends as the next begins, and the last has not ended.
        assert [one["until"] for one in told[:-1]] == [one["since"] for one in told[1:]]
        assert told[-1]["until"] is None
        assert answer["holder"]["cluster_id"] == holder_at(held, held[-1].since)
        moved += len(held) > 2
    assert moved


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_every_timeline_has_each_fact_of_its_case_once_and_in_order(said: Facts, officer: Person) -> None:
    wanted: defaultdict[str, list[tuple[datetime, str, int]]] = defaultdict(list)
    for stream in said.streams.values():
        for fact in stream:
            # Messages of one journey are one line; everything else is a line of its own.
            if "case_id" in fact.data and fact.source != "/notifier":
                wanted[fact.data["case_id"]].append((fact.at, fact.source, fact.sequence))
    for case, places_of in wanted.items():
        lines: list[dict[str, Any]] = [
            line async for line in officer.items(f"/v1/cases/{case}/timeline") if line["source"] != "/notifier"
        ]
        told = [(_instant(line["at"]), line["source"], line["sequence"]) for line in lines]
        assert told == sorted(places_of), case
        for source in {source for _, source, _ in told}:
            numbers = [number for _, by, number in told if by == source]
            assert numbers == sorted(numbers), (case, source)
