"""An event arrives: who may hear it is decided at that moment, and it is told to them in the same transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from chassis.subscription import NotYet, Received, Verdict
from schemas.topics import REFERRALS

from exchange.domain.audience import Hears, Standing, Stream, decide
from exchange.domain.days import day_of
from exchange.domain.rules import Rule, To
from exchange.policy import rules_of
from exchange.store import Tx
from exchange.store.events import Said
from exchange.store.telling import Telling

_UNKNOWN: Final = NotYet("case-unknown")


async def pass_on(events: Sequence[Received[Any]], tx: Tx) -> Sequence[Verdict]:
    """Tell events of one type to whoever may hear them and wants them."""
    rules = rules_of(day_of(tx.now)).of(events[0].type)
    if not rules:
        return [None] * len(events)
    said = [Said.of(received) for received in events]
    if rules[0].to is not To.PARTICIPANTS:
        await tx.events.keep(said)
        await _tell_apart(said, rules[0], tx)
        return [None] * len(events)
    standings = await tx.cases.standings([one.subject for one in said], day_of(tx.now))
    known = [one for one in said if one.subject in standings]
    unknown = [one for one in said if one.subject not in standings]
    await tx.events.keep([one for one in known if not standings[one.subject].erased])
    await tell(known, standings, tx)
    if not unknown:
        return [None] * len(events)
    if events[0].event.on_topic() is REFERRALS:
        # What says who takes part comes behind these on the same topic: parked, they would stop it for ever.
        await tx.events.keep(unknown, held=True)
        return [None] * len(events)
    return [None if one.subject in standings else _UNKNOWN for one in said]


async def tell(said: Sequence[Said], standings: Mapping[str, Standing], tx: Tx) -> None:
    """Tell events of one type, of cases that are known, to the streams that may hear them and want them."""
    if not said:
        return
    rules = rules_of(day_of(tx.now)).of(said[0].type)
    whole = {one.id: _with_places(standings[one.subject], one.data) for one in said}
    wanted = await _interested(said[0].type, rules, list(whole.values()), tx)
    for one in said:
        standing = whole[one.id]
        for stream in wanted.of(standing.sectors, standing):
            answer = decide(rules, stream, standing, one.type)
            if isinstance(answer, Hears):
                tx.teller.tell(Telling(stream, one, answer.rule, answer.purpose, answer.basis))


async def tell_what_was_held(subjects: Sequence[str], tx: Tx) -> None:
    """It has become known who takes part in these cases: what came before is told now, in its order."""
    held = await tx.events.let_go(subjects)
    if not held:
        return
    standings = await tx.cases.standings(subjects, day_of(tx.now))
    for one in held:
        await tell([one], standings, tx)


async def _tell_apart(said: Sequence[Said], rule: Rule, tx: Tx) -> None:
    """Tell what is for recipients, for one subscriber, or for everybody of some sectors."""
    if rule.to is To.EVERYBODY:
        rules = rules_of(day_of(tx.now)).of(said[0].type)
        nowhere = Standing(organisations={sector: sector for sector in rule.sectors})
        wanted = await _interested(said[0].type, rules, [nowhere], tx)
        for one in said:
            for stream in wanted.of(frozenset(rule.sectors), nowhere):
                answer = decide(rules, stream, nowhere, one.type)
                if isinstance(answer, Hears):
                    tx.teller.tell(Telling(stream, one, answer.rule, answer.purpose, answer.basis))
        return
    await tx.teller.flush([one.subject for one in said])
    for one in said:
        if rule.to is To.SUBSCRIBER:
            ids = [one.subject]
        else:
            by_case = await tx.ledger.recipients(
                [one.subject], events=one.data.get("event_ids", ()), basis=one.data.get("kind")
            )
            ids = by_case.get(one.subject, [])
        for kept in (await tx.streams.find(ids)).values():
            tx.teller.tell(Telling(kept.stream, one, rule, None, None))


@dataclass
class _Interested:
    """Streams that may want an event, by what they are found by."""

    by_key: Mapping[tuple[str, str], Sequence[Stream]] = field(default_factory=dict)

    def of(self, sectors: frozenset[str], standing: Standing) -> list[Stream]:
        """Those that this one finds, each once."""
        found = {
            stream.id: stream
            for sector in sectors
            for key in standing.found_by()
            for stream in self.by_key.get((sector, key), ())
        }
        return [found[id] for id in sorted(found)]


async def _interested(type: str, rules: Sequence[Rule], standings: Sequence[Standing], tx: Tx) -> _Interested:
    """One question for a batch, whatever the number of subscriptions."""
    sectors = {sector for rule in rules for sector in rule.sectors} & {s for each in standings for s in each.sectors}
    if not sectors:
        return _Interested()
    keys = {key for each in standings for key in each.found_by()}
    return _Interested(await tx.streams.interested(type, sectors, keys, day_of(tx.now)))


def _with_places(standing: Standing, data: Mapping[str, Any]) -> Standing:
    """The case also where this event says that it comes from or goes to: who loses it hears that it went."""
    named = {data[name] for name in ("cluster_id", "from_cluster_id", "to_cluster_id") if data.get(name)}
    return replace(standing, clusters=standing.clusters | named) if named else standing
