"""A small county, cases in it, and what the router's integration tests do to both."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx
from chassis.cause import Cause
from chassis.clock import BusinessClock, new_id, wall_now
from cluster_router.handlers import county
from schemas.directory import SchoolChanged
from schemas.referral import CaseCircumstancesChanged, CaseOpened, CaseParticipantsChanged
from support.service import Served, keyed, signed_in

COLUMNS = ("cluster_id", "name", "phase", "area", "lead_school_urn", "school_urn", "since", "until")
CLUSTERS = (
    ("north-primary", "North primary", "primary", "North", "100001", "100001", "2022-04-01", ""),
    ("north-primary", "North primary", "primary", "North", "100001", "100002", "2022-04-01", ""),
    ("south-primary", "South primary", "primary", "South", "100003", "100003", "2022-04-01", ""),
    ("north-secondary", "North secondary", "secondary", "North", "100004", "100004", "2022-04-01", ""),
)

#: The intake desk, and the leads of the clusters.
DESK = {"organisation": "county-council", "sector": "council", "roles": ("intake", "caseworker"), "subject": "desk"}
NORTH = {"organisation": "school-100001", "roles": ("cluster-lead",), "clusters": ("north-primary",), "subject": "n"}
SOUTH = {"organisation": "school-100003", "roles": ("cluster-lead",), "clusters": ("south-primary",), "subject": "s"}
UPPER = {"organisation": "school-100004", "roles": ("cluster-lead",), "clusters": ("north-secondary",), "subject": "u"}
AGENCY = {"organisation": "nhs-trust", "sector": "health", "roles": ("agency-system",)}
STRANGER = {"organisation": "school-999999", "roles": ("agency-system",)}


def school(urn: str, *, phase: int = 2, northing: int = 218_000, **changes: Any) -> SchoolChanged:
    """A school near the others."""
    usual = {
        "school_urn": urn, "organisation_id": f"school-{urn}", "name": f"School {urn}", "phase": phase,
        "establishment_type": "01", "status": 1, "local_authority": "916", "district": "North", "easting": 383_000,
        "northing": northing, "pupils": 200, "as_of": "2026-09-01",
    }  # fmt: skip
    return SchoolChanged.model_validate(usual | changes)


SCHOOLS = (
    school("100001"),
    school("100002", northing=219_000),
    school("100003", northing=210_000),
    school("100004", phase=4),
)


def circumstances(**changes: Any) -> dict[str, Any]:
    """A nine-year-old at the first school."""
    usual = {
        "school_urn": "100001", "year_group": "5", "age": 9, "needs": [{"type": "SEMH", "rank": 1}],
        "home": {"state": "known", "easting": 383_000, "northing": 218_000}, "urgency": "soon",
        "risk_of_exclusion": "none",
    }  # fmt: skip
    return usual | changes


def opened(case_id: str | None = None, **changes: Any) -> CaseOpened:
    """A case."""
    case_id = case_id or new_id()
    return CaseOpened.model_validate(
        {
            "case_id": case_id,
            "reference": f"J-{case_id[-8:]}",
            "referral_id": new_id(),
            "circumstances": circumstances(**changes),
        }
    )


def changed(case_id: str, what: Sequence[str] = ("school_urn",), **changes: Any) -> CaseCircumstancesChanged:
    """Something about it is different."""
    return CaseCircumstancesChanged.model_validate(
        {"case_id": case_id, "changed": list(what), "circumstances": circumstances(**changes)}
    )


def taking_part(case_id: str, *organisations: str, **changes: Any) -> CaseParticipantsChanged:
    """Who takes part in it."""
    one = {"sector": "health", "role": "referrer", "since": "2022-01-01"} | changes
    return CaseParticipantsChanged.model_validate(
        {"case_id": case_id, "participants": [one | {"organisation_id": id} for id in organisations]}
    )


async def limit(
    served: Served, cluster: str, capacity: int | str, *, kind: str = "hard", since: str = "2022-04-01"
) -> None:
    """Give a cluster a capacity; the queue is looked at again."""
    async with served.runtime.transaction() as tx:
        row = {"cluster_id": cluster, "since": since, "capacity": str(capacity), "kind": kind}
        await county.import_capacities(tx, [row], Cause.fresh())
    await fire(served)


async def fire(served: Served) -> None:
    """Let every deadline that is due happen."""
    while await served.runtime.deadlines().fire():
        pass


async def get(served: Served, case_id: str, who: dict[str, Any]) -> httpx.Response:
    """Where a case is, as somebody sees it."""
    return await served.client.get(f"/v1/assignments/{case_id}", headers=signed_in(**who))


async def act(
    served: Served, case_id: str, what: str, who: dict[str, Any], body: dict[str, Any] | None = None, **headers: str
) -> httpx.Response:
    """Do something about a case as it is now."""
    etag = (await get(served, case_id, DESK)).headers.get("ETag", '"1"')
    usual = signed_in(**who) | keyed() | {"If-Match": etag}
    return await served.client.post(f"/v1/assignments/{case_id}/{what}", json=body or {}, headers={**usual, **headers})


async def where(served: Served, case_id: str) -> tuple[str, str | None]:
    """A case's state and cluster."""
    body = (await get(served, case_id, DESK)).json()
    return body["state"], body["cluster_id"]


def later(clock: BusinessClock, **by: float) -> None:
    """Let business time pass."""
    clock.simulate(clock.now() + timedelta(**by), anchor=wall_now(), rate=1.0)
