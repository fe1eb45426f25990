"""Schemathesis with every check it has, on the running host: what the OpenAPI document promises, the host keeps."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from support.hostile import Outsider

SEED: Final = 20_261_123
#: Requests for each operation while fuzzing; the coverage phase sends what its own rules say.
EXAMPLES: Final = 5
#: Whoever takes longer hangs.
PATIENCE: Final = 300
#: Schemathesis' own, to which the house's are added.
POSITIVE: Final = ("2xx", "3xx", "401", "403", "404", "409", "429")
NEGATIVE: Final = ("400", "401", "403", "404", "405", "406", "409", "415", "422", "428", "429")
MISSING: Final = ("400", "401", "403", "406", "415", "422")


def configuration(document: Mapping[str, Any], report: Path, wfc: Path, user: str, peers: list[str]) -> str:
    """The configuration file. Every check is on; what counts as a refusal is told where HTTP has a word of its own."""
    lines = [
        f"seed = {SEED}",
        "continue-on-failure = true",
        "[generation]",
        'database = "none"',
        f"max-examples = {EXAMPLES}",
        "[phases.stateful.generation]",
        f"max-examples = {EXAMPLES}",
        "[reports.json]",
        f"path = {json.dumps(str(report))}",
        "[auth.wfc]",
        f"path = {json.dumps(str(wfc))}",
        f"user = {json.dumps(user)}",
        f"peers = {json.dumps(peers)}",
        "[checks.missing_required_header]",
        # 428 is RFC 6585's answer to a missing If-Match.
        f"expected-statuses = {json.dumps([*MISSING, '428'])}",
        "[checks.negative_data_rejection]",
        # A stale version is refused before the body is weighed.
        f"expected-statuses = {json.dumps([*NEGATIVE, '412'])}",
        "[checks.not_a_server_error]",
        'expected-statuses = ["2xx", "3xx", "4xx"]',
    ]
    for path, item in document["paths"].items():
        for method, operation in item.items():
            names = {each["name"] for each in operation.get("parameters", ())}
            lines += [
                "[[operations]]",
                f'include-name = "{method.upper()} {path}"',
                "[operations.checks.positive_data_acceptance]",
                f"expected-statuses = {json.dumps([*POSITIVE, *refused_though_well_formed(path, operation)])}",
            ]
            if {"dry_run", "Idempotency-Key"} <= names and "201" in operation["responses"]:
                # A rehearsal (200, never 201) keeps nothing, so it is let off the key that the real thing needs.
                lines += [
                    "[operations.checks.missing_required_header]",
                    f"expected-statuses = {json.dumps([*MISSING, '428', '200'])}",
                    "[operations.checks.negative_data_rejection]",
                    f"expected-statuses = {json.dumps([*NEGATIVE, '412', '200'])}",
                ]
    return "\n".join(lines) + "\n"


def refused_though_well_formed(path: str, operation: Mapping[str, Any]) -> list[str]:  # noqa: C901  a list
    """The refusals of an operation that no schema can foretell. An operation without any must take all that fits."""
    names = {each["name"] for each in operation.get("parameters", ())}
    more = set[str]()
    if "cursor" in names:
        # A cursor is signed: nobody but the host can make one.
        more |= {"400"}
    if "If-Match" in names:
        # Only who has read knows the version.
        more |= {"412"}
    if "requestBody" in operation:
        # What fields say together (a need of rank 1, a day after another, a check digit) is beyond a schema.
        more |= {"422"}
    if names & {"near", "q", "district", "reference"}:
        # Text is looked at more closely than a schema can say: its characters, its check letter, what goes with what.
        more |= {"400", "422"}
    if "at" in names:
        # Not every year of the calendar is one of ours.
        more |= {"422"}
    if path == "/v1/simulations":
        # Rules are as free as a rule file; how large a number may be is said of all bodies, not in a schema.
        more |= {"400"}
    if {"cluster", "case"} <= names:
        # One list at a time.
        more |= {"422"}
    if {"from", "to"} <= names or path.endswith(("/replay", "/close")):
        # A span that ends before it begins; a cursor in a body is signed, too; numbers and depth as of all bodies.
        more |= {"400"}
    if path.startswith("/v1/events"):
        # Who has several subscriptions, or none, must say which is meant.
        more |= {"422"}
    if path.startswith("/oauth/"):
        # OAuth's own refusals: 400 with its own codes.
        more |= {"400"}
    return sorted(more)


def wfc_of(users: Mapping[str, Mapping[str, str]]) -> str:
    """Who can sign in, in the form of Web Fuzzing Commons."""
    return json.dumps(
        {
            "schema_version": "0.2.0",
            "auth": [
                {"name": name, "fixedHeaders": [{"name": key, "value": value} for key, value in headers.items()]}
                for name, headers in users.items()
            ],
        }
    )


@pytest.mark.parametrize("who", ["a school's system", "a cluster's lead"])
def test_the_host_keeps_what_its_document_promises(outsider: Outsider, tmp_path: Path, who: str) -> None:
    users = {
        "a school's system": outsider.system("school-115482"),
        "a cluster's lead": outsider.person("cluster-lead-gloucester-primary"),
        # May see nothing of what the others make: another school's system.
        "a stranger": outsider.system("social-care"),
    }
    report, wfc, config = (tmp_path / name for name in ("report.json", "auth.json", "schemathesis.toml"))
    wfc.write_text(wfc_of(users), encoding="utf-8")
    config.write_text(configuration(outsider.document, report, wfc, who, [who, "a stranger"]), encoding="utf-8")
    done = subprocess.run(  # noqa: S603  the tool that is installed beside us
        [
            sys.executable, "-m", "schemathesis.cli", "--config-file", str(config),
            "run", f"{outsider.host.origin}/openapi.json", "--checks", "all",
            "--phases", "examples,coverage,fuzzing,stateful", "--warnings", "off", "--no-color",
        ],
        cwd=tmp_path,
        env={**os.environ, "NO_PROXY": "*", "PYTHONWARNINGS": "default"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )  # fmt: skip
    found = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}
    assert done.returncode == 0, f"{done.stdout[-20_000:]}{done.stderr[-2_000:]}"
    assert found["stop_reason"] == "completed", found["stop_reason"]
    assert outsider.client.get("/readyz").status_code == 200
    assert "request.failed" not in outsider.host.log("front")
