"""What is generated keeps every promise of what was released, and `make check` names whatever would not."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from schemas.compatibility import Kind, breaks
from schemas.contracts import every_event
from schemas.export import HOME, main, read_contracts

RELEASED = read_contracts(HOME / "released")
GENERATED = read_contracts(HOME / "generated")
CLOSED, OPENED, AWARDED = "jointly.case.closed.v1", "jointly.case.opened.v1", "jointly.funding.awarded.v1"
NAMED = "jointly.organisation.changed.v1"

Json = dict[str, Any]


def test_nothing_that_was_released_is_broken() -> None:
    found = "\n".join(str(each) for each in breaks(RELEASED, GENERATED))
    assert not found, f"Give each a new version of its type instead:\n{found}"


def test_every_released_event_is_still_spoken() -> None:
    assert RELEASED.events.keys() <= every_event().keys()


def test_every_released_file_is_read() -> None:
    files = {
        path.relative_to(HOME / "released").as_posix() for path in (HOME / "released").rglob("*") if path.is_file()
    }
    assert files == {"codes.json", "topics.json", *(f"jsonschema/{name}.json" for name in RELEASED.events)}


@pytest.mark.parametrize("name", sorted(RELEASED.events))
def test_a_released_schema_is_filed_under_its_type(name: str) -> None:
    assert RELEASED.events[name]["x-type"] == name


# What the check says. Everything that is generated today counts as released, but for one promise that was another
# one then: the difference to today is the change that somebody has just made.


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A source tree of this test's own, in which everything of today has been released."""
    for folder in ("examples", "generated"):
        shutil.copytree(HOME / folder, tmp_path / folder)
    for name in ("jsonschema", "codes.json", "topics.json"):
        copy = shutil.copytree if (HOME / "generated" / name).is_dir() else shutil.copyfile
        (tmp_path / "released").mkdir(exist_ok=True)
        copy(HOME / "generated" / name, tmp_path / "released" / name)
    return tmp_path


def promised(home: Path, file: str, then: Callable[[Json], None]) -> None:
    """Make what was released another thing than today."""
    path = home / "released" / file
    document = json.loads(path.read_text(encoding="utf-8"))
    then(document)
    path.write_text(json.dumps(document), encoding="utf-8")


def event(name: str) -> str:
    return f"jsonschema/{name}.json"


def put(*way: str | int, value: Any) -> Callable[[Json], None]:
    """Then, this stood there; a last step of -1 adds to a list."""

    def then(document: Any) -> None:
        *path, last = way
        for step in path:
            document = document[step]
        if last == -1:
            document.append(value)
        else:
            document[last] = value

    return then


def gone(*way: str | int) -> Callable[[Json], None]:
    """Then, this was not there yet."""

    def then(document: Any) -> None:
        *path, last = way
        for step in path:
            document = document[step]
        if isinstance(document, list):
            document[:] = [each for each in document if each not in (last, {"code": last})]
        else:
            del document[last]

    return then


def closed_without(field: str) -> Callable[[Json], None]:
    """Then, this field was not there, and no other was allowed."""

    def then(document: Json) -> None:
        del document[P][field]
        document["additionalProperties"] = False

    return then


