"""The notifier's published rules, texts and hours, read as data: what of them speaks to whom, and when it may leave."""

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias
from zoneinfo import ZoneInfo

from support.term import Fact

HERE: Final = ZoneInfo("Europe/London")
_FILES: Final = Path(__file__).parents[2] / "notifier" / "src" / "notifier" / "data"
COUNCIL: Final = ("council", "")
Place: TypeAlias = tuple[str, str]


@cache
def published(name: str) -> Any:
    """A data file of the notifier."""
    return json.loads((_FILES / f"{name}.json").read_text(encoding="utf-8"))


class Held(Protocol):
    """Who has to do with a case."""

    holder: str | None
    referring: set[str]
    schools: set[str]
    social: set[str]


def leaves(at: datetime, *, at_once: bool, wakes: bool) -> datetime:
    """When a letter about something may go: at once, when it is morning, or with the next working day's digest."""
    if wakes:
        return at
    usual = hours()
    local = at.astimezone(HERE)
    if not at_once:
        while local.weekday() > 4 or local.hour >= usual["digest_hour"]:
            local = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        return local.replace(hour=usual["digest_hour"], minute=0, second=0, microsecond=0)
    if not is_night(at):
        return at
    end = time.fromisoformat(usual["quiet"]["until"])
    day = local.date() + timedelta(days=local.time() >= end)
    return datetime.combine(day, end, tzinfo=HERE)


def is_night(at: datetime) -> bool:
    """Whether the county's usual quiet hours hold."""
    quiet = hours()["quiet"]
    now = at.astimezone(HERE).time()
    return now >= time.fromisoformat(quiet["from"]) or now < time.fromisoformat(quiet["until"])


def plain(day: date) -> str:
    """`5 October 2026`."""
    return f"{day:%d %B %Y}".lstrip("0")


def hours() -> Any:
    (only,) = published("hours")["hours"]
    return only


def rules(type: str, before: int | None, *, any_step: bool = False) -> Iterator[dict[str, Any]]:
    for rule in published("rules")["rules"]:
        if rule["event"] == f"jointly.{type}.v1" and (any_step or rule.get("before") == before):
            yield rule


@cache
def _all_rules() -> dict[str, dict[str, Any]]:
    return {rule["id"]: rule for rule in published("rules")["rules"]}


def by_id(id: str) -> dict[str, Any]:
    return _all_rules()[id]


def named(rule: Mapping[str, Any], named: Any, fact: Fact) -> bool:
    return rule["event"] != f"jointly.{fact.type}.v1" if named == "all" else rule["id"] in named


def fits(rule: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    wanted = all(said.get(name) in values for name, values in rule.get("when", {}).items())
    return wanted and not any(said.get(name) in values for name, values in rule.get("unless", {}).items())


def places(of: str, said: Mapping[str, Any], case: Held) -> list[Place]:
    def named(kind: str, *ids: str | None) -> list[Place]:
        return [(kind, id) for id in sorted({id for id in ids if id})]

    cluster = said.get("cluster_id")
    left = said.get("from_cluster_id") or case.holder
    return {
        "cluster": named("cluster", cluster),
        "holder": named("cluster", case.holder) or [COUNCIL],
        "sender": named("cluster", left) if left != cluster else [],
        "receiver": named("cluster", said.get("to_cluster_id")),
        "referring-organisations": named("organisation", *case.referring),
        "asked-organisation": named("organisation", said.get("asked_of")),
        "named-organisation": named("organisation", said.get("organisation_id")),
        "obliged-organisation": named("organisation", said.get("holder")),
        "provider": named("provider", said.get("provider_id")),
        "school": named("organisation", *case.schools),
        "social-care": named("organisation", *case.social) or [("sector", "social-care")],
        "council": [COUNCIL],
    }[of]


def key(place: Place) -> str:
    return ":".join(place) if place[1] else place[0]
