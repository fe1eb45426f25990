"""Recalls, disclosures and what an officer can do with a case, for the pages."""

from collections.abc import Mapping, Sequence
from typing import Any

from portal.clients.api import Part
from portal.domain.words import plain
from portal.policy import document
from portal.views import access, acts
from portal.views.wording import label

Json = dict[str, Any]


def recalls(found: Sequence[Json], back: str) -> list[Json]:
    """Recalls, those that somebody is late with first."""
    rows = [
        {
            "id": one["id"],
            "case_id": one["case_id"],
            "reason": label(one["reason"], "recall-reasons"),
            "issued_at": one["issued_at"],
            "answer_by": one["answer_by"],
            "answered": sum(1 for each in one["recipients"] if each.get("acknowledged_at")),
            "asked": len(one["recipients"]),
            "stragglers": one.get("stragglers") or [],
            "overdue": one.get("overdue"),
            "actions": acts.offered(one.get("actions") or [], f"/v1/ledger/recalls/{one['id']}", back),
        }
        for one in found
    ]
    return sorted(rows, key=lambda row: (not row["overdue"], not row["stragglers"], row["answer_by"]))


def disclosures(ledger: Part) -> list[Json]:
    """Who read the case by the API."""
    return [
        {
            "who": one["organisation_id"],
            "sector": label(one.get("sector"), "sectors"),
            "purpose": label(one.get("purpose"), "disclosure-purposes"),
            "basis": label(one.get("basis"), "basis-kinds"),
            "at": one["at"],
        }
        for one in ledger.data.get("disclosures") or ()
    ]


def offered(case: Part, here: str) -> list[Json]:
    """What the officer can do with a case, on pages of its own; what is barred says why."""
    titles = {"export": "Export for a subject access request", "erase": "Erase this case"}
    return [
        {
            "name": one["name"],
            "title": titles[one["name"]],
            "allowed": bool(one.get("allowed")),
            "reason": one.get("reason"),
            "form": f"{here}/{one['name']}",
        }
        for one in case.actions
        if one.get("name") in titles
    ]


def erased(case: Json, names: Mapping[str, str]) -> Json:
    """That nothing personal is left of a case, since when, by whom and why."""
    why: Mapping[str, str] = document("protection.toml")["erase"]["reasons"]
    return {
        "at": case["erased_at"],
        "by": names.get(case["erased_by"], case["erased_by"]),
        "reason": why.get(case["reason"], plain(case["reason"])),
        "overridden": case["overridden"],
        "kept_until": case["kept_until"],
        "went": access.went(case["erased"]),
    }
