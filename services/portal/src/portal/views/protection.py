"""Recalls, disclosures and looks for the pages."""

from collections.abc import Mapping, Sequence
from typing import Any

from portal.clients.api import Part
from portal.domain.words import plain
from portal.views import acts
from portal.views.wording import label

Json = dict[str, Any]

#: Why looks need no reason that is asked for.
_OWN = {"case-work": "Works the case", "acted": "Had just placed it"}


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


def looks(found: Sequence[Json], names: Mapping[str, str], why: Mapping[str, str]) -> list[Json]:
    """Who looked at the case through the pages, and what for."""
    return [
        {
            "who": names.get(one["actor"], one["actor"]),
            "organisation": one["organisation"],
            "what": plain(one["what"]),
            "why": why.get(one["reason"] or "") or _OWN.get(one["reason"] or "", plain(one["reason"] or "")),
            "outside": (one["reason"] or "") in why,
            "at": one["at"],
        }
        for one in found
    ]
