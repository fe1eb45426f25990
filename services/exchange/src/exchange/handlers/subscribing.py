"""What a subscriber does for themselves: begin, change, pause, resume, try, replace a key, send again, end."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.clock import new_id, wall_now
from chassis.errors import Conflict, FieldError, Invalid, NotFound, PreconditionFailed, Refusal
from schemas.exchange import SubscriptionTested
from schemas.topics import agreement_feed

from exchange.domain.audience import Filter, Stream
from exchange.domain.days import day_of, end_of
from exchange.domain.keys import SigningKey
from exchange.handlers.rights import SUBSCRIPTION_ENDS, stop_streams
from exchange.policy import SHAREABLE, most_subscriptions, replays_of, rules_of, webhooks_of
from exchange.store import Tx
from exchange.store.agreements import Agreement
from exchange.store.replays import Replay
from exchange.store.streams import Kept


class NotAgreed(Invalid):
    """The agreement does not allow this."""

    code = "not-agreed"


class TooManySubscriptions(Conflict):
    """An agreement has only so many."""

    code = "too-many-subscriptions"


class OutOfTurn(Conflict):
    """Not in this state."""

    code = "out-of-turn"


class NoRight(Conflict):
    """What it rests on is not in force."""

    code = "no-right"


class WrongWay(Conflict):
    """Not with this way of delivery."""

    code = "wrong-way"


class TooManyReplays(Conflict):
    """One at a time."""

    code = "replay-running"


@dataclass(frozen=True, slots=True)
class Subscribe:
    """An agency wants to hear."""

    caller: Caller
    cause: Cause
    agreement_id: str
    purposes: tuple[str, ...]
    bases: tuple[str, ...]
    filter: Filter
    way: str
    url: str | None
    until: date | None
    #: Sealed already; webhooks alone have one.
    key: SigningKey | None
    id: str = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Change:
    """Its owner changes or acts on a subscription."""

    caller: Caller
    cause: Cause
    id: str
    version: int
    #: What differs: filter, until, url; or what the act needs.
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Changed:
    """A subscription as it now is, and what came of the act."""

    kept: Kept
    said: dict[str, Any] = field(default_factory=dict)


async def subscribe(commands: Sequence[Subscribe], tx: Tx) -> list[Changed | Refusal]:
    """Agencies begin to hear, under agreements that they have."""
    answers: list[Changed | Refusal] = []
    for command in commands:
        try:
            answers.append(await _subscribe(command, tx))
        except Refusal as refusal:
            answers.append(refusal)
    return answers


async def _subscribe(command: Subscribe, tx: Tx) -> Changed:
    today = day_of(tx.now)
    agreement = await tx.agreements.find(command.agreement_id, share=True)
    if agreement is None or agreement.organisation_id != command.caller.organisation:
        raise NotAgreed("You have no agreement of this id.", pointer="/agreement")
    if not agreement.holds(today):
        raise NotAgreed("The agreement is not in force today.", pointer="/agreement")
    purposes, bases = command.purposes or agreement.purposes, command.bases or agreement.bases
    check_filter(command.filter, agreement.sector, today)
    _check_terms(agreement, purposes, bases, command.until, today)
    if await tx.streams.count(agreement.id) >= most_subscriptions(today):
        raise TooManySubscriptions("The agreement has as many subscriptions as one may have. End one first.")
    topic = agreement_feed(agreement.id) if command.way == "kafka" else None
    if topic is not None and await tx.streams.topic_taken(topic.name):
        raise Conflict("A subscription to this agreement's topic is there already.", pointer="/delivery/way")
    stream = Stream(
        id=command.id,
        source=topic.source if topic else f"/exchange/subscriptions/{command.id}",
        sector=agreement.sector,
        organisation_id=agreement.organisation_id,
        county_wide=agreement.county_wide,
        purposes=frozenset(purposes),
        bases=frozenset(bases),
        filter=command.filter,
        way=command.way,
        topic=topic.name if topic else None,
    )
    until = command.until or agreement.until
    kept = Kept(stream, agreement.id, until, command.url, "active", None, tx.now, 1)
    await tx.streams.add(kept)
    if command.key is not None:
        await tx.keys.add(command.key)
    await tx.set_deadline(SUBSCRIPTION_ENDS, kept.id, end_of(until), cause=command.cause)
    _note(tx, command.caller, command.cause, "subscribe", kept)
    return Changed(kept)


def _check_terms(
    agreement: Agreement, purposes: Sequence[str], bases: Sequence[str], until: date | None, today: date
) -> None:
    flaws = [
        FieldError(f"/{name}/{index}", "not-agreed", f"The agreement is for {', '.join(allowed)}.")
        for name, wanted, allowed in (
            ("purposes", purposes, agreement.purposes),
            ("bases", bases, agreement.bases),
        )
        for index, value in enumerate(wanted)
        if value not in allowed
    ]
    if until is not None and not today <= until <= agreement.until:
        flaws.append(FieldError("/until", "not-agreed", f"Must be from today to {agreement.until}."))
    if flaws:
        raise NotAgreed("The agreement does not allow this; see errors.", errors=flaws)


def check_filter(wanted: Filter, sector: str, today: date) -> None:
    """Raises `Invalid` for types that never leave, or never for this sector."""
    rules = rules_of(today)
    flaws = [
        FieldError(
            f"/filter/types/{index}",
            "never-told",
            f"No sharing rule tells this to {sector}; see /v1/subscriptions/rules.",
        )
        for index, type in enumerate(wanted.types)
        if type not in SHAREABLE or not rules.of(type, sector)
    ]
    if flaws:
        raise Invalid("The filter asks for what is never told; see errors.", errors=flaws)


async def _mine(commands: Sequence[Change], tx: Tx) -> list[Kept | Refusal]:
    """The caller's own, at the version that they read; locked."""
    found = await tx.streams.find([command.id for command in commands], lock=True)
    answers: list[Kept | Refusal] = []
    seen: set[str] = set()
    for command in commands:
        kept = found.get(command.id)
        if kept is None or kept.stream.organisation_id != command.caller.organisation:
            answers.append(NotFound())
        elif kept.version != command.version or kept.id in seen:
            answers.append(PreconditionFailed())
        elif kept.state == "ended":
            answers.append(OutOfTurn("The subscription has ended. Begin a new one."))
        else:
            seen.add(kept.id)
            answers.append(kept)
    return answers


