"""The container files: that their own tools take them, and that they say what this house is."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import httpx
import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from chassis.service import load
from jointly.house import PACKAGES
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY: Final = Path(__file__).resolve().parents[2]
DEPLOY: Final = REPOSITORY / "deploy"
DOCKERFILE: Final = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
CONTAINERS: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
OURS: Final = {name: c for name, c in CONTAINERS.items() if str(c["image"]).startswith("jointly/")}


def absent(what: str) -> None:
    """Skip, but not where everything counts."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"{what} is not here.")
    pytest.skip(f"{what} is not here.")


def tool(name: str) -> str:
    """A program that a development dependency brings along."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        absent(name)
    return str(found)


def run(*command: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """A program's outcome."""
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env, timeout=60)  # noqa: S603


# The image.


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, continuation lines joined."""
    lines = "\n".join(line for line in DOCKERFILE.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", lines)
    return [
        (word.upper(), rest) for line in joined.splitlines() if line.strip() for word, _, rest in [line.partition(" ")]
    ]


def test_the_dockerfile_has_nothing_that_its_linter_minds() -> None:
    found = run(tool("hadolint"), "--no-color", str(DEPLOY / "Dockerfile"))
    assert (found.returncode, found.stdout) == (0, "")


def test_an_image_runs_as_nobody_in_particular_and_can_be_asked_whether_it_lives() -> None:
    last = max(n for n, (word, _) in enumerate(instructions()) if word == "FROM")
    final = instructions()[last:]
    users = [rest for word, rest in final if word == "USER"]
    assert users == ["10001:10001"]
    after = [word for word, _ in final[[word for word, _ in final].index("USER") :]]
    assert "RUN" not in after
    assert "COPY" not in after
    assert "HEALTHCHECK" in after
    assert [rest for word, rest in final if word == "ENTRYPOINT"] == ['["with-secrets", "jointly"]']


def test_an_image_stands_on_tagged_bases_and_copies_nothing_from_elsewhere() -> None:
    bases = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
    assert bases
    assert all(re.fullmatch(r"python:3\.\d+-slim", base) for base in bases)
    assert not [
        rest for word, rest in instructions() if word == "ADD" or "http://" in rest.replace("http://127.0.0.1", "")
    ]
    assert "https://" not in DOCKERFILE


def test_every_package_that_is_installed_is_pinned_by_a_hash() -> None:
    installs = re.findall(
        r"\bpip (?:--python \S+ )?(?:install|wheel)[^&;]*", " ".join(rest for _, rest in instructions())
    )
    assert len(installs) == 4
    for command in installs:
        assert "--require-hashes" in command or ("--no-deps" in command and "--no-index" in command), command


def test_the_build_backend_is_found_in_the_lock_with_all_that_it_needs() -> None:
    script = re.search(r"awk '(?P<script>[^']+)'", DOCKERFILE)
    assert script is not None
    block = run("awk", script["script"], str(REPOSITORY / "requirements-dev.lock")).stdout
    kept = {canonicalize_name(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", block, re.MULTILINE)}
    needed, todo = set(), {"hatchling"}
    while todo:
        name = todo.pop()
        needed.add(name)
        for text in metadata.requires(name) or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": "", "python_version": "3.12"}):
                todo |= {canonicalize_name(requirement.name)} - needed
    assert kept == needed
    assert block.count("--hash=sha256:") >= len(kept)


def test_every_package_of_the_workspace_is_in_the_build_and_every_service_can_be_asked_for() -> None:
    workspace = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]["workspace"]
    copied = {rest.split()[0] for word, rest in instructions() if word == "COPY"}
    assert {member.split("/")[0] for member in workspace["members"]} <= copied
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    assert ignored[-2:] == ["**/__pycache__", "**/*.pyc"]
    assert {f"!{path}" for path in copied if not path.startswith("--")} - {"!--from=build"} <= set(ignored) | {
        "!requirements.lock"
    }
    at_the_top = re.search(r"^ *((?:[a-z-]+\|)+[a-z-]+)\) wanted=\"\$SERVICE\"", DOCKERFILE, re.MULTILINE)
    assert at_the_top is not None
    for service in PACKAGES:
        folder = REPOSITORY / service if service in at_the_top[1].split("|") else REPOSITORY / "services" / service
        assert (folder / "pyproject.toml").is_file(), service


@pytest.mark.parametrize("service", PACKAGES)
def test_the_host_runs_a_service_in_an_image_without_the_others(service: str) -> None:
    others = [package for name, package in PACKAGES.items() if name != service]
    program = (
        "import sys, pathlib\n"
        f"holds = lambda p: any((pathlib.Path(p) / name).is_dir() for name in {others})\n"
        "sys.path[:] = [p for p in sys.path if not holds(p)]\n"
        "import jointly.__main__, jointly.front, jointly.worker\n"
        f"print(jointly.house.services(['{service}'])[0].name)\n"
    )
    found = run(sys.executable, "-I", "-c", program)
    assert found.stdout.strip() == service, found.stderr[-800:]


def test_no_secret_is_in_an_image() -> None:
    for word, rest in instructions():
        if word in {"ARG", "ENV", "LABEL"}:
            assert not re.search(r"(?i)secret|password|token|_url|key", rest), rest


# The secrets.


def test_secrets_reach_the_process_from_files_and_nothing_else_does(tmp_path: Path) -> None:
    (tmp_path / "jointly_smtp_url").write_text("smtp://a:p$`\"'ä %40@host\n", encoding="utf-8")
    (tmp_path / "database_password").write_text("CNRY", encoding="utf-8")
    seen = run("sh", str(DEPLOY / "with-secrets"), "env", env={"PATH": os.environ["PATH"], "SECRETS": str(tmp_path)})
    assert "JOINTLY_SMTP_URL=smtp://a:p$`\"'ä %40@host\n" in seen.stdout
    assert "CNRY" not in seen.stdout


def test_without_secrets_the_program_runs_and_its_exit_is_the_containers(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "SECRETS": str(tmp_path / "none")}
    assert run("sh", str(DEPLOY / "with-secrets"), "sh", "-c", "exit 7", env=env).returncode == 7


def test_new_secrets_are_those_that_the_containers_want_and_never_replace_old_ones(tmp_path: Path) -> None:
    def make(folder: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": os.environ["PATH"], "SECRETS": str(tmp_path / folder)}
        return run("sh", str(DEPLOY / "new-secrets"), "smtp://mail.council.example", env=env)

    assert make("one").returncode == 0
    assert make("two").returncode == 0
    assert make("one").returncode != 0
    one, two = ({f.name: f.read_text() for f in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()} == set(one)
    assert {name for name in one if one[name] == two[name]} == {"jointly_smtp_url"}
    assert one["database_password"] in one["jointly_database_url"]
    assert (tmp_path / "one").stat().st_mode & 0o777 == 0o700


# The composition.


def test_the_composition_follows_the_compose_specification() -> None:
    package = find_spec("check_jsonschema")
    if package is None or package.origin is None:
        absent("check-jsonschema, which brings the specification")
        return
    shipped = Path(package.origin).parent / "builtin_schemas" / "vendor" / "compose-spec.json"
    schema = json.loads(shipped.read_text(encoding="utf-8"))
    jsonschema.validators.validator_for(schema)(schema).validate(COMPOSE)


def test_every_service_answers_and_works_in_containers_of_its_own() -> None:
    commands = {tuple(c["command"]) for c in OURS.values()}
    for service in PACKAGES:
        for part in ("http", "workers"):
            assert ("run", service, "--only", part) in commands
    built = {c["build"]["args"]["SERVICE"] for c in OURS.values() if "build" in c}
    assert built == {*PACKAGES, "jointly"}
    assert {str(c["image"]) for c in OURS.values()} == {f"jointly/{name}" for name in built}


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_container_of_ours_can_change_nothing_and_rise_to_nothing(name: str) -> None:
    container = OURS[name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert "cap_add" not in container
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["restart"] == ("on-failure:10" if name == "prepare" else "unless-stopped")
    assert container["environment"]["JOINTLY_ENV"] == "production"
    assert "ports" not in container
    assert container["mem_limit"]


def test_only_the_gateway_can_be_reached_and_the_stores_only_from_inside() -> None:
    assert [name for name, c in CONTAINERS.items() if "ports" in c] == ["gateway"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    for name in ("database", "kafka", "prepare"):
        assert CONTAINERS[name]["networks"] == ["inside"]
    assert CONTAINERS["gateway"]["networks"] == ["outside"]


def test_every_container_is_watched_and_started_in_order() -> None:
    for name, container in CONTAINERS.items():
        for needed, how in container.get("depends_on", {}).items():
            assert how["condition"] in {"service_healthy", "service_completed_successfully"}, (name, needed)
            if how["condition"] == "service_healthy" and needed not in OURS:
                assert CONTAINERS[needed]["healthcheck"]["test"]
        if name in OURS and name != "prepare":
            assert container["depends_on"]["prepare"] == {"condition": "service_completed_successfully"}
    assert "jointly database init && jointly database migrate" in CONTAINERS["prepare"]["command"][-1]


def test_secrets_are_files_and_the_administrators_is_for_the_preparation_alone() -> None:
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())
    holders = [name for name, c in CONTAINERS.items() if "jointly_database_url" in c.get("secrets", ())]
    assert holders == ["prepare"]
    assert [name for name, c in CONTAINERS.items() if "jointly_smtp_url" in c.get("secrets", ())] == [
        "notifier-workers"
    ]
    for name, container in CONTAINERS.items():
        for variable, value in container.get("environment", {}).items():
            secret = re.search(r"PASSWORD|SECRET|KEY|TOKEN", variable) and not variable.endswith("_FILE")
            assert not secret, (name, variable)
            assert not re.search(r"://[^/@]*:[^/@]*@", str(value)), (name, variable)


def test_images_of_others_are_named_with_their_versions() -> None:
    others = {str(c["image"]) for name, c in CONTAINERS.items() if name not in OURS}
    assert others == {"postgres:18", "apache/kafka:4.3.1", "caddy:2.11"}


# The gateway.


class Gateway:
    """A running gateway and the services behind it, each of which says its name."""

    def __init__(self, address: str, upstreams: dict[str, ThreadingHTTPServer]) -> None:
        self.address = address
        self.upstreams = upstreams

    def answered_by(self, path: str) -> str:
        """Which service gets a path."""
        return httpx.get(self.address + path, timeout=10).text


def _upstream(name: str) -> ThreadingHTTPServer:
    class SaysItsName(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(name.encode())

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), SaysItsName)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@contextmanager
def _free_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The gateway as it is shipped, with stand-ins behind it."""
    caddy = tool("caddy")
    folder = tmp_path_factory.mktemp("gateway")
    upstreams = {name: _upstream(name) for name in (*PACKAGES, "host")}
    with _free_port() as port:
        address = f"http://127.0.0.1:{port}"
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GATEWAY_ADDRESS": address,
        "GATEWAY_PATIENCE": "0s",
        **{
            f"UPSTREAM_{name.upper().replace('-', '_')}": f"127.0.0.1:{server.server_port}"
            for name, server in upstreams.items()
        },
    }
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            [caddy, "run", "--config", str(DEPLOY / "gateway" / "Caddyfile")],
            env=env, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        client = httpx.Client(transport=httpx.HTTPTransport(retries=8))
        client.get(address, timeout=10)
        client.close()
        assert process.poll() is None, log.read_text()
        yield Gateway(address, upstreams)
    finally:
        process.kill()
        process.wait()
        for server in upstreams.values():
            server.shutdown()
            server.server_close()


