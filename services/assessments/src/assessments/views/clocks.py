"""Time limits of the law, and how many were kept, as they are answered."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from chassis.wire import Out
from schemas.codes import registry

from assessments.domain.clocks import Clock
from assessments.domain.figures import Figure


class EvidenceOut(Out):
    """What shows that an exception is true."""

    exception: str
    recorded_by: str
    recorded_at: datetime
    evidence: str | None


class ExcuseOut(Out):
    """An exception that was recorded."""

    exception: str
    since: date
    until: date | None


class ClockOut(Out):
    """A time limit of the law."""

    id: str
    case_id: str
    kind: str
    label: str
    about: str | None
    state: str
    started_on: date
    due_on: date
    breached_on: date | None
    met_on: date | None
    in_time: bool | None
    excused: bool
    exceptions: tuple[ExcuseOut, ...]
    evidence: tuple[EvidenceOut, ...] = ()
    href: str


class FigureOut(Out):
    """How many time limits of one kind were kept."""

    kind: str
    total: int
    in_time: int
    in_time_or_excused: int


class FiguresOut(Out):
    """How many time limits whose last day lay in this time were kept, without exceptions and with them."""

    since: date
    until: date
    cluster_id: str | None
    kinds: tuple[FigureOut, ...]
    total: int
    in_time: int
    in_time_or_excused: int


def clock_out(clock: Clock, evidence: Sequence[Mapping[str, Any]] = ()) -> ClockOut:
    """A clock; `evidence` for those who work the case."""
    return ClockOut(
        id=clock.id,
        case_id=clock.case_id,
        kind=clock.kind,
        label=registry("clock-kinds").label(clock.kind),
        about=clock.about,
        state=clock.state.value,
        started_on=clock.started_on,
        due_on=clock.due_on,
        breached_on=clock.breached_on,
        met_on=clock.met_on,
        in_time=clock.in_time if clock.met_on else None,
        excused=clock.excused,
        exceptions=tuple(ExcuseOut(exception=e.code, since=e.since, until=e.until) for e in clock.excuses),
        evidence=tuple(
            EvidenceOut(
                exception=e["exception"],
                recorded_by=e["recorded_by"],
                recorded_at=e["recorded_at"],
                evidence=e["evidence"],
            )
            for e in evidence
        ),
        href=f"/v1/clocks/{clock.id}",
    )


def figures_out(found: Sequence[Figure], *, since: date, until: date, cluster: str | None) -> FiguresOut:
    """Figures by kind and together."""
    return FiguresOut(
        since=since,
        until=until,
        cluster_id=cluster,
        kinds=tuple(
            FigureOut(kind=f.kind, total=f.total, in_time=f.in_time, in_time_or_excused=f.in_time_or_excused)
            for f in found
        ),
        total=sum(f.total for f in found),
        in_time=sum(f.in_time for f in found),
        in_time_or_excused=sum(f.in_time_or_excused for f in found),
    )
