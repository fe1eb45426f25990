"""Small counties, schools and cases for the router's tests: what matters is said inline, the rest is dull."""

import tomllib
from collections.abc import Iterable, Sequence
from datetime import date
from importlib.resources import files
from typing import Any

from cluster_router.domain.county import Capacity, Cluster, County, Member, School, Successor
from cluster_router.domain.rules import Phase, Rules, amended, read_rules
from schemas.referral import Circumstances, Home, Need

TODAY = date(2026, 11, 23)


def rule_document() -> dict[str, Any]:
    """The rule file that ships, as a mapping."""
    text = files("cluster_router").joinpath("data", "rules", "2026-09.toml").read_text("utf-8")
    return tomllib.loads(text)


def the_rules(**sections: dict[str, Any]) -> Rules:
    """The rules that ship, with some entries changed: `the_rules(choice={"neighbour_metres": 1})`."""
    return read_rules(amended(rule_document(), sections))


def a_school(
    urn: str,
    *,
    phase: int = 2,
    at: tuple[int, int] | None = (383_000, 218_000),
    closed_on: date | None = None,
    status: int = 1,
    successors: Sequence[str | tuple[str, date]] = (),
    **rest: Any,
) -> School:
    """An open primary school somewhere, unless said otherwise."""
    links = tuple(Successor(link) if isinstance(link, str) else Successor(*link) for link in successors)
    easting, northing = at if at is not None else (None, None)
    return School(
        urn=urn,
        organisation_id=f"school-{urn}",
        name=f"School {urn}",
        phase=phase,
        status=status,
        closed_on=closed_on,
        successors=links,
        easting=easting,
        northing=northing,
        **rest,
    )


def a_cluster(
    id: str,
    *urns: str | Member,
    phase: Phase = Phase.PRIMARY,
    capacity: int | None = None,
    hard: bool = True,
) -> Cluster:
    """A cluster of these schools; the first leads."""
    members = tuple(urn if isinstance(urn, Member) else Member(urn, date(2020, 9, 1)) for urn in urns)
    return Cluster(
        id=id,
        name=id.replace("-", " ").title(),
        phase=phase,
        area="Somewhere",
        lead_school_urn=members[0].school_urn,
        organisation_id=f"school-{members[0].school_urn}",
        members=members,
        capacities=() if capacity is None else (Capacity(date(2020, 9, 1), capacity, hard),),
    )


def a_county(
    schools: Iterable[School], clusters: Iterable[Cluster], *, rules: Rules | None = None, on: date = TODAY
) -> County:
    """A snapshot of these."""
    return County(
        {school.urn: school for school in schools},
        {cluster.id: cluster for cluster in clusters},
        rules or the_rules(),
        on,
    )


def circumstances(
    school: str | None = None,
    *,
    home: tuple[int, int] | str = "unknown",
    age: int = 8,
    year_group: str | None = None,
    urgency: str = "routine",
    risk: str = "none",
) -> Circumstances:
    """A child's circumstances; `home` is a grid square's corner, or why there is none."""
    if isinstance(home, str):
        where = Home.model_validate({"state": home})
    else:
        where = Home(state="known", easting=home[0], northing=home[1])
    return Circumstances(
        school_urn=school,
        year_group=year_group,
        age=age,
        needs=(Need(type="SEMH", rank=1),),
        home=where,
        urgency=urgency,
        risk_of_exclusion=risk,
    )
