"""Referrals as they arrive: checked, then put into the case of their child; the answer does not say which case."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.errors import Refusal

from referral_api.domain.case_file import Referral
from referral_api.domain.content import Flaw, flaws, tidied
from referral_api.domain.school_years import day_of
from referral_api.handlers import arriving
from referral_api.handlers.arriving import Incoming
from referral_api.handlers.refusals import UnfitReferral
from referral_api.store import Tx
from referral_api.store.dated import identity_rules, limits


@dataclass(frozen=True, slots=True)
class SubmitReferral:
    """An agency asks for help for a child."""

    referral_id: str
    content: dict[str, Any]
    #: The organisation of the intake desk.
    intake: str
    caller: Caller
    cause: Cause


@dataclass(frozen=True, slots=True)
class Submitted:
    """A referral that was taken, and the case it belongs to."""

    referral: Referral
    reference: str
    #: Referrals of the same child by the same organisation that still ask for help.
    repeats: tuple[str, ...]


async def submit_referrals(commands: Sequence[SubmitReferral], tx: Tx) -> Sequence[Submitted | Refusal]:
    """Take a batch of referrals with a fixed number of statements.

    The answer says nothing of whether the child was known: a second agency must not learn it from a referral.
    """
    outcomes: dict[int, Submitted | Refusal] = {}
    fit: dict[int, Incoming] = {}
    rules = identity_rules(day_of(tx.now))
    for number, command in enumerate(commands):
        content, wrong = checked(command.content, tx)
        if wrong:
            outcomes[number] = UnfitReferral(wrong)
        else:
            fit[number] = Incoming(command.referral_id, content, command.intake, command.caller, command.cause, rules)
    incoming = list(fit.values())
    await arriving.lock(incoming, tx)
    for number, placed in zip(fit, await arriving.place(incoming, tx), strict=True):
        outcomes[number] = Submitted(placed.referral, placed.case.reference, placed.repeats)
    return [outcomes[number] for number in range(len(commands))]


def checked(content: dict[str, Any], tx: Tx) -> tuple[dict[str, Any], list[Flaw]]:
    """The content with identifiers in their one form, and what is wrong with it today."""
    today = day_of(tx.now)
    clean = tidied(content)
    return clean, flaws(clean, on=today, limits=limits(today))
