"""Providers from real files, and from what the directory tells of schools."""

from datetime import date
from pathlib import Path

import pytest
from integration.placements.county import DESK, NEAR, a_request, act, call, etag_of, get, places, school, staff
from placements import commands
from placements.clients import Unreadable
from schemas.placement import ProviderCapacityChanged, ProviderChanged
from support.service import Served


async def test_schools_for_alternative_provision_become_providers_and_keep_what_people_said(house: Served) -> None:
    said = {e.provider_id: e.provider.kind for e in await house.said(ProviderChanged)}  # type: ignore[attr-defined]
    assert said == {
        "school-200001": "pupil-referral-unit", "school-200002": "ap-academy", "school-200003": "ap-free-school",
    }  # fmt: skip
    path = f"/v1/providers/{NEAR}"
    answer = await call(
        house, "PATCH", path, staff(NEAR), {"needs": ["SEMH"], "phases": ["secondary"]},
        **{"If-Match": await etag_of(house, path)},
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    await house.hear(school("200001", type="14", phase=0, northing=220_000))
    assert len(await house.said(ProviderChanged)) == 4, "nothing new was told"
    await house.hear(school("200001", type="14", phase=0, northing=220_000, name="Another name"))
    seen = await get(house, path, DESK)
    assert (seen["name"], seen["needs"], seen["phases"]) == ("Another name", ["SEMH"], ["secondary"])
    await house.hear(school("200001", type="14", phase=0, status=2, closed_on="2026-11-01"))
    assert (await get(house, path, DESK))["active"] is False


@pytest.mark.parametrize(
    ("name", "read", "changed"),
    [
        ("V3.0-UK-Default_service_full.json", 1, 1),
        ("V3.0-UK-Default_service_list.json", 1, 1),
        ("V3.0-UK-Test_service_list.json", 128, None),
    ],
)
async def test_real_services_of_open_referral(
    house: Served, reference_data: Path, name: str, read: int, changed: int | None
) -> None:
    data = (reference_data / "standards" / "openref" / name).read_bytes()
    postcodes = (reference_data / "postcodes" / "codepoint_gl.csv").read_bytes()
    report = await commands.import_open_referral(house.runtime, data, postcodes=postcodes)
    assert report.rows == read
    assert len(report.changed) + sum(report.passed_over.values()) == read
    assert changed is None or len(report.changed) == changed
    again = await commands.import_open_referral(house.runtime, data, postcodes=postcodes)
    assert (again.changed, again.unchanged) == ([], len(report.changed))
    kept = await house.rows("SELECT * FROM provider WHERE source = 'open-referral'")
    assert len(kept) == len(report.changed)
    for row in kept:
        seen = await get(house, f"/v1/providers/{row['id']}", DESK)
        assert "safeguarding-missing" in seen["failings"], "nobody is placed there before somebody has checked"


async def test_the_real_register_has_the_countys_units(house: Served, reference_data: Path) -> None:
    data = (reference_data / "gias" / "gloucestershire_all_establishments_join.csv").read_bytes()
    report = await commands.import_register(house.runtime, data, as_of=date(2026, 10, 1))
    assert (report.rows, len(report.changed)) == (593, 5)
    kept = await house.rows("SELECT external_id, active FROM provider WHERE id = ANY($1::text[])", report.changed)
    assert {row["external_id"] for row in kept if row["active"]} == {"131367", "135330", "139660"}
    again = await commands.import_register(house.runtime, data, as_of=date(2026, 10, 1))
    assert again.changed == []


@pytest.mark.parametrize("data", [b"", b"\x00\x01", b"{}", b"[1, 2]", b"\xff\xfe", b"{" * 5000])
async def test_what_is_no_open_referral_is_refused(house: Served, data: bytes) -> None:
    with pytest.raises(Unreadable):
        await commands.import_open_referral(house.runtime, data)


async def test_checks_and_places_from_files(house: Served) -> None:
    checks = (
        f"provider,kind,outcome,checked_on,valid_until\n{NEAR},safeguarding,met,2026-10-01,\n"
        f"{NEAR},safeguarding,met,2027-01-01,\n{NEAR},magic,met,2026-10-01,\n{NEAR},quality,met,soon,\n"
        "nobody,safeguarding,met,2026-10-01,\n"
    )
    report = await commands.import_checks(house.runtime, checks.encode())
    assert report.changed == [NEAR]
    assert dict(report.passed_over) == {
        "not-yet-made": 1, "unknown-code": 1, "not-a-day": 1, "unknown-provider": 1,
    }  # fmt: skip
    rows = (
        f"provider,phase,session,places,need\n{NEAR},secondary,full-time,3,\n{NEAR},secondary,full-time,x,\n"
        f"{NEAR},tertiary,full-time,3,\nnobody,secondary,full-time,3,\n"
    )
    report = await commands.import_places(house.runtime, rows.encode())
    assert (report.changed, sum(report.passed_over.values())) == ([NEAR], 3)
    assert await places(house) == (3, 0, 0)
    assert len(await house.said(ProviderCapacityChanged)) == 1
    again = await commands.import_places(house.runtime, rows.encode())
    assert again.changed == []
    placement = await a_request(house)
    await act(house, placement, "holds", {**DESK}, {"provider_id": NEAR})
    fewer = rows.replace("full-time,3,\n", "full-time,0,\n", 1)
    report = await commands.import_places(house.runtime, fewer.encode())
    assert report.passed_over["places-in-use"] == 1
    assert await places(house) == (3, 0, 1)
