"""Code registries: what is in them, and from which day until which."""

import csv
import dataclasses
import json
import re
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from schemas.codes import FIELDS, NoSuchCode, NoSuchRegistry, Registry, read_registry, registries, registry
from schemas.event import Code

TODAY = date(2026, 11, 23)

#: What must be there on that day, from the law, the census guides and the design; order is the registries' own.
EXPECTED = {
    "need-types": "SPLD MLD SLD PMLD SEMH SLCN HI VI MSI PD ASD DS OTH NSA",
    "sen-provision": "N K E",
    "exclusion-reasons": "PP PA VP VA OW BU RA LG DS SM DA DM TH MT PH DB",
    "exclusion-kinds": "SUSP PERM LNCH",
    "sectors": "education health social-care council",
    "urgency": "routine soon urgent immediate",
    "risk-of-exclusion": "none emerging imminent",
    "requested-help": "assessment early-funding placement advice",
    "basis-kinds": "consent legal-obligation vital-interests public-task",
    "year-groups": "N R 1 2 3 4 5 6 7 8 9 10 11 12 13 14",
    "register-phases": "0 1 2 3 4 5 6 7",
    "register-statuses": "1 2 3 4",
    "cluster-phases": "primary secondary",
    "notification-channels": "in-app email sms letter push chat",
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_registry_lists_what_holds_today(name: str) -> None:
    assert registry(name).codes(on=TODAY) == tuple(EXPECTED[name].split())


def test_down_syndrome_is_a_need_type_from_january_2025() -> None:
    needs = registry("need-types")
    assert not needs.valid("DS", on=date(2024, 12, 31))
    assert needs.valid("DS", on=date(2025, 1, 1))


def test_ds_means_one_thing_as_a_need_and_another_as_a_reason() -> None:
    assert registry("need-types").label("DS") == "Down syndrome"
    assert registry("exclusion-reasons").label("DS") == "Abuse relating to disability"


def test_other_ended_as_an_exclusion_reason_on_the_day_that_six_began() -> None:
    reasons = registry("exclusion-reasons")
    last, first = date(2020, 8, 31), date(2020, 9, 1)
    assert reasons.valid("OT", on=last)
    assert not reasons.valid("OT", on=first)
    begun = set(reasons.codes(on=first)) - set(reasons.codes(on=last))
    assert begun == {"OW", "LG", "DS", "MT", "PH"}


def test_a_code_that_has_ended_still_has_its_words() -> None:
    assert registry("exclusion-reasons").label("OT") == "Other"
    with pytest.raises(NoSuchCode):
        registry("exclusion-reasons").label("OT", on=TODAY)


def test_needs_fall_into_four_broad_areas() -> None:
    needs = registry("need-types")
    assert needs.groups == "need-areas"
    areas = {area: set(needs.in_group(area, on=TODAY)) for area in registry("need-areas").codes(on=TODAY)}
    assert areas == {
        "communication-and-interaction": {"SLCN", "ASD"},
        "cognition-and-learning": {"SPLD", "MLD", "SLD", "PMLD"},
        "social-emotional-and-mental-health": {"SEMH"},
        "sensory-and-physical": {"HI", "VI", "MSI", "PD"},
    }
    assert needs.group("OTH") is None


def test_special_schools_and_alternative_provision_are_known_by_their_type() -> None:
    types = registry("establishment-types")
    assert set(types.in_group("special", on=TODAY)) == {"07", "08", "10", "12", "33", "36", "44"}
    assert set(types.in_group("alternative-provision", on=TODAY)) == {"14", "38", "42", "43"}


def test_a_code_that_never_was_is_not_valid_and_has_no_words() -> None:
    needs = registry("need-types")
    assert not needs.valid("semh", on=TODAY)
    with pytest.raises(NoSuchCode):
        needs.label("semh")


def test_an_unknown_registry_is_named() -> None:
    with pytest.raises(NoSuchRegistry, match="need-tpyes"):
        registry("need-tpyes")


def test_registries_cannot_be_changed() -> None:
    needs = registry("need-types")
    with pytest.raises(dataclasses.FrozenInstanceError):
        needs.title = "Other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        registries()["need-types"] = needs  # type: ignore[index]
    assert registry("need-types") is needs, "read once"


def test_a_code_may_mean_something_else_from_another_day() -> None:
    renamed = _of(
        {"code": "A", "label": "old", "since": "2020-01-01", "until": "2024-09-01"},
        {"code": "A", "label": "new", "since": "2024-09-01", "until": None},
    )
    assert renamed.label("A", on=date(2024, 8, 31)) == "old"
    assert renamed.label("A", on=date(2024, 9, 1)) == "new"
    assert renamed.label("A") == "new"
    assert renamed.codes(on=date(2024, 9, 1)) == ("A",)


@given(
    since=st.dates(max_value=date(2100, 1, 1)),
    days=st.none() | st.integers(min_value=1, max_value=10_000),
    on=st.dates(max_value=date(2150, 1, 1)),
)
def test_a_code_holds_from_its_first_day_up_to_its_end(since: date, days: int | None, on: date) -> None:
    until = None if days is None else since + timedelta(days=days)
    one = _of({"code": "A", "label": "a", "since": since.isoformat(), "until": until.isoformat() if until else None})
    assert one.valid("A", on=on) is (on >= since and (until is None or on < until))
    assert one.valid("A", on=on) is ("A" in one.codes(on=on))


@pytest.mark.parametrize("name", sorted(registries()))
def test_a_registry_is_sound(name: str) -> None:
    it = registry(name)
    assert it.entries, "not empty"
    assert it.title
    assert it.source
    shape = re.compile(get_args(Code)[1].pattern)
    groups = None if it.groups is None else registry(it.groups)
    for entry in it.entries:
        assert shape.fullmatch(entry.code), entry.code
        assert entry.label == entry.label.strip() != "", entry.code
        assert not entry.label.endswith("."), entry.code
        assert entry.until is None or entry.since < entry.until, entry.code
        if entry.group is not None:
            assert groups is not None
            assert groups.valid(entry.group, on=TODAY), entry.code
    for code in {entry.code for entry in it.entries}:
        own = [entry for entry in it.entries if entry.code == code]
        for earlier, later in pairwise(own):
            assert earlier.until is not None, code
            assert earlier.until <= later.since, code


@pytest.mark.parametrize(
    ("name", "file"), [("register-phases", "school-phases.json"), ("register-statuses", "school-statuses.json")]
)
def test_the_register_s_codes_are_its_own(name: str, file: str, reference_data: Path) -> None:
    real = json.loads((reference_data / "gias/reference" / file).read_text(encoding="utf-8-sig"))
    own = {entry.code: entry.label for entry in registry(name).entries}
    assert own == {str(each["code"]): each["name"] for each in real}


def test_every_type_of_establishment_of_the_register_is_known(reference_data: Path) -> None:
    path = reference_data / "gias/reference/establishment-types.csv"
    with path.open(encoding="utf-8-sig", newline="") as rows:
        real = {
            f"{int(row['type-of-establishment-code']):02}": row["type-of-establishment-name"]
            for row in csv.DictReader(rows)
        }
    assert {entry.code: entry.label for entry in registry("establishment-types").entries} == real


def test_every_field_is_checked_against_a_registry_that_exists() -> None:
    assert set(FIELDS.values()) <= registries().keys()


def _of(*entries: dict[str, str | None]) -> Registry:
    return read_registry("test", {"title": "Test", "source": "test", "codes": entries})
