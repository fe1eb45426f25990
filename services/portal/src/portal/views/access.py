"""Who looked at a case: what the API noted and what was looked at here, in one list."""

from collections.abc import Mapping, Sequence
from typing import Any

from portal.clients.api import Part
from portal.domain.words import as_instant, plain
from portal.policy import document
from portal.views.wording import label

Json = dict[str, Any]


def outside_reasons() -> dict[str, str]:
    """Why another team's case may be read: code -> words."""
    found: dict[str, str] = document("protection.toml")["outside"]["reasons"]
    return found


def reasons() -> dict[str, str]:
    """Every reason that somebody outside a case's team gives, asked here or by the API."""
    return {row["code"]: row["text"] for row in document("reasons.toml")["reasons"]} | outside_reasons()


def rows(log: Part, looks: Sequence[Json], names: Mapping[str, str]) -> list[Json]:
    """One line for each, newest first; `looks` are those of the pages."""
    words = document("protection.toml")
    organisations = {
        one["organisation_id"]: one["organisation_name"] for one in log.items if one.get("organisation_name")
    }
    found = [
        {
            "who": names.get(one["subject"], one["subject"]),
            "of": one.get("organisation_name") or one.get("organisation_id") or "",
            "did": words["did"].get(one["did"], plain(one["did"])),
            "what": plain(one["what"]),
            "reason": one.get("reason") or "",
            "at": as_instant(one["at"]),
        }
        for one in log.items
    ] + [
        {
            "who": names.get(one["actor"], one["actor"]),
            "of": organisations.get(one["organisation"], one["organisation"] or ""),
            "did": words["did"]["looked"],
            "what": plain(one["what"]),
            "reason": one["reason"] or "",
            "at": one["at"],
        }
        for one in looks
    ]
    outside, why = reasons(), words["why"]
    for one in found:
        code = one["reason"]
        one["why"] = outside.get(code) or why.get(code) or label(code, "disclosure-purposes")
        one["outside"] = code in outside
    return sorted(found, key=lambda one: one["at"], reverse=True)


def went(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """What is erased, in words; of which there is nothing is left out."""
    words: Mapping[str, str] = document("protection.toml")["rows"]
    return [(words.get(name, plain(name)), count) for name, count in counts.items() if count]
