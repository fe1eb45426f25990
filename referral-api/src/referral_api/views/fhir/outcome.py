"""OperationOutcome: refusals with the place of what is wrong, and what was taken for granted."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from chassis.errors import FieldError, Refusal

from referral_api.domain.fhir.draft import Assumption
from referral_api.domain.fhir.rules import FhirRules

_BARS: Final = "https://fhir.nhs.uk/CodeSystem/http-error-codes"
_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")
#: Parts of a problem's pointer that lead out of the body, as FHIR writes them.
_OUTSIDE: Final = ("/headers/", "/query/")
_OTHER: Final = {4: "400", 5: "500"}


def refused(refusal: Refusal, rules: FhirRules, *, correlation_id: str) -> dict[str, Any]:
    """A refusal: one issue for each thing that is wrong. Nothing that was sent is quoted."""
    said = refusal.errors or (FieldError("", refusal.code, refusal.detail),)
    by_status = rules.issues.get(str(refusal.status)) or rules.issues[_OTHER.get(refusal.status // 100, "500")]
    outcome: dict[str, Any] = {"resourceType": "OperationOutcome"}
    if _ID.fullmatch(correlation_id):
        outcome["id"] = correlation_id
    outcome["issue"] = [
        {
            "severity": "error",
            "code": rules.flaws.get(each.code, by_status[0]),
            "details": {
                "coding": [
                    {"system": _BARS, "code": by_status[1]},
                    {"system": rules.own["problem"], "code": each.code},
                ]
            },
            "diagnostics": each.detail,
            **_place(each.pointer),
        }
        for each in said
    ]
    return outcome


def told(id: str, issues: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """What a sender should know of what was taken; None: nothing."""
    every = list(issues)
    return {"resourceType": "OperationOutcome", "id": id, "issue": every} if every else None


def notes(assumptions: Sequence[Assumption], rules: FhirRules) -> list[dict[str, Any]]:
    """What was taken for granted, as issues."""
    return [issue("information", each.code, each.detail, rules) for each in assumptions]


def issue(severity: str, code: str, detail: str, rules: FhirRules) -> dict[str, Any]:
    """Something to know that is no mistake."""
    return {
        "severity": severity,
        "code": "informational",
        "details": {"coding": [{"system": rules.own["problem"], "code": code}]},
        "diagnostics": detail,
    }


def _place(pointer: str) -> dict[str, list[str]]:
    """Where: FHIRPath in the resource, or the header or parameter."""
    for outside in _OUTSIDE:
        if pointer.startswith(outside):
            return {"location": [f"http.{pointer.removeprefix(outside)}"]}
    return {"expression": [pointer]} if pointer and not pointer.startswith("/") else {}
