"""Which providers could take a child, which of them first, and why; also why the others could not."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from placements.domain.placements import metres
from placements.domain.places import ANY, Place
from placements.domain.providers import Check, CheckRules, Provider, failings, latest


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for."""

    phase: str
    needs: tuple[str, ...]
    session: str | None
    sessions_a_week: int
    wanted_from: date
    #: Where closeness is measured from, and what that is: `home` or `school`; None with why: `home-unknown`, ...
    start: tuple[int, int] | None
    measured_from: str


@dataclass(frozen=True, slots=True)
class MatchRules:
    """What counts how much; dated. At most 100 points."""

    since: date
    version: str
    #: Sessions a week that each kind of place has room for.
    sessions: Mapping[str, int]
    need_points: int
    quality_points: int
    #: By phase: the younger, the closer to home.
    closeness_points: Mapping[str, int]
    #: At this distance closeness is worth half.
    half_metres: int
    #: Of the need points, for a provider that is for any need.
    any_need_share: float
    #: Of the need points that remain, for covering the first need; the rest is for the others.
    primary_need_share: float
    quality_kind: str
    quality_shares: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Match:
    """A provider beside what is wanted."""

    provider_id: str
    eligible: bool
    #: Codes of data/words.toml.
    reasons: tuple[str, ...]
    #: The places that one would be kept of.
    place_id: str | None
    free: int
    metres: int | None
    points: float
    rank: int | None = None


def match(
    wanted: Wanted,
    providers: Iterable[Provider],
    checks: Mapping[str, list[Check]],
    places: Mapping[str, list[Place]],
    rules: tuple[MatchRules, CheckRules],
) -> list[Match]:
    """Every provider, the eligible ones first in their order, then the others by name of what keeps them out."""
    found = [
        _look(wanted, provider, checks.get(provider.id, []), places.get(provider.id, []), rules)
        for provider in providers
    ]
    eligible = sorted(
        (each for each in found if each.eligible),
        key=lambda each: (-each.points, each.metres if each.metres is not None else 10**9, each.provider_id),
    )
    others = sorted((each for each in found if not each.eligible), key=lambda each: (each.reasons, each.provider_id))
    # Without a start nobody is closer than anybody: the order by need alone would look like one by closeness.
    ranked = [replace(each, rank=n if wanted.start else None) for n, each in enumerate(eligible, 1)]
    return [*ranked, *others]


def fitting(wanted: Wanted, places: Iterable[Place], rules: MatchRules) -> list[Place]:
    """The places of a provider that are right for the child: free ones, the most particular, the smallest first."""
    right = [
        place
        for place in places
        if place.phase == wanted.phase
        and place.need in (ANY, *wanted.needs)
        and (wanted.session is None or place.session == wanted.session)
        and rules.sessions.get(place.session, 0) >= wanted.sessions_a_week
    ]
    return sorted(right, key=lambda place: (place.free < 1, place.need == ANY, rules.sessions[place.session], place.id))


def _look(
    wanted: Wanted,
    provider: Provider,
    checks: list[Check],
    places: list[Place],
    rules: tuple[MatchRules, CheckRules],
) -> Match:
    matching, checking = rules
    against = list(failings(checks, checking, wanted.wanted_from))
    if not provider.active:
        against.append("inactive")
    if wanted.phase not in provider.phases:
        against.append("other-phase")
    if provider.needs and wanted.needs and not set(provider.needs) & set(wanted.needs):
        against.append("other-needs")
    right = fitting(wanted, places, matching)
    if not right and wanted.phase in provider.phases:
        against.append("no-such-places" if places else "no-places-published")
    elif right and right[0].free < 1:
        against.append("full")
    way = metres(wanted.start, (provider.easting, provider.northing))
    points, why = _points(wanted, provider, checks, way, matching)
    place = right[0] if right else None
    return Match(
        provider_id=provider.id,
        eligible=not against,
        reasons=tuple(against) if against else why,
        place_id=place.id if place else None,
        free=place.free if place else 0,
        metres=way,
        points=0.0 if against else round(points, 2),
    )


def _points(
    wanted: Wanted, provider: Provider, checks: list[Check], way: int | None, rules: MatchRules
) -> tuple[float, tuple[str, ...]]:
    if not provider.needs or not wanted.needs:
        need, why = rules.any_need_share, ["any-need"]
    else:
        covered = [code in provider.needs for code in wanted.needs]
        others = covered[1:] or [True]
        need = rules.primary_need_share * covered[0] + (1 - rules.primary_need_share) * sum(others) / len(others)
        why = ["all-needs" if all(covered) else "first-need" if covered[0] else "some-needs"]
    quality = latest(checks, rules.quality_kind, wanted.wanted_from)
    share = rules.quality_shares.get(quality.outcome if quality else "unknown", 0.0)
    why.append(f"quality-{quality.outcome}" if quality else "quality-unknown")
    if way is None:
        closeness = 0.0
        why.append(wanted.measured_from if wanted.start is None else "provider-place-unknown")
    else:
        closeness = 1 / (1 + way / rules.half_metres)
        why.append(f"from-{wanted.measured_from}")
    points = (
        rules.need_points * need
        + rules.quality_points * share
        + rules.closeness_points.get(wanted.phase, 0) * closeness
    )
    return points, tuple(why)
