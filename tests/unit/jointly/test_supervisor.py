"""The supervisor keeps real child processes."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from jointly.supervisor import CannotStart, Child, Patience, Supervisor

QUICK = Patience(first_pause=0.01, longest_pause=0.05, false_starts=3)

WELL_BEHAVED = """
import asyncio, os
from jointly.control import Control
async def main():
    control = Control.from_environment()
    control.listen_to_signals()
    print("started", flush=True)
    await control.ready()
    watching = asyncio.create_task(control.watch())
    await control.stop.wait()
    print("finished", flush=True)
    watching.cancel()
asyncio.run(main())
"""
SLOW_TO_FINISH = """
import asyncio
from jointly.control import Control
async def main():
    control = Control.from_environment()
    control.listen_to_signals()
    await control.ready()
    await control.stop.wait()
    await asyncio.sleep(0.3)
    print("finished", flush=True)
asyncio.run(main())
"""
NEVER_READY = "import sys; sys.exit('no such setting')"
READY_BUT_DEAF = """
import os, signal, socket
line = socket.socket(fileno=int(os.environ["JOINTLY_CONTROL_FD"]))
signal.signal(signal.SIGTERM, signal.SIG_IGN)
line.sendall(b"r")
while True: signal.pause()
"""


class Heard:
    """What the supervisor said, and a way to wait for it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._more = asyncio.Event()

    def __call__(self, line: str) -> None:
        self.lines.append(line)
        self._more.set()

    async def until(self, words: str) -> str:
        while True:
            for line in self.lines:
                if words in line:
                    return line
            self._more.clear()
            await self._more.wait()


def a_child(name: str, code: str, folder: Path) -> Child:
    return Child(name, [sys.executable, "-c", code], folder / f"{name}.log")


async def until_alive_again(supervisor: Supervisor, name: str, dead: int) -> int:
    """Wait until the child has another process id."""
    while True:
        pid = supervisor.pids().get(name, dead)
        if pid != dead:
            return pid
        await asyncio.sleep(0)


async def test_a_killed_child_is_started_again_and_it_says_so(tmp_path: Path) -> None:
    heard = Heard()
    supervisor = Supervisor([a_child("front", WELL_BEHAVED, tmp_path)], say=heard, patience=QUICK)
    await supervisor.start()
    first = supervisor.pids()["front"]
    os.kill(first, signal.SIGKILL)
    assert "starting it again in 0.01 s" in await heard.until("front was ended by SIGKILL")
    assert await until_alive_again(supervisor, "front", first) != first
    await supervisor.stop()
    assert supervisor.pids() == {}


async def test_children_finish_what_they_do_one_after_the_other(tmp_path: Path) -> None:
    supervisor = Supervisor(
        [a_child("front", WELL_BEHAVED, tmp_path), a_child("worker", WELL_BEHAVED, tmp_path)],
        say=Heard(),
        patience=QUICK,
    )
    await supervisor.start()
    await supervisor.stop()
    assert (tmp_path / "front.log").read_text() == "started\nfinished\n"
    assert (tmp_path / "worker.log").stat().st_mtime_ns >= (tmp_path / "front.log").stat().st_mtime_ns


async def test_giving_up_waiting_for_a_failure_leaves_the_children_in_their_keeping(tmp_path: Path) -> None:
    supervisor = Supervisor([a_child("front", SLOW_TO_FINISH, tmp_path)], say=Heard(), patience=QUICK)
    await supervisor.start()
    waiting = asyncio.create_task(supervisor.failed())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    await supervisor.stop()
    assert (tmp_path / "front.log").read_text() == "finished\n"


async def test_a_child_that_never_becomes_ready_is_given_up_with_its_last_words(tmp_path: Path) -> None:
    supervisor = Supervisor(
        [a_child("front", NEVER_READY, tmp_path), a_child("worker", WELL_BEHAVED, tmp_path)],
        say=Heard(),
        patience=QUICK,
    )
    with pytest.raises(CannotStart, match=r"front ended with code 1 3 times(.|\n)*no such setting"):
        await supervisor.start()
    assert supervisor.pids() == {}


async def test_a_child_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    heard = Heard()
    patience = Patience(stopping=0.1)
    supervisor = Supervisor([a_child("worker", READY_BUT_DEAF, tmp_path)], say=heard, patience=patience)
    await supervisor.start()
    await supervisor.stop()
    assert "killing it" in await heard.until("worker does not stop")
    assert supervisor.pids() == {}


async def test_a_child_without_a_sign_of_life_is_killed_and_started_again(tmp_path: Path) -> None:
    heard = Heard()
    patience = Patience(first_pause=0.01, silence=0.1)
    supervisor = Supervisor([a_child("worker", READY_BUT_DEAF, tmp_path)], say=heard, patience=patience)
    await supervisor.start()
    await heard.until("no sign of life")
    await heard.until("worker was ended by SIGKILL")
    await supervisor.stop()


async def test_children_stop_by_themselves_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    code = f"""
import asyncio, sys
from pathlib import Path
from jointly.supervisor import Child, Supervisor
async def main():
    child = Child("front", [sys.executable, "-c", {WELL_BEHAVED!r}], Path({str(tmp_path / "front.log")!r}))
    supervisor = Supervisor([child], say=print)
    await supervisor.start()
    print(supervisor.pids()["front"], flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    watched = os.pidfd_open(child)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(watched, ended.set)
    await ended.wait()
    asyncio.get_running_loop().remove_reader(watched)
    os.close(watched)
    assert (tmp_path / "front.log").read_text() == "started\nfinished\n"
