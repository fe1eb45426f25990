"""Facts, cases and people for the notifier's tests."""

from collections.abc import Mapping
from datetime import UTC, date, datetime

from notifier.domain.facts import Fact
from notifier.domain.planning import Case, Context, Holder
from notifier.domain.wishes import Wish

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CLUSTER = "stroud-primary"
LEAD = "school-115482"
REFERRING = "school-115500"


def a_fact(type: str = "jointly.case.assigned.v1", **changes: object) -> Fact:
    """An assignment to the cluster, at noon."""
    values: dict[str, object] = {
        "event_id": "event-1",
        "type": type,
        "case_id": "case-1",
        "at": NOON,
        "cluster_id": CLUSTER if type.startswith("jointly.case.assigned") else None,
    }
    return Fact(**{**values, **changes})  # type: ignore[arg-type]


def a_case(**changes: object) -> Case:
    """A routine case that one school referred and nobody holds yet."""
    values: dict[str, object] = {
        "case_id": "case-1",
        "reference": "J-7F3K",
        "urgency": "routine",
        "referring": (REFERRING,),
    }
    return Case(**{**values, **changes})  # type: ignore[arg-type]


def a_holder(person_id: str, role: str = "caseworker", **changes: object) -> Holder:
    """Somebody of the cluster's team, since January."""
    values: dict[str, object] = {
        "person_id": person_id,
        "role": role,
        "organisation_id": "county-council",
        "sector": "education",
        "cluster_id": CLUSTER,
        "since": date(2026, 1, 1),
    }
    return Holder(**{**values, **changes})  # type: ignore[arg-type]


def the_desk(person_id: str = "desk") -> Holder:
    """Somebody at the council's intake desk."""
    return a_holder(person_id, "intake", sector="council", cluster_id=None)


def a_referrer(person_id: str = "senco") -> Holder:
    """Somebody who refers for the school that referred."""
    return a_holder(person_id, "referrer", organisation_id=REFERRING, cluster_id=None)


def directory(*holders: Holder, wishes: Mapping[str, Wish] | None = None) -> Context:
    """What is known of people; the cluster is led by one school."""
    return Context.of(holders, {CLUSTER: LEAD}, wishes=wishes)
