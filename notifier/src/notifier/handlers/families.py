"""Links to families: made by who works with them, opened by a second fact, answered without an account."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from chassis.cause import Cause
from chassis.clock import new_id
from chassis.errors import Conflict, NotFound, PreconditionFailed, Refusal

from notifier.clients.seal import Seal
from notifier.domain.facts import county_day
from notifier.domain.family import expires, token_hash
from notifier.domain.planning import Case
from notifier.domain.wishes import Wish, hours_on, leaves_at
from notifier.policy import HOURS, STAGES
from notifier.store import Tx
from notifier.store.families import FAMILY, Contact, Link
from notifier.store.inbox import Item

#: The rule's name on what goes to a family; it is no rule of the rules file.
RULE: Final = "family-link"


class NeverContact(Conflict):
    """The case says that this contact must never be contacted."""

    code = "never-contact"


class NotSafeThatWay(Conflict):
    """The case says that this contact must not be contacted by this channel."""

    code = "channel-not-safe"


class CaseIsClosed(Conflict):
    """Nothing more is sent about a case that has ended."""

    code = "case-closed"


@dataclass(frozen=True, slots=True)
class Invite:
    """Somebody who works with a family sends it a link."""

    case_id: str
    contact_id: str
    channel: str
    address: str
    language: str
    interpreter: bool
    #: Salted and slow, made before the transaction.
    fact_salt: bytes
    fact_hash: bytes
    created_by: str
    seal: Seal
    cause: Cause


@dataclass(frozen=True, slots=True)
class Revoke:
    """A link must work no more."""

    case_id: str
    id: str


@dataclass(frozen=True, slots=True)
class SayContacts:
    """Who of a family may be contacted, and how."""

    case_id: str
    contacts: tuple[Contact, ...]
    #: The version that this replaces; 0: the first.
    version: int


@dataclass(frozen=True, slots=True)
class Answers:
    """What somebody with the right second fact says, if anything: (kind, code, text)."""

    link: Link
    said: tuple[tuple[str, str | None, str | None], ...]


@dataclass(frozen=True, slots=True)
class Opened:
    """What a family sees: stages in their order, with when they were reached."""

    language: str
    stages: tuple[tuple[str, str, datetime], ...]
    expires_at: datetime


async def invite(commands: Sequence[Invite], tx: Tx) -> Sequence[Mapping[str, Any] | Refusal]:
    """Make links and send them. The address is sealed here and forgotten as soon as the message has gone."""
    answers: list[Mapping[str, Any] | Refusal] = []
    await tx.lock_subjects(c.case_id for c in commands)
    files = await tx.cases.get({c.case_id for c in commands})
    for c in commands:
        file = files.get(c.case_id)
        if file is None or file.case is None or file.erased:
            answers.append(NotFound())
        elif file.closed:
            answers.append(CaseIsClosed("The case is closed."))
        else:
            answers.append(await _barred(c, tx) or await _make(c, file.case, tx))
    return answers


async def _barred(c: Invite, tx: Tx) -> Refusal | None:
    contacts, _ = await tx.families.contacts(c.case_id)
    known = next((k for k in contacts if k.contact_id == c.contact_id), None)
    if known is not None and known.never:
        return NeverContact("The case says: never contact. Speak to the holder.", pointer="/contact_id")
    if known is not None and known.channels and c.channel not in known.channels:
        return NotSafeThatWay("The case says that this way is not safe for this contact.", pointer="/channel")
    return None


async def _make(c: Invite, case: Case, tx: Tx) -> Mapping[str, Any]:
    id, token = new_id(), secrets.token_urlsafe(32)
    sealed = c.seal.close(orjson.dumps({"address": c.address, "token": token}).decode(), of=id)
    link = Link(
        id=id, case_id=c.case_id, contact_id=c.contact_id, channel=c.channel, language=c.language,
        interpreter=c.interpreter, sealed=sealed, fact_salt=c.fact_salt, fact_hash=c.fact_hash,
        attempts_left=STAGES.attempts, created_by=c.created_by, created_at=tx.now, expires_at=expires(tx.now, STAGES),
        revoked_at=None,
    )  # fmt: skip
    await tx.families.create([(link, token_hash(token))])
    message = STAGES.message.get(c.language, STAGES.message["en"])
    item = Item(
        event_id=id, person_id=f"{FAMILY}{id}", case_id=c.case_id, reference=case.reference, place="", rule=RULE,
        text=message["line"], urgent=False, at=tx.now, correlation_id=c.cause.correlation_id,
        subject=message["subject"], why="", language=c.language,
        # A person asked for it now; only the night holds it back.
        leaving={
            c.channel: leaves_at(tx.now, Wish(), hours_on(HOURS, county_day(tx.now)), urgent=True, wakes=False)
        },
    )  # fmt: skip
    await tx.inbox.leave([(item, id)])
    [row] = [row for row in await tx.families.links_of(c.case_id) if row["id"] == id]
    return row


async def revoke(commands: Sequence[Revoke], tx: Tx) -> Sequence[Refusal | None]:
    """Links work no more."""
    answers: list[Refusal | None] = []
    for c in commands:
        link = await tx.families.link(c.id)
        there = link is not None and link.case_id == c.case_id and await tx.families.revoke(c.id, tx.now)
        answers.append(None if there else NotFound())
    return answers


async def say_contacts(commands: Sequence[SayContacts], tx: Tx) -> Sequence[int | Refusal]:
    """Keep who may be contacted, and how. What is on its way to somebody who may not be is stopped."""
    return [
        c.version + 1 if await tx.families.say_contacts(c.case_id, c.contacts, c.version) else PreconditionFailed()
        for c in commands
    ]


async def answer(commands: Sequence[Answers], tx: Tx) -> Sequence[Opened | Refusal]:
    """Somebody with the right second fact has opened a link, and perhaps answered."""
    opened: list[Opened | Refusal] = []
    files = await tx.cases.get({c.link.case_id for c in commands})
    for c in commands:
        file = files.get(c.link.case_id)
        link = await tx.families.link(c.link.id)
        if file is None or file.case is None or file.erased or link is None or link.revoked_at is not None:
            opened.append(NotFound())
            continue
        await tx.families.restore_attempts(link.id, STAGES.attempts)
        if c.said:
            await tx.families.answer(link, file.case.cluster_id, c.said)
        reached, words = await tx.families.stages(link.case_id), STAGES.said(link.language)
        stages = tuple((code, words[code], reached[code]) for code in STAGES.order if code in reached)
        opened.append(Opened(link.language, stages, link.expires_at))
    return opened