P = "properties"
#: What somebody does to a contract, where, how it was promised, and the line by which the check names it.
BROKEN = [
    ("takes a field away", event(CLOSED), put(P, "by", value={"type": "string"}), f"{CLOSED} /by: field-removed"),
    ("renames a field", event(CLOSED), put(P, "why", value={"type": "string"}), f"{CLOSED} /why: field-removed"),
    ("adds a required field", event(CLOSED), gone(P, "reason"), f"{CLOSED} /reason: required-field-added"),
    ("makes an optional field required", event(CLOSED), gone("required", "reason"),
     f"{CLOSED} /reason: became-required"),
    ("makes a required field optional", event(OPENED),
     put("$defs", "Circumstances", "required", -1, value="school_urn"),
     f"{OPENED} /circumstances/school_urn: became-optional"),
    ("changes a type", event(CLOSED), put(P, "reason", "type", value="integer"), f"{CLOSED} /reason: type-changed"),
    ("takes a value out of an enum", event(OPENED), put("$defs", "Home", P, "state", "enum", -1, value="abroad"),
     f"{OPENED} /circumstances/home/state: values-narrowed"),
    ("adds a value to a closed enum", event(OPENED), gone("$defs", "Home", P, "state", "enum", "restricted"),
     f"{OPENED} /circumstances/home/state: values-widened"),
    ("narrows a pattern", event(CLOSED), put(P, "case_id", "pattern", value=".*"),
     f"{CLOSED} /case_id: pattern-changed"),
    ("shortens a text", event(NAMED), put(P, "name", "maxLength", value=4000), f"{NAMED} /name: limit-tightened"),
    ("lets a shorter text through", event(NAMED), put(P, "name", "minLength", value=9),
     f"{NAMED} /name: limit-loosened"),
    ("lowers a maximum", event(OPENED), put("$defs", "Circumstances", P, "age", "maximum", value=99),
     f"{OPENED} /circumstances/age: limit-tightened"),
    ("changes a format", event(CLOSED), put(P, "case_id", "format", value="uuid"),
     f"{CLOSED} /case_id: format-changed"),
    ("offers other alternatives", event(CLOSED), put(P, "reason", "anyOf", value=[{"type": "string"}]),
     f"{CLOSED} /reason: alternatives-changed"),
    ("takes codes from another list", event(CLOSED), put(P, "reason", "x-codes", value="sectors"),
     f"{CLOSED} /reason: registry-changed"),
    ("lets a field mean another thing when it is absent", event(CLOSED), put(P, "reason", "default", value="other"),
     f"{CLOSED} /reason: keyword-changed"),
    ("adds a field where none may be", event(CLOSED), closed_without("reason"),
     f"{CLOSED} /reason: field-added-to-closed"),
    ("has it be about something else", event(CLOSED), put("x-subject", value="reason"), f"{CLOSED} /: subject-changed"),
    ("says it elsewhere", event(CLOSED), put("x-topics", value=["case-events"]), f"{CLOSED} /: topic-left"),
    ("takes an event away", event("jointly.case.old.v1"), None, "jointly.case.old.v1 /: event-removed"),
    ("takes a topic away", "topics.json", lambda d: put("old-events", value=d["referral-events"])(d),
     "old-events /: topic-removed"),
    ("renames a topic", "topics.json", lambda d: put("referrals", value=d.pop("referral-events"))(d),
     "referrals /: topic-removed"),
    ("gives a topic other partitions, so its keys lie elsewhere", "topics.json",
     put("referral-events", "partitions", value=3), "referral-events /: partitions-changed"),
    ("keeps a topic shorter", "topics.json", put("referral-events", "kept_days", value=365),
     "referral-events /: kept-shorter"),
    ("compacts a topic", "topics.json", put("referral-events", "compacted", value=True),
     "referral-events /: compaction-changed"),
    ("has another service speak", "topics.json", put("referral-events", "speaker", value="notifier"),
     "referral-events /: speaker-changed"),
    ("takes a code away", "codes.json", put("sectors", "codes", -1, value={"code": "police", "since": "2014-09-01"}),
     "sectors police: code-removed"),
    ("lets a code begin later", "codes.json", put("sectors", "codes", 0, "since", value="2001-01-01"),
     ": code-begins-later"),
]  # fmt: skip

#: What may be done within a version: it was not there when readers were told.
ALLOWED = [
    ("adds an optional field", event(OPENED), gone("$defs", "Circumstances", P, "school_urn")),
    ("adds words", event(CLOSED), put("description", value="Said otherwise.")),
    ("names a code list where there was none", event(CLOSED), gone(P, "reason", "x-codes")),
    ("adds a code to an open list", "codes.json", lambda d: d["sectors"]["codes"].pop()),
    ("adds a code list", "codes.json", gone("sectors")),
    ("ends a code", "codes.json", put("sectors", "codes", 0, "until", value=None)),
    ("adds a topic", "topics.json", gone("funding-events")),
    ("keeps a topic longer", "topics.json", put("referral-events", "kept_days", value=7)),
    ("says a topic's purpose otherwise", "topics.json", put("referral-events", "purpose", value="Referrals.")),
]


