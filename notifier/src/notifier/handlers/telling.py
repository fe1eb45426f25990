"""From facts to inbox rows: the one way in which people are told of anything."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from chassis.cause import Cause
from chassis.deadlines import Due
from schemas.notification import NotificationSent

from notifier.domain.facts import Fact, is_case
from notifier.domain.planning import (
    Address,
    Case,
    Context,
    Kind,
    Message,
    Place,
    Told,
    address_at,
    addresses,
    late,
    one_each,
    places_to_look,
    tell,
)
from notifier.domain.rules import Channel, Urgency
from notifier.domain.wishes import Wish, hours_on, leaves_at, looked_by
from notifier.policy import HOURS, RULES, TEXTS, texts_in
from notifier.store import Tx
from notifier.store.inbox import Item, Kept, about_of

#: Fires when somebody becomes known at a place with facts that they must hear of.
NEWCOMERS: Final = "newcomers"
#: Fires when nobody has looked at something urgent for too long.
UNREAD: Final = "unread"
UNCLAIMED: Final = "unclaimed"
#: Facts looked at again in one transaction.
_AT_A_TIME: Final = 500


@dataclass(frozen=True, slots=True)
class News:
    """A fact about a case, and why it is said."""

    fact: Fact
    #: As it was before the fact.
    case: Case
    cause: Cause


async def announce(news: Sequence[News], tx: Tx) -> None:
    """Tell everybody who must hear of these facts; what they end needs nobody any more."""
    if not news:
        return
    await _clear(news, tx)
    found = {n.fact.event_id: addresses(n.fact, n.case, RULES) for n in news}
    await tx.people.hold_still()
    context = await _look(tx, [address for some in found.values() for address in some])
    told = {event_id: [tell(address, context) for address in some] for event_id, some in found.items()}
    await tx.inbox.note(
        (t, n.fact.urgency or n.case.urgency, n.cause.correlation_id) for n in news for t in told[n.fact.event_id]
    )
    everything = [t for some in told.values() for t in some]
    await _open_vacancies(tx, everything)
    by_event = {n.fact.event_id: n for n in news}
    await _put(tx, one_each(everything, RULES), by_event, context)
    await _tell_rooms(tx, everything, by_event)
    await _watch(tx, everything, by_event)


async def _clear(news: Sequence[News], tx: Tx) -> None:
    ended = []
    for n in news:
        if n.fact.before is not None:
            continue
        for clearing in RULES.clearing(n.fact.type, n.fact.on):
            about = n.fact.said.get(clearing.same) if clearing.same is not None else None
            if clearing.same is None or about is not None:
                ended.append((n.fact.case_id, about, clearing.rules, clearing.because, n.fact.at))
    if ended:
        await tx.inbox.clear(ended)


async def welcome(due: Sequence[Due], tx: Tx) -> None:
    """Somebody became known at a place: look again at what is open there, and tell those who have not been told.

    Roles may change meanwhile: whoever changes them comes here again, afterwards.
    """
    for one in due:
        place = Place.from_key(one.subject)
        since = tx.now - timedelta(days=RULES.catch_up_days)
        after = one.payload.get("after")
        looked = await tx.inbox.still_open(place, since=since, after=after, limit=_AT_A_TIME)
        # Looked at again when nobody else speaks of these cases: what was cleared meanwhile is told to nobody.
        await tx.lock_subjects(k.fact.case_id for k in looked)
        kept = await tx.inbox.still_open(place, since=since, after=after, limit=_AT_A_TIME)
        again: list[tuple[Address, str | None, News]] = []
        for k in kept:
            rule = RULES.by_id(k.rule, k.fact.on)
            if rule is not None:
                fact = replace(k.fact, said={rule.about: k.about} if rule.about is not None else {})
                news = News(fact, k.case, Cause(k.correlation_id, k.fact.event_id))
                again.append((address_at(fact, rule, k.place, RULES, urgency=k.urgency), k.urgency, news))
        await tx.lock_subjects(news.fact.case_id for _, _, news in again)
        context = await _look(tx, [address for address, _, _ in again])
        told = [(tell(address, context), urgency, news) for address, urgency, news in again]
        await tx.inbox.note((t, urgency, news.cause.correlation_id) for t, urgency, news in told)
        messages = late(one_each((t for t, _, _ in told), RULES))
        await _put(tx, messages, {news.fact.event_id: news for _, _, news in told}, context)
        if len(kept) == _AT_A_TIME:
            await tx.set_deadline(
                NEWCOMERS, place.key, tx.now, cause=one.cause, payload={"after": list(kept[-1].position)}
            )
        else:
            await _close_vacancies(tx, {t.address.place for t, _, _ in told} | {place})


async def follow(held: Mapping[str, tuple[Place, datetime]], tx: Tx) -> None:
    """Cases are held at these places since an instant: what happened later, but was heard of earlier, is for them.

    Topics are heard in no order among each other, and who holds a case must hear of it in every order.
    """
    kept = await tx.inbox.since_held(held, RULES.of_holders)
    if not kept:
        return
    gone = {(k.fact.event_id, k.rule, k.place.key) for k in kept}
    # Who must hear of the same fact by another rule still has to.
    others = [k for k in await tx.inbox.addressed({k.fact.event_id for k in kept}) if _place_of(k) not in gone]
    await tx.inbox.hand_on(sorted(gone), tx.now)
    again: list[tuple[Address, Kept, News]] = []
    for k, place in [*((k, held[k.fact.case_id][0]) for k in kept), *((k, k.place) for k in others)]:
        rule = RULES.by_id(k.rule, k.fact.on)
        if rule is not None:
            fact = replace(k.fact, said={rule.about: k.about} if rule.about is not None else {})
            address = address_at(fact, rule, place, RULES, urgency=k.urgency)
            again.append((address, k, News(fact, k.case, Cause(k.correlation_id, fact.event_id))))
    await tx.people.hold_still()
    context = await _look(tx, [address for address, _, _ in again])
    told = [(tell(address, context), k, news) for address, k, news in again]
    await tx.inbox.note((t, k.urgency, k.correlation_id) for t, k, _ in told)
    new = [t for t, k, _ in told if _place_of(k) in gone]
    await _open_vacancies(tx, new)
    by_event = {news.fact.event_id: news for _, _, news in told}
    await _put(tx, one_each((t for t, _, _ in told), RULES), by_event, context)
    await _tell_rooms(tx, new, by_event)
    await _watch(tx, new, by_event)


def _place_of(kept: Kept) -> tuple[str, str, str]:
    return kept.fact.event_id, kept.rule, kept.place.key


async def pass_up(due: Sequence[Due], tx: Tx) -> None:
    """Nobody has looked at something urgent: it goes back to the team, and on up its ladder."""
    for one in due:
        said = one.payload
        kept = await tx.inbox.address(said["event_id"], said["rule"], said["place"])
        # Somebody may be reading or clearing it right now.
        await tx.lock_subjects([kept.fact.case_id] if kept is not None else ())
        rule = RULES.by_id(kept.rule, kept.fact.on) if kept is not None else None
        if kept is None or rule is None or not await tx.inbox.unread(kept.fact.event_id, kept.rule, kept.place.key):
            continue
        fact = replace(kept.fact, said={rule.about: kept.about} if rule.about is not None else {})
        news = News(fact, kept.case, Cause(kept.correlation_id, fact.event_id))
        address = address_at(fact, rule, kept.place, RULES, urgency=kept.urgency)
        await tx.people.hold_still()
        context = await _look(tx, [address])
        told = tell(address, context, after=int(said["rung"]) + 1)
        await _put(tx, one_each([told], RULES), {fact.event_id: news}, context, why="unread")
        await _watch(tx, [told], {fact.event_id: news})


async def _look(tx: Tx, found: Sequence[Address]) -> Context:
    leads = await tx.people.leads({a.place.id for a in found if a.place.kind is Kind.CLUSTER})
    wanted = {a.place.id for a in found if a.place.kind is Kind.PROVIDER}
    providers = await tx.limits.providers(wanted) if wanted else {}
    whole = {a.place.id for a in found if a.place.kind is Kind.ORGANISATION and not a.roles}
    holders = await tx.people.holders(places_to_look(found, leads, providers), RULES.roles, whole=whole)
    wishes = await tx.wishes.of({h.person_id for h in holders})
    return Context.of(holders, leads, providers, wishes)


async def _put(
    tx: Tx, messages: Sequence[Message], news: dict[str, News], context: Context, *, why: str | None = None
) -> None:
    items = [_item(tx, m, news[m.event_id], context.wishes.get(m.person_id, Wish()), why) for m in messages]
    for item, id in await tx.inbox.put(items):
        # Of a budget's messages nobody outside need know: the contract speaks of cases.
        if is_case(item.case_id):
            tx.emit(
                NotificationSent(
                    case_id=item.case_id,
                    notification_id=id,
                    channel=Channel.IN_APP.value,
                    person_id=item.person_id,
                    rule=item.rule,
                ),
                news[item.event_id].cause,
            )


def _item(tx: Tx, message: Message, news: News, wish: Wish, why: str | None) -> Item:
    texts, urgent = texts_in(wish.language), message.urgency is Urgency.AT_ONCE
    hours = hours_on(HOURS, news.fact.on)
    own = wish.in_role(message.role)
    because = why or ("cover" if message.covers else "stood-in" if message.rung else message.rule.to.of.value)
    return Item(
        event_id=message.event_id,
        person_id=message.person_id,
        case_id=news.case.case_id,
        reference=news.case.reference,
        place=message.place.key,
        rule=message.rule.id,
        text=texts.inbox(message.rule.template, reference=news.case.reference, due=news.fact.due),
        urgent=urgent,
        at=news.fact.at,
        correlation_id=news.cause.correlation_id,
        subject=texts[message.rule.template].title(reference=news.case.reference),
        why=texts.why[because],
        language=texts.language,
        about=about_of(message.rule, news.fact),
        covers=message.covers,
        wakes=message.rule.wakes,
        leaving={
            channel.value: leaves_at(tx.now, own, hours, urgent=urgent, wakes=message.rule.wakes)
            for channel in sorted(message.channels)
        },
    )


async def _tell_rooms(tx: Tx, told: Iterable[Told], news: dict[str, News]) -> None:
    """What is urgent stands in a team's room as well, once for each fact and place."""
    rooms: dict[str, Item] = {}
    for t in told:
        address = t.address
        if address.urgency is not Urgency.AT_ONCE or Channel.CHAT not in address.rule.channels:
            continue
        n = news[address.fact.event_id]
        item = Item(
            event_id=address.fact.event_id,
            person_id=address.place.key,
            case_id=n.case.case_id,
            reference=n.case.reference,
            place=address.place.key,
            rule=address.rule.id,
            text=TEXTS.inbox(address.rule.template, reference=n.case.reference, due=n.fact.due),
            urgent=True,
            at=n.fact.at,
            correlation_id=n.cause.correlation_id,
            subject=TEXTS[address.rule.template].title(reference=n.case.reference),
            why="",
            language=TEXTS.language,
            wakes=address.rule.wakes,
            leaving={
                Channel.CHAT.value: leaves_at(
                    tx.now, Wish(), hours_on(HOURS, n.fact.on), urgent=True, wakes=address.rule.wakes
                )
            },
        )
        rooms.setdefault(f"{item.event_id}@{item.place}", item)
    await tx.inbox.leave([(item, id) for id, item in rooms.items()])


