"""What waits for a person: cases no rule fits, children who may be one, events that could not be taken."""

from collections.abc import Mapping
from typing import Any, Final

from portal.clients.api import Part
from portal.domain.words import day, plain
from portal.views.wording import label

Json = dict[str, Any]

_ROWS: Final = (
    ("given_name", "Given name"),
    ("family_name", "Family name"),
    ("date_of_birth", "Date of birth"),
    ("sex", "Sex"),
    ("nhs_number", "NHS number"),
    ("upn", "Unique pupil number"),
    ("postcode", "Postcode"),
    ("school_urn", "School"),
    ("year_group", "Year group"),
)


def queued(found: Part) -> list[Json]:
    """Cases that no rule fits."""
    return [
        {
            "case_id": one["case_id"],
            "reference": one["reference"],
            "opened_at": one.get("opened_at"),
            "reasons": [label(each, "routing-reasons") for each in one.get("reasons") or ()],
            "for_a_person": one.get("for_a_person"),
        }
        for one in found.items
    ]


def matches(found: Part) -> list[Json]:
    """Questions whether two children are one."""
    return [
        {
            "id": one["match_id"],
            "asked_at": one.get("asked_at"),
            "rule": label(one.get("matched_by"), "match-rules"),
            "references": [each[0]["reference"] for each in one.get("children") or () if each],
        }
        for one in found.items
    ]


def side_by_side(match: Json) -> list[Json]:
    """Field by field what each sender says last, and how far the two agree."""
    children = [each[0].get("child") or {} if each else {} for each in match.get("children") or ((), ())]
    levels: Mapping[str, str] = match.get("levels") or {}
    rows = []
    for name, text in _ROWS:
        said = [_said(child.get(name), name) for child in children]
        if not any(said):
            continue
        level = levels.get(name)
        same = len(said) > 1 and said[0].casefold() == said[1].casefold()
        rows.append(
            {
                "name": text,
                "said": said,
                "differs": not same,
                "level": plain(level) if level else "Same" if same else "Differs",
            }
        )
    return rows


def statements(match: Json) -> list[list[Json]]:
    """Who said so, for each of the two."""
    return [
        [
            {
                "reference": each.get("reference"),
                "organisation": each.get("organisation_id"),
                "at": each.get("submitted_at"),
                "case_id": each.get("case_id"),
            }
            for each in child
        ]
        for child in match.get("children") or ()
    ]


def _said(value: Any, name: str) -> str:
    if value is None:
        return ""
    if name == "date_of_birth":
        return day(value)
    return label(value, "year-groups") if name == "year_group" else str(value)


def parked(found: Part) -> list[Json]:
    """Events that a service could not take, the oldest first."""
    return [
        {
            **one,
            "kind": plain(one.get("topic", "")),
            "reason_words": plain(one.get("reason", "")),
            "poison": one.get("state") == "poison",
        }
        for one in found.items
    ]


def tasks(found: Part) -> list[Json]:
    """What keeps people from being told."""
    return [
        {
            "id": one["id"],
            "text": f"Nobody holds a role at {str(one.get('place') or '').replace(':', ' ')}"
            if one.get("kind") == "unclaimed"
            else f"A message could not be delivered: {plain(one.get('reason', '')).lower()}",
            "facts": one.get("facts"),
            "case_id": one.get("case_id"),
            "opened_at": one.get("opened_at"),
        }
        for one in found.items
    ]
