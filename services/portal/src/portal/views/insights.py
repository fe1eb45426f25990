"""How well the county helps, by cluster and phase; each figure as a chart with its table and for download."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from portal.clients.api import Part
from portal.domain import figures
from portal.views.wording import label

Json = dict[str, Any]

HIDDEN = "Too few"


@dataclass(frozen=True)
class Figure:
    """One question with its answer: a chart, and the table that says the same."""

    id: str
    title: str
    says: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    bars: Sequence[figures.Bar] = field(default_factory=tuple)
    #: What the second, lighter bar is.
    second: str = ""

    @property
    def high(self) -> int:
        """The chart's height."""
        return len(self.bars) * figures.LINE


@dataclass(frozen=True)
class Place:
    """A cluster, or the county."""

    id: str | None
    name: str
    phase: str


def timeliness(places: Sequence[Place], found: Sequence[Part], smallest: int) -> Figure:
    """Time limits that were kept, without the law's exceptions and with them."""
    rows, drawn = [], []
    for place, part in zip(places, found, strict=True):
        if not part.ok:
            continue
        total = int(part.data.get("total") or 0)
        plain = figures.share(int(part.data.get("in_time") or 0), total, smallest=smallest)
        excused = figures.share(int(part.data.get("in_time_or_excused") or 0), total, smallest=smallest)
        rows.append((place.name, place.phase, _number(plain.total), _percent(plain), _percent(excused)))
        drawn.append((place.name, plain.percent, excused.percent, _percent(plain)))
    return Figure(
        "timeliness",
        "Time limits kept",
        "Of limits whose last day lay in this time: how many were kept, without the law's exceptions and with them.",
        ("Cluster", "Phase", "Limits", "Kept", "Kept or excused"),
        tuple(rows),
        figures.bars(drawn),
        "Kept or excused",
    )


def twenty_weeks(found: Part, smallest: int) -> Figure:
    """The statutory limits by kind; the final plan is the twenty weeks."""
    rows, drawn = [], []
    for one in found.data.get("kinds") or ():
        name = label(one["kind"], "clock-kinds")
        total = int(one["total"])
        plain = figures.share(int(one["in_time"]), total, smallest=smallest)
        excused = figures.share(int(one["in_time_or_excused"]), total, smallest=smallest)
        rows.append((name, _number(plain.total), _percent(plain), _percent(excused)))
        drawn.append((name, plain.percent, excused.percent, _percent(plain)))
    return Figure(
        "twenty-weeks",
        "Statutory limits, by kind",
        "The final plan is the 20-week measure. Kept, and kept or excused by an exception of the law.",
        ("Limit", "Ended", "Kept", "Kept or excused"),
        tuple(rows),
        figures.bars(drawn),
        "Kept or excused",
    )


def money(places: Sequence[Place], found: Sequence[Part]) -> Figure:
    """Days from the first referral to the first money."""
    rows, drawn = [], []
    for place, part in zip(places, found, strict=True):
        if not part.ok:
            continue
        days, within = part.data.get("median_days"), part.data.get("within_percent")
        text = HIDDEN if days is None else f"{days:g} days"
        count = HIDDEN if part.data.get("suppressed") else str(part.data.get("count") or 0)
        if place.id is not None and count == "0":
            continue
        rows.append((place.name, place.phase, count, text, HIDDEN if within is None else f"{within:g}%"))
        drawn.append((place.name, days, None, text))
    return Figure(
        "money",
        "Referral to money",
        "Days from the first referral to the first payment: the one in the middle.",
        ("Cluster", "Phase", "Cases", "Days", "Within the aim"),
        tuple(rows),
        figures.bars(drawn),
    )


def distance(found: Part) -> Figure:
    """Kilometres from home to the place."""
    rows, drawn = [], []
    for one in found.data.get("distance") or ():
        name = label(one.get("phase"), "provider-phases", "cluster-phases")
        middle = one.get("median_kilometres")
        text = HIDDEN if middle is None else f"{middle:g} km"
        mean = one.get("mean_kilometres")
        count = one.get("placements")
        rows.append((name, HIDDEN if count is None else str(count), text, HIDDEN if mean is None else f"{mean:g} km"))
        drawn.append((name, middle, None, text))
    return Figure(
        "distance",
        "Kilometres from home",
        "How far children go to a place in alternative provision: the one in the middle, and the mean.",
        ("Phase", "Placements", "Middle", "Mean"),
        tuple(rows),
        figures.bars(drawn),
    )


def exclusions(found: Sequence[Json], smallest: int) -> Figure:
    """Suspensions and exclusions by kind."""
    counts: dict[str, int] = {}
    for one in found:
        if not one.get("cancelled"):
            counts[one["kind"]] = counts.get(one["kind"], 0) + 1
    kinds = sorted(counts, key=lambda kind: -counts[kind])
    shown = figures.suppressed([counts[kind] for kind in kinds], smallest)
    names = [label(kind, "exclusion-kinds") for kind in kinds]
    said = [_number(count) for count in shown]
    return Figure(
        "exclusions",
        "Suspensions and exclusions",
        "Reported in this time, of children whose cases you may see.",
        ("Kind", "Number"),
        tuple(zip(names, said, strict=True)),
        figures.bars([(name, count, None, text) for name, count, text in zip(names, shown, said, strict=True)]),
    )


def as_csv(found: Sequence[Figure]) -> str:
    """All figures in one file: figure, then its own columns."""
    out = io.StringIO()
    writer = csv.writer(out)
    for one in found:
        writer.writerow(("figure", *one.heads))
        writer.writerows((one.title, *map(_safe, row)) for row in one.rows)
        writer.writerow(())
    return out.getvalue()


def _safe(text: str) -> str:
    """No spreadsheet takes a name for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t"} else text


def _number(value: int | None) -> str:
    return HIDDEN if value is None else f"{value:,}"


def _percent(share: figures.Share) -> str:
    return HIDDEN if share.percent is None else f"{share.percent:g}%"