@pytest.mark.parametrize("service", PACKAGES)
def test_the_gateway_gives_each_path_to_the_service_that_answers_it(gateway: Gateway, service: str) -> None:
    paths = load(PACKAGES[service]).paths
    assert paths
    for path in paths:
        # The front page is one page; what is below it is somebody's own.
        below = () if path == "/" else (f"{path}/", f"{path}/one?x=/v1/other", f"{path}/one/two")
        for asked in (path, *below):
            assert gateway.answered_by(asked) == service, asked


@pytest.mark.parametrize(
    "path", ["/healthz", "/openapi.json", "/docs", "/v1", "/v1/referralsx", "/v1/nothing", "/fhirs", "/v1/case"]
)
def test_the_gateway_gives_everything_else_to_the_host(gateway: Gateway, path: str) -> None:
    assert gateway.answered_by(path) == "host"


def test_a_path_ends_at_a_colon_too(gateway: Gateway) -> None:
    assert gateway.answered_by("/v1/children:names") == "referral-api"


def test_while_a_service_is_away_its_callers_are_told_to_try_again_and_the_others_go_on(gateway: Gateway) -> None:
    away = gateway.upstreams["directory"]
    away.shutdown()
    away.server_close()
    answer = httpx.get(f"{gateway.address}/v1/schools")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "2"
    assert answer.json()["title"] == "Try again"
    assert gateway.answered_by("/v1/notifications") == "notifier"


def test_the_gateway_does_not_say_what_it_is(gateway: Gateway) -> None:
    headers = httpx.get(f"{gateway.address}/v1/notifications").headers
    assert "via" not in headers
    assert "caddy" not in str(headers).lower()
    assert headers["strict-transport-security"]
