"""How cases began: days until a cluster took them on, and until the child or the family was met."""

from collections.abc import Sequence
from datetime import date

from chassis.wire import Out

from assessments.queries import Beginnings


class BeginningsOut(Out):
    """Of cases that were opened in this time. The days are those in the middle; null where nothing is counted yet."""

    cluster_id: str | None
    cases: int
    taken_on: int
    days_to_taken_on: float | None
    #: Whose child or family was asked for their views and reached.
    met: int
    days_to_contact: float | None


class BeginningFiguresOut(Out):
    """By cluster, and together. Small numbers are in it: whoever publishes them leaves them out."""

    since: date
    until: date
    #: Whether all clusters, and cases of none, are in `together`.
    whole_county: bool
    together: BeginningsOut
    clusters: tuple[BeginningsOut, ...]


def beginnings_out(found: Sequence[Beginnings], *, since: date, until: date, whole_county: bool) -> BeginningFiguresOut:
    """Figures of a time; the first of `found` is all of it."""
    together, *clusters = (_one(each) for each in found)
    return BeginningFiguresOut(
        since=since, until=until, whole_county=whole_county, together=together, clusters=tuple(clusters)
    )


def _one(each: Beginnings) -> BeginningsOut:
    return BeginningsOut(
        cluster_id=each.cluster_id,
        cases=each.cases,
        taken_on=each.taken_on,
        days_to_taken_on=each.days_to_taken_on,
        met=each.met,
        days_to_contact=each.days_to_contact,
    )
