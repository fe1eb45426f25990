"""What a sender does with a referral afterwards: change it, withdraw it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.errors import PreconditionFailed, Refusal
from schemas.codes import registry
from schemas.event import Event
from schemas.referral import CaseCircumstancesChanged, CaseClosed

from referral_api.domain.circumstances import home_of
from referral_api.domain.content import child_of, merged, tidied
from referral_api.domain.identity import Child, Rules
from referral_api.domain.lifecycle import ReferralStatus, may_become
from referral_api.domain.matching import Arrival, Question
from referral_api.domain.school_years import day_of
from referral_api.handlers import files
from referral_api.handlers.arriving import ask
from referral_api.handlers.files import File
from referral_api.handlers.intake import checked
from referral_api.handlers.refusals import IsNotice, NotTheirsToDo, OutOfTurn, UnfitReferral, UnknownCode
from referral_api.store import Tx
from referral_api.store.dated import identity_rules


@dataclass(frozen=True, slots=True)
class AmendReferral:
    """The sender changes what it sent, by a JSON merge patch."""

    referral_id: str
    #: The version that the sender has read.
    version: int
    change: dict[str, Any]
    caller: Caller
    cause: Cause


@dataclass(frozen=True, slots=True)
class WithdrawReferral:
    """The sender no longer asks for help."""

    referral_id: str
    version: int
    reason: str
    caller: Caller
    cause: Cause


@dataclass(frozen=True, slots=True)
class Changed:
    """A referral as it now is (or would be), and what happened to it."""

    file: File
    #: JSON pointers of what differs.
    fields: tuple[str, ...] = ()
    said: tuple[Event, ...] = ()

    @property
    def circumstances_changed(self) -> tuple[str, ...]:
        """The parts of the case's circumstances that differ from before."""
        return next((e.changed for e in self.said if isinstance(e, CaseCircumstancesChanged)), ())

    @property
    def closes_case(self) -> bool:
        """Whether the case ended with it."""
        return any(isinstance(event, CaseClosed) for event in self.said)


async def amend_referrals(commands: Sequence[AmendReferral], tx: Tx) -> Sequence[Changed | Refusal]:
    """Change referrals. Another description of the child is compared anew: what may be somebody known is asked."""
    rules = identity_rules(day_of(tx.now))
    await _lock_descriptions([c for c in commands if "child" in c.change], rules, tx)
    known = await files.locked({command.referral_id for command in commands}, tx)
    outcomes: list[Changed | Refusal] = []
    described: dict[str, Arrival] = {}
    for command in commands:
        file = known.get(command.referral_id)
        before = child_of(file.referral.content) if file else None
        outcome = await _amend(command, file, tx)
        outcomes.append(outcome)
        if isinstance(outcome, Changed):
            _tell(outcome, "updated", command, tx)
            after = child_of(outcome.file.referral.content)
            if after != before:
                described[command.referral_id] = _arrival(outcome.file, after, rules)
    await tx.cases.save(files.touched(known.values()))
    if described:
        await tx.identities.replace({key: each.fingerprints for key, each in described.items()})
        await _ask_about(list(described.values()), rules, tx)
    return outcomes


async def preview_amendment(command: AmendReferral, tx: Tx) -> Changed | Refusal:
    """What the change would do; nothing is kept."""
    known = await files.read([command.referral_id], tx)
    return await _amend(command, known.get(command.referral_id), tx)


async def withdraw_referrals(commands: Sequence[WithdrawReferral], tx: Tx) -> Sequence[Changed | Refusal]:
    """Withdraw referrals. Where nobody else asks and no cluster works on it, the case ends."""
    known = await files.locked({command.referral_id for command in commands}, tx)
    outcomes: list[Changed | Refusal] = []
    for command in commands:
        outcome = _withdraw(command, known.get(command.referral_id), tx)
        outcomes.append(outcome)
        if isinstance(outcome, Changed):
            _tell(outcome, "withdrawn", command, tx)
    await tx.cases.save(files.touched(known.values()))
    return outcomes


