"""The dated tables that ship with the service, and who may see and do what."""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from typing import Any, Final

from chassis.auth import Caller
from chassis.errors import Invalid
from schemas.codes import registry

from assessments.domain.asking import Asking, read_asking
from assessments.domain.dated import in_force
from assessments.domain.limits import read_limits
from assessments.domain.plans import Pathway, read_pathways
from assessments.domain.statutory import Process, read_processes

_DATA = files("assessments") / "data"


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_DATA / name).read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class LinkRules:
    """How long a link opens, and how often it may be tried."""

    since: date
    valid_days: int
    failures: int
    requests: int


@dataclass(frozen=True, slots=True)
class Contact:
    """Who counts as met although they gave no views, by why they did not."""

    since: date
    reached: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Endings:
    """Why a clock ends when its case does, by the closing reason."""

    since: date
    clocks: Mapping[str, str]


LIMITS: Final = read_limits(_read("clocks.toml"))
_ASKING: Final = read_asking(_read("advice.toml"))
_PATHWAYS: Final = read_pathways(_read("stages.toml"))
_PROCESSES: Final = read_processes(_read("statutory.toml"))
LINKS: Final = tuple(LinkRules(**entry) for entry in _read("links.toml")["links"])
_CONTACT: Final = tuple(Contact(table["since"], tuple(table["reached"])) for table in _read("contact.toml")["tables"])
_ENDINGS: Final = tuple(Endings(**table) for table in _read("endings.toml")["tables"])

#: Who works cases in a cluster's team.
TEAM: Final = ("cluster-lead", "caseworker")
#: Roles at the council that see and work every case: the desk, which takes the statutory decisions too.
COUNCIL: Final = ("intake", "operator")
#: What an organisation is to a case when its people work it, and when they may know where it stands.
WORKING: Final = frozenset({"intake", "holder"})
READING: Final = frozenset({"referrer", "receiver", "school", *WORKING})


def asking_of(day: date) -> Asking:
    """Whose advice is asked for, on a day."""
    return in_force(_ASKING, day)


def pathway_of(day: date) -> Pathway:
    """The stages of a day."""
    return in_force(_PATHWAYS, day)


def process_of(day: date) -> Process:
    """The statutory table of states of a day."""
    return in_force(_PROCESSES, day)


def link_rules_of(day: date) -> LinkRules:
    """What holds for links on a day."""
    return in_force(LINKS, day)


def reached_without_views(day: date) -> tuple[str, ...]:
    """Why there are no views of somebody who was reached."""
    return in_force(_CONTACT, day).reached


def clock_ending(closing_reason: str, day: date) -> str:
    """Why a clock ends when its case closes for this reason."""
    return in_force(_ENDINGS, day).clocks.get(closing_reason, "case-closed")


class NotACode(Invalid):
    """The code given is not one of its registry on that day."""

    code = "not-a-code"


def check_code(registry_name: str, code: str, *, on: date, pointer: str) -> None:
    """Raises `NotACode`, naming what may be written."""
    known = registry(registry_name)
    if not known.valid(code, on=on):
        raise NotACode(f"Use one of: {', '.join(known.codes(on=on))}.", pointer=pointer)


@dataclass(frozen=True, slots=True)
class Standing:
    """A case as far as access goes: the cluster that holds it, and in which roles organisations take part now."""

    cluster_id: str | None
    #: Organisation and role.
    participants: Collection[tuple[str, str]] = ()


def at_council(caller: Caller) -> bool:
    """Whether the caller works cases for the council, whose duties these clocks are."""
    return caller.sector == "council" and caller.has(*COUNCIL)


def sees_all(caller: Caller) -> bool:
    """Whether every case exists for the caller: the council's own, and those who answer for the data."""
    return at_council(caller) or (caller.sector == "council" and caller.has("data-protection-officer"))


def works(caller: Caller, standing: Standing) -> bool:
    """Whether the caller works the case: in its cluster's team, for who holds it, or at the council."""
    if at_council(caller):
        return True
    if not caller.has(*TEAM):
        return False
    mine = standing.cluster_id is not None and standing.cluster_id in caller.clusters
    return mine or any(id == caller.organisation and role in WORKING for id, role in standing.participants)


def reads(caller: Caller, standing: Standing) -> bool:
    """Whether the caller may know where the case stands; texts are for those who work it."""
    return (
        sees_all(caller)
        or works(caller, standing)
        or any(id == caller.organisation and role in READING for id, role in standing.participants)
    )


def reads_texts(caller: Caller, standing: Standing) -> bool:
    """Whether the caller reads what child, family and advisers said."""
    return works(caller, standing)


#: Who answers for an organisation that was asked.
ADVISERS: Final = ("adviser", "agency-system", "referrer", "caseworker", "cluster-lead", "provider-staff")


def gives_advice(caller: Caller, asked_of: str | None) -> bool:
    """Whether the caller may answer what was asked of this organisation."""
    return asked_of is not None and caller.organisation == asked_of and caller.has(*ADVISERS)
