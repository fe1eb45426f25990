"""The building's own rules: rooms, sizes, who commits, who names a policy, what every event needs."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest
from chassis.service import Service, load
from fastapi.routing import APIRoute
from schemas.event import event_types
from schemas.topics import READERS, TOPICS

ROOT = Path(__file__).resolve().parents[2]
SERVICES = (
    "directory", "referral_api", "cluster_router", "notifier", "assessments", "funding", "placements",
    "exchange", "portal",
)  # fmt: skip
ROOMS = {
    "__init__", "__main__", "app", "api", "subscriptions", "deadlines", "workers", "commands", "views", "handlers",
    "store", "queries", "clients", "tables", "policy", "domain", "settings", "migrations", "data", "py",
}  # fmt: skip
MOST_LINES = 400


def sources() -> list[Path]:
    """Every Python file of the project."""
    folders = ("schemas", "services", "referral-api", "cluster-router", "notifier", "tests")
    return sorted(
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if not {"node_modules", ".venv", "build"} & set(path.parts)
    )


def services_sources() -> list[Path]:
    """Those of the services themselves, without chassis, host and tests."""
    return [path for path in sources() if any(f"/src/{name}/" in path.as_posix() for name in SERVICES)]


@pytest.fixture(scope="module", params=SERVICES)
def service(request: pytest.FixtureRequest) -> Service:
    """Each service in turn."""
    return load(request.param)


def test_no_file_is_longer_than_a_room_should_be() -> None:
    long = {path.relative_to(ROOT): n for path in sources() if (n := len(path.read_text().splitlines())) > MOST_LINES}
    assert not long


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_rooms_but_the_known_ones(name: str) -> None:
    package = Path(str(import_module(name).__file__)).parent
    rooms = {path.stem for path in package.iterdir() if path.name != "__pycache__"}
    assert rooms <= ROOMS


def test_nobody_but_the_chassis_commits_or_opens_a_session() -> None:
    forbidden = {"commit", "rollback", "begin", "begin_nested", "create_async_engine", "AIOKafkaProducer"}
    offences = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.attr}"
        for path in services_sources()
        if "/migrations/" not in path.as_posix()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in forbidden
    ]
    assert not offences


def test_sql_is_never_built_from_values() -> None:
    """Only constants (upper case) of our own may be formatted into SQL; values are bound."""
    offences = [
        f"{path.relative_to(ROOT)}:{call.lineno} {name}"
        for path in services_sources()
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "rows"
        and call.args
        for sql in [call.args[0]]
        if isinstance(sql, ast.JoinedStr)
        for name in [ast.unparse(part.value) for part in sql.values if isinstance(part, ast.FormattedValue)]
        if not name.isupper()
    ]
    assert not offences


def test_time_and_ids_come_from_the_clock_alone() -> None:
    pattern = re.compile(r"\b(utcnow|uuid4|uuid1|time\.time|datetime\.now|date\.today|now\(\) *AT|CURRENT_TIMESTAMP)\b")
    allowed = {"services/chassis/src/chassis/clock.py", "tests/architecture/test_house.py"}
    # The integrators' kit leaves the house, and has no clock of ours to ask.
    outside = ("tests/", "schemas/kit/")
    offences = [
        f"{name}: {line.strip()}"
        for path in sources()
        if (name := path.relative_to(ROOT).as_posix()) not in allowed and not name.startswith(outside)
        for line in path.read_text().splitlines()
        if pattern.search(line)
    ]
    assert not offences


def test_every_route_names_a_policy(service: Service) -> None:
    for router in service.routers:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            policies = [getattr(dependency.call, "policy", None) for dependency in route.dependant.dependencies]
            assert any(policies), f"{route.methods} {route.path} names no policy: use allow(…) or public"


def test_every_path_of_a_service_is_one_that_it_answers(service: Service) -> None:
    for router in service.routers:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            assert route.path.startswith(service.paths), f"{route.path} is not under {service.paths}"


def test_a_service_speaks_and_listens_as_the_topics_say(service: Service) -> None:
    for subscription in service.subscriptions:
        assert subscription.event.topic.name in TOPICS
    if service.subscriptions:
        assert service.name in READERS
        assert f"{service.name}-dead-letters" in TOPICS


def test_every_event_has_a_listener_or_is_meant_for_outside() -> None:
    heard = {s.event.type for name in SERVICES for s in load(name).subscriptions}
    spoken_here = {type for type, event in event_types().items() if type != "jointly.event.dead-lettered.v1"}
    assert spoken_here - heard == set(), "events that nobody takes"


def test_every_topic_has_one_speaker_that_exists() -> None:
    names = {load(name).name for name in SERVICES}
    assert {topic.speaker for topic in TOPICS.values()} <= names
    assert all("." not in topic and "_" not in topic for topic in TOPICS), "dots and underscores collide on Kafka"


@pytest.mark.parametrize("name", SERVICES)
def test_the_head_of_the_migrations_is_recorded(name: str) -> None:
    folder = Path(str(import_module(name).__file__)).parent / "migrations"
    versions = sorted(path.stem for path in (folder / "versions").glob("[0-9]*.py"))
    assert versions
    assert (folder / "HEAD").read_text().strip() == versions[-1][:4] or (
        folder / "HEAD"
    ).read_text().strip() in versions[-1]


FORBIDDEN_WORDS = re.compile(
    r"/work/(main|shared)|/root/\.|pypi\.org|registry\.npmjs|repo1\.maven|repo\.maven", re.IGNORECASE
)


def test_nothing_names_a_machine_or_a_registry() -> None:
    names = ("*.py", "*.md", "*.toml", "*.yaml", "*.yml", "*.json", "*.lock", "Makefile", "Dockerfile", "*.xml", "*.sh")
    offences = []
    for pattern in names:
        for path in ROOT.rglob(pattern):
            parts = set(path.relative_to(ROOT).parts)
            if (
                parts & {".venv", "node_modules", ".jointly", ".git", ".cache", ".mypy_cache", ".ruff_cache"}
                or path.name == "test_house.py"
            ):
                continue
            if FORBIDDEN_WORDS.search(path.read_text(errors="replace")):
                offences.append(str(path.relative_to(ROOT)))
    assert not offences
