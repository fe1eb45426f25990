"""What a sector would hear of an event, and why: the same decision, asked for instead of made."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from schemas.codes import registry
from schemas.event import event_types

from exchange.domain.audience import Hears, Silence, Standing, Stream, decide
from exchange.domain.days import day_of
from exchange.domain.projection import left_out, project
from exchange.domain.rules import To
from exchange.policy import rules_of
from exchange.store import Tx


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer, with what of the event would leave."""

    answer: Hears | Silence
    why: str
    data: dict[str, Any] | None = None
    left_out: tuple[str, ...] = ()


async def explain(tx: Tx, *, type: str, subject: str, data: Mapping[str, Any] | None, sector: str) -> Explanation:
    """What the sector's one county-wide system would hear of an event now."""
    today = day_of(tx.now)
    standing = (await tx.cases.standings([subject], today)).get(subject)
    rules = rules_of(today).of(type)
    to = rules[0].to if rules else None
    if to is To.RECIPIENTS:
        why = f"Told to whoever was told of the case before. {rules[0].why}"
        return Explanation(Hears(rules[0], "", None), why, dict(data or {}))
    silent = None
    if to is None:
        silent = ("never-leaves", f"{type} is told to nobody outside.")
    elif to is To.SUBSCRIBER:
        silent = ("one-subscription", "Told to the one subscription that it is about.")
    elif standing is None and to is To.PARTICIPANTS:
        silent = ("case-unknown", "It is not known who takes part in the case: nobody hears it yet.")
    if silent is not None:
        return Explanation(Silence(*silent), silent[1])
    answer = decide(rules, _feed(sector, today), standing or Standing(), type)
    if isinstance(answer, Silence):
        return Explanation(answer, answer.why)
    field = event_types()[type].subject_field
    shape = answer.rule.shape
    why = f"{answer.rule.why} Rule {answer.rule.id} of {answer.rule.version}, for {answer.purpose}"
    why += f", on {answer.basis}." if answer.basis else "."
    if data is None:
        return Explanation(answer, why)
    return Explanation(answer, why, project(data, shape, field), tuple(left_out(data, shape, field)))


def _feed(sector: str, on: date) -> Stream:
    """A sector's feed: for every purpose, on every basis."""
    return Stream(
        id=f"{sector}-feed",
        source="",
        sector=sector,
        organisation_id=None,
        county_wide=True,
        purposes=frozenset(e.code for e in registry("disclosure-purposes").entries),
        bases=frozenset(
            e.code for e in registry("basis-kinds").entries if registry("basis-kinds").valid(e.code, on=on)
        ),
    )
