"""What a sector's system is given of a case."""

from typing import Any

from chassis.wire import Out
from pydantic import AwareDatetime, Field

from referral_api.handlers.disclosing import Disclosed
from referral_api.views.outgoing import instant


class DisclosedOut(Out):
    """A case as a sector's system may know it, for one purpose on one basis. What may not leave is not there."""

    case_id: str
    reference: str
    status: str
    opened_at: AwareDatetime
    purpose: str
    basis: str
    #: Which sharing rule let it out, and of which version.
    rule: str
    rules_version: str
    child: dict[str, Any] = Field(default_factory=dict)
    circumstances: dict[str, Any] = Field(default_factory=dict)
    requested: tuple[str, ...] = ()
    family: dict[str, Any] = Field(default_factory=dict)
    assignment: dict[str, Any] = Field(default_factory=dict)
    participants: tuple[dict[str, Any], ...] = ()


def disclosed_body(result: Disclosed) -> dict[str, Any]:
    """`DisclosedOut`."""
    case = result.case
    return {
        "case_id": case.case_id,
        "reference": case.reference,
        "status": case.status.value,
        "opened_at": instant(case.opened_at),
        "purpose": result.purpose,
        "basis": result.basis,
        "rule": result.rule,
        "rules_version": result.version,
        **result.given,
    }
