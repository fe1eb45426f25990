"""Organisations, schools and people over HTTP."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import httpx
import pytest
from chassis.clock import new_id
from directory.app import SERVICE
from directory.commands import import_organisations, import_school_links, import_schools
from schemas.directory import OrganisationChanged, PersonChanged, RoleChanged
from support.database import Copy
from support.service import Served, keyed, serving, signed_in

HEADER = "URN,EstablishmentName,EstablishmentStatus (name),PhaseOfEducation (name),TypeOfEstablishment (code),"
HEADER += "DistrictAdministrative (name),Postcode,Easting,Northing,CloseDate,OpenDate"
SCHOOLS = f"""{HEADER}
100001,Beech Primary School,Closed,Primary,01,Stroud,GL5 1AA,385000,205000,31-08-2026,
100002,Beech Academy,Open,Primary,34,Stroud,GL5 1AA,385000,205000,,01-09-2026
100003,Cherry High School,Open,Secondary,34,Gloucester,GL1 2BB,383000,218000,,
100004,Acorn Special School,"Open, but proposed to close",Not applicable,07,Gloucester,GL1 2BC,383000,219000,,
100005,Dale Primary School,Open,Primary,01,Gloucester,,,,,
""".encode()
LINKS = b"URN,LinkURN,LinkName,LinkType,LinkEstablishedDate\n100001,100002,Beech Academy,Successor,01-09-2026\n"
ORGANISATIONS = b"""id,name,sector,kind
county-council,The council,council,county-council
nhs-trust,The trust,health,nhs-trust
"""
OPERATOR = signed_in(organisation="county-council", sector="council", roles=["operator"], subject="op-1")
LEAD = signed_in(organisation="nhs-trust", sector="health", roles=["cluster-lead"], subject="lead-1")
SYSTEM = signed_in(organisation="nhs-trust", sector="health", roles=["agency-system"])
TEACHER = signed_in(organisation="school-100003", roles=["referrer"], subject="teacher-1")


@pytest.fixture
async def directory(database: Copy) -> AsyncIterator[Served]:
    """The directory of a small county."""
    async with serving(SERVICE, database) as served:
        await import_schools(served.runtime, SCHOOLS, as_of=date(2026, 10, 1))
        await import_school_links(served.runtime, LINKS, as_of=date(2026, 10, 1))
        await import_organisations(served.runtime, ORGANISATIONS)
        yield served


async def names(directory: Served, path: str, *, caller: dict[str, str] = TEACHER) -> list[str]:
    answer = await directory.client.get(path, headers=caller)
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json()["items"]]


async def add_person(directory: Served, caller: dict[str, str] = LEAD, **sent: Any) -> httpx.Response:
    body = {"organisation_id": "nhs-trust", "name": "Duty nurse", "email": f"{new_id()}@nhs.example", **sent}
    return await directory.client.post("/v1/people", json=body, headers=caller | keyed())


async def give_role(directory: Served, person: str, caller: dict[str, str] = LEAD, **sent: Any) -> httpx.Response:
    body = {"role": "caseworker", "cluster_id": "stroud-primary", "since": "2026-01-01", **sent}
    return await directory.client.post(f"/v1/people/{person}/roles", json=body, headers=caller | keyed())


def said_by(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code") or answer.json()["type"].rpartition("/")[2]


# Organisations.


async def test_every_school_is_an_organisation_too(directory: Served) -> None:
    answer = await directory.client.get("/v1/organisations/school-100001", headers=SYSTEM)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["name"], found["sector"], found["kind"], found["active"]) == (
        "Beech Primary School",
        "education",
        "school",
        False,
    )
    assert found["actions"][0]["allowed"] is False


async def test_organisations_are_found_by_sector_kind_activity_and_name(directory: Served) -> None:
    assert await names(directory, "/v1/organisations?sector=health") == ["The trust"]
    assert await names(directory, "/v1/organisations?kind=county-council") == ["The council"]
    assert await names(directory, "/v1/organisations?active=false") == ["Beech Primary School"]
    assert await names(directory, "/v1/organisations?q=aCaDeMy") == ["Beech Academy"]
    assert await names(directory, "/v1/organisations?q=nhs-trust") == ["The trust"]
    assert await names(directory, "/v1/organisations?q=%25") == []


async def test_pages_follow_each_other_to_the_end(directory: Served) -> None:
    found: list[str] = []
    path = "/v1/organisations?limit=3"
    cursor = None
    for _ in range(3):
        answer = await directory.client.get(path + (f"&cursor={cursor}" if cursor else ""), headers=TEACHER)
        found += [item["name"] for item in answer.json()["items"]]
        cursor = answer.json()["next"]
    assert cursor is None
    assert found == sorted(found)
    assert len(found) == 7


async def test_a_cursor_is_of_one_organisation_and_one_kind_of_list(directory: Served) -> None:
    answer = await directory.client.get("/v1/schools?limit=1", headers=TEACHER)
    cursor = answer.json()["next"]
    stolen = await directory.client.get(f"/v1/schools?limit=1&cursor={cursor}", headers=LEAD)
    assert stolen.status_code == 400
    other = await directory.client.get(f"/v1/schools?near=1,1&cursor={cursor}", headers=TEACHER)
    assert other.status_code == 400


async def test_an_operator_adds_an_organisation_once(directory: Served) -> None:
    body = {"id": "care-provider", "name": "A provider", "sector": "education", "kind": "provider"}
    key = keyed()
    first = await directory.client.post("/v1/organisations", json=body, headers=OPERATOR | key)
    again = await directory.client.post("/v1/organisations", json=body, headers=OPERATOR | key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert first.headers["Location"] == "/v1/organisations/care-provider"
    said = [e for e in await directory.said(OrganisationChanged) if e.subject == "care-provider"]
    assert len(said) == 1
    other = await directory.client.post("/v1/organisations", json=body, headers=OPERATOR | keyed())
    assert said_by(other) == (409, "organisation-exists")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"id": "School 1"}, "/id"),
        ({"id": "school-100009"}, "/id"),
        ({"sector": "weather"}, "/sector"),
        ({"kind": "guild"}, "/kind"),
        ({"name": " "}, "/name"),
        ({"name": "a\u202eb"}, "/name"),
    ],
)
async def test_an_organisation_that_makes_no_sense_is_refused_by_field(
    directory: Served, change: dict[str, str], pointer: str
) -> None:
    body = {"id": "care-provider", "name": "A provider", "sector": "education", "kind": "provider", **change}
    answer = await directory.client.post("/v1/organisations", json=body, headers=OPERATOR | keyed())
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_only_an_operator_adds_organisations(directory: Served) -> None:
    body = {"id": "care-provider", "name": "A provider", "sector": "education", "kind": "provider"}
    for caller in (LEAD, TEACHER, SYSTEM):
        answer = await directory.client.post("/v1/organisations", json=body, headers=caller | keyed())
        assert answer.status_code == 403
    assert (await directory.client.post("/v1/organisations", json=body, headers=keyed())).status_code == 401


async def test_an_organisation_is_changed_by_its_own_lead_at_the_version_they_read(directory: Served) -> None:
    path, tag = "/v1/organisations/nhs-trust", {"If-Match": '"1"'}
    bare = await directory.client.patch(path, json={"name": "The new trust"}, headers=LEAD)
    assert bare.status_code == 428
    done = await directory.client.patch(path, json={"name": "The new trust"}, headers=LEAD | tag)
    assert (done.status_code, done.headers["ETag"]) == (200, '"2"')
    stale = await directory.client.patch(path, json={"name": "The old trust"}, headers=LEAD | tag)
    assert stale.status_code == 412
    nothing = await directory.client.patch(path, json={}, headers=LEAD | {"If-Match": '"2"'})
    assert (nothing.status_code, nothing.headers["ETag"]) == (200, '"2"')
    said = [e for e in await directory.said(OrganisationChanged) if e.subject == "nhs-trust"]
    assert len(said) == 2


async def test_another_organisation_is_not_theirs_to_change_and_a_school_is_the_registers(directory: Served) -> None:
    tag = {"If-Match": '"1"'}
    path = "/v1/organisations/county-council"
    assert (await directory.client.patch(path, json={"name": "x"}, headers=LEAD | tag)).status_code == 403
    path = "/v1/organisations/school-100003"
    answer = await directory.client.patch(path, json={"name": "x"}, headers=OPERATOR | tag)
    assert said_by(answer) == (409, "described-by-the-register")
    path = "/v1/organisations/nobody"
    assert (await directory.client.patch(path, json={"name": "x"}, headers=OPERATOR | tag)).status_code == 404


# Schools.


async def test_schools_are_found_by_district_phase_status_and_text(directory: Served) -> None:
    assert await names(directory, "/v1/schools?district=gloucester&phase=2") == ["Dale Primary School"]
    assert await names(directory, "/v1/schools?phase=0&phase=4") == ["Acorn Special School", "Cherry High School"]
    assert await names(directory, "/v1/schools?status=2") == ["Beech Primary School"]
    assert await names(directory, "/v1/schools?q=beech") == ["Beech Academy", "Beech Primary School"]
    assert await names(directory, "/v1/schools?q=100003") == ["Cherry High School"]
    assert await names(directory, "/v1/schools?q=gl12bc") == ["Acorn Special School"]


async def test_the_nearest_schools_come_first_with_their_distance(directory: Served) -> None:
    answer = await directory.client.get("/v1/schools?near=383000,218300&within=2000&limit=1", headers=TEACHER)
    first = answer.json()
    assert [(s["name"], s["distance"]) for s in first["items"]] == [("Cherry High School", 300)]
    answer = await directory.client.get(
        f"/v1/schools?near=383000,218300&within=2000&limit=1&cursor={first['next']}", headers=TEACHER
    )
    assert [(s["name"], s["distance"]) for s in answer.json()["items"]] == [("Acorn Special School", 700)]
    assert answer.json()["next"] is None


@pytest.mark.parametrize("query", ["near=1", "near=a,b", "within=5", "phase=8", "status=0", "q=%00", "limit=0", "q="])
async def test_a_question_that_makes_no_sense_is_refused(directory: Served, query: str) -> None:
    answer = await directory.client.get(f"/v1/schools?{query}", headers=TEACHER)
    assert answer.status_code in {400, 422}


async def test_a_school_tells_who_carries_on_for_it_on_a_day(directory: Served) -> None:
    answer = await directory.client.get("/v1/schools/100001?at=2026-09-01", headers=TEACHER)
    found = answer.json()
    assert found["carried_on_by"]["open"] == ["100002"]
    assert found["provision"] == "mainstream"
    answer = await directory.client.get("/v1/schools/100001?at=2026-08-31", headers=TEACHER)
    assert answer.json()["carried_on_by"]["open"] == ["100001"]
    assert (await directory.client.get("/v1/schools/100002", headers=TEACHER)).headers["ETag"] == '"1"'
    special = (await directory.client.get("/v1/schools/100004", headers=TEACHER)).json()
    assert special["provision"] == "special"
    for path, status in (("999999", 404), ("1", 422), ("100001?at=0", 422), ("100001?at=soon", 422)):
        assert (await directory.client.get(f"/v1/schools/{path}", headers=TEACHER)).status_code == status
    assert (await directory.client.get("/v1/schools/100001")).status_code == 401


# People.


async def test_a_lead_adds_a_colleague_with_a_role_and_it_is_said(directory: Served) -> None:
    made = await add_person(directory, title="Nurse", email="Duty@nhs.example")
    assert made.status_code == 201
    person = made.json()
    role = await give_role(directory, person["id"])
    assert role.status_code == 201
    assert role.json()["sector"] == "health"
    [changed] = await directory.said(PersonChanged)
    assert isinstance(changed, PersonChanged)
    assert (changed.person_id, changed.email, changed.active) == (person["id"], "Duty@nhs.example", True)
    [given] = await directory.said(RoleChanged)
    assert isinstance(given, RoleChanged)
    assert (given.person_id, given.role, given.cluster_id) == (person["id"], "caseworker", "stroud-primary")
    found = await directory.client.get(made.headers["Location"], headers=LEAD)
    assert [r["id"] for r in found.json()["roles"]] == [role.json()["id"]]


async def test_work_addresses_are_shown_to_colleagues_council_and_operators_alone(directory: Served) -> None:
    made = (await add_person(directory, email="duty@nhs.example")).json()
    council = signed_in(organisation="county-council", sector="council", roles=["caseworker"], subject="c")
    for caller, shown in ((LEAD, True), (OPERATOR, True), (council, True), (TEACHER, False), (SYSTEM, False)):
        one = (await directory.client.get(f"/v1/people/{made['id']}", headers=caller)).json()
        [listed] = (await directory.client.get("/v1/people", headers=caller)).json()["items"]
        assert (one["email"] is not None, listed["email"] is not None) == (shown, shown)
        assert one["name"] == "Duty nurse"


async def test_every_look_at_a_person_is_noted(directory: Served) -> None:
    made = (await add_person(directory)).json()
    await directory.client.get(f"/v1/people/{made['id']}", headers=TEACHER)
    await directory.client.get("/v1/people", headers=TEACHER)
    rows = await directory.rows("SELECT action, actor FROM audit WHERE what = 'person' AND what_id = $1", made["id"])
    assert [(row["action"], row["actor"]) for row in rows] == [
        ("created", "lead-1"),
        ("read", "teacher-1"),
        ("read", "teacher-1"),
    ]


async def test_people_are_found_by_what_they_do_today(directory: Served) -> None:
    here = (await add_person(directory, name="Nurse A")).json()
    past = (await add_person(directory, name="Nurse B")).json()
    await give_role(directory, here["id"])
    await give_role(directory, past["id"], until="2026-01-31")
    assert await names(directory, "/v1/people?organisation=nhs-trust") == ["Nurse A", "Nurse B"]
    assert await names(directory, "/v1/people?role=caseworker&cluster_id=stroud-primary") == ["Nurse A"]
    assert await names(directory, "/v1/people?cluster_id=gloucester-primary") == []
    assert await names(directory, "/v1/people?q=nurse%20b") == ["Nurse B"]


async def test_an_address_is_one_persons_however_it_is_written(directory: Served) -> None:
    assert (await add_person(directory, email="duty@nhs.example")).status_code == 201
    assert said_by(await add_person(directory, email="Duty@NHS.example")) == (409, "email-in-use")
    council = await add_person(directory, OPERATOR, organisation_id="county-council", email="duty@nhs.example")
    assert council.status_code == 201


async def test_a_lead_adds_people_to_their_own_organisation_alone(directory: Served) -> None:
    assert (await add_person(directory, LEAD, organisation_id="county-council")).status_code == 403
    assert (await add_person(directory, SYSTEM)).status_code == 403
    assert said_by(await add_person(directory, OPERATOR, organisation_id="nobody")) == (422, "organisation-unknown")
    closed = await add_person(directory, OPERATOR, organisation_id="school-100001")
    assert said_by(closed) == (422, "organisation-unknown")


async def test_what_is_left_out_of_a_change_stays_and_null_empties(directory: Served) -> None:
    made = (await add_person(directory, title="Nurse")).json()
    path = f"/v1/people/{made['id']}"
    done = await directory.client.patch(path, json={"title": None}, headers=LEAD | {"If-Match": '"1"'})
    assert done.status_code == 200
    assert (done.json()["title"], done.json()["name"], done.json()["email"]) == (None, "Duty nurse", made["email"])
    assert (
        await directory.client.patch(path, json={"name": None}, headers=LEAD | {"If-Match": '"2"'})
    ).status_code == 422
    left = await directory.client.patch(path, json={"active": False}, headers=LEAD | {"If-Match": '"2"'})
    assert left.json()["active"] is False
    assert await names(directory, "/v1/people") == []
    assert await names(directory, "/v1/people?active=false") == ["Duty nurse"]
    stale = await directory.client.patch(path, json={"active": True}, headers=LEAD | {"If-Match": '"2"'})
    assert stale.status_code == 412


async def test_a_role_is_not_held_twice_and_ends_on_its_last_day(directory: Served) -> None:
    person = (await add_person(directory)).json()["id"]
    role = (await give_role(directory, person)).json()
    assert said_by(await give_role(directory, person, since="2026-06-01")) == (409, "role-held-already")
    path = f"/v1/people/{person}/roles/{role['id']}"
    ended = await directory.client.patch(path, json={"until": "2026-05-31"}, headers=LEAD | {"If-Match": '"1"'})
    assert (ended.status_code, ended.json()["until"], ended.json()["version"]) == (200, "2026-05-31", 2)
    assert (await give_role(directory, person, since="2026-06-01")).status_code == 201
    stale = await directory.client.patch(path, json={"until": "2026-04-30"}, headers=LEAD | {"If-Match": '"1"'})
    assert stale.status_code == 412
    back = await directory.client.patch(path, json={"until": None}, headers=LEAD | {"If-Match": '"2"'})
    assert said_by(back) == (409, "role-held-already")


async def test_only_an_operator_makes_operators(directory: Served) -> None:
    person = (await add_person(directory)).json()["id"]
    assert (await give_role(directory, person, role="operator", cluster_id=None)).status_code == 403
    assert (await give_role(directory, person, OPERATOR, role="operator", cluster_id=None)).status_code == 201
    unknown = await give_role(directory, person, role="wizard")
    assert unknown.status_code == 422
    assert unknown.json()["errors"][0]["pointer"] == "/role"
