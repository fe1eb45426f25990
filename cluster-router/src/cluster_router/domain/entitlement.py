"""Which phase a case belongs to, and which clusters it may go to: the rules, before anybody weighs load."""

from dataclasses import dataclass
from enum import IntEnum

from schemas.referral import Circumstances, Home

from cluster_router.domain.county import HALF_SQUARE, County, Point, School
from cluster_router.domain.rules import Phase, Rules, Team, WhenFull


class Rank(IntEnum):
    """In which order clusters are tried: a later rank only when nobody before has room."""

    FIRST = 0
    WHEN_FULL = 1


@dataclass(frozen=True, slots=True)
class Option:
    """A cluster that was looked at: how far it is, and whether the case may go there (rank) or why not."""

    cluster: str
    #: Squared distance in metres from the home square's centre, or from the school; None: from nowhere known.
    squared: int | None
    rank: Rank | None
    why_not: str | None = None


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What the rules say of one case: its phase and options, or, without options, why a person must place it."""

    #: What was found on the way, rule by rule: codes that `data/wording.toml` puts into words.
    steps: tuple[str, ...]
    phase: Phase | None = None
    team: Team | None = None
    #: The open school that decided, after successors.
    school_urn: str | None = None
    options: tuple[Option, ...] = ()

    def has_options(self) -> bool:
        """Whether there is any cluster that may take the case."""
        return any(option.rank is not None for option in self.options)


def entitle(circumstances: Circumstances, county: County) -> Entitlement:
    """Apply the rules of the county's day to a case's circumstances."""
    if circumstances.home.state == "restricted":
        # Neither square nor school is told for a protected address, and no guess is made.
        return Entitlement(("address-restricted",))
    school, steps = _school(circumstances.school_urn, county)
    if "school-unknown" in steps:
        return Entitlement(steps)
    phase, how = phase_of(school, circumstances.year_group, circumstances.age, county.rules)
    steps += (how,)
    if phase is None:
        return Entitlement(steps, school_urn=school.urn if school else None)
    team = team_of(phase, circumstances.age, county.rules)
    if team is not None:
        steps += (f"{team}-team",)
    home = centre(circumstances.home)
    if school is not None:
        own, inherited = county.cluster_of(school.urn, phase)
        if own is not None:
            steps += ("inherited-cluster",) if inherited else ("school-cluster",)
            options = _own_first(county, phase, own, home or school.place())
            return Entitlement(steps, phase, team, school.urn, options)
        steps += ("school-outside-clusters",)
    urn = school.urn if school else None
    if home is None:
        return Entitlement((*steps, _why_no_home(circumstances.home)), phase, team, urn)
    options, found = _around(county, phase, home)
    return Entitlement((*steps, found), phase, team, urn, options)


def phase_of(school: School | None, year_group: str | None, age: int, rules: Rules) -> tuple[Phase | None, str]:
    """The phase of a child, and the code of the rule that says so. No phase: a person decides."""
    if school is not None:
        fixed = rules.phase_of_code.get(school.phase)
        if fixed is not None:
            return fixed, "phase-of-school"
        if school.phase in rules.by_year_group and year_group is not None:
            by_year = rules.phase_of_year.get(year_group)
            if by_year is not None:
                return by_year, "phase-by-year-group"
    if age > rules.to_age:
        return None, "age-outside-rules"
    return (Phase.PRIMARY if age < rules.secondary_from_age else Phase.SECONDARY), "phase-by-age"


def team_of(phase: Phase, age: int, rules: Rules) -> Team | None:
    """The team inside the cluster that is there for the youngest and for the oldest."""
    if phase is Phase.PRIMARY and age < rules.early_years_below_age:
        return Team.EARLY_YEARS
    if phase is Phase.SECONDARY and age >= rules.post_16_from_age:
        return Team.POST_16
    return None


def centre(home: Home) -> Point | None:
    """The centre of the home's grid square."""
    if home.state != "known" or home.easting is None or home.northing is None:
        return None
    return Point(home.easting + HALF_SQUARE, home.northing + HALF_SQUARE)


def _school(urn: str | None, county: County) -> tuple[School | None, tuple[str, ...]]:
    """The open school behind the one that was named, and what that took."""
    if urn is None:
        return None, ("no-school",)
    found = county.whereabouts(urn)
    if found.unknown:
        return None, ("school-unknown",)
    if found.school is None:
        return None, ("school-closed",)
    return found.school, ("successor-school",) if found.followed else ()


def _own_first(county: County, phase: Phase, own: str, origin: Point | None) -> tuple[Option, ...]:
    """The school's own cluster, then, if the rules let it overflow, its neighbours within reach."""
    if origin is None:
        return (Option(own, None, Rank.FIRST),)
    options = []
    for reach in county.reach(phase, origin)[: county.rules.considered]:
        if reach.cluster == own:
            continue
        if county.rules.own_cluster_full is WhenFull.QUEUE:
            options.append(Option(reach.cluster, reach.squared, None, "not-own-cluster"))
        elif reach.squared > county.rules.neighbour_metres**2:
            options.append(Option(reach.cluster, reach.squared, None, "too-far"))
        else:
            options.append(Option(reach.cluster, reach.squared, Rank.WHEN_FULL))
    squared = next((reach.squared for reach in county.reach(phase, origin) if reach.cluster == own), None)
    return (Option(own, squared, Rank.FIRST), *options)


def _around(county: County, phase: Phase, home: Point) -> tuple[tuple[Option, ...], str]:
    """Every cluster about as near as the nearest; those that are clearly farther are only recorded.

    Where even the nearest school is too far the child lives outside the county, and a person decides.
    """
    reaches = county.reach(phase, home)[: county.rules.considered]
    if not reaches:
        return (), "no-cluster-of-phase"
    outside = reaches[0].squared > county.rules.farthest_metres**2
    farthest = -1 if outside else reaches[0].metres + county.rules.extra_metres
    options = tuple(
        Option(reach.cluster, reach.squared, Rank.FIRST)
        if reach.metres <= farthest
        else Option(reach.cluster, reach.squared, None, "too-far")
        for reach in reaches
    )
    return options, "home-outside-county" if outside else "nearest-school"


def _why_no_home(home: Home) -> str:
    return "home-none" if home.state == "none" else "home-unknown"
