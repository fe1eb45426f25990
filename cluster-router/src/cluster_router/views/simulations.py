"""What a draft of rules would have done: how many cases would have moved, from where to where, which and why."""

from collections.abc import Sequence

from chassis.wire import Out
from pydantic import Field

from cluster_router.domain.county import County
from cluster_router.domain.decision import Trace
from cluster_router.domain.explanation import explain
from cluster_router.domain.simulation import Moved, Simulation
from cluster_router.policy import WORDING
from cluster_router.store import CaseFile
from cluster_router.views.assignments import names


class MoveOut(Out):
    """So many cases would have gone from here to there; null is the queue."""

    from_cluster_id: str | None
    to_cluster_id: str | None
    cases: int


class ClusterLoadOut(Out):
    """How many of the replayed cases a cluster got, and would have got; null is the queue."""

    cluster_id: str | None
    cases_before: int
    cases_after: int
    capacity: int | None = Field(description="Open cases that it can hold today; null is unlimited.")


class MovedOut(Out):
    """A case that would have gone elsewhere, and why it went where it did and would have gone there."""

    case_id: str
    reference: str
    from_cluster_id: str | None
    to_cluster_id: str | None
    reasons: tuple[str, ...]
    was: str
    would_be: str


class SimulationOut(Out):
    """What a draft would have done."""

    cases: int
    would_move: int
    moves: tuple[MoveOut, ...]
    clusters: tuple[ClusterLoadOut, ...]
    moved: tuple[MovedOut, ...]


def simulation_out(result: Simulation, shown: Sequence[tuple[Moved, CaseFile]], county: County) -> SimulationOut:
    """The sum, and the cases that the caller may be shown."""
    touched = sorted({*result.before, *result.after}, key=lambda id: id or "")
    return SimulationOut(
        cases=result.cases,
        would_move=result.would_move,
        moves=tuple(MoveOut(from_cluster_id=a, to_cluster_id=b, cases=n) for a, b, n in result.moves),
        clusters=tuple(
            ClusterLoadOut(
                cluster_id=id,
                cases_before=result.before.get(id, 0),
                cases_after=result.after.get(id, 0),
                capacity=county.clusters[id].capacity(county.on).limit if id and id in county.clusters else None,
            )
            for id in touched
        ),
        moved=tuple(_moved(moved, case, county) for moved, case in shown),
    )


def _moved(moved: Moved, case: CaseFile, county: County) -> MovedOut:
    return MovedOut(
        case_id=case.id,
        reference=case.reference,
        from_cluster_id=moved.before.chosen,
        to_cluster_id=moved.after.chosen,
        reasons=moved.after.reasons,
        was=_sentence(moved.before, county),
        would_be=_sentence(moved.after, county),
    )


def _sentence(trace: Trace, county: County) -> str:
    cluster, school = names(county)
    return explain(trace, WORDING, school=school, cluster=cluster)