def _act(name: str, act: Any) -> Any:
    """A handler that does one thing with each of the callers' subscriptions."""

    async def handle(commands: Sequence[Change], tx: Tx) -> list[Changed | Refusal]:
        answers: list[Changed | Refusal] = []
        for command, kept in zip(commands, await _mine(commands, tx), strict=True):
            if isinstance(kept, Refusal):
                answers.append(kept)
                continue
            try:
                answers.append(await act(command, kept, tx))
                _note(tx, command.caller, command.cause, name, kept)
            except Refusal as refusal:
                answers.append(refusal)
        return answers

    handle.__name__ = name
    return handle


async def _changed(command: Change, kept: Kept, tx: Tx) -> Changed:
    today, values = day_of(tx.now), command.values
    after = kept
    if "filter" in values:
        check_filter(values["filter"], kept.stream.sector, today)
        after = replace(after, stream=replace(after.stream, filter=values["filter"]))
    if "until" in values:
        agreement = await tx.agreements.find(kept.agreement_id or "", share=True)
        if agreement is None:
            raise NoRight("The agreement is not there any more.")
        _check_terms(agreement, (), (), values["until"], today)
        after = replace(after, until=values["until"])
        await tx.set_deadline(SUBSCRIPTION_ENDS, kept.id, end_of(values["until"]), cause=command.cause)
    if "url" in values:
        if kept.stream.way != "webhook":
            raise WrongWay("Only a webhook has an address.", pointer="/url")
        after = replace(after, url=values["url"])
        await tx.deliveries.well_again(kept.id, wall_now())
    await tx.streams.save(after)
    if after.state in {"active", "paused", "disabled"}:
        await tx.streams.listen([after.stream])
    return Changed(replace(after, version=kept.version + 1))


async def _paused(_command: Change, kept: Kept, tx: Tx) -> Changed:
    if kept.state != "active":
        raise OutOfTurn(f"A subscription that is {kept.state} cannot be paused.")
    return await _become(kept, "paused", tx)


async def _resumed(_command: Change, kept: Kept, tx: Tx) -> Changed:
    if kept.state == "active":
        raise OutOfTurn("The subscription is active.")
    today = day_of(tx.now)
    agreement = await tx.agreements.find(kept.agreement_id or "", share=True)
    if agreement is None or not agreement.holds(today) or (kept.until is not None and kept.until < today):
        raise NoRight("The agreement or the subscription has lapsed. Renew it, set a later `until`, then resume.")
    await tx.streams.listen([kept.stream])
    if kept.stream.way == "webhook":
        await tx.deliveries.well_again(kept.id, wall_now())
    return await _become(kept, "active", tx)


