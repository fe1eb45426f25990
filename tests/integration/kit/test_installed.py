"""Built and put elsewhere, the kit has its events within it, and pytest finds its fixtures."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder
from jointly_kit.golden import golden

KIT = Path(__file__).parents[3] / "schemas" / "kit"
WRITTEN = {f"{one.type}/{one.name}.json" for one in golden()}
A_TEST_OF_AN_INTEGRATOR = """
import httpx, pytest
from jointly_kit.golden import golden, journey

def test_every_event(jointly_event):
    assert jointly_event["type"].startswith("jointly.")

@pytest.mark.jointly("jointly.case.closed.v1")
def test_the_feed(jointly_feed, jointly_events):
    jointly_feed.tell(*jointly_events)
    answer = httpx.get(jointly_feed.url + "/v1/events", headers={"Authorization": "Bearer x"}, trust_env=False)
    assert answer.json() == jointly_events

def test_the_sender(jointly_webhooks):
    answer = jointly_webhooks("http://127.0.0.1:9/", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").valid(journey()[0])
    assert "could not be reached" in str(answer)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the source tree."""
    return Path(next(iter(WheelBuilder(str(KIT)).build(directory=str(tmp_path_factory.mktemp("wheel"))))))


def events_of(archive: Path) -> set[str]:
    return {name.partition("jointly_kit/golden/")[2] for name in ZipFile(archive).namelist() if "/golden/" in name}


def test_a_wheel_holds_every_event(wheel: Path) -> None:
    assert events_of(wheel) == WRITTEN


def test_a_wheel_that_is_built_from_a_source_archive_holds_them_too(tmp_path: Path) -> None:
    archive = next(iter(SdistBuilder(str(KIT)).build(directory=str(tmp_path))))
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path / "source", filter="data")
    [source] = (tmp_path / "source").iterdir()
    assert not list(source.rglob("node_modules"))
    assert events_of(Path(next(iter(WheelBuilder(str(source)).build(directory=str(tmp_path)))))) == WRITTEN


def test_an_integrators_tests_have_the_fixtures(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "installed"
    with ZipFile(wheel) as opened:
        opened.extractall(home)  # noqa: S202  made a moment ago
    (tmp_path / "test_theirs.py").write_text(A_TEST_OF_AN_INTEGRATOR, "utf-8")
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\naddopts = --strict-markers -p no:asyncio\nfilterwarnings = error\n", "utf-8"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_theirs.py"]
    # What is on this path is found before the tree's own, its entry points too.
    done = subprocess.run(  # noqa: S603
        command, cwd=tmp_path, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(home)}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    outside = sum(one.leaves for one in golden())
    assert f"{outside + 2} passed" in done.stdout
