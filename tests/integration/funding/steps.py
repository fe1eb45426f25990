"""A small county with money, cases in it, and what funding's integration tests do to both."""

from datetime import date, timedelta
from typing import Any

import httpx
from chassis.clock import BusinessClock, new_id, wall_now
from funding.commands import check_ledger, import_budgets
from funding.domain.budgets import Summary
from schemas.directory import SchoolChanged
from schemas.event import Event
from schemas.referral import CaseOpened, CaseParticipantsChanged, ReferralSubmitted
from schemas.routing import CaseAssigned, CaseReassigned, ClusterChanged
from support.service import Served, keyed, signed_in

FINANCE = {"organisation": "county-council", "sector": "council", "roles": ("finance-officer",), "subject": "finance"}
NORTH = {"organisation": "school-100001", "roles": ("cluster-lead",), "clusters": ("north",), "subject": "north-lead"}
WORKER = {
    "organisation": "nhs-trust",
    "sector": "health",
    "roles": ("caseworker",),
    "clusters": ("north",),
    "subject": "w",
}
SOUTH = {"organisation": "school-100003", "roles": ("cluster-lead",), "clusters": ("south",), "subject": "south-lead"}
SCHOOL = {"organisation": "school-100002", "roles": ("agency-system",)}
HOSPITAL = {"organisation": "nhs-trust", "sector": "health", "roles": ("agency-system",)}
STRANGER = {"organisation": "school-999999", "roles": ("agency-system",)}

THIS_YEAR = "2026-27"
BUDGETS = (("north", THIS_YEAR, "100000.00"), ("south", THIS_YEAR, "50000.00"))


def school(urn: str) -> SchoolChanged:
    """A school of the county."""
    return SchoolChanged.model_validate(
        {
            "school_urn": urn, "organisation_id": f"school-{urn}", "name": f"School {urn}", "phase": 2,
            "establishment_type": "01", "status": 1, "as_of": "2026-09-01",
        }
    )  # fmt: skip


def cluster(id: str, lead: str) -> ClusterChanged:
    """A cluster with its lead school."""
    return ClusterChanged.model_validate(
        {
            "cluster_id": id,
            "cluster": {
                "name": id.title(), "phase": "primary", "area": id, "lead_school_urn": lead,
                "organisation_id": f"school-{lead}", "members": [],
            },
        }
    )  # fmt: skip


COUNTY: tuple[Event, ...] = (
    *(school(urn) for urn in ("100001", "100002", "100003")),
    cluster("north", "100001"),
    cluster("south", "100003"),
)


def submitted(case_id: str, *, requested: tuple[str, ...] = ("early-funding",), **changes: Any) -> ReferralSubmitted:
    """A referral of a child at the second school, by its school."""
    usual = {
        "case_id": case_id, "referral_id": new_id(), "organisation_id": "school-100002", "sector": "education",
        "needs": [{"type": "SLCN", "rank": 2}, {"type": "SEMH", "rank": 1}], "requested": requested,
        "urgency": "soon", "risk_of_exclusion": "none",
        "basis": {"kind": "public-task", "recorded_on": "2026-11-20"},
    }  # fmt: skip
    return ReferralSubmitted.model_validate(usual | changes)


def opened(case_id: str, *, urn: str | None = "100002", need: str = "SEMH") -> CaseOpened:
    """The case that a referral opens."""
    return CaseOpened.model_validate(
        {
            "case_id": case_id, "reference": f"J-{case_id[-8:]}", "referral_id": new_id(),
            "circumstances": {
                "school_urn": urn, "year_group": "5", "age": 9, "needs": [{"type": need, "rank": 1}],
                "home": {"state": "unknown"}, "urgency": "soon", "risk_of_exclusion": "none",
            },
        }
    )  # fmt: skip


def assigned(case_id: str, cluster_id: str = "north", lead: str = "100001") -> CaseAssigned:
    """The router's word."""
    return CaseAssigned(
        case_id=case_id, cluster_id=cluster_id, organisation_id=f"school-{lead}", decision=1, rules_version="1",
        reasons=("school-member",),
    )  # fmt: skip


def reassigned(case_id: str, cluster_id: str = "south", lead: str = "100003") -> CaseReassigned:
    """The case moves."""
    return CaseReassigned(
        case_id=case_id, cluster_id=cluster_id, organisation_id=f"school-{lead}", decision=2, reasons=("override",)
    )