async def preview_withdrawal(command: WithdrawReferral, tx: Tx) -> Changed | Refusal:
    """What withdrawing would do; nothing is kept."""
    known = await files.read([command.referral_id], tx)
    return _withdraw(command, known.get(command.referral_id), tx)


async def _amend(command: AmendReferral, file: File | None, tx: Tx) -> Changed | Refusal:
    refusal = _refused(command, file)
    if refusal is not None or file is None:
        return refusal or files.nothing()
    content, wrong = checked(merged(file.referral.content, command.change), tx)
    if wrong:
        return UnfitReferral(wrong)
    home = file.referral.home
    if "child" in command.change:
        postcode = content["child"].get("postcode")
        squares = await tx.places.squares([postcode] if postcode else [])
        home = home_of(content, squares.get(postcode))
    fields = file.case.amend(file.referral, content, home, at=tx.now)
    return Changed(file, tuple(fields), tuple(file.case.told()))


def _withdraw(command: WithdrawReferral, file: File | None, tx: Tx) -> Changed | Refusal:
    refusal = _refused(command, file)
    if refusal is not None or file is None:
        return refusal or files.nothing()
    reasons = registry("withdrawal-reasons")
    today = day_of(tx.now)
    if not reasons.valid(command.reason, on=today):
        return UnknownCode(f"Use one of: {', '.join(reasons.codes(on=today))}.", pointer="/reason")
    file.case.withdraw(file.referral, reason=command.reason, at=tx.now)
    return Changed(file, ("/status",), tuple(file.case.told()))


def _refused(command: AmendReferral | WithdrawReferral, file: File | None) -> Refusal | None:
    if file is None or not file.exists_for(command.caller):
        return files.nothing()
    if not file.is_of(command.caller):
        return NotTheirsToDo("Only the organisation that sent a referral changes or withdraws it.")
    if file.referral.is_notice and not (isinstance(command, AmendReferral) and set(command.change) == {"child"}):
        return IsNotice(command.referral_id)
    if file.referral.version != command.version:
        return PreconditionFailed()
    if not may_become(file.referral.status, ReferralStatus.WITHDRAWN):
        return OutOfTurn(file.referral.status)
    return None


def _tell(changed: Changed, action: str, command: AmendReferral | WithdrawReferral, tx: Tx) -> None:
    for event in changed.said:
        tx.emit(event, cause=command.cause)
    tx.audit(
        action=action,
        what="referral",
        what_id=command.referral_id,
        caller=command.caller,
        case_id=changed.file.case.case_id,
        correlation_id=command.cause.correlation_id,
    )


def _arrival(file: File, child: Child, rules: Rules) -> Arrival:
    return Arrival.of(file.referral.referral_id, child, rules, new_child_id=file.referral.child_id)


async def _lock_descriptions(commands: Sequence[AmendReferral], rules: Rules, tx: Tx) -> None:
    """Lock how each child was and will be described, before any case is."""
    if not commands:
        return
    prints: set[int] = set()
    known = await files.read({command.referral_id for command in commands}, tx)
    for command in commands:
        file = known.get(command.referral_id)
        if file is not None:
            # What is not fit is refused later; it only must not stop us here.
            content = tidied(merged(file.referral.content, command.change))
            for each in (file.referral.content, content):
                prints.update(_arrival(file, child_of(each), rules).fingerprints)
    await tx.identities.lock(prints)


async def _ask_about(described: Sequence[Arrival], rules: Rules, tx: Tx) -> None:
    """A change never links by itself: whoever the child may now turn out to be is a question for a person."""
    known = await tx.identities.known({n for each in described for n in each.fingerprints}, rules)
    questions = [
        Question(each.new_child_id, other, likeness)
        for each in described
        for other, likeness in known.likenesses(each.described, each.fingerprints).items()
        if other != each.new_child_id and frozenset({other, each.new_child_id}) not in known.apart
    ]
    await ask(questions, tx)
