"""A term goes by while processes die: no deadline is lost or fires twice, money and places balance, order holds."""

import asyncio
import signal
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from chassis.clock import wall_seconds
from e2e.house import PATIENCE, NeverHappened, arguments, callers, settings_of, start_again
from faults.test_kills import until_another
from funding.commands import check_ledger
from jointly import house as parts_of
from jointly.state import StateFolder
from support.agency import a_referral
from support.host import Host, running
from support.term import SIMULATED, Facts, at_rest, facts, gaps
from support.term_figures import Clock, clocks, exclusion_totals, places, purses

#: How often which process dies while the term goes by.
KILLS: Final = {"front": 3, "worker": 4}
CASES: Final = 20
_LOOK_AGAIN: Final = 0.1


@pytest.fixture
def host(event_log: str, tmp_path: Path) -> Iterator[Host]:
    """A house on simulated time of its own for each test: time never goes back."""
    with running(tmp_path, environment=SIMULATED, arguments=arguments(event_log)) as up:
        yield up


async def kill_again_and_again(host: Host, name: str, playing: "asyncio.subprocess.Process", seed: int) -> int:
    """Kill a process at random instants for as long as the term goes by; how often it died."""
    chance, died = Random(f"{seed} {name}"), 0  # noqa: S311  repeatable on purpose
    while died < KILLS[name] and playing.returncode is None:
        await asyncio.sleep(chance.uniform(2, 12))
        dead = host.kill(name).pid
        await until_another(host, name, dead)
        died += 1
    return died


async def play_and_kill(host: Host, seed: int) -> str:
    """The demo's term, with both processes dying in it; what the demo told."""
    playing = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "jointly", "demo", "--term", "--referrals", str(CASES), "--seed", str(seed),
        env=dict(host.environment), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    telling = asyncio.create_task(playing.communicate())
    died = await asyncio.gather(*(kill_again_and_again(host, name, playing, seed) for name in KILLS))
    out, _ = await telling
    text = out.decode()
    assert playing.returncode == 0, text
    assert all(died), "nobody was killed"
    return text


async def test_front_and_worker_are_killed_while_a_term_goes_by(host: Host, event_log: str) -> None:
    await play_and_kill(host, 11)
    # Then all of it, at once; what it was told before is not told again.
    assert await asyncio.to_thread(host.stop) == 0
    await asyncio.to_thread(start_again, host, event_log)
    await at_rest(host, event_log)
    said = await facts(host, event_log)
    today = await business_day(host, event_log)
    assert gaps(said) == []
    no_deadline_was_lost_or_fired_twice(said, today)
    await money_and_places_balance(host, event_log, said)


def no_deadline_was_lost_or_fired_twice(said: Facts, today: date) -> None:
    """Each clock and each duty is breached once at most; whichever day has passed was met, cancelled or breached."""
    worked_out = clocks(said)
    assert [clock.id for clock in worked_out.values() if clock.breached > 1] == []
    forgotten = [clock for clock in worked_out.values() if clock.state == "running" and clock.due_on < today]
    assert forgotten == []
    assert any(clock.breached for clock in worked_out.values())
    duties: dict[str, list[Any]] = {}
    for fact in said.of("duty.started", "duty.due-soon", "duty.breached", "duty.met", "duty.cancelled"):
        duties.setdefault(fact.data["duty_id"], []).append(fact)
    for duty, told in duties.items():
        kinds = [fact.type for fact in told]
        assert kinds.count("duty.breached") <= 1, duty
        due_on = date.fromisoformat(told[-1].data["due_on"])
        if due_on < today:
            assert {"duty.breached", "duty.met", "duty.cancelled"} & set(kinds), duty


