"""Reading a child outside one's team: whoever says why may, for a while, and everybody can see that they did."""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.errors import Refusal

from referral_api.domain.case_file import CaseFile
from referral_api.domain.lifecycle import CaseStatus
from referral_api.domain.participation import present
from referral_api.domain.references import clean_reference
from referral_api.domain.school_years import day_of
from referral_api.handlers import files
from referral_api.handlers.refusals import SeenAlready, UnknownCode
from referral_api.policy import may_ask_to_see, sees_case
from referral_api.store import Tx
from referral_api.store.dated import access_lasts, access_reasons
from referral_api.store.grants import Grant


@dataclass(frozen=True, slots=True)
class AskToSee:
    """Somebody outside the team has to read a case."""

    request_id: str
    #: The case, by its id or its reference.
    named: str
    #: As typed: who asks knows of the case, and does not guess.
    reference: str
    reason: str
    note: str | None
    caller: Caller
    cause: Cause


async def ask_to_see(commands: Sequence[AskToSee], tx: Tx) -> Sequence[Grant | Refusal]:
    """Let those read who may ask. For everybody else, and for who cannot name its reference, there is no such case."""
    typed = {clean_reference(command.reference) or "" for command in commands}
    cases = {case.reference: case for case in (await tx.cases.locked(await _ids(typed, tx))).values()}
    leads = await tx.names.leads({command.caller.organisation for command in commands})
    until = tx.now + access_lasts(day_of(tx.now))
    outcomes: list[Grant | Refusal] = []
    for command in commands:
        caller, case = command.caller, cases.get(clean_reference(command.reference) or "")
        refusal = _may_not(command, case, tx, leads_a_cluster=caller.organisation in leads)
        if refusal is not None or case is None:
            outcomes.append(refusal or files.nothing())
            continue
        outcomes.append(
            Grant(
                request_id=command.request_id,
                case_id=case.case_id,
                subject=caller.subject,
                organisation_id=caller.organisation,
                reason=command.reason,
                note=command.note,
                asked_at=tx.now,
                until=until,
            )
        )
        tx.audit(
            action="access-given",
            what="case",
            what_id=case.case_id,
            caller=caller,
            case_id=case.case_id,
            reason=command.reason,
            correlation_id=command.cause.correlation_id,
        )
    await tx.grants.add([each for each in outcomes if isinstance(each, Grant)])
    return outcomes


async def _ids(references: set[str], tx: Tx) -> list[str]:
    return list((await tx.cases.of_references(references)).values())


def _may_not(command: AskToSee, case: CaseFile | None, tx: Tx, *, leads_a_cluster: bool) -> Refusal | None:
    today = day_of(tx.now)
    known = [code for code, each in access_reasons().items() if each.since <= today]
    if command.reason not in known:
        return UnknownCode(f"Use one of: {', '.join(known)}.", pointer="/reason")
    if case is None or case.status is CaseStatus.ERASED or command.named not in {case.case_id, case.reference}:
        return files.nothing()
    if sees_case(command.caller, present(case.participants), case.assignment.cluster_id):
        return SeenAlready()
    return None if may_ask_to_see(command.caller, leads_a_cluster=leads_a_cluster) else files.nothing()
