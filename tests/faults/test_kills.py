"""Processes die at any instant while partners post: nothing that was taken is lost, nothing happens twice."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Final

import asyncpg
import psutil
import pytest
from chassis.clock import wall_seconds
from e2e.house import (
    EMBEDDED,
    PATIENCE,
    Callers,
    NeverHappened,
    assigned,
    kafka_bootstrap,
    settings_of,
    start_again,
)
from faults.load import Load, check, load, say
from jointly import house as parts_of
from jointly.state import StateFolder
from support.host import Host

#: How often each run kills which process: the two runs together, twenty times.
KILLS: Final = {"front": 4, "worker": 6}
#: What the runs found: a run in which nobody was ever left without an answer has tested nothing.
_unanswered: Final[dict[str, int]] = {}


async def until_another(host: Host, name: str, dead: int) -> None:
    """Wait until the supervisor has started it again."""
    ends = wall_seconds() + PATIENCE
    while host.pids().get(name, dead) == dead:
        if wall_seconds() > ends:
            raise NeverHappened(f"{name} was not started again: {host.output}")
        await asyncio.sleep(0.05)


async def until_so_many(under: Load, count: int) -> None:
    """Wait until so many more have been taken: the load is on."""
    wanted, ends = len(under.posted) + count, wall_seconds() + PATIENCE
    while len(under.posted) < wanted:
        if wall_seconds() > ends:
            raise NeverHappened(f"Nobody takes referrals any more: {under.attempts()}")
        await asyncio.sleep(0.02)


async def until_in_flight(under: Load) -> None:
    """Wait until there is somebody to be cut off."""
    ends = wall_seconds() + PATIENCE
    while not under.in_flight():
        if wall_seconds() > ends:
            raise NeverHappened("Nobody posts any more.")
        await asyncio.sleep(0.001)


def tell(what: str, under: Load) -> None:
    say(f"{what}: {len(under.posted)} referrals taken, {under.unanswered()} attempts unanswered; {under.attempts()}")


async def kill_again_and_again(host: Host, name: str, under: Load, seed: int) -> None:
    """Kill a process at random instants of its life, the first ones included."""
    chance = Random(f"{seed} {name}")  # noqa: S311  repeatable on purpose
    for _ in range(KILLS[name]):
        if name == "front":
            await until_so_many(under, chance.randrange(1, 20))
            await until_in_flight(under)
            await asyncio.sleep(chance.uniform(0, 0.01))
        else:
            # A worker begins to work some seconds after its start, and may be killed before that too.
            await asyncio.sleep(chance.uniform(0, 4))
        dead = host.kill(name).pid
        await until_another(host, name, dead)
        say(f"{name} killed; {len(under.posted)} taken so far")


@pytest.mark.parametrize("seed", [1, 2])
async def test_front_and_worker_are_killed_at_random_and_nothing_is_lost_or_doubled(
    host: Host, known: Callers, event_log: str, seed: int
) -> None:
    if seed > 1:
        # The supervisor pauses longer after each crash; a house that was started anew begins with short ones.
        assert host.stop() == 0
        start_again(host, event_log)
    async with load(known, seed=seed) as under:
        await until_so_many(under, 10)
        await asyncio.gather(*(kill_again_and_again(host, name, under, seed) for name in KILLS))
    _unanswered[f"{event_log} {seed}"] = under.unanswered()
    tell(f"{event_log}, seed {seed}, {sum(KILLS.values())} kills", under)
    await check(known, under, event_log)


def test_some_senders_were_left_without_an_answer(event_log: str) -> None:
    """Otherwise the kills above hit nobody, and have shown nothing."""
    mine = {run: count for run, count in _unanswered.items() if run.startswith(event_log)}
    say(f"attempts without an answer: {mine}")
    assert sum(mine.values()) > 0


async def test_an_order_to_stop_under_load_loses_nothing(host: Host, known: Callers, event_log: str) -> None:
    async with load(known, seed=3) as under:
        await until_so_many(under, 40)
        assert await asyncio.to_thread(host.stop) == 0
        await asyncio.to_thread(start_again, host, event_log)
        await until_so_many(under, 20)
    tell(f"{event_log}, SIGTERM", under)
    # Who asks in the end is turned away at the door, or answered: nobody is let in and then failed.
    assert [attempt for agency in under.agencies for attempt in agency.history if (attempt.status or 0) >= 500] == []
    await check(known, under, event_log)


def postmaster(host: Host) -> psutil.Process:
    """The main process of the house's own PostgreSQL."""
    children = psutil.Process(host.process.pid).children()
    return next(child for child in children if child.name().startswith("postgres"))


async def test_the_database_is_killed_under_load_and_comes_back(host: Host, known: Callers, event_log: str) -> None:
    async with load(known, seed=4) as under:
        await until_so_many(under, 30)
        first = postmaster(host)
        # One of its processes: it throws everybody out and recovers by itself.
        next(child for child in first.children() if " idle" in " ".join(child.cmdline())).kill()
        await until_so_many(under, 30)
        postmaster(host).kill()
        await until_so_many(under, 30)
        assert postmaster(host).pid != first.pid
    tell(f"{event_log}, PostgreSQL killed", under)
    await check(known, under, event_log)


@contextmanager
def another_worker(host: Host, event_log: str) -> Iterator[subprocess.Popen[bytes]]:
    """A second worker beside the house's own, as on another machine."""
    surroundings = dict(host.environment)
    if event_log != EMBEDDED:
        surroundings["JOINTLY_KAFKA_BOOTSTRAP"] = kafka_bootstrap(host)
    with (
        (host.state / "second.log").open("wb") as out,
        subprocess.Popen(
            [sys.executable, "-m", "jointly", "run", "--only", "workers"],
            env=surroundings,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)


async def cut_sessions(host: Host, event_log: str) -> None:
    """End every session of the database, as the server does with those that have been silent for too long."""
    state = StateFolder(host.state)
    url = parts_of.database_url(settings_of(host, event_log), state).replace("+asyncpg", "")
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
    finally:
        await connection.close()


async def test_a_worker_that_slept_longer_than_its_locks_live_does_nothing_twice(
    host: Host, known: Callers, event_log: str
) -> None:
    with another_worker(host, event_log) as second:
        async with load(known, seed=5) as under:
            await until_so_many(under, 40)
            sleeper = host.kill("worker", signal.SIGSTOP)
            try:
                await until_so_many(under, 10)
                await cut_sessions(host, event_log)
                await until_so_many(under, 10)
                # The other one has taken over: what is posted now gets its cluster.
                newest = under.posted[-1]
                await assigned(newest.agency, newest.case_id)
            finally:
                sleeper.send_signal(signal.SIGCONT)
            assert host.pids()["worker"] == sleeper.pid, "it slept so long that it was replaced"
            await until_so_many(under, 40)
        assert second.poll() is None
        tell(f"{event_log}, a worker that slept", under)
        await check(known, under, event_log)
        assert sleeper.is_running()
