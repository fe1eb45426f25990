"""Postcodes become squares of a kilometre: the bundled ones, and Ordnance Survey's."""

from pathlib import Path

import pytest
from integration.referral_api.steps import House, a_referral
from referral_api.clients import NotPostcodes
from referral_api.commands import import_postcodes
from schemas.referral import CaseOpened


async def test_a_clone_alone_knows_the_example_s_home(house: House) -> None:
    assert await import_postcodes(house.served.runtime, []) > 50
    await house.sent()
    (opened,) = await house.said(CaseOpened)
    assert isinstance(opened, CaseOpened)
    assert (opened.circumstances.home.easting, opened.circumstances.home.northing) == (383000, 218000)


async def test_code_point_open_is_read_whole_and_quickly(house: House, reference_data: Path) -> None:
    path = reference_data / "postcodes/codepoint_gl.csv"
    lines = len(path.read_text().split("\n")) - 1
    known = await import_postcodes(house.served.runtime, [path])
    assert lines - 200 < known <= lines
    assert await house.count("postcode") == known
    assert await import_postcodes(house.served.runtime, [path]) == known
    assert await house.count("postcode") == known
    (row,) = await house.served.rows("SELECT easting_km, northing_km FROM postcode WHERE postcode = 'GL1 4AW'")
    assert row == {"easting_km": 383, "northing_km": 218}


async def test_a_new_edition_replaces_the_bundled_postcodes(house: House, tmp_path: Path) -> None:
    await import_postcodes(house.served.runtime, [])
    edition = tmp_path / "edition.csv"
    edition.write_text('"GL1 4AW",10,390123,220456\n"GL1 9ZZ",90,0,0\n')
    assert await import_postcodes(house.served.runtime, [edition]) == 1
    (row,) = await house.served.rows("SELECT easting_km, northing_km FROM postcode WHERE postcode = 'GL1 4AW'")
    assert row == {"easting_km": 390, "northing_km": 220}


@pytest.mark.parametrize("text", ["postcode,quality,easting,northing\n", "GL1 4AW,10,383844\n", "XX,10,1,1\n"])
async def test_another_file_is_refused_with_its_line_and_nothing_is_imported(
    house: House, tmp_path: Path, text: str
) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("GL1 4AW,10,383844,218086\n")
    bad.write_text(text)
    with pytest.raises(NotPostcodes, match=r"bad\.csv, line 1"):
        await import_postcodes(house.served.runtime, [good, bad])
    assert await house.count("postcode") == 0


@pytest.mark.parametrize(
    ("child", "state"),
    [
        ({}, "known"),
        ({"postcode": "GL99 9ZZ"}, "unknown"),
        ({"postcode": None}, "unknown"),
        ({"postcode": "ZZ99 3VZ"}, "none"),
        ({"address_restricted": True}, "restricted"),
    ],
)
async def test_a_home_is_known_unknown_none_or_restricted(house: House, child: dict[str, object], state: str) -> None:
    await import_postcodes(house.served.runtime, [])
    await house.sent(a_referral(child=child))
    (opened,) = await house.said(CaseOpened)
    assert isinstance(opened, CaseOpened)
    assert opened.circumstances.home.state == state
    assert (opened.circumstances.school_urn is None) is (state == "restricted")