async def _become(kept: Kept, state: str, tx: Tx) -> Changed:
    await tx.streams.set_state([kept.id], state)
    return Changed(replace(kept, state=state, reason=None, version=kept.version + 1))


async def _ended(command: Change, kept: Kept, tx: Tx) -> Changed:
    await stop_streams([kept], "ended", "subscription-ended", command.cause, tx)
    await tx.cancel_deadline(SUBSCRIPTION_ENDS, kept.id)
    return Changed(replace(kept, state="ended", reason="subscription-ended", version=kept.version + 1))


async def _tried(command: Change, kept: Kept, tx: Tx) -> Changed:
    if kept.state not in {"active", "paused"}:
        raise OutOfTurn(f"A subscription that is {kept.state} cannot be tried.")
    tx.emit(SubscriptionTested(subscription_id=kept.id), command.cause)
    return Changed(kept)


async def _rekeyed(command: Change, kept: Kept, tx: Tx) -> Changed:
    if kept.stream.way != "webhook":
        raise WrongWay("Only a webhook is signed.")
    numbers, key = webhooks_of(day_of(tx.now)), command.values["key"]
    overlap: timedelta = command.values["overlap"] if command.values["overlap"] is not None else numbers.overlap
    if overlap > numbers.longest_overlap:
        raise Invalid("The old key may sign for a week at most.", pointer="/overlap_hours")
    await tx.keys.retire(kept.id, wall_now() + overlap, wall_now())
    await tx.keys.add(key)
    return Changed(kept, {"key": key.id})


async def _redriven(command: Change, kept: Kept, tx: Tx) -> Changed:
    if kept.stream.way != "webhook":
        raise WrongWay("Only webhooks are sent again; others are read again, from an earlier cursor.")
    if kept.state != "active":
        raise OutOfTurn(f"A subscription that is {kept.state} sends nothing. Resume it first.")
    count = await tx.deliveries.redrive(kept.id, command.values.get("positions"), wall_now())
    return Changed(kept, {"redriven": count})


async def _replayed(command: Change, kept: Kept, tx: Tx) -> Changed:
    if kept.state not in {"active", "paused"}:
        raise OutOfTurn(f"To a subscription that is {kept.state}, nothing is told again.")
    if kept.stream.way == "kafka":
        raise WrongWay("What is on a topic is read again by its reader: set your group back.")
    numbers, values = replays_of(day_of(tx.now)), command.values
    if await tx.replays.running(kept.id) >= numbers.at_once:
        raise TooManyReplays("A replay is on its way. Wait until it is done.")
    earliest = tx.now - timedelta(days=numbers.days_back)
    since: datetime | None = values.get("since")
    if since is not None and since < earliest:
        raise Invalid(f"What was said before {earliest.date()} is not kept here.", pointer="/since")
    replay = Replay(
        id=new_id(),
        stream_id=kept.id,
        case_id=values.get("case_id"),
        since=since,
        until=values.get("until"),
        position=await _event_position(kept.id, values.get("after"), tx),
        last_position=await tx.events.last_position(),
        told=0,
        state="running",
        asked_at=tx.now,
    )
    await tx.replays.add(replay)
    return Changed(kept, {"replay": replay})


async def _event_position(stream_id: str, after: int | None, tx: Tx) -> int:
    """Where the events lie that were told after a position of a stream; 0: from the first that is kept."""
    if after is None:
        return 0
    following = await tx.ledger.read(stream_id, after, 1)
    found = await tx.events.find([row["event_id"] for row in following])
    return min((one.position for one in found.values()), default=1) - 1


def _note(tx: Tx, caller: Caller, cause: Cause, action: str, kept: Kept) -> None:
    tx.audit(
        action=action, what="subscription", what_id=kept.id, caller=caller, correlation_id=cause.correlation_id
    )  # fmt: skip


change: Final = _act("change_subscription", _changed)
pause: Final = _act("pause_subscription", _paused)
resume: Final = _act("resume_subscription", _resumed)
end: Final = _act("end_subscription", _ended)
try_out: Final = _act("try_subscription", _tried)
replace_key: Final = _act("replace_key", _rekeyed)
redrive: Final = _act("redrive_deliveries", _redriven)
replay: Final = _act("replay_events", _replayed)
