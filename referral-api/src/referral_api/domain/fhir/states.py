"""How far a referral is, as the status of a FHIR Task."""

from collections.abc import Mapping, Sequence
from typing import Any

from referral_api.domain.case_file import CaseFile, Referral


class NoStateFits(LookupError):
    """The data's last line must fit whatever comes."""


def task_status(states: Sequence[Mapping[str, Any]], referral: Referral, case: CaseFile, *, begun: bool) -> str:
    """The status of the first line that fits. Raises `NoStateFits`."""
    facts: Mapping[str, Any] = {
        "referral": referral.status.value,
        "case": case.status.value,
        "closing": case.closing_reason,
        "assignment": case.assignment.state,
        "begun": begun,
    }
    for line in states:
        if all(_fits(wanted, facts[name]) for name, wanted in line.items() if name != "status"):
            return str(line["status"])
    raise NoStateFits


def _fits(wanted: Any, fact: Any) -> bool:
    return fact in wanted if isinstance(wanted, list) else bool(fact == wanted)
