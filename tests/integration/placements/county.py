"""A small county, cases in it, and what the integration tests of placements do to both."""

from datetime import timedelta
from typing import Any

import httpx
from chassis.clock import BusinessClock, new_id, wall_now
from schemas.directory import CalendarChanged, OrganisationChanged, SchoolChanged
from schemas.referral import CaseOpened, CaseParticipantsChanged, ExclusionNotified
from schemas.routing import CaseAssigned
from support.service import Served, keyed, signed_in

DESK = {"organisation": "county-council", "sector": "council", "roles": ("intake", "caseworker"), "subject": "desk"}
LEAD = {"organisation": "school-100001", "roles": ("cluster-lead",), "clusters": ("north",), "subject": "lead"}
OTHER_LEAD = {"organisation": "school-100009", "roles": ("cluster-lead",), "clusters": ("south",), "subject": "other"}
SCHOOL = {"organisation": "school-100002", "roles": ("agency-system",)}
OTHER_SCHOOL = {"organisation": "school-100003", "roles": ("agency-system",)}
STRANGER = {"organisation": "school-999999", "roles": ("agency-system",)}
HEALTH = {"organisation": "nhs-trust", "sector": "health", "roles": ("agency-system",)}

CALENDAR = CalendarChanged.model_validate(
    {
        "calendar_id": "county",
        "terms": [
            {"first": "2026-09-02", "last": "2026-10-23"}, {"first": "2026-11-02", "last": "2026-12-18"},
            {"first": "2027-01-04", "last": "2027-02-12"}, {"first": "2027-02-22", "last": "2027-03-25"},
            {"first": "2027-04-12", "last": "2027-05-28"}, {"first": "2027-06-07", "last": "2027-07-21"},
            {"first": "2027-09-02", "last": "2027-10-22"},
        ],
        "closures": ["2026-11-27"],
        "bank_holidays": ["2026-12-25", "2026-12-28", "2027-01-01", "2027-03-26", "2027-03-29", "2027-05-03"],
    }
)  # fmt: skip
COUNCIL = OrganisationChanged.model_validate(
    {
        "organisation_id": "the-council",
        "name": "The council",
        "sector": "council",
        "kind": "county-council",
        "active": True,
    }
)


def school(urn: str, *, type: str = "01", phase: int = 4, northing: int = 218_000, **changes: Any) -> SchoolChanged:
    """A school near the others."""
    usual = {
        "school_urn": urn, "organisation_id": f"school-{urn}", "name": f"School {urn}", "phase": phase,
        "establishment_type": type, "status": 1, "easting": 383_000, "northing": northing, "as_of": "2026-09-01",
    }  # fmt: skip
    return SchoolChanged.model_validate(usual | changes)


SCHOOLS = (
    school("100001"),
    school("100002", northing=219_000),
    school("100003", northing=230_000),
    school("200001", type="14", phase=0, northing=220_000),
    school("200002", type="42", phase=0, northing=240_000),
    school("200003", type="38", phase=0, northing=221_000),
)
#: Providers, from near to far.
NEAR, MIDDLE, FAR = "school-200001", "school-200003", "school-200002"


def staff(provider: str) -> dict[str, Any]:
    """Somebody who works for a provider."""
    return {"organisation": provider, "roles": ("provider-staff",), "subject": f"staff-of-{provider}"}


def circumstances(**changes: Any) -> dict[str, Any]:
    """A child in Year 9."""
    usual = {
        "school_urn": "100002", "year_group": "9", "age": 13, "needs": [{"type": "SEMH", "rank": 1}],
        "home": {"state": "known", "easting": 383_000, "northing": 219_000}, "urgency": "soon",
        "risk_of_exclusion": "none",
    }  # fmt: skip
    return usual | changes


def opened(case_id: str, **changes: Any) -> CaseOpened:
    """A case."""
    return CaseOpened.model_validate(
        {
            "case_id": case_id, "reference": f"J-{case_id[-8:]}", "referral_id": new_id(),
            "circumstances": circumstances(**changes),
        }
    )  # fmt: skip


def taking_part(case_id: str, **roles: str) -> CaseParticipantsChanged:
    """Who takes part: role, then organisation."""
    return CaseParticipantsChanged.model_validate(
        {
            "case_id": case_id,
            "participants": [
                {"organisation_id": id, "sector": "education", "role": role, "since": "2022-01-01"}
                for role, id in roles.items()
            ],
        }
    )


