"""Erasing a case everywhere: what was written about it is in no table of any service; what the law keeps stands."""

import asyncio
import io
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest
from chassis.clock import wall_seconds
from e2e.house import EMBEDDED, settings_of
from jointly import house as parts_of
from jointly.postgres import EmbeddedPostgres
from schemas.days import financial_year
from support.casework import STEM, Case, Office
from support.host import Host, running
from support.hostile import PATIENCE, Outsider
from support.rest import busy

#: Two plainly synthetic children; every value is found nowhere else in the county.
ONE = {
    "given_name": f"{STEM}given", "family_name": f"{STEM}family-Test", "date_of_birth": "2015-10-13", "sex": "female",
    "postcode": "GL52 2GH", "nhs_number": "9990000042", "upn": "V91620001801A", "school_urn": "115482",
    "year_group": "6",
}  # fmt: skip
TWO = ONE | {
    "given_name": f"{STEM}other", "family_name": f"{STEM}else-Test", "date_of_birth": "2014-02-11",
    "nhs_number": "9990000050", "upn": None,
}  # fmt: skip
_SERVICES = ("referral_api", "cluster_router", "assessments", "funding", "placements", "notifier", "exchange", "portal")
_TABLES = """
SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^(pg_|information_schema)' ORDER BY 1, 2
"""
#: A binary value as COPY writes it.
_HEX = re.compile(rb"\\\\x((?:[0-9a-f]{2})+)")


def content_of(host: Host) -> dict[tuple[str, str], bytes]:
    """Every row of every table of every schema as text, binary values read as well."""

    async def copy() -> dict[tuple[str, str], bytes]:
        url = EmbeddedPostgres(host.state).admin_url().replace("+asyncpg", "")
        connection = await asyncpg.connect(url)
        try:
            found = {}
            for schema, name in await connection.fetch(_TABLES):
                out = io.BytesIO()
                await connection.copy_from_table(name, schema_name=schema, output=out)
                text = out.getvalue()
                found[schema, name] = text + b"\n".join(bytes.fromhex(each.decode()) for each in _HEX.findall(text))
            return found
        finally:
            await connection.close()

    return asyncio.run(copy())


def places_of(marks: dict[str, str], content: dict[tuple[str, str], bytes]) -> dict[str, set[tuple[str, str]]]:
    """Where each mark is, in whatever case it is written."""
    found: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for table, text in content.items():
        lowered = text.lower()
        for what, mark in marks.items():
            if mark.lower().encode() in lowered:
                found[what].add(table)
    return dict(found)


def at_rest(host: Host) -> None:
    """Wait until all that was said was heard, and what follows from it, too."""

    async def wait() -> None:
        ends, before = wall_seconds() + PATIENCE, -1
        async with parts_of.opened(settings_of(host, EMBEDDED)) as parts:
            while wall_seconds() < ends:
                waits, said = await busy(parts, parts.clock.now())
                if not waits and said == before:
                    return
                before = said
                await asyncio.sleep(0.1)
        raise AssertionError("The house never came to rest.")

    asyncio.run(wait())


def who_is(child: dict[str, Any]) -> dict[str, str]:
    """What tells who a child is, as it may be written; the gazetteer's postcodes are everybody's."""
    named = {name: child[name] for name in ("given_name", "family_name", "date_of_birth", "nhs_number", "upn")}
    return {name: str(value) for name, value in named.items() if value}


@dataclass
class Erased:
    """What was in the tables before a case was erased and after it, and what was answered."""

    host: Host
    #: The case that was erased, another of the same child, and the only one of another child, erased too.
    gone: Case
    stays: Case
    only: Case
    before: dict[tuple[str, str], bytes] = field(default_factory=dict)
    after: dict[tuple[str, str], bytes] = field(default_factory=dict)
    kept: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    answers: list[Any] = field(default_factory=list)


def _what_is_kept(office: Office, case: Case) -> dict[str, Any]:
    finance, officer = office.person("finance-officer"), office.person("data-protection-officer")
    intake, day = office.person("intake-officer"), office.today.isoformat()
    position = office.get(f"/v1/funding/position?cluster={case.cluster}&year={financial_year(office.today)}", finance)
    told = office.get(f"/v1/ledger?case={case.id}&limit=200", officer)["items"]
    return {
        "money": {name: value for name, value in position.items() if name.endswith("_pence")},
        "ledger": {(one["subscription"], one["event_id"]) for one in told},
        "clocks": office.get(f"/v1/clocks/figures?from={day}&to={day[:3]}9-12-31", intake),
    }  # fmt: skip


