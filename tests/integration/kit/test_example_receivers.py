"""The example receivers stand every trial of the checker, and remember after a restart."""

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from socket import create_connection

import pytest
from integration.kit.conftest import Start
from integration.kit.processes import Running
from jointly_kit.checker import check_receiver
from jointly_kit.commands import app
from jointly_kit.golden import new_id, told_outside
from jointly_kit.sender import Sender
from jointly_kit.signing import Key
from typer.testing import CliRunner

KEY = Key.new()
PATIENCE = 30.0
EXAMPLES = [
    pytest.param(("python_example", "receiver.py"), id="Python"),
    pytest.param(("node_example", "receiver.js"), id="Node"),
]
#: Stopped by SIGTERM: a server may end by itself, or hand the signal on.
STOPPED = {0, -15}
Receive = Callable[[], Running]


@pytest.fixture(params=EXAMPLES)
def receive(start: Start, tmp_path: Path, free_port: int, request: pytest.FixtureRequest) -> Receive:
    """Starts each example, and waits until it listens."""
    example, program = request.param
    folder, runs = request.getfixturevalue(example)

    def one() -> Running:
        running = start(
            [*runs, program], folder,
            JOINTLY_WEBHOOK_SECRET=KEY.secret, PORT=str(free_port), JOINTLY_STORE=str(tmp_path / "heard"),
        )  # fmt: skip
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and running.alive:
            with suppress(OSError), closing(create_connection(("127.0.0.1", free_port), 1)):
                return running
            time.sleep(0.02)
        raise AssertionError("".join(running.errors))

    return one


def done_in(store: Path) -> Callable[[str], int]:
    """Looks into the store of either example."""

    def times_done(id: str) -> int:
        if store.read_bytes().startswith(b"SQLite"):
            with closing(sqlite3.connect(store)) as database:
                found: int = database.execute("SELECT count(*) FROM heard WHERE id = ?", (id,)).fetchone()[0]
                return found
        return Counter(json.loads(line)["id"] for line in store.read_text("utf-8").splitlines())[id]

    return times_done


def test_it_stands_every_trial(receive: Receive, free_port: int, tmp_path: Path) -> None:
    running = receive()
    url = f"http://127.0.0.1:{free_port}/hook"
    report = check_receiver(url, KEY, times_done=done_in(tmp_path / "heard"))
    assert report.right, f"{report}\n{''.join(running.errors)}"
    code, _ = running.stop()
    assert code in STOPPED
    assert running.errors == []


def test_it_knows_after_a_restart_what_it_had(receive: Receive, free_port: int, tmp_path: Path) -> None:
    event = told_outside(["jointly.case.assigned.v1"])[0].told(id=new_id(), subject=new_id())
    with Sender(f"http://127.0.0.1:{free_port}/hook", KEY) as sender:
        for _ in range(2):
            running = receive()
            assert sender.valid(event).took
            running.kill()
    assert done_in(tmp_path / "heard")(event["id"]) == 1
    assert running.lines.empty(), "after the restart it was nothing new"


@pytest.mark.parametrize("receive", EXAMPLES[:1], indirect=True)
def test_the_command_says_the_same(receive: Receive, free_port: int) -> None:
    receive()
    url = f"http://127.0.0.1:{free_port}/hook"
    done = CliRunner().invoke(app, ["check-receiver", url, "--secret", KEY.secret])
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, f"{url}: all as it must be.")
    wrong = CliRunner().invoke(app, ["check-receiver", url, "--secret", Key.new().secret, "--only", "rotated"])
    assert wrong.exit_code == 1
    assert "WRONG  rotated: takes what two keys signed, of which it knows one" in wrong.stdout
