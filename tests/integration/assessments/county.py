"""A small county, a case in it, and what the integration tests of assessments do."""

from datetime import datetime, timedelta
from typing import Any

import httpx
from chassis.clock import BusinessClock, new_id, wall_now
from schemas.directory import OrganisationChanged, SchoolChanged
from schemas.event import Event
from schemas.referral import CaseOpened, CaseParticipantsChanged
from schemas.routing import CaseAccepted, CaseAssigned, HandoverAccepted
from support.service import Served, keyed, signed_in

#: Who asks: the cluster's team, the council's desk, advisers, and somebody who has nothing to do with it.
TEAM = {"organisation": "school-100001", "roles": ("caseworker",), "clusters": ("north",), "subject": "team-north"}
SOUTH = {"organisation": "school-100003", "roles": ("cluster-lead",), "clusters": ("south",), "subject": "team-south"}
DESK = {"organisation": "county-council", "sector": "council", "roles": ("intake",), "subject": "desk"}
SCHOOL = {"organisation": "school-100002", "roles": ("adviser",), "subject": "school-adviser"}
TRUST = {"organisation": "nhs-trust", "sector": "health", "roles": ("adviser",), "subject": "therapist"}
REFERRER = {"organisation": "gp-practice", "sector": "health", "roles": ("agency-system",)}
STRANGER = {"organisation": "school-999999", "roles": ("caseworker", "adviser"), "clusters": ("elsewhere",)}


def organisation(id: str, sector: str, kind: str) -> OrganisationChanged:
    """An organisation that works."""
    return OrganisationChanged(organisation_id=id, name=f"The {id}", sector=sector, kind=kind, active=True)


def school(urn: str) -> SchoolChanged:
    """A school."""
    return SchoolChanged.model_validate(
        {
            "school_urn": urn, "organisation_id": f"school-{urn}", "name": f"School {urn}", "phase": 2,
            "establishment_type": "01", "status": 1, "as_of": "2026-09-01",
        }
    )  # fmt: skip


COUNTY: tuple[Event, ...] = (
    organisation("nhs-trust", "health", "nhs-trust"),
    organisation("county-council", "council", "county-council"),
    organisation("social-care", "social-care", "childrens-services"),
    school("100001"),
    school("100002"),
)


def opened(case_id: str | None = None, *needs: str, **changes: Any) -> CaseOpened:
    """A case of a nine-year-old at the second school."""
    case_id = case_id or new_id()
    circumstances = {
        "school_urn": "100002", "year_group": "5", "age": 9,
        "needs": [{"type": need, "rank": n} for n, need in enumerate(needs or ("SLCN",), 1)],
        "home": {"state": "unknown"}, "urgency": "soon", "risk_of_exclusion": "none",
    } | changes  # fmt: skip
    return CaseOpened.model_validate(
        {"case_id": case_id, "reference": f"J-{case_id[-8:]}", "referral_id": new_id(), "circumstances": circumstances}
    )


def assigned(case_id: str, cluster: str = "north") -> CaseAssigned:
    """The router gave it to a cluster."""
    return CaseAssigned(
        case_id=case_id, cluster_id=cluster, organisation_id=f"lead-{cluster}", decision=1, rules_version="2026-09",
        reasons=("school-cluster",),
    )  # fmt: skip


def accepted(case_id: str, cluster: str = "north") -> CaseAccepted:
    """The cluster took it on."""
    return CaseAccepted(case_id=case_id, cluster_id=cluster, organisation_id=f"lead-{cluster}", accepted_by="lead")


def taken_over(case_id: str, cluster: str = "south") -> HandoverAccepted:
    """Another cluster took it over."""
    return HandoverAccepted(
        case_id=case_id, handover_id=new_id(), cluster_id=cluster, organisation_id=f"lead-{cluster}", accepted_by="s"
    )


def taking_part(case_id: str, *organisations: str, role: str = "referrer", **changes: Any) -> CaseParticipantsChanged:
    """Who takes part in it."""
    one = {"sector": "health", "role": role, "since": "2026-01-01"} | changes
    return CaseParticipantsChanged.model_validate(
        {"case_id": case_id, "participants": [one | {"organisation_id": id} for id in organisations]}
    )


async def a_case(served: Served, *needs: str, **changes: Any) -> str:
    """A case that a cluster has accepted."""
    case = opened(None, *needs, **changes)
    await served.hear(case, taking_part(case.case_id, "gp-practice"))
    await served.hear(assigned(case.case_id))
    await served.hear(accepted(case.case_id))
    return case.case_id


async def fire(served: Served) -> None:
    """Let every deadline that is due happen."""
    while await served.runtime.deadlines().fire():
        pass


def later(clock: BusinessClock, **by: float) -> None:
    """Let business time pass."""
    clock.simulate(clock.now() + timedelta(**by), anchor=wall_now(), rate=1.0)


def at(clock: BusinessClock, instant: str) -> None:
    """Let it be this instant."""
    clock.simulate(datetime.fromisoformat(instant), anchor=wall_now(), rate=1.0)


async def get(served: Served, path: str, who: dict[str, Any] = TEAM) -> httpx.Response:
    """Read."""
    return await served.client.get(path, headers=signed_in(**who))


async def read(served: Served, path: str, who: dict[str, Any] = TEAM) -> Any:
    """What is there."""
    answer = await get(served, path, who)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def post(
    served: Served,
    path: str,
    body: dict[str, Any] | None = None,
    who: dict[str, Any] = TEAM,
    *,
    version: str | None = None,
) -> httpx.Response:
    """Do something, as something new; on this version where there is one to change."""
    known = {} if version is None else {"If-Match": version}
    return await served.client.post(path, json=body or {}, headers={**signed_in(**who), **keyed(), **known})


async def change(
    served: Served, path: str, what: str, body: dict[str, Any] | None = None, who: dict[str, Any] = TEAM
) -> httpx.Response:
    """Do something about a thing as it is now."""
    etag = (await get(served, path, TEAM)).headers.get("ETag", '"1"')
    return await post(served, f"{path}/{what}", body, who, version=etag)


async def advice(served: Served, case_id: str, discipline: str) -> dict[str, Any]:
    """The newest advice of a discipline."""
    found = await read(served, f"/v1/advice?case={case_id}&limit=200")
    return [one for one in found["items"] if one["discipline"] == discipline][-1]  # type: ignore[no-any-return]


async def answer_all(served: Served, case_id: str) -> None:
    """Everybody who was asked answers."""
    for one in (await read(served, f"/v1/advice?case={case_id}&state=requested"))["items"]:
        answer = await change(served, f"/v1/advice/{one['id']}", "answer", {"text": "What helps is written here."})
        assert answer.status_code == 200, answer.text


async def hear_voices(served: Served, case_id: str) -> None:
    """Child and family were asked."""
    body = {"method": "conversation", "asked_on": "2026-11-23", "asked_by": "class teacher", "text": "Quiet helps."}
    for of in ("child", "family"):
        answer = await post(served, f"/v1/assessments/{case_id}/views", {**body, "of": of})
        assert answer.status_code == 201, answer.text


NEEDS = [{"need": "SLCN", "provisions": [{"kind": "therapy-speech", "outcome": "Asks for help in words."}]}]


async def complete(served: Served, case_id: str, **changes: Any) -> httpx.Response:
    """End the assessment."""
    body = {"outcome": "plan", "needs": NEEDS} | changes
    return await change(served, f"/v1/assessments/{case_id}", "complete", body)
