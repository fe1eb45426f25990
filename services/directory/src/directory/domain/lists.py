"""From records of an operator's own lists to organisations, people and roles."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from directory.domain.duty import Role
from directory.domain.extract import Record, Rejection
from directory.domain.people import (
    Organisation,
    Person,
    Words,
    faults_of_organisation,
    faults_of_person,
    faults_of_role,
)
from directory.domain.register import BadCellError, day

ORGANISATION_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("id", "organisation"),
    "name": ("name",),
    "sector": ("sector",),
    "kind": ("kind",),
    "active": ("active",),
}
PEOPLE_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "person": ("person", "person_id"),
    "organisation": ("organisation", "organisation_id"),
    "name": ("name",),
    "title": ("title",),
    "email": ("email", "e-mail"),
    "active": ("active",),
    "role": ("role",),
    "cluster": ("cluster", "cluster_id"),
    "since": ("since",),
    "until": ("until",),
}
_YES, _NO = frozenset({"yes", "true", "1", "y"}), frozenset({"no", "false", "0", "n"})


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of a list of people: a person and, when the row names one, a role of theirs."""

    line: int
    person: Person
    #: Without id, person and sector: those are known only when the person is.
    role: Role | None


def organisation(record: Record, words: Words) -> Organisation | Rejection:
    """The organisation of a row."""
    cells = _cells(record, ORGANISATION_COLUMNS)
    try:
        active = _yes(cells["active"])
    except BadCellError as bad:
        return Rejection(record.line, "active", str(bad))
    found = Organisation(cells["id"], cells["name"], cells["sector"], cells["kind"], active)
    for fault in faults_of_organisation(found, words):
        return Rejection(record.line, fault.pointer.removeprefix("/"), fault.code)
    return found


def listed(record: Record, words: Words) -> Listed | Rejection:
    """The person and role of a row. A person without an id is known by their work e-mail."""
    cells = _cells(record, PEOPLE_COLUMNS)
    if not cells["organisation"]:
        return Rejection(record.line, "organisation", "blank")
    if not cells["person"] and not cells["email"]:
        return Rejection(record.line, "email", "blank")
    field = "active"
    try:
        active = _yes(cells["active"])
        field = "since"
        since = day(cells["since"]) if cells["since"] else date.min
        field = "until"
        until = day(cells["until"]) if cells["until"] else None
    except BadCellError as bad:
        return Rejection(record.line, field, str(bad))
    person = Person(
        cells["person"],
        cells["organisation"],
        cells["name"],
        cells["title"] or None,
        cells["email"] or None,
        active,
    )
    role = None
    faults = faults_of_person(person)
    if cells["role"]:
        if since == date.min:
            return Rejection(record.line, "since", "blank")
        role = Role("", "", cells["organisation"], "", cells["role"], cells["cluster"] or None, since, until)
        faults += faults_of_role(role, words)
    for fault in faults:
        return Rejection(record.line, fault.pointer.removeprefix("/"), fault.code)
    return Listed(record.line, person, role)


def _cells(record: Record, columns: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {name: record.first(candidates) or "" for name, candidates in columns.items()}


def _yes(cell: str) -> bool:
    word = cell.casefold()
    if not word or word in _YES:
        return True
    if word in _NO:
        return False
    raise BadCellError("not-yes-or-no")