def taking_part(case_id: str, *organisations: str, role: str = "referrer") -> CaseParticipantsChanged:
    """Who takes part in it."""
    one = {"sector": "health", "role": role, "since": "2022-01-01"}
    return CaseParticipantsChanged.model_validate(
        {"case_id": case_id, "participants": [one | {"organisation_id": id} for id in organisations]}
    )


async def a_case(
    served: Served, *, requested: tuple[str, ...] = (), cluster_id: str = "north", urn: str | None = "100002",
    need: str = "SEMH",
) -> str:  # fmt: skip
    """A case of a cluster, referred by its school."""
    case_id = new_id()
    await served.hear(submitted(case_id, requested=requested, needs=[{"type": need, "rank": 1}]))
    await served.hear(opened(case_id, urn=urn, need=need))
    await served.hear(assigned(case_id, cluster_id))
    return case_id


async def budgets(served: Served, *rows: tuple[str, str, str], dry_run: bool = False) -> Summary:
    """Import budgets, and let what waits be looked at."""
    text = "cluster_id,financial_year,amount\n" + "\n".join(",".join(row) for row in rows)
    summary = await import_budgets(served.runtime, text.encode(), dry_run=dry_run)
    await fire(served)
    return summary


async def fire(served: Served) -> None:
    """Let every deadline that is due happen."""
    while await served.runtime.deadlines().fire():
        pass


def wish(case_id: str, **changes: Any) -> dict[str, Any]:
    """A request for a therapist, well above what the rule grants."""
    usual = {
        "case_id": case_id, "purpose": "therapy", "amount_pence": 250_000, "since": "2026-11-23",
        "until": "2027-02-28", "reason": "Weekly sessions until the end of February.",
    }  # fmt: skip
    return usual | changes


async def ask(
    served: Served, case_id: str, who: dict[str, Any] = WORKER, *, params: dict[str, str] | None = None, **changes: Any
) -> httpx.Response:
    """Ask for money."""
    headers = signed_in(**who) | keyed()
    return await served.client.post(
        "/v1/funding/requests", json=wish(case_id, **changes), headers=headers, params=params
    )


async def asked(served: Served, case_id: str, who: dict[str, Any] = WORKER, **changes: Any) -> dict[str, Any]:
    """A request that was taken."""
    answer = await ask(served, case_id, who, **changes)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def get(served: Served, path: str, who: dict[str, Any] = FINANCE, **params: str) -> httpx.Response:
    """Look at something."""
    return await served.client.get(f"/v1/funding/{path}", headers=signed_in(**who), params=params)


async def act(
    served: Served, path: str, what: str, who: dict[str, Any] = FINANCE, body: dict[str, Any] | None = None,
    **headers: str,
) -> httpx.Response:  # fmt: skip
    """Do something about a request or an award as it is now."""
    tag = (await get(served, path)).headers.get("ETag", '"1"')
    usual = signed_in(**who) | keyed() | {"If-Match": tag}
    return await served.client.post(f"/v1/funding/{path}/{what}", json=body or {}, headers={**usual, **headers})


async def awarded(served: Served, case_id: str, **changes: Any) -> list[dict[str, Any]]:
    """Awards of a request that finance has granted."""
    request = await asked(served, case_id, **changes)
    if request["state"] == "waiting":
        answer = await act(served, f"requests/{request['id']}", "award", body={"reason": "Agreed."})
        assert answer.status_code == 200, answer.text
        request = answer.json()
    ids = [part["award_id"] for part in request["parts"] if part["award_id"]]
    return [(await get(served, f"awards/{id}")).json() for id in ids]


async def position(served: Served, cluster_id: str = "north", year: str = THIS_YEAR) -> dict[str, int]:
    """Budget, set aside, paid, come back and left, in pence."""
    body = (await get(served, "position", cluster=cluster_id, year=year)).json()
    names = ("budget", "committed", "paid", "clawed_back", "remaining")
    return {name: body[f"{name}_pence"] for name in names}


async def adds_up(served: Served) -> None:
    """The ledger is as it must be."""
    assert await check_ledger(served.runtime) == []


def later(clock: BusinessClock, **by: float) -> date:
    """Let business time pass; the new day."""
    clock.simulate(clock.now() + timedelta(**by), anchor=wall_now(), rate=1.0)
    return clock.now().date()