async def a_case(served: Served, **changes: Any) -> str:
    """A case of the north's, whose child goes to the second school."""
    case_id = new_id()
    await served.hear(opened(case_id, **changes), taking_part(case_id, school="school-100002"))
    await served.hear(
        CaseAssigned(
            case_id=case_id, cluster_id="north", organisation_id="school-100001", decision=1, rules_version="1",
            reasons=("school",),
        )
    )  # fmt: skip
    return case_id


def notified(case_id: str, **changes: Any) -> ExclusionNotified:
    """A suspension of two days that begins today."""
    usual = {
        "case_id": case_id, "exclusion_id": new_id(), "organisation_id": "school-100002", "school_urn": "100002",
        "kind": "SUSP", "reasons": ["DB"], "first_on": "2026-11-23", "sessions": 4, "year_group": "9",
    }  # fmt: skip
    return ExclusionNotified.model_validate(usual | changes)


async def call(
    served: Served, method: str, path: str, who: dict[str, Any], body: dict[str, Any] | None = None, **headers: str
) -> httpx.Response:
    """Do something, with a fresh key."""
    usual = signed_in(**who) | keyed() | headers
    return await served.client.request(method, path, json=body, headers=usual)


async def get(served: Served, path: str, who: dict[str, Any]) -> Any:
    """What somebody sees there."""
    answer = await call(served, "GET", path, who)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def fire(served: Served) -> None:
    """Let every deadline that is due happen."""
    while await served.runtime.deadlines().fire():
        pass


def later(clock: BusinessClock, **by: float) -> None:
    """Let business time pass."""
    clock.simulate(clock.now() + timedelta(**by), anchor=wall_now(), rate=1.0)


async def equip(served: Served, provider: str, places: int = 1, *, checked_on: str = "2026-10-01", **more: Any) -> None:
    """Give a provider a safeguarding check and full-time secondary places."""
    etag = await etag_of(served, f"/v1/providers/{provider}")
    check = {"kind": "safeguarding", "outcome": "met", "checked_on": checked_on, **more}
    answer = await call(served, "PATCH", f"/v1/providers/{provider}", DESK, {"checks": [check]}, **{"If-Match": etag})
    assert answer.status_code == 200, answer.text
    body = {"places": [{"phase": "secondary", "session": "full-time", "places": places}]}
    answer = await call(
        served, "PUT", f"/v1/providers/{provider}/places", staff(provider), body,
        **{"If-Match": answer.headers["ETag"]},
    )  # fmt: skip
    assert answer.status_code == 200, answer.text


async def etag_of(served: Served, path: str, who: dict[str, Any] = DESK) -> str:
    """The ETag of something."""
    answer = await call(served, "GET", path, who)
    assert answer.status_code == 200, answer.text
    return answer.headers["ETag"]


async def a_request(served: Served, case_id: str | None = None, **changes: Any) -> str:
    """A place is looked for."""
    case_id = case_id or await a_case(served)
    body = {"case_id": case_id, "sessions_a_week": 10, "wanted_from": "2026-11-30"} | changes
    answer = await call(served, "POST", "/v1/placements", LEAD, body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def act(
    served: Served, placement: str, what: str, who: dict[str, Any], body: dict[str, Any] | None = None,
    *, ok: bool = True,
) -> httpx.Response:  # fmt: skip
    """Do something about a placement as it now is."""
    etag = await etag_of(served, f"/v1/placements/{placement}")
    answer = await call(served, "POST", f"/v1/placements/{placement}/{what}", who, body or {}, **{"If-Match": etag})
    assert not ok or answer.status_code == 200, answer.text
    return answer


async def offered(served: Served, placement: str, *providers: str) -> dict[str, str]:
    """The offers made, by provider."""
    answer = await act(served, placement, "offers", LEAD, {"provider_ids": list(providers)})
    return {offer["provider_id"]: offer["id"] for offer in answer.json()["offers"]}


async def placed(served: Served, *, provider: str = NEAR, case_id: str | None = None) -> str:
    """A placement that has begun today."""
    placement = await a_request(served, case_id)
    offers = await offered(served, placement, provider)
    await act(served, placement, f"offers/{offers[provider]}/accept", staff(provider), {"starts_on": "2026-11-30"})
    started_on = served.runtime.clock.now().date().isoformat()
    await act(served, placement, "start", staff(provider), {"started_on": started_on})
    return placement


async def places(served: Served, provider: str = NEAR) -> tuple[int, int, int]:
    """Places, taken, held."""
    [row] = await served.rows("SELECT places, taken, held FROM place WHERE provider_id = $1", provider)
    return row["places"], row["taken"], row["held"]