def _close_and_erase(office: Office, case: Case) -> Any:
    path = f"/v1/cases/{case.id}"
    office.ask("POST", f"{path}/close", office.lead(case), {"reason": "needs-met"}, read=path)
    at_rest(office.outsider.host)
    said = {"reference": case.reference, "reason": "right-to-erasure"}
    return office.ask("POST", f"{path}/erase", office.person("data-protection-officer"), said, read=path)


@pytest.fixture(scope="module")
def erased(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Erased]:
    """Casework on two children, all marked; then one case of the first and the only one of the other are erased."""
    with running(tmp_path_factory.mktemp("erasure") / "state") as host, ExitStack() as stack:
        office = Office(Outsider(host))
        stack.callback(office.outsider.client.close)
        gone = office.refer(ONE, f"{STEM}a")
        office.work(gone)
        only = office.refer(TWO, f"{STEM}c")
        office.work(only)
        path = f"/v1/cases/{gone.id}"
        office.ask("POST", f"{path}/close", office.lead(gone), {"reason": "needs-met"}, read=path)
        # The child comes again: it is another case of the same child.
        stays = office.refer(ONE, f"{STEM}b")
        assert stays.id != gone.id
        office.work(stays)
        at_rest(host)
        found = Erased(host, gone, stays, only)
        found.before = content_of(host)
        before = {"gone": _what_is_kept(office, gone), "only": _what_is_kept(office, only)}
        said = {"reference": gone.reference, "reason": "right-to-erasure"}
        officer = office.person("data-protection-officer")
        found.answers.append(office.ask("POST", f"{path}/erase", officer, said, read=path))
        found.answers.append(_close_and_erase(office, only))
        at_rest(host)
        found.after = content_of(host)
        after = {"gone": _what_is_kept(office, gone), "only": _what_is_kept(office, only)}
        found.kept = {name: (before[name], after[name]) for name in before}
        yield found


def test_before_it_every_mark_is_found_somewhere_and_in_every_service_that_keeps_texts(erased: Erased) -> None:
    for case in (erased.gone, erased.stays, erased.only):
        # Second facts are hashed, addresses sealed and then forgotten, and the first summary was replaced.
        found, never = places_of(case.marks, erased.before), {"fact", "parent", "summary"}
        assert set(case.marks) - set(found) == never
        assert {schema for tables in found.values() for schema, _ in tables} >= {
            "referral_api", "assessments", "funding", "placements", "notifier",
        }  # fmt: skip
        assert len(case.marks) > 30
    for child in (ONE, TWO):
        assert set(places_of(who_is(child), erased.before)) == set(who_is(child))
    assert {schema for schema, _ in erased.before} >= {*_SERVICES, "event_log"}
    assert {"outbox", "inbox", "parked", "idempotency", "audit"} <= {
        re.sub(r"_[0-9]{8}$|_default$", "", name) for _, name in erased.before
    }


def test_after_it_nothing_that_was_written_about_the_case_is_in_any_table(erased: Erased) -> None:
    for case in (erased.gone, erased.only):
        assert places_of(case.marks, erased.after) == {}


def test_a_child_without_any_other_case_is_in_no_table_by_name_or_number(erased: Erased) -> None:
    assert places_of(who_is(TWO), erased.after) == {}


def test_the_other_case_of_the_same_child_stays_whole(erased: Erased) -> None:
    assert places_of(erased.stays.marks, erased.after) == places_of(erased.stays.marks, erased.before)
    assert set(places_of(who_is(ONE), erased.after)) == set(who_is(ONE))


def test_what_the_law_keeps_stands(erased: Erased) -> None:
    for before, after in erased.kept.values():
        assert after["money"]["paid_pence"] == before["money"]["paid_pence"]
        assert after["money"]["budget_pence"] == before["money"]["budget_pence"]
        # Who was told what, without what it said; the erasure itself is told, too.
        assert before["ledger"]
        assert after["ledger"] >= before["ledger"]
        assert after["clocks"]["total"] == before["clocks"]["total"] > 0
    # The amounts themselves, in the ledger's own tables.
    assert _amounts(erased.before) <= _amounts(erased.after)


def _amounts(content: dict[tuple[str, str], bytes]) -> set[bytes]:
    return set(content["funding", "entry"].splitlines())
