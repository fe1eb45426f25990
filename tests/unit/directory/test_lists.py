"""What rows of an operator's own lists say of organisations, people and roles."""

from datetime import date

import pytest
from directory.clients import words
from directory.domain.duty import Role
from directory.domain.extract import Rejection, table
from directory.domain.lists import Listed, listed, organisation
from directory.domain.people import Organisation, Person, held_already

ORGANISATIONS = "id,name,sector,kind,active"
PEOPLE = "person,organisation,name,title,email,active,role,cluster,since,until"


def of_organisation(row: str) -> Organisation | Rejection:
    [record] = table(f"{ORGANISATIONS}\n{row}\n".encode(), needs=()).records
    return organisation(record, words())


def of_person(row: str) -> Listed | Rejection:
    [record] = table(f"{PEOPLE}\n{row}\n".encode(), needs=()).records
    return listed(record, words())


def test_an_organisation_is_active_unless_the_list_says_no() -> None:
    assert of_organisation("nhs-trust,County NHS Trust,health,nhs-trust,") == Organisation(
        "nhs-trust", "County NHS Trust", "health", "nhs-trust"
    )
    found = of_organisation("nhs-trust,County NHS Trust,health,nhs-trust,No")
    assert isinstance(found, Organisation)
    assert not found.active


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ("NHS Trust,County,health,nhs-trust,", "id", "not-an-id"),
        ("school-115482,North School,education,school,", "id", "described-by-the-register"),
        ("nhs-trust,,health,nhs-trust,", "name", "not-a-name"),
        ("nhs-trust,County,weather,nhs-trust,", "sector", "unknown-sector"),
        ("nhs-trust,County,health,guild,", "kind", "unknown-kind"),
        ("nhs-trust,County,health,nhs-trust,perhaps", "active", "not-yes-or-no"),
    ],
)
def test_an_organisation_that_makes_no_sense_is_rejected(row: str, field: str, reason: str) -> None:
    assert of_organisation(row) == Rejection(2, field, reason)


def test_a_row_names_a_person_and_a_role() -> None:
    row = "lead-1,county-council,Lead North,Cluster lead,lead@council.example,,cluster-lead,north,01-09-2026,"
    assert of_person(row) == Listed(
        2,
        Person("lead-1", "county-council", "Lead North", "Cluster lead", "lead@council.example"),
        Role("", "", "county-council", "", "cluster-lead", "north", date(2026, 9, 1)),
    )


def test_a_row_may_name_a_person_alone() -> None:
    found = of_person(",county-council,Duty officer,,duty@council.example,,,,,")
    assert isinstance(found, Listed)
    assert found.role is None


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ("p,,Duty officer,,,,,,,", "organisation", "blank"),
        (",council,Duty officer,,,,,,,", "email", "blank"),
        ("p,council,,,,,,,,", "name", "not-a-name"),
        ("p,council,Duty officer,,not an address,,,,,", "email", "not-an-email"),
        ("p,council,Duty officer,,,,wizard,,2026-01-01,", "role", "unknown-role"),
        ("p,council,Duty officer,,,,intake,,,", "since", "blank"),
        ("p,council,Duty officer,,,,intake,,soon,", "since", "not-a-date"),
        ("p,council,Duty officer,,,,intake,a b,2026-01-01,", "cluster_id", "not-an-id"),
        ("p,council,Duty officer,,,,intake,,2026-02-01,2026-01-01", "until", "ends-before-it-begins"),
    ],
)
def test_a_person_that_makes_no_sense_is_rejected(row: str, field: str, reason: str) -> None:
    assert of_person(row) == Rejection(2, field, reason)


@pytest.mark.parametrize(
    ("since", "until", "held"),
    [
        (date(2026, 1, 1), date(2026, 2, 28), False),
        (date(2026, 1, 1), date(2026, 3, 1), True),
        (date(2026, 1, 1), None, True),
        (date(2026, 6, 30), None, True),
        (date(2026, 7, 1), None, False),
    ],
)
def test_a_role_is_not_held_twice_on_one_day(since: date, until: date | None, held: bool) -> None:
    known = Role("one", "p", "council", "council", "intake", None, date(2026, 3, 1), date(2026, 6, 30))
    asked = Role("two", "p", "council", "council", "intake", None, since, until)
    assert held_already(asked, [known]) is held
    assert not held_already(known, [known])