def checked(home: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """The check of `make check`: its exit code, and what it names."""
    code = main(["--home", str(home), "--check"])
    return code, [
        line for line in capsys.readouterr().err.splitlines() if ": " in line and not line.startswith("Readers")
    ]


@pytest.mark.parametrize(("file", "then", "named"), [c[1:] for c in BROKEN], ids=[c[0] for c in BROKEN])
def test_the_check_fails_and_names_it_when_somebody(
    home: Path, capsys: pytest.CaptureFixture[str], file: str, then: Callable[[Json], None] | None, named: str
) -> None:
    if then is None:
        shutil.copyfile(home / "released" / event(CLOSED), home / "released" / file)
    else:
        promised(home, file, then)
    code, said = checked(home, capsys)
    assert code == 1
    assert any(named in line for line in said), said


@pytest.mark.parametrize(("file", "then"), [c[1:] for c in ALLOWED], ids=[c[0] for c in ALLOWED])
def test_the_check_passes_when_somebody(
    home: Path, capsys: pytest.CaptureFixture[str], file: str, then: Callable[[Json], None]
) -> None:
    promised(home, file, then)
    assert checked(home, capsys) == (0, [])


def test_a_new_event_breaks_nobody(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "released" / event(AWARDED)).unlink()
    assert checked(home, capsys) == (0, [])


def test_every_kind_of_break_is_made_here_once() -> None:
    made = {kind for kind in get_args(Kind) if any(line.endswith(kind) for _, _, _, line in BROKEN)}
    assert set(get_args(Kind)) - made == set()


# The same as a developer meets it: the class is changed, `make schemas` has written it, `make check` looks.

#: What happens, in which module, what stood there, what stands there now, and the line that names it.
CLASSES = [
    ("a field is renamed", "routing.py", r"\bcluster_id: Id\b", "held_by: Id",
     "jointly.case.assigned.v1 /cluster_id: field-removed"),
    ("a topic has more partitions", "topics.py", r"partitions: int = 6", "partitions: int = 12",
     "referral-events /: partitions-changed"),
    ("an id gets shorter", "event.py", r"\{0,63\}\$\"\)\]\n#: A stable", '{0,31}$")]\n#: A stable',
     "jointly.case.closed.v1 /case_id: pattern-changed"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "was", "now", "named"), [c[1:] for c in CLASSES], ids=[c[0] for c in CLASSES])
def test_as_a_process_the_check_fails_on_a_changed_class(
    home: Path, module: str, was: str, now: str, named: str
) -> None:
    package = shutil.copytree(HOME / "src" / "schemas", home / "src" / "schemas")
    text = (package / module).read_text(encoding="utf-8")
    changed, count = re.subn(was, now, text, count=1)
    assert count == 1
    (package / module).write_text(changed, encoding="utf-8")
    written = export(home)
    assert written.returncode == 0, written.stderr
    checks = export(home, "--check")
    assert checks.returncode == 1
    assert named in checks.stderr
    assert "make a new version" in checks.stderr
    assert "Run `python -m schemas.export`" not in checks.stderr, (
        "what is generated is fresh; the promise is what broke"
    )


def export(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m schemas.export` of this source tree, as `make schemas` and `make check` call it."""
    return subprocess.run(  # noqa: S603  this very Python
        [sys.executable, "-m", "schemas.export", "--home", str(home), *arguments],
        env={"PYTHONPATH": str(home / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_make_check_runs_it() -> None:
    makefile = (HOME.parent / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^check:.*\bschemas-check\b", makefile, re.MULTILINE)
    assert re.search(r"^schemas-check:.*\n\t\$\(BIN\)/python -m schemas\.export --check$", makefile, re.MULTILINE)
