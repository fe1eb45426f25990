"""One service as a container runs it: a process of its own, a given database, in production."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from support.database import SECRET, Copy
from support.host import free_ports


@contextmanager
def alone(folder: Path, database: Copy, part: str, **environment: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """`jointly run referral-api --only ...`, answering; and its port."""
    port = free_ports()
    process = subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, "-m", "jointly", "run", "referral-api", "--only", part],
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("JOINTLY_")},
            "JOINTLY_ENV": "production",
            "JOINTLY_STATE": str(folder / "state"),
            "JOINTLY_PORT": str(port),
            "JOINTLY_DATABASE_URL": database.admin_url,
            "JOINTLY_ROLES_SECRET": SECRET,
            "JOINTLY_ISSUER": "https://sign-in.example",
            "JOINTLY_ORIGIN": "https://jointly.example",
            **environment,
        },
    )
    try:
        while process.poll() is None:
            try:
                if httpx.get(f"http://127.0.0.1:{port + 1}/readyz", trust_env=False).status_code == httpx.codes.OK:
                    break
            except httpx.TransportError:
                continue
        yield process, port
    finally:
        process.kill()
        process.wait()


def test_it_answers_its_own_paths_and_issues_no_tokens(tmp_path: Path, database: Copy) -> None:
    with alone(tmp_path, database, "http") as (_, port):
        origin = f"http://127.0.0.1:{port}"
        assert httpx.get(f"{origin}/v1/cases", trust_env=False).status_code == 401
        assert httpx.get(f"{origin}/v1/clusters", trust_env=False).status_code == 404
        form = {"grant_type": "client_credentials"}
        assert httpx.post(f"{origin}/oauth/token", data=form, trust_env=False).status_code == 404
        assert httpx.get(f"{origin}/.well-known/jwks.json", trust_env=False).status_code == 404
        assert not (tmp_path / "state" / "issuer-key.pem").exists()


def test_it_says_not_ready_before_it_stops_listening(tmp_path: Path, database: Copy) -> None:
    with alone(tmp_path, database, "http", JOINTLY_DRAIN_SECONDS="300") as (process, port):
        origin = f"http://127.0.0.1:{port}"
        assert httpx.get(f"{origin}/readyz", trust_env=False).status_code == 200
        process.send_signal(signal.SIGTERM)
        while httpx.get(f"{origin}/readyz", trust_env=False).status_code == 200:
            pass
        answer = httpx.get(f"{origin}/readyz", trust_env=False)
        assert (answer.status_code, answer.json()["checks"]["accepting"]) == (503, False)
        assert answer.headers["connection"] == "close"
        # Requests that still come are answered; a second signal waits for no more of them.
        assert httpx.get(f"{origin}/v1/cases", trust_env=False).status_code == 401
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_a_worker_alone_shows_its_metrics_and_stops_when_told(tmp_path: Path, database: Copy) -> None:
    with alone(tmp_path, database, "workers") as (process, port):
        metrics = httpx.get(f"http://127.0.0.1:{port + 1}/metrics", trust_env=False).text
        assert "jointly_published_total" in metrics
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
