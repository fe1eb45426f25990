"""My work: the viewer's open cases in the order of legal risk, and what is new."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, Final

from schemas.days import Calendar

from portal.clients.api import Part
from portal.domain.words import as_day, as_instant, plural
from portal.domain.work import Band, Bands, Group, Item, Limit, Placed, grouped, in_words, placed
from portal.views.limits import limits_by_case
from portal.views.wording import label

_TEXTS: Final = {
    Band.OVERDUE: ("overdue", "Overdue"),
    Band.SOON: ("soon", "Due now"),
    Band.WEEK: ("week", "Due this week"),
    Band.LATER: ("later", "Later"),
    Band.NONE: ("none", "No date runs"),
}
#: What a state asks of those who work the case.
_TODO: Final = {
    "assigned": "Take the case on, or give it back with a reason",
    "queued": "Find a cluster for it: no rule fits",
    "pending": "Is being routed",
    "accepted": "Work the case",
}
#: What it means for those who only take part.
_WAITS: Final = {"queued": "Waits for the intake desk to place it", "pending": "Is being routed"}


def items(
    cases: Part,
    clocks: Sequence[dict[str, Any]],
    advice: Part,
    news: Part,
    *,
    risks: Part,
    desk: bool,
    clusters: Collection[str],
    cluster_names: Mapping[str, str],
) -> list[Item]:
    """The viewer's open cases, each with its limits and what there is to do."""
    limits = limits_by_case(clocks)
    asked = {row["case_id"]: row for row in advice.items if row.get("state") in {None, "requested", "asked", "open"}}
    raised = {row["case_id"] for row in risks.items}
    changed: dict[str, int] = {}
    for row in news.items:
        changed[row["case_id"]] = changed.get(row["case_id"], 0) + 1
    found = [
        _item(
            row,
            limits.get(row["case_id"], ()),
            asked.get(row["case_id"]),
            changed=changed.get(row["case_id"], 0),
            raised=row["case_id"] in raised,
            desk=desk,
            clusters=clusters,
            cluster_names=cluster_names,
        )
        for row in cases.items
    ]
    known = {item.case_id for item in found}
    return found + [_of_advice(row) for case_id, row in asked.items() if case_id not in known]


def _item(
    row: dict[str, Any],
    limits: tuple[Limit, ...],
    asked: dict[str, Any] | None,
    *,
    changed: int,
    raised: bool,
    desk: bool,
    clusters: Collection[str],
    cluster_names: Mapping[str, str],
) -> Item:
    held = row.get("assignment") or {}
    cluster, state = held.get("cluster_id"), str(held.get("state") or "pending")
    ours = cluster in clusters
    todo = []
    if asked is not None:
        todo.append(f"Write your advice ({label(asked.get('discipline'), 'advice-disciplines').lower()})")
        limits = (*limits, *_limit_of(asked))
    todo += [limit.what for limit in sorted(limits, key=lambda limit: limit.due_on)]
    if state != "accepted" or not todo:
        todo.insert(
            0,
            _TODO.get(state, "Work the case")
            if ours or (state == "queued" and desk)
            else _WAITS.get(state, "Follow the case"),
        )
    if raised:
        todo.insert(0, "Confirm or dismiss the raised risk of permanent exclusion")
    name = cluster_names.get(cluster or "", cluster or "")
    return Item(
        case_id=row["case_id"],
        reference=row["reference"],
        opened_at=as_instant(row.get("opened_at")),
        urgency=row.get("urgency") or "",
        risk=row.get("risk_of_exclusion") or "",
        limits=limits,
        todo=tuple(dict.fromkeys(todo)),
        why=f"Your cluster, {name}, holds it" if ours else "Your organisation takes part",
        changed=changed,
        year_group=row.get("year_group"),
        need=row.get("primary_need"),
        state=state,
    )


def _of_advice(row: dict[str, Any]) -> Item:
    return Item(
        case_id=row["case_id"],
        reference=row.get("reference") or "Case",
        opened_at=as_instant(row.get("requested_on")),
        urgency="",
        risk="",
        limits=_limit_of(row),
        todo=(f"Write your advice ({label(row.get('discipline'), 'advice-disciplines').lower()})",),
        why="Your organisation was asked for advice",
    )


def _limit_of(asked: dict[str, Any]) -> tuple[Limit, ...]:
    due_on = as_day(asked.get("due_on"))
    return (Limit(due_on, "Advice is due"),) if due_on else ()


def in_order(found: Sequence[Item], today: date, bands: Bands, calendar: Calendar) -> list[Group]:
    """The groups of the page."""
    return grouped(placed(found, today, bands, calendar))


def figures(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """How many there are of each band."""
    counts = {group.band: len(group.members) for group in groups}
    return [
        {"name": name, "text": text, "count": counts.get(band, 0)}
        for band, (name, text) in _TEXTS.items()
        if band is not Band.NONE or counts.get(band)
    ]


def shown(groups: Sequence[Group], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """The groups for the template."""
    return [
        {
            "name": _TEXTS[group.band][0],
            "text": _TEXTS[group.band][1],
            "rows": [_row(one, names) for one in group.members],
        }
        for group in groups
    ]


def _row(one: Placed, names: Mapping[str, str]) -> dict[str, Any]:
    item = one.item
    return {
        "case_id": item.case_id,
        "reference": item.reference,
        "name": names.get(item.case_id),
        "year": label(item.year_group, "year-groups") if item.year_group else "",
        "need": label(item.need, "need-types") if item.need else "",
        "todo": item.todo[0] if item.todo else "",
        "why": item.why,
        "band": int(one.band),
        "words": in_words(one.days),
        "due_on": one.limit.due_on if one.limit else None,
        "urgency": item.urgency,
        "risk": item.risk,
        "changed": item.changed,
        "changed_words": plural(item.changed, "change"),
    }
