"""From facts to inbox rows: the one way in which people are told of anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from chassis.cause import Cause
from chassis.deadlines import Due
from schemas.notification import NotificationSent

from notifier.domain.facts import Fact
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
from notifier.policy import RULES, TEXTS
from notifier.store import Tx
from notifier.store.inbox import Item

#: Fires when somebody becomes known at a place with facts that they must hear of.
NEWCOMERS: Final = "newcomers"
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
    """Tell everybody who must hear of these facts."""
    if not news:
        return
    found = {n.fact.event_id: addresses(n.fact, n.case, RULES) for n in news}
    await tx.people.hold_still()
    context = await _look(tx, [address for some in found.values() for address in some])
    told = {event_id: [tell(address, context) for address in some] for event_id, some in found.items()}
    await tx.inbox.note(
        (t, n.fact.urgency or n.case.urgency, n.cause.correlation_id) for n in news for t in told[n.fact.event_id]
    )
    await _open_vacancies(tx, [t for some in told.values() for t in some])
    messages = one_each((t for some in told.values() for t in some), RULES)
    await _put(tx, messages, {n.fact.event_id: n for n in news})


async def welcome(due: Sequence[Due], tx: Tx) -> None:
    """Somebody became known at a place: look again at what is open there, and tell those who have not been told.

    Roles may change meanwhile: whoever changes them comes here again, afterwards.
    """
    for one in due:
        place = Place.from_key(one.subject)
        since = tx.now - timedelta(days=RULES.catch_up_days)
        kept = await tx.inbox.still_open(place, since=since, after=one.payload.get("after"), limit=_AT_A_TIME)
        again: list[tuple[Address, str | None, News]] = []
        for k in kept:
            rule = RULES.by_id(k.rule, k.fact.on)
            if rule is not None:
                news = News(k.fact, k.case, Cause(k.correlation_id, k.fact.event_id))
                again.append((address_at(k.fact, rule, k.place, RULES, urgency=k.urgency), k.urgency, news))
        await tx.lock_subjects(news.fact.case_id for _, _, news in again)
        context = await _look(tx, [address for address, _, _ in again])
        told = [(tell(address, context), urgency, news) for address, urgency, news in again]
        await tx.inbox.note((t, urgency, news.cause.correlation_id) for t, urgency, news in told)
        messages = late(one_each((t for t, _, _ in told), RULES))
        await _put(tx, messages, {news.fact.event_id: news for _, _, news in told})
        if len(kept) == _AT_A_TIME:
            await tx.set_deadline(
                NEWCOMERS, place.key, tx.now, cause=one.cause, payload={"after": list(kept[-1].position)}
            )
        else:
            await _close_vacancies(tx, {t.address.place for t, _, _ in told} | {place})


async def _look(tx: Tx, found: Sequence[Address]) -> Context:
    leads = await tx.people.leads({a.place.id for a in found if a.place.kind is Kind.CLUSTER})
    return Context.of(await tx.people.holders(places_to_look(found, leads), RULES.roles), leads)


async def _put(tx: Tx, messages: Sequence[Message], news: dict[str, News]) -> None:
    items = [_item(message, news[message.event_id]) for message in messages]
    for item, id in await tx.inbox.put(items):
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


def _item(message: Message, news: News) -> Item:
    text = TEXTS[message.rule.template]
    return Item(
        event_id=message.event_id,
        person_id=message.person_id,
        case_id=news.case.case_id,
        reference=news.case.reference,
        place=message.place.key,
        rule=message.rule.id,
        text=text.inbox(reference=news.case.reference, due=news.fact.due),
        urgent=message.urgency is Urgency.AT_ONCE,
        at=news.fact.at,
        correlation_id=news.cause.correlation_id,
        subject=text.title(reference=news.case.reference) if message.by_email else None,
    )


async def _open_vacancies(tx: Tx, told: Sequence[Told]) -> None:
    vacant = {t.address.place.key: "nobody-in-the-role" for t in told if t.rung != 0}
    if vacant:
        await tx.inbox.open_tasks(UNCLAIMED, [(place, reason, None, None) for place, reason in vacant.items()])


async def _close_vacancies(tx: Tx, places: set[Place]) -> None:
    keys = {place.key for place in places}
    await tx.inbox.close_tasks(UNCLAIMED, keys - await tx.inbox.unclaimed(keys))
