"""Erasure: the council's data protection officer lets everything personal of a case go, and says why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.errors import PreconditionFailed, Refusal, TryAgain

from referral_api.domain.case_file import CaseFile, Referral
from referral_api.domain.lifecycle import CaseStatus
from referral_api.domain.references import clean_reference
from referral_api.domain.retention import RetentionRule, kept_until
from referral_api.domain.school_years import day_of
from referral_api.handlers import files
from referral_api.handlers.refusals import (
    AlreadyErased,
    AnotherReference,
    CaseIsOpen,
    KeptLonger,
    UnknownCode,
)
from referral_api.policy import is_officer
from referral_api.store import Tx
from referral_api.store.dated import erasure_reasons, kept_of_timelines, retention_rule
from referral_api.store.erasures import Erasure


@dataclass(frozen=True, slots=True)
class EraseCase:
    """An officer lets a case go."""

    case_id: str
    #: As typed: whoever erases must mean this case and no other.
    reference: str
    #: A code of `data/retention.toml`.
    reason: str
    #: The version that they have read.
    version: int
    #: The council's organisation.
    intake: str
    caller: Caller
    cause: Cause


@dataclass(frozen=True, slots=True)
class Erased:
    """What went, or would go."""

    case: CaseFile
    erasure: Erasure
    #: How many other cases of the child are left.
    other_cases: int


async def erase_cases(commands: Sequence[EraseCase], tx: Tx) -> Sequence[Erased | Refusal]:
    """One after the other: it is rare, and each is a matter of its own."""
    return [await _erase(command, tx, rehearsed=False) for command in commands]


async def preview_erasure(command: EraseCase, tx: Tx) -> Erased | Refusal:
    """What would go; refused as the erasure itself would be."""
    return await _erase(command, tx, rehearsed=True)


async def _erase(command: EraseCase, tx: Tx, *, rehearsed: bool) -> Erased | Refusal:
    if not is_officer(command.caller, command.intake):
        return files.nothing()
    known = (await tx.cases.load([command.case_id])).get(command.case_id)
    if known is None:
        return files.nothing()
    # Nobody joins or parts the child meanwhile; then nobody changes the case.
    await tx.identities.lock(await tx.identities.prints_of([known.child_id]))
    case = (await tx.cases.locked([command.case_id]))[command.case_id]
    if case.child_id != known.child_id:
        raise TryAgain("children-merged")
    rule = retention_rule(day_of(tx.now))
    until = _kept_until(case, rule)
    refusal = _may_not(command, case, until, on=day_of(tx.now))
    if refusal is not None or until is None:
        return refusal or CaseIsOpen()
    others = await tx.erasures.others_of(case.child_id, but=case.case_id)
    child_id = None if others else case.child_id
    done = Erasure(
        case_id=case.case_id,
        erased_at=tx.now,
        erased_by=command.caller.subject,
        organisation_id=command.caller.organisation,
        reason=command.reason,
        overridden=until > day_of(tx.now),
        kept_until=until,
        rule_since=rule.since,
        erased=await tx.erasures.sizes(case.case_id, child_id=child_id),
        referrals=[_summary(each) for each in case.referrals],
    )
    if not rehearsed:
        await tx.erasures.erase(case.case_id, child_id=child_id, keeps=kept_of_timelines())
        case.erase(at=tx.now)
        for event in case.told():
            tx.emit(event, cause=command.cause)
        await tx.cases.save([case])
        await tx.erasures.add(done)
    tx.audit(
        action="read" if rehearsed else "erased",
        what="erasure" if rehearsed else "case",
        what_id=case.case_id,
        caller=command.caller,
        case_id=case.case_id,
        reason=command.reason,
        correlation_id=command.cause.correlation_id,
    )
    return Erased(case, done, others)


def _kept_until(case: CaseFile, rule: RetentionRule) -> date | None:
    if case.closed_at is None:
        return None
    born = [date.fromisoformat(each.content["child"]["date_of_birth"]) for each in case.referrals]
    return kept_until(rule, closed=day_of(case.closed_at), born=born)


def _may_not(command: EraseCase, case: CaseFile, until: date | None, *, on: date) -> Refusal | None:
    if clean_reference(command.reference) != case.reference:
        return AnotherReference()
    if case.status is CaseStatus.ERASED:
        return AlreadyErased()
    if case.status is CaseStatus.OPEN:
        return CaseIsOpen()
    if command.version != case.version:
        return PreconditionFailed()
    return _does_not_allow(command.reason, until, on=on)


def _does_not_allow(reason: str, until: date | None, *, on: date) -> Refusal | None:
    reasons = {code: each for code, each in erasure_reasons().items() if each.since <= on}
    if reason not in reasons:
        return UnknownCode(f"Use one of: {', '.join(reasons)}.", pointer="/reason")
    if until is not None and until > on and not reasons[reason].overrides:
        return KeptLonger(until, [code for code, each in reasons.items() if each.overrides])
    return None


def _summary(each: Referral) -> Mapping[str, Any]:
    """Ids, codes and dates of a referral."""
    return {
        "referral_id": each.referral_id,
        "kind": each.kind,
        "organisation_id": each.organisation_id,
        "sector": each.sector,
        "status": each.status.value,
        "submitted_at": each.submitted_at.isoformat(),
        "basis": each.content["basis"]["kind"],
    }
