"""The rules, texts and schedule in force, as shipped in `data/`; and who may look at what."""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

from chassis.auth import Caller
from schemas.contracts import every_event

from notifier.domain.family import Stages, read_stages
from notifier.domain.planning import COUNCIL_SECTOR
from notifier.domain.post import Schedule, read_schedule
from notifier.domain.rules import Rules, read_rules
from notifier.domain.texts import FALLBACK, Texts, read_texts
from notifier.domain.wishes import Hours, read_hours


def _shipped(name: str) -> Any:
    return json.loads(files("notifier").joinpath("data", name).read_text(encoding="utf-8"))


RULES: Final[Rules] = read_rules(_shipped("rules.json"), every_event())
_TEMPLATES: Final = _shipped("templates.json")
#: Every language that the letters' frame is written in.
LANGUAGES: Final[Mapping[str, Texts]] = {
    language: read_texts(_TEMPLATES, language) for language in _TEMPLATES["letter"]
}
TEXTS: Final[Texts] = LANGUAGES[FALLBACK]
SCHEDULE: Final[Schedule] = read_schedule(_shipped("post.json"))
HOURS: Final[tuple[Hours, ...]] = read_hours(_shipped("hours.json"))
STAGES: Final[Stages] = read_stages(_shipped("family.json"))
#: At which hour of the county's day a step of an escalation is taken.
ESCALATION_HOUR: Final[int] = int(_shipped("rules.json")["escalation_hour"])

_SEES_ANY_CASE: Final = frozenset({"operator", "data-protection-officer"})


def may_see_case(caller: Caller, *, cluster_id: str | None, takes_part: bool) -> bool:
    """Whether somebody may see what was told about a case that `cluster_id` holds.

    Operators, the data protection officer and the council's own systems: any case. A cluster lead: what their cluster
    holds or their organisation takes part in. Others have their own inbox.
    """
    if caller.has(*_SEES_ANY_CASE) or (caller.has("agency-system") and caller.sector == COUNCIL_SECTOR):
        return True
    return caller.has("cluster-lead") and (takes_part or (cluster_id is not None and cluster_id in caller.clusters))


def may_see_cluster(caller: Caller, cluster_id: str) -> bool:
    """Whether somebody may see what the people of a cluster were told: those people themselves, and operators."""
    return cluster_id in caller.clusters or caller.has("operator")


def may_see_tasks(caller: Caller) -> bool:
    """Whether somebody may see and finish the intake desk's tasks."""
    return caller.sector == COUNCIL_SECTOR or caller.has("operator")


def texts_in(language: str) -> Texts:
    """The texts in a language, or in English."""
    return LANGUAGES.get(language, TEXTS)


def may_reach_family(caller: Caller, *, cluster_id: str | None, takes_part: bool) -> bool:
    """Whether somebody may write to a case's family and read what it answers: who works in the cluster that holds it.

    A caseworker or lead of an organisation that takes part counts where no cluster holds the case.
    """
    if cluster_id is not None:
        return cluster_id in caller.clusters
    return takes_part and caller.sector == COUNCIL_SECTOR
