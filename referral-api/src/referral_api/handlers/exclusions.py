"""Notices of suspensions and exclusions: each joins its child's case or opens one, once for each own reference."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.errors import Refusal

from referral_api.domain.content import tidied
from referral_api.domain.exclusions import NOTICE, NoticeRules, content_of, flaws_of_notice, is_the_same
from referral_api.domain.identity import Rules
from referral_api.domain.school_years import day_of
from referral_api.handlers import arriving
from referral_api.handlers.arriving import Incoming
from referral_api.handlers.refusals import NotFromHere, ReferenceTaken, UnfitNotice
from referral_api.policy import tells_of_exclusions
from referral_api.store import Tx
from referral_api.store.dated import identity_rules, limits, notice_rules
from referral_api.store.notices import KnownNotice, OwnReference


@dataclass(frozen=True, slots=True)
class NotifyExclusion:
    """A school tells of a suspension or permanent exclusion of a child."""

    exclusion_id: str
    #: As in `POST /v1/exclusion-notices`.
    notice: dict[str, Any]
    #: The organisation of the intake desk.
    intake: str
    caller: Caller
    cause: Cause

    @property
    def own(self) -> OwnReference:
        """The school's own reference of it."""
        return OwnReference.of(self.caller.organisation, self.notice["reference"])


@dataclass(frozen=True, slots=True)
class Notified:
    """A notice that was taken, now or before."""

    exclusion_id: str
    case_id: str
    reference: str
    #: Whether the same notice had come before.
    again: bool = False


async def notify_exclusions(commands: Sequence[NotifyExclusion], tx: Tx) -> Sequence[Notified | Refusal]:
    """Take a batch of notices with a fixed number of statements.

    The same notice under the same reference is answered as it was; the answer never says whether the case is new.
    """
    today = day_of(tx.now)
    outcomes: dict[int, Notified | Refusal] = {}
    fit: dict[int, Incoming] = {}
    for number, command in enumerate(commands):
        made = _checked(command, notice_rules(today), identity_rules(today), tx)
        if isinstance(made, Incoming):
            fit[number] = made
        else:
            outcomes[number] = made
    await arriving.lock(list(fit.values()), tx, also=[commands[number].own.lock for number in fit])
    known = await tx.notices.known({commands[number].own for number in fit}) if fit else {}
    first: dict[OwnReference, int] = {}
    for number in fit:
        own = commands[number].own
        if own not in known:
            first.setdefault(own, number)
    fresh = [fit[number] for number in first.values()]
    for own, placed in zip(first, await arriving.place(fresh, tx), strict=True):
        known[own] = KnownNotice(
            placed.referral.referral_id, placed.case.case_id, placed.case.reference, placed.referral.content
        )
    await tx.notices.add([(own, fit[number].referral_id) for own, number in first.items()])
    for number, incoming in fit.items():
        own = commands[number].own
        outcomes[number] = _answer(incoming, known[own], again=first.get(own) != number)
    return [outcomes[number] for number in range(len(commands))]


async def preview_notice(command: NotifyExclusion, tx: Tx) -> Refusal | None:
    """What is wrong with the notice; nothing is kept, and nothing said of whether the child is known."""
    today = day_of(tx.now)
    made = _checked(command, notice_rules(today), identity_rules(today), tx)
    if not isinstance(made, Incoming):
        return made
    before = (await tx.notices.known([command.own])).get(command.own)
    answer = _answer(made, before, again=True) if before else None
    return answer if isinstance(answer, Refusal) else None


def _checked(command: NotifyExclusion, rules: NoticeRules, identity: Rules, tx: Tx) -> Incoming | Refusal:
    if not tells_of_exclusions(command.caller):
        return NotFromHere()
    today = day_of(tx.now)
    content = tidied(content_of(command.notice, rules, on=today))
    wrong = flaws_of_notice(content, rules, on=today, limits=limits(today))
    if wrong:
        return UnfitNotice(wrong)
    return Incoming(command.exclusion_id, content, command.intake, command.caller, command.cause, identity, kind=NOTICE)


def _answer(incoming: Incoming, known: KnownNotice, *, again: bool) -> Notified | Refusal:
    if again and not is_the_same(incoming.content, known.content):
        return ReferenceTaken(known.exclusion_id)
    return Notified(known.exclusion_id, known.case_id, known.reference, again)
