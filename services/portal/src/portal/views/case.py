"""A case as its pages show it: one child, every agency."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import urlencode

from schemas.days import Calendar

from portal.clients.api import Part
from portal.domain.bars import bar
from portal.domain.words import as_day, as_instant, plain
from portal.domain.work import Bands, in_words, school_days
from portal.views.limits import name_of, runs
from portal.views.wording import label

Json = dict[str, Any]

#: Where a line of the timeline comes from, in words; the order is that of the filter.
SOURCES: Final = {
    "/referral-api": "Referrals",
    "/cluster-router": "Clusters",
    "/assessments": "Assessment",
    "/funding": "Money",
    "/placements": "Places",
    "/notifier": "Messages",
    "/exchange": "Sharing",
}
#: Left out unless asked for: who was told what fills pages.
_QUIET: Final = frozenset({"/notifier"})


def child_rows(child: Json) -> list[tuple[str, str]]:
    """What is known of the child, as far as the viewer may see."""
    says = (
        ("Name", f"{child.get('given_name', '')} {child.get('family_name', '')}".strip()),
        ("Date of birth", _day(child.get("date_of_birth"))),
        ("Year group", label(child.get("year_group"), "year-groups")),
        ("School", child.get("school_name") or child.get("school_urn")),
        ("Postcode", child.get("postcode")),
        ("NHS number", child.get("nhs_number")),
        ("Unique pupil number", child.get("upn")),
    )
    return [(name, str(value)) for name, value in says if value]


def circumstances_rows(case: Json) -> list[tuple[str, str]]:
    """What bears on the case."""
    said = case.get("circumstances") or {}
    needs = [label(need["type"], "need-types") for need in sorted(said.get("needs", ()), key=lambda n: n["rank"])]
    asked = dict.fromkeys(
        label(each, "requested-help")
        for referral in case.get("referrals", ())
        for each in referral.get("requested", ())
    )
    says = (
        ("Needs", ", ".join(needs)),
        ("Asked for", ", ".join(asked)),
        ("How soon", label(said.get("urgency"), "urgency")),
        ("Risk of exclusion", label(said.get("risk_of_exclusion"), "risk-of-exclusion")),
        ("Opened", _day(case.get("opened_at"))),
        ("Closed", _day(case.get("closed_at"))),
        ("Why closed", label(case.get("closing_reason"), "closing-reasons")),
    )
    return [(name, value) for name, value in says if value]


def people(case: Json) -> list[Json]:
    """Who takes part, agency by agency, each once with all its parts; those who no longer do come last."""
    found: dict[tuple[str, bool], Json] = {}
    for one in case.get("participants", ()):
        row = found.setdefault(
            (one["organisation_id"], one.get("until") is None),
            {
                "name": one.get("name") or one["organisation_id"],
                "roles": [],
                "sector": label(one.get("sector"), "sectors"),
                "since": one.get("since"),
                "until": one.get("until"),
            },
        )
        row["roles"].append(label(one.get("role"), "participant-roles"))
        row["since"] = min(str(row["since"]), str(one.get("since")))
    return sorted(found.values(), key=lambda row: (row["until"] is not None, row["sector"], row["name"]))


def timeline(part: Part, *, shown: str | None, seen: datetime | None) -> list[Json]:
    """The one timeline, newest first; what came since the last look is marked."""
    rows = []
    for one in part.items:
        source, at = str(one.get("source", "")), as_instant(one.get("at"))
        if shown == "all" or (source == f"/{shown}" if shown else source not in _QUIET):
            new = seen is not None and at is not None and at > seen
            rows.append(
                {**one, "text": _told(one), "sector": SOURCES.get(source, plain(source.strip("/"))), "new": new}
            )
    return rows[::-1]


def _told(one: Json) -> str:
    """What the line says; of messages also what they were about."""
    text = str(one.get("text", ""))
    return f"{text.removesuffix('.')}: {plain(one['rule']).lower()}." if one.get("rule") else text


def filters(part: Part, *, shown: str | None) -> list[Json]:
    """What the timeline can be narrowed to."""
    counts: dict[str, int] = {}
    for one in part.items:
        counts[str(one.get("source", ""))] = counts.get(str(one.get("source", "")), 0) + 1
    of_source = [
        {"value": source.strip("/"), "text": f"{text} ({counts[source]})", "selected": source.strip("/") == shown}
        for source, text in SOURCES.items()
        if source in counts
    ]
    return [
        {"value": "", "text": "What matters", "selected": not shown},
        {"value": "all", "text": f"Everything ({len(part.items)})", "selected": shown == "all"},
        *of_source,
    ]


def clocks(
    rows: Iterable[Json], today: date, bands: Bands, calendar: Calendar, *, back: str, abouts: Mapping[str, str]
) -> list[Json]:
    """Clocks as bars: those that run first, the nearest limit on top."""
    found = [one for row in rows if (one := _clock(row, today, bands, calendar, abouts)) is not None]
    for one in found:
        one["excuse"] = (
            f"/do?{urlencode({'of': one['href'], 'do': 'record-exception', 'back': back})}" if one["href"] else ""
        )
    return sorted(found, key=lambda one: (not one["runs"], one["due_on"]))


def _clock(row: Json, today: date, bands: Bands, calendar: Calendar, abouts: Mapping[str, str]) -> Json | None:
    due_on = as_day(row.get("due_on") or row.get("due_at"))
    if due_on is None:
        return None
    running = runs(row)
    ended_on = as_day(row.get("met_on") or row.get("ended_on"))
    until = today if running else ended_on or due_on
    started_on = as_day(row.get("started_on") or row.get("started_at")) or min(until, due_on)
    days = school_days(today, due_on, calendar)
    return {
        "id": row.get("id") or row.get("clock_id"),
        "name": name_of(row),
        "about": abouts.get(str(row.get("about")), ""),
        "started_on": started_on,
        "due_on": due_on,
        "runs": running,
        "words": in_words(days) if running else plain(row.get("state") or "over"),
        "band": int(bands.of(days)) if running else 4,
        "bar": bar(started_on, due_on, until),
        "ended_on": ended_on,
        "actions": row.get("actions") or [],
        "href": row.get("href") if running else None,
        "exception": ", ".join(
            label(each.get("exception"), "clock-exceptions") for each in row.get("exceptions") or ()
        ),
    }


def holder(assignment: Part, names: Mapping[str, str]) -> Json:
    """Who answers for the case, and why it is there."""
    said = assignment.data
    held = said.get("holder") or {}
    cluster = held.get("cluster_id")
    handover = said.get("handover")
    return {
        "name": names.get(cluster or "", cluster) or "The intake desk",
        "state": said.get("state"),
        "sentence": said.get("sentence"),
        "decision": said.get("decision"),
        "handover": None
        if not handover
        else {
            "to": names.get(handover["to_cluster_id"], handover["to_cluster_id"]),
            "answer_by": handover.get("answer_by"),
            "reason": label(handover.get("reason"), "handover-reasons"),
        },
        "past": [
            {
                "name": names.get(one.get("cluster_id") or "", one.get("cluster_id")) or "The intake desk",
                "since": one["since"],
                "until": one.get("until"),
            }
            for one in said.get("holders", ())
        ],
    }


def _day(value: Any) -> str:
    found = as_day(value)
    return f"{found.day} {found:%B %Y}" if found else ""
