"""The rules that ship with the service, and who may see and do what with money."""

import tomllib
from collections.abc import Collection, Mapping
from datetime import date
from importlib.resources import files
from typing import Final

from chassis.auth import Caller

from funding.domain.requests import Request
from funding.domain.rules import Rules, read_rules, rules_on

_RULES: Final = files("funding") / "data" / "rules"

#: Every version of the rules, by its name.
BOOK: Final[Mapping[str, Rules]] = {
    rules.version: rules
    for path in sorted(_RULES.iterdir(), key=lambda path: path.name)
    if path.name.endswith(".toml")
    for rules in [read_rules(tomllib.loads(path.read_text(encoding="utf-8")))]
}

#: The registries of reasons and purposes that people name.
PURPOSES: Final = "funding-purposes"
REFUSALS: Final = "funding-refusals"
ENDINGS: Final = "funding-endings"
CLAW_BACKS: Final = "clawback-reasons"

#: Roles that work for a cluster.
TEAM: Final = ("cluster-lead", "caseworker")
#: Roles at an agency that may ask for money for its own case.
ASKERS: Final = ("agency-system", "referrer")


def rules_of(day: date) -> Rules:
    """The rules of a day."""
    return rules_on(BOOK.values(), day)


def is_finance(caller: Caller) -> bool:
    """Whether the caller keeps the council's money."""
    return caller.sector == "council" and caller.has("finance-officer")


def sees_all(caller: Caller) -> bool:
    """Whether the caller may see every case's money: finance, and those who answer for the data."""
    return is_finance(caller) or (caller.sector == "council" and caller.has("data-protection-officer"))


def of_cluster(caller: Caller, cluster: str | None) -> bool:
    """Whether the caller works for this cluster."""
    return cluster is not None and cluster in caller.clusters and caller.has(*TEAM)


def sees(caller: Caller, cluster: str | None, organisations: Collection[str]) -> bool:
    """Whether the caller may know of a case's money: its cluster's people, who referred it or is paid, and finance."""
    return sees_all(caller) or of_cluster(caller, cluster) or caller.organisation in organisations


def asks(caller: Caller, cluster: str | None, organisations: Collection[str]) -> bool:
    """Whether the caller may ask for money for a case that they may see."""
    own = caller.organisation in organisations and caller.has(*ASKERS, *TEAM)
    return is_finance(caller) or of_cluster(caller, cluster) or own


def own_interest(caller: Caller, request: Request) -> str | None:
    """Why the caller may not decide this request, whatever their role; None when nothing speaks against it."""
    if request.asked_by is not None and request.asked_by == caller.subject:
        return "Nobody decides what they themselves asked for."
    if request.asked_by is None and request.asked_by_organisation == caller.organisation:
        return "Your organisation asked for this; somebody from another one decides."
    if request.organisation_id == caller.organisation:
        return "The money would go to your own organisation; somebody from another one decides."
    return None


def decides(caller: Caller, request: Request, rules: Rules) -> str | None:
    """Why the caller may not decide this request; None when they may."""
    interest = own_interest(caller, request)
    if interest is not None:
        return interest
    if is_finance(caller):
        return None
    if not (caller.has("cluster-lead") and request.cluster_id in caller.clusters):
        return "The council's finance officers decide this, or the lead of the cluster."
    if request.amount_pence > rules.lead.most_per_award_pence:
        return "This is more than the lead of a cluster may grant; the council's finance officers decide it."
    return None
