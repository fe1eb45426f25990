"""Actions that the API offers, as links and forms."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from chassis.auth import Caller

from portal.domain.forms import Field, Wrong
from portal.domain.words import plain
from portal.policy import document
from portal.views.wording import choices

#: Reading is what the pages do anyway.
_READS = frozenset({"read-case", "read-timeline", "read", "self", "timeline"})


def words_of(name: str) -> dict[str, Any]:
    """What an action is called, and what is said about it."""
    known: dict[str, Any] = document("acts.toml").get(name, {})
    return {
        "title": plain(name),
        "button": plain(name),
        "lead": "",
        "done": "Done.",
        "labels": {},
        "codes": {},
        "given": {},
        "roles": (),
        **known,
    }


def offered(actions: Sequence[Mapping[str, Any]], of: str, back: str) -> list[dict[str, Any]]:
    """Actions for a page: those that can be done lead to their form."""
    return [
        {
            "name": one["name"],
            "title": words_of(one["name"])["title"],
            "allowed": bool(one.get("allowed")),
            "reason": one.get("reason"),
            "form": f"/do?{urlencode({'of': of, 'do': one['name'], 'at': one['href'], 'back': back})}",
        }
        for one in actions
        if one.get("name") not in _READS and one.get("method") != "GET"
    ]


def made(names: Sequence[str], of: str, back: str, caller: Caller) -> list[dict[str, Any]]:
    """What can be made beside a resource, for those whose role makes it: the API lists no action for it."""
    return [
        {
            "name": name,
            "title": words_of(name)["title"],
            "allowed": True,
            "reason": None,
            "form": f"/do?{urlencode({'of': of, 'do': name, 'back': back})}",
        }
        for name in names
        if making(name, Anything(), caller) is not None
    ]


class Anything(dict[str, Any]):
    """Stands for a resource that nobody has asked for yet."""

    def __missing__(self, key: str) -> str:
        """Any field has a value."""
        return key


def find(data: Any, name: str, at: str | None) -> dict[str, Any] | None:
    """An action of a resource, or of a part of it; `at` tells those of one name apart."""
    if isinstance(data, dict):
        for one in data.get("actions") or ():
            if one.get("name") == name and at in {None, "", one.get("href")}:
                found: dict[str, Any] = one
                return found
    parts = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    inner = (find(part, name, at) for part in parts)
    return next((one for one in inner if one is not None), None)


def making(name: str, data: Mapping[str, Any], caller: Caller) -> dict[str, Any] | None:
    """An act that makes something beside a resource."""
    said = words_of(name)
    if said["roles"] and not caller.has(*said["roles"]):
        return None
    for key, method in (("makes", "POST"), ("changes", "PUT")):
        if key in said:
            return {"name": name, "method": method, "href": said[key].format_map(data), "allowed": True, "reason": None}
    return None


def given(name: str, href: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Answers that need no question: they follow from where the form was opened."""
    known = {field: data[source] for field, source in words_of(name)["given"].items() if source in data}
    # A step of a process is named by its action.
    return {"step": name, **known} if href.endswith("/steps") else known


def questions(
    fields: Sequence[Field], labels: Mapping[str, str], options: Mapping[str, Sequence[tuple[str, str]]]
) -> list[dict[str, Any]]:
    """The fields for the template."""
    return [_question(one, labels, options) for one in fields if one.kind != "only"]


def _question(
    one: Field, labels: Mapping[str, str], options: Mapping[str, Sequence[tuple[str, str]]]
) -> dict[str, Any]:
    known = options.get(one.last)
    if known and one.kind in {"text", "lines"}:
        one = replace(one, kind="select" if one.kind == "text" else "checkboxes")
    return {
        "name": one.name,
        "id": one.id,
        "kind": one.kind,
        "required": one.required,
        "label": label_of(one, labels),
        "hint": _hint(one),
        "choices": known if known and not one.codes else choices(one.codes),
        "most": one.most,
        "fields": questions(one.fields, labels, options),
    }


def label_of(one: Field, labels: Mapping[str, str]) -> str:
    """What a field is called."""
    if one.last in labels:
        return labels[one.last]
    if one.last.isdigit():
        return f"{int(one.last) + 1}."
    name = one.last
    for ending in ("_id", "_on", "_at", "_pence", "_urn"):
        name = name.removesuffix(ending)
    return plain(name)


def _hint(one: Field) -> str:
    said = one.says.strip().splitlines()[0] if one.says.strip() else ""
    if one.kind == "date":
        return f"{said} For example, 27 3 2027".strip()
    if one.kind == "lines":
        return f"{said} One on each line".strip()
    return said


def found_wrong(
    wrong: Sequence[Wrong], problem: Mapping[str, Any] | None, fields: Sequence[Field], labels: Mapping[str, str]
) -> tuple[list[dict[str, str]], dict[str, str]]:
    """The error summary, and the message beside each field."""
    by_pointer = {one.pointer: one for one in flat(fields)}
    by_name = {one.name: one for one in flat(fields)}
    summary: list[dict[str, str]] = []
    beside: dict[str, str] = {}
    for each in wrong:
        one = by_name[each.field]
        text = f"{label_of(one, labels)}: {each.text}".replace("?:", ":")
        beside[each.field] = text
        summary.append({"text": text, "href": f"#{one.id}"})
    for error in (problem or {}).get("errors", ()):
        at = by_pointer.get(str(error.get("pointer", "")))
        if at is None:
            summary.append({"text": str(error.get("detail", "")), "href": ""})
        else:
            text = f"{label_of(at, labels)}: {error.get('detail', '')}".replace("?:", ":")
            beside[at.name] = text
            summary.append({"text": text, "href": f"#{at.id}"})
    if problem is not None and not summary:
        summary.append({"text": str(problem.get("detail") or "This was refused."), "href": ""})
    return summary, beside


def flat(fields: Sequence[Field]) -> list[Field]:
    """Every field, with those within others."""
    return [each for one in fields for each in (one, *flat(one.fields))]
