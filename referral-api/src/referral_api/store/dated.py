"""The dated data files of this service, read once: rules and limits that hold from a day on, templates."""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from referral_api.domain.content import Limits
from referral_api.domain.disclosure import DisclosureRule, DisclosureRules
from referral_api.domain.exclusions import Kind, NoticeRules
from referral_api.domain.identity import Rules
from referral_api.domain.retention import Reason, RetentionRule


class NoRulesYet(LookupError):
    """The data names no entry whose day has come."""


@cache
def _document(name: str) -> Mapping[str, Any]:
    text = (files("referral_api") / "data" / f"{name}.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))


@cache
def _every_identity_rules() -> tuple[Rules, ...]:
    """Newest first."""
    every = (
        Rules(
            since=entry["since"],
            high=entry["high"],
            low=entry["low"],
            weights=entry["weights"],
            ignored=frozenset(entry["ignored_words"]),
            short_forms={short: frozenset(long) for short, long in entry["short_forms"].items()},
        )
        for entry in _document("identity")["rules"]
    )
    return tuple(sorted(every, key=lambda rules: rules.since, reverse=True))


def identity_rules(on: date) -> Rules:
    """How descriptions of children are compared on a day; before the first entry, as it says. Raises `NoRulesYet`."""
    every = _every_identity_rules()
    if not every:
        raise NoRulesYet
    return next((rules for rules in every if rules.since <= on), every[-1])


def limits(on: date) -> Limits:
    """Who may be referred on a day. Raises `NoRulesYet`."""
    entry = _newest("intake", "limits", on)
    return Limits(since=entry["since"], oldest=entry["oldest"])


def front_door(on: date) -> Mapping[str, Any]:
    """Whom to call on a day when a child is in danger: name, telephone, hours, advice. Raises `NoRulesYet`."""
    return _newest("intake", "front_door", on)


@lru_cache(maxsize=64)
def notice_rules(on: date) -> NoticeRules:
    """What a notice of an exclusion stands for on a day. Raises `NoRulesYet`."""
    entry = _newest("exclusions", "notices", on)
    return NoticeRules(
        since=entry["since"],
        basis=entry["basis"],
        special_category=entry["special_category"],
        needs=tuple(entry["needs"]),
        days_ahead=entry["days_ahead"],
        days_back=entry["days_back"],
        kinds=MappingProxyType({code: Kind(**kind) for code, kind in entry["kinds"].items()}),
    )


@lru_cache(maxsize=64)
def disclosure_rules(on: date) -> DisclosureRules:
    """What sectors' systems may be given on a day. Raises `NoRulesYet`."""
    entry = _newest("disclosure", "versions", on)
    rules = (
        DisclosureRule(
            id=rule["id"],
            sectors=frozenset(rule["sectors"]),
            purposes=frozenset(rule["purposes"]),
            bases=tuple(rule["bases"]),
            fields=tuple(rule["fields"]),
            why=rule["why"],
        )
        for rule in entry["rules"]
    )
    return DisclosureRules(entry["version"], entry["since"], entry["purpose"], tuple(rules))


@lru_cache(maxsize=64)
def retention_rule(on: date) -> RetentionRule:
    """How long a case is kept, on a day. Raises `NoRulesYet`."""
    return RetentionRule(**_newest("retention", "retention", on))


@cache
def erasure_reasons() -> Mapping[str, Reason]:
    """Every code of why a case is erased."""
    return {entry["code"]: Reason(**entry) for entry in _document("retention")["reasons"]}


def kept_of_timelines() -> Sequence[str]:
    """What stays of the facts of an erased case's timeline."""
    keeps: Sequence[str] = _document("retention")["timeline"]["keeps"]
    return keeps


@cache
def access_reasons() -> Mapping[str, Reason]:
    """Every code of why somebody reads outside their team."""
    return {entry["code"]: Reason(**entry) for entry in _document("access")["reasons"]}


def access_lasts(on: date) -> timedelta:
    """How long somebody may read outside their team. Raises `NoRulesYet`."""
    return timedelta(hours=_newest("access", "grants", on)["hours"])


def what_was_done() -> Mapping[str, str]:
    """An audit row's action -> how the access log sums it up."""
    done: Mapping[str, str] = _document("access")["did"]
    return done


def export_form(on: date) -> Mapping[str, Any]:
    """What a school system's CSV export may look like on a day. Raises `NoRulesYet`."""
    return _newest("exclusions", "files", on)


def timeline_templates() -> Mapping[str, str]:
    """Event type -> what the timeline says of it."""
    templates: Mapping[str, str] = _document("timeline")["sentences"]
    return templates


def timeline_words() -> Mapping[str, Mapping[str, str]]:
    """The parts of the timeline's words: sentences, sentences_for_others, by, services."""
    document = _document("timeline")
    return {name: document[name] for name in ("sentences", "sentences_for_others", "by", "services")}


def for_workers() -> Sequence[str]:
    """Types of events that the timeline tells to whoever works the case alone."""
    types: Sequence[str] = _document("timeline")["for_workers"]["types"]
    return types


def late_after(on: date) -> timedelta:
    """How long after it was said a fact comes late. Raises `NoRulesYet`."""
    return timedelta(minutes=_newest("timeline", "late", on)["minutes"])


@lru_cache(maxsize=64)
def _newest(document: str, name: str, on: date) -> Mapping[str, Any]:
    entries = sorted(_document(document)[name], key=lambda entry: entry["since"], reverse=True)
    if not entries:
        raise NoRulesYet
    found: Mapping[str, Any] = next((entry for entry in entries if entry["since"] <= on), entries[-1])
    return found