async def money_and_places_balance(host: Host, event_log: str, said: Facts) -> None:
    """The ledger adds up, and is what the topics add up to; free places are what nobody has."""
    async with parts_of.opened(settings_of(host, event_log), ["funding"]) as parts:
        assert await check_ledger(parts.runtime("funding")) == []
    async with callers(host) as known:
        finance, officer = await known.person("Finance officer"), await known.person("Intake officer")
        for (cluster, year), purse in purses(said).items():
            answer = (await finance.get("/v1/funding/position", cluster=cluster, year=year)).body
            told = tuple(answer[f"{name}_pence"] for name in ("committed", "paid", "clawed_back", "remaining"))
            assert told == (purse.committed, purse.paid, purse.clawed_back, purse.remaining), cluster
        worked_out = places(said)
        async for provider in officer.items("/v1/providers"):
            if provider["places"]:
                one = worked_out[provider["id"]]
                assert sum(kind["open"] for kind in provider["places"]) == one.open == one.said_open
        totals = exclusion_totals(said)
        async for row in officer.items("/v1/exclusions"):
            assert (row["sessions_in_term"], row["sessions_in_year"]) == totals[row["id"]]


async def business_day(host: Host, event_log: str) -> date:
    """What day it is for the county."""
    async with parts_of.opened(settings_of(host, event_log), ["funding"]) as parts:
        return parts.clock.now().date()


async def move_on(host: Host, event_log: str, instant: datetime) -> None:
    """Set the county's clock, whether the house runs or not."""
    settings = settings_of(host, event_log)
    simulation = parts_of.business_time(settings, StateFolder(settings.state_folder))
    assert simulation is not None
    await simulation.begin(instant, rate=1)


async def test_a_deadline_that_passed_while_nothing_ran_fires_late_and_once_and_says_so(
    host: Host, event_log: str
) -> None:
    due_on = await an_accepted_case(host)
    down = due_on + timedelta(days=10)
    # The clock of the county goes on while nobody watches it: ten days after the last one.
    await move_on_while_down(host, event_log, datetime.fromisoformat(f"{down}T08:00:00+00:00"))
    late = await until_breached(host, event_log)
    assert {(clock.due_on, clock.breached, clock.days_late) for clock in late} == {(due_on, 1, 10)}
    # Started again, with nothing to make up for, it says nothing again.
    assert await asyncio.to_thread(host.stop) == 0
    await asyncio.to_thread(start_again, host, event_log)
    await at_rest(host, event_log)
    again = [clock for clock in clocks(await facts(host, event_log)).values() if clock.breached]
    assert [clock.breached for clock in again] == [1] * len(late)


async def an_accepted_case(host: Host) -> date:
    """A case whose advisers have been asked; the last day of their time."""
    async with callers(host) as known:
        school, officer = await known.agency("school-115482"), await known.person("Intake officer")
        case = (await school.refer(a_referral(1, today=date(2026, 9, 7)))).body["case_id"]
        ends = wall_seconds() + PATIENCE
        while wall_seconds() < ends:
            found = await officer.get(f"/v1/assignments/{case}")
            if found.status == 200 and found.body["state"] == "assigned":
                cluster = (await officer.get(f"/v1/clusters/{found.body['cluster_id']}")).body["name"]
                lead = await known.person(f"Cluster lead, {cluster}")
                found = await lead.get(f"/v1/assignments/{case}")
                answer = await lead.post(f"/v1/assignments/{case}/accept", {}, if_match=found.headers["etag"])
                assert answer.status in {200, 412}, answer
            running_clocks = [one async for one in officer.items("/v1/clocks", case=case, state="running")]
            if running_clocks:
                return date.fromisoformat(running_clocks[0]["due_on"])
            await asyncio.sleep(_LOOK_AGAIN)
    raise NeverHappened("No adviser was asked.")


async def move_on_while_down(host: Host, event_log: str, instant: datetime) -> None:
    """The worker is killed, and by the time that it is back so much time has passed."""
    stopped = host.kill("worker", signal.SIGSTOP)
    await move_on(host, event_log, instant)
    dead = stopped.pid
    stopped.kill()
    await until_another(host, "worker", dead)


async def until_breached(host: Host, event_log: str) -> list[Clock]:
    """The clocks that are late, as soon as it is said that they are."""
    ends = wall_seconds() + PATIENCE
    while wall_seconds() < ends:
        await at_rest(host, event_log)
        late = [clock for clock in clocks(await facts(host, event_log)).values() if clock.breached]
        if late:
            return late
        await asyncio.sleep(_LOOK_AGAIN)
    raise NeverHappened("Nobody said that it is late.")
