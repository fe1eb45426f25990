"""Telling again what was said, with the rights of this moment, marked as told again."""

from typing import Final

from exchange.domain.audience import Hears, Standing, decide
from exchange.domain.days import day_of
from exchange.domain.rules import To
from exchange.policy import rules_of
from exchange.store import Tx
from exchange.store.telling import Telling

_NOWHERE: Final = Standing()


async def step(tx: Tx, *, besides: list[str], limit: int) -> str | None:
    """A little of one replay; None when there is none but these. Returns which."""
    replay = await tx.replays.take(besides)
    if replay is None:
        return None
    kept = (await tx.streams.find([replay.stream_id])).get(replay.stream_id)
    if kept is None or kept.state not in {"active", "paused"}:
        await tx.replays.move(replay.id, position=replay.position, told=0, state="stopped")
        return replay.id
    said = await tx.events.between(
        replay.position, replay.last_position,
        case_id=replay.case_id, since=replay.since, until=replay.until, limit=limit,
    )  # fmt: skip
    today = day_of(tx.now)
    rules = rules_of(today)
    standings = await tx.cases.standings([one.subject for one in said], today)
    told = 0
    for one in said:
        applying = rules.of(one.type)
        if not applying or applying[0].to not in {To.PARTICIPANTS, To.EVERYBODY}:
            continue
        standing = standings.get(one.subject, _NOWHERE)
        answer = decide(applying, kept.stream, standing, one.type)
        if isinstance(answer, Hears):
            tx.teller.tell(Telling(kept.stream, one, answer.rule, answer.purpose, answer.basis, replay=True))
            told += 1
    done = len(said) < limit
    position = said[-1].position if said else replay.last_position
    await tx.replays.move(replay.id, position=position, told=told, state="done" if done else "running")
    return replay.id
