"""`jointly run` as an operator meets it: up from nothing, one copy per folder, kept alive, stopped without loss."""

import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import jwt
import psutil
import pytest
from openapi_spec_validator import validate
from support.host import Host, running, start


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with running(tmp_path_factory.mktemp("host")) as up:
        yield up


def until_another(host: Host, name: str, dead: int) -> int:
    while (pid := host.pids().get(name, dead)) == dead:
        pass
    return pid


def test_one_command_brings_everything_up(host: Host) -> None:
    assert host.origin in host.output
    assert httpx.get(f"{host.origin}/healthz", trust_env=False).json() == {"status": "alive"}
    assert httpx.get(f"{host.origin}/readyz", trust_env=False).json()["ready"] is True
    assert "jointly_" in httpx.get(f"{host.internal}/metrics", trust_env=False).text


def test_what_is_not_a_terminal_gets_plain_lines(host: Host) -> None:
    assert "\x1b" not in host.output


def test_metrics_are_not_for_the_outside(host: Host) -> None:
    assert httpx.get(f"{host.origin}/metrics", trust_env=False).status_code == 404


def test_every_secret_belongs_to_its_owner_alone(host: Host) -> None:
    assert stat.S_IMODE(host.state.stat().st_mode) == 0o700
    for name in ("credentials.json", "secrets.json", "issuer-key.pem", "issuer.sqlite", "lock"):
        assert stat.S_IMODE((host.state / name).stat().st_mode) == 0o600, name


def test_a_second_copy_says_who_holds_the_folder(host: Host) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "jointly", "run"],
        env=host.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert f"process {host.pids()['supervisor']}" in second.stderr
    assert f"on port {host.port}" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_running_county_is_not_forgotten_by_mistake(host: Host) -> None:
    with pytest.raises(AssertionError, match="is in use by process"):
        host.command("reset", "--yes")


def test_a_killed_database_is_started_again_and_work_goes_on(host: Host) -> None:
    (server,) = [
        process
        for process in psutil.Process(host.process.pid).children()
        if process.name() == "postgres" or "/bin/postgres" in " ".join(process.cmdline())
    ]
    server.kill()
    while "PostgreSQL is gone; starting it again." not in host.output:
        pass
    host.until_ready()


@pytest.mark.parametrize("name", ["front", "worker"])
def test_a_killed_process_is_started_again_and_nobody_is_turned_away(host: Host, name: str) -> None:
    dead = host.kill(name).pid
    # The supervisor holds the listening socket: who calls meanwhile waits instead of failing.
    assert httpx.get(f"{host.origin}/healthz", trust_env=False, timeout=60).status_code == 200
    assert until_another(host, name, dead) != dead
    assert f"{name} was ended by SIGKILL" in host.output
    host.until_ready()


def test_a_token_of_the_command_line_is_taken_by_every_service(host: Host) -> None:
    token = host.token(system="school-115482")
    answer = httpx.get(
        f"{host.origin}/v1/schools/115482", headers={"Authorization": f"Bearer {token}"}, trust_env=False
    )
    assert answer.status_code == 200, answer.text


def test_a_token_by_role_is_that_of_whoever_is_it_first_of_all(host: Host) -> None:
    claims = jwt.decode(host.token(person="caseworker"), options={"verify_signature": False})
    assert claims["roles"] == ["caseworker"]
    assert len(claims["clusters"]) == 1


def test_an_operator_looks_at_what_waits_and_at_the_clock(host: Host) -> None:
    assert host.command("dead-letters", "list") == "Nothing waits.\n"
    assert host.command("dead-letters", "put-back", "notifier").startswith("0 put back")
    assert host.command("clock", "simulate", "2027-01-05T09:00:00Z*0").startswith("It is 2027-01-05")
    assert host.command("clock", "show") == "2027-01-05T09:00:00+00:00\n"
    host.command("clock", "real")
    assert not host.command("clock", "show").startswith("2027-01-05T09:00:00")


def test_an_operator_imports_again_what_is_known_and_nothing_changes(host: Host) -> None:
    assert host.command("import", "postcodes").endswith("postcodes read.\n")
    assert host.command("import", "clusters", "--default", "--since", "2024-09-01").startswith("0 clusters changed")


def test_the_demonstration_finds_a_cluster_for_every_child_with_a_school(host: Host) -> None:
    said = host.command("demo", "--referrals", "12", "--seed", "1")
    assert "12 referrals" in said
    assert "half within" in said
    assert "jointly.case.assigned.v1" in said


def test_the_documents_are_there(host: Host) -> None:
    described = httpx.get(f"{host.origin}/openapi.json", trust_env=False).json()
    validate(described)
    assert described["openapi"].startswith("3.1")
    assert {"/v1/referrals", "/oauth/token"} <= described["paths"].keys()
    assert httpx.get(f"{host.origin}/asyncapi.json", trust_env=False).json()["asyncapi"].startswith("3.")
    page = httpx.get(f"{host.origin}/docs", trust_env=False)
    assert page.headers["content-type"].startswith("text/html")
    assert "<script" not in page.text


def test_an_unknown_path_is_a_problem_like_any_other(host: Host) -> None:
    answer = httpx.get(f"{host.origin}/v2/nothing", trust_env=False)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_with_everything_it_started_and_goes_on_where_it_stopped(tmp_path: Path, how: signal.Signals) -> None:
    first = start(tmp_path)
    started = psutil.Process(first.process.pid).children(recursive=True)
    assert len(started) >= 3
    kept = first.credentials()
    assert first.stop(how) == 0
    assert not [process for process in started if process.is_running()]
    assert "Stopped." in first.output
    assert "Traceback" not in first.output
    with running(tmp_path) as second:
        assert second.credentials()["people"] == kept["people"]
        secrets = {row["client_id"]: row["client_secret"] for row in kept["systems"]}
        assert {row["client_id"]: row["client_secret"] for row in second.credentials()["systems"]} == secrets


def test_a_second_signal_hastens_and_harms_nothing(tmp_path: Path) -> None:
    first = start(tmp_path)
    first.process.send_signal(signal.SIGTERM)
    assert first.stop() == 0
    with running(tmp_path) as second:
        second.until_ready()


def test_a_copy_that_was_killed_leaves_nothing_running_and_its_folder_free(tmp_path: Path) -> None:
    first = start(tmp_path)
    started = psutil.Process(first.process.pid).children(recursive=True)
    first.stop(signal.SIGKILL)
    psutil.wait_procs(started, timeout=60)
    assert not [process for process in started if process.is_running()]
    with running(tmp_path) as second:
        second.until_ready()