async def _watch(tx: Tx, told: Collection[Told], news: dict[str, News]) -> None:
    """Look again at what is urgent, in case nobody does."""
    rows = []
    for t in told:
        fact, rule = t.address.fact, t.address.rule
        if t.address.urgency is Urgency.AT_ONCE and t.messages and t.rung is not None and t.rung < len(rule.ladder):
            rows.append(
                {
                    "kind": UNREAD,
                    "subject": f"{fact.event_id}/{rule.id}/{t.address.place.key}",
                    "due_at": looked_by(tx.now, hours_on(HOURS, fact.on)),
                    "payload": {
                        "event_id": fact.event_id,
                        "rule": rule.id,
                        "place": t.address.place.key,
                        "rung": t.rung,
                    },
                    "correlation_id": news[fact.event_id].cause.correlation_id,
                    "attempts": 0,
                    "retry_at": None,
                }
            )
    await tx.insert(
        tx.tables.deadline,
        rows,
        conflict=("kind", "subject"),
        update=("due_at", "payload", "correlation_id", "attempts", "retry_at"),
    )


async def _open_vacancies(tx: Tx, told: Sequence[Told]) -> None:
    vacant = {t.address.place.key: "nobody-in-the-role" for t in told if t.rung != 0}
    if vacant:
        await tx.inbox.open_tasks(UNCLAIMED, [(place, reason, None, None) for place, reason in vacant.items()])


async def _close_vacancies(tx: Tx, places: set[Place]) -> None:
    keys = {place.key for place in places}
    await tx.inbox.close_tasks(UNCLAIMED, keys - await tx.inbox.unclaimed(keys))
