"""Positions, requests and payments for the page."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from chassis.auth import Caller

from portal.clients.api import Part
from portal.domain.words import money
from portal.views import acts
from portal.views.wording import label

Json = dict[str, Any]

_SUMS: Final = ("budget_pence", "paid_pence", "committed_pence", "remaining_pence", "waiting_pence", "forecast_pence")


def positions(found: Sequence[Part], names: Mapping[str, str]) -> list[Json]:
    """How each cluster stands."""
    rows = []
    for part in found:
        if not part.ok:
            continue
        one = part.data
        budget = max(one.get("budget_pence") or 0, 1)
        rows.append(
            {
                "name": names.get(one["cluster_id"], one["cluster_id"]),
                **{sum_.removesuffix("_pence"): money(one.get(sum_)) for sum_ in _SUMS},
                "paid_share": round(1000 * (one.get("paid_pence") or 0) / budget),
                "committed_share": round(1000 * (one.get("committed_pence") or 0) / budget),
                "over": (one.get("forecast_pence") or 0) > budget,
                "why": one.get("forecast_explanation"),
                "requests": one.get("waiting_requests"),
            }
        )
    return sorted(rows, key=lambda row: str(row["name"]))


def totals(found: Sequence[Part]) -> Json:
    """All of them together."""
    return {
        sum_.removesuffix("_pence"): money(sum(part.data.get(sum_) or 0 for part in found if part.ok)) for sum_ in _SUMS
    }


def waiting(found: Part, clusters: Mapping[str, str], names: Mapping[str, str], caller: Caller) -> list[Json]:
    """Requests that a person decides; the largest waits no longer for being large."""
    return [
        {
            "case_id": one["case_id"],
            "case": names.get(one["case_id"]) or "Its case",
            "cluster": clusters.get(one["cluster_id"], one["cluster_id"]),
            "amount": money(one["amount_pence"]),
            "purpose": label(one["purpose"], "funding-purposes"),
            "asked_at": one["asked_at"],
            "reason": one.get("reason"),
            "waits": label(one.get("waits_because")),
            "sees_case": caller.has("caseworker", "cluster-lead", "adviser"),
            "actions": acts.offered(one.get("actions") or [], f"/v1/funding/requests/{one['id']}", "/money"),
        }
        for one in found.items
    ]


def due(found: Part, names: Mapping[str, str], back: str) -> list[Json]:
    """Instalments to pay, the first due first."""
    return [
        {
            "cluster": names.get(one["cluster_id"], one["cluster_id"]),
            "to": one["organisation_id"],
            "amount": money(one["amount_pence"]),
            "purpose": label(one["purpose"], "funding-purposes"),
            "due_on": one["due_on"],
            "number": one["instalment"],
            "pay": "/do?" + urlencode({"of": f"/v1/funding/awards/{one['award_id']}", "do": "pay", "back": back}),
        }
        for one in found.items
    ]
