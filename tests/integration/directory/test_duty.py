"""Shifts, absences, and who is on duty, over HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from directory.app import SERVICE
from directory.commands import import_organisations, import_people
from support.database import Copy
from support.service import Served, keyed, serving, signed_in

ORGANISATIONS = (
    b"id,name,sector,kind\ncounty-council,The council,council,council\nnhs-trust,The trust,health,nhs-trust\n"
)
PEOPLE = b"""person,organisation,name,email,role,cluster,since
anne,county-council,Caseworker A,a@council.example,caseworker,north,2026-01-01
ben,county-council,Caseworker B,b@council.example,caseworker,north,2026-01-01
carl,county-council,Caseworker C,c@council.example,caseworker,,2026-01-01
nurse,nhs-trust,Nurse,n@nhs.example,caseworker,north,2026-01-01
"""
LEAD = signed_in(organisation="county-council", sector="council", roles=["cluster-lead"], subject="lead")
ANNE = signed_in(organisation="county-council", sector="council", roles=["caseworker"], subject="anne")
NURSE = signed_in(organisation="nhs-trust", sector="health", roles=["caseworker"], subject="nurse")
NOON = "2026-11-24T12:00:00Z"


@pytest.fixture
async def directory(database: Copy) -> AsyncIterator[Served]:
    """A council with three caseworkers."""
    async with serving(SERVICE, database) as served:
        await import_organisations(served.runtime, ORGANISATIONS)
        report = await import_people(served.runtime, PEOPLE)
        assert report.rejections == []
        yield served


async def on_duty(directory: Served, at: str = NOON, caller: dict[str, str] = NURSE, **query: str) -> list[Any]:
    answer = await directory.client.get(
        "/v1/organisations/county-council/duty",
        params={"role": "caseworker", "cluster_id": "north", "at": at, **query},
        headers=caller,
    )
    assert answer.status_code == 200, answer.text
    return [(one["person_id"], one["why"], one["covers_for"]) for one in answer.json()["on_duty"]]


async def away(directory: Served, person: str, caller: dict[str, str] = LEAD, **sent: Any) -> httpx.Response:
    body = {"starts_at": "2026-11-24T00:00:00Z", "ends_at": "2026-11-25T00:00:00Z", **sent}
    return await directory.client.post(f"/v1/people/{person}/absences", json=body, headers=caller | keyed())


async def shift(directory: Served, person: str, caller: dict[str, str] = LEAD, **sent: Any) -> httpx.Response:
    body = {
        "role": "caseworker",
        "cluster_id": "north",
        "person_id": person,
        "starts_at": "2026-11-24T09:00:00Z",
        "ends_at": "2026-11-24T17:00:00Z",
        **sent,
    }
    return await directory.client.post("/v1/organisations/county-council/shifts", json=body, headers=caller | keyed())


async def test_holders_shift_and_cover_take_turns(directory: Served) -> None:
    assert await on_duty(directory) == [("anne", "role", None), ("ben", "role", None)]
    made = await shift(directory, "ben")
    assert made.status_code == 201
    assert await on_duty(directory) == [("ben", "shift", None)]
    assert await on_duty(directory, at="2026-11-24T17:00:00Z") == [("anne", "role", None), ("ben", "role", None)]
    assert (await away(directory, "ben", cover_id="carl")).status_code == 201
    assert await on_duty(directory) == [("carl", "shift", "ben")]
    gone = await directory.client.delete(made.headers["Location"], headers=LEAD)
    assert gone.status_code == 204
    assert await on_duty(directory) == [("anne", "role", None), ("carl", "role", "ben")]


async def test_the_whole_organisation_answers_for_a_cluster_that_is_all_away(directory: Served) -> None:
    await away(directory, "anne")
    await away(directory, "ben")
    answer = await directory.client.get(
        f"/v1/organisations/county-council/duty?role=caseworker&cluster_id=north&at={NOON}", headers=ANNE
    )
    [one] = answer.json()["on_duty"]
    assert (one["person_id"], one["of_the_cluster"], one["email"]) == ("carl", False, "c@council.example")


async def test_whoever_has_left_is_on_duty_no_more(directory: Served) -> None:
    left = await directory.client.patch("/v1/people/anne", json={"active": False}, headers=LEAD | {"If-Match": '"1"'})
    assert left.status_code == 200
    assert await on_duty(directory) == [("ben", "role", None)]


async def test_nobody_is_an_answer_too(directory: Served) -> None:
    assert await on_duty(directory, role="adviser") == []
    answer = await directory.client.get("/v1/organisations/nobody/duty?role=caseworker", headers=NURSE)
    assert answer.status_code == 404
    answer = await directory.client.get("/v1/organisations/county-council/duty?role=caseworker&at=0", headers=NURSE)
    assert answer.status_code == 422
    path = "/v1/organisations/county-council/duty?role=caseworker&at=0001-01-01T00:00:00Z"
    assert (await directory.client.get(path, headers=NURSE)).status_code == 422


async def test_people_say_themselves_that_they_are_away_and_when_they_are_back(directory: Served) -> None:
    made = await away(directory, "anne", ANNE, ends_at=None)
    assert made.status_code == 201
    assert await on_duty(directory) == [("ben", "role", None)]
    absence = made.json()
    back = await directory.client.patch(
        made.headers["Location"], json={"ends_at": "2026-11-24T11:00:00Z"}, headers=ANNE | {"If-Match": '"1"'}
    )
    assert back.status_code == 200
    assert back.json() == absence | {"ends_at": "2026-11-24T11:00:00Z", "version": 2}
    assert await on_duty(directory) == [("anne", "role", None), ("ben", "role", None)]


async def test_absences_are_for_the_own_organisation(directory: Served) -> None:
    await away(directory, "anne", starts_at="2126-01-01T00:00:00Z", ends_at=None)
    own = (await directory.client.get("/v1/people/anne", headers=ANNE)).json()
    assert len(own["absences"]) == 1
    assert (await directory.client.get("/v1/people/anne", headers=NURSE)).json()["absences"] == []


@pytest.mark.parametrize(
    ("person", "caller", "sent", "expected"),
    [
        ("ben", ANNE, {}, 403),
        ("anne", NURSE, {}, 403),
        ("nobody", LEAD, {}, 404),
        ("anne", LEAD, {"cover_id": "anne"}, 422),
        ("anne", LEAD, {"cover_id": "nurse"}, 422),
        ("anne", LEAD, {"ends_at": "2026-11-23T00:00:00Z"}, 422),
        ("anne", LEAD, {"ends_at": "2026-11-26T00:00:00"}, 422),
        ("anne", LEAD, {"starts_at": "0001-01-01T00:00:00Z"}, 422),
    ],
)
async def test_an_absence_that_cannot_be_is_refused(
    directory: Served, person: str, caller: dict[str, str], sent: dict[str, Any], expected: int
) -> None:
    assert (await away(directory, person, caller, **sent)).status_code == expected


@pytest.mark.parametrize(
    ("person", "caller", "sent", "expected"),
    [
        ("ben", ANNE, {}, 403),
        ("nurse", LEAD, {}, 422),
        ("ben", LEAD, {"role": "intake"}, 409),
        ("ben", LEAD, {"cluster_id": "south"}, 409),
        ("carl", LEAD, {"cluster_id": "south"}, 201),
        ("ben", LEAD, {"starts_at": "2025-11-24T09:00:00Z"}, 409),
        ("ben", LEAD, {"ends_at": "2026-11-24T09:00:00Z"}, 422),
    ],
)
async def test_a_shift_is_for_somebody_who_holds_the_role(
    directory: Served, person: str, caller: dict[str, str], sent: dict[str, Any], expected: int
) -> None:
    assert (await shift(directory, person, caller, **sent)).status_code == expected


async def test_coming_shifts_are_listed_in_order(directory: Served) -> None:
    await shift(directory, "ben", starts_at="2126-01-02T09:00:00Z", ends_at="2126-01-02T17:00:00Z")
    await shift(directory, "anne", starts_at="2126-01-01T09:00:00Z", ends_at="2126-01-01T17:00:00Z")
    answer = await directory.client.get("/v1/organisations/county-council/shifts", headers=LEAD)
    assert [one["person_id"] for one in answer.json()["items"]] == ["anne", "ben"]
    assert answer.json()["next"] is None
