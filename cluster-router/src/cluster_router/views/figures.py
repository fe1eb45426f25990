"""Figures of clusters over a time."""

from collections.abc import Sequence
from datetime import date

from chassis.wire import Out

from cluster_router.queries.figures import Given


class GivenOut(Out):
    """Of the cases that a cluster was given in this time, those that it no longer holds and who came after it."""

    cluster_id: str
    given: int
    #: The intake desk had it next.
    given_back: int
    #: Another cluster had it next: a hand-over, a move, or somebody who decided otherwise.
    passed_on: int


class ClusterFiguresOut(Out):
    """Cases that bounced, by cluster. Small numbers are in it: whoever publishes them leaves them out."""

    since: date
    until: date
    clusters: tuple[GivenOut, ...]


def figures_out(found: Sequence[Given], *, since: date, until: date) -> ClusterFiguresOut:
    """Figures of a time."""
    return ClusterFiguresOut(
        since=since,
        until=until,
        clusters=tuple(
            GivenOut(cluster_id=one.cluster, given=one.given, given_back=one.given_back, passed_on=one.passed_on)
            for one in found
        ),
    )
