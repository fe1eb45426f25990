"""A sector's system fetches a case: checked at that moment, given no more than a rule lets out, told to the ledger."""

from dataclasses import dataclass
from typing import Any

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.errors import Refusal
from schemas.codes import registry
from schemas.referral import CaseDisclosed

from referral_api.domain.case_file import CaseFile
from referral_api.domain.disclosure import fitting, projected, standing_bases
from referral_api.domain.participation import present
from referral_api.domain.portrait import portrait, shown
from referral_api.domain.school_years import day_of
from referral_api.handlers import files
from referral_api.handlers.refusals import UnknownCode
from referral_api.policy import identifiers, sees_restricted_address
from referral_api.store import Tx
from referral_api.store.dated import disclosure_rules


@dataclass(frozen=True, slots=True)
class FetchCase:
    """A system asks for what its sector may know of a case."""

    case_id: str
    #: None: the one of who names none.
    purpose: str | None
    #: None: whichever fits.
    basis: str | None
    #: Whether it is the one county-wide system of its sector: then its sector must take part, not it itself.
    county_wide: bool
    caller: Caller
    cause: Cause


@dataclass(frozen=True, slots=True)
class Disclosed:
    """What was given, and why."""

    case: CaseFile
    purpose: str
    basis: str
    rule: str
    version: str
    given: dict[str, Any]


async def fetch_case(command: FetchCase, tx: Tx) -> Disclosed | Refusal:
    """What a rule lets out now; nobody ends a basis or a part in it meanwhile. What no rule lets out does not exist."""
    today, caller = day_of(tx.now), command.caller
    for name, code, codes in (
        ("purpose", command.purpose, registry("disclosure-purposes")),
        ("basis", command.basis, registry("basis-kinds")),
    ):
        if code is not None and not codes.valid(code, on=today):
            return UnknownCode(f"Use one of: {', '.join(codes.codes(on=today))}.", pointer=f"/query/{name}")
    case = (await tx.cases.locked([command.case_id])).get(command.case_id)
    if case is None or not _takes_part(command, case):
        return files.nothing()
    rules = disclosure_rules(today)
    purpose = command.purpose or rules.purpose
    found = fitting(
        rules.rules,
        sector=caller.sector,
        purpose=purpose,
        bases=standing_bases(case.referrals),
        basis=command.basis,
    )
    if found is None:
        return files.nothing()
    rule, basis = found
    tx.emit(
        CaseDisclosed(
            case_id=case.case_id,
            organisation_id=caller.organisation,
            sector=caller.sector,
            purpose=purpose,
            basis=basis,
        ),
        cause=command.cause,
    )
    tx.audit(
        action="disclosed",
        what="case",
        what_id=case.case_id,
        caller=caller,
        case_id=case.case_id,
        reason=f"{purpose}/{basis}/{rule.id}",
        correlation_id=command.cause.correlation_id,
    )
    return Disclosed(case, purpose, basis, rule.id, rules.version, projected(_document(case, caller), rule.fields))


def _takes_part(command: FetchCase, case: CaseFile) -> bool:
    caller = command.caller
    if caller.organisation in present(case.participants):
        return True
    return command.county_wide and any(each.sector == caller.sector for each in case.participants if each.until is None)


def _document(case: CaseFile, caller: Caller) -> dict[str, Any]:
    """Everything that any rule may let out of; numbers and whereabouts as far as the caller's sector gets them."""
    standing = [each for each in case.referrals if each.active] or case.referrals
    child = {
        **portrait(standing),
        "address_restricted": any(each.content["child"].get("address_restricted") for each in case.referrals),
    }
    child = shown(child, numbers=identifiers(caller), whereabouts=sees_restricted_address(caller, own=False))
    families = [each.content["family"] for each in standing if each.content.get("family")]
    language = next((each["interpreter_language"] for each in families if each.get("interpreter_language")), None)
    # A number that is another sector's is not there at all, rather than empty.
    hidden = {"nhs_number", "upn"} - identifiers(caller)
    return {
        "child": {name: value for name, value in child.items() if name not in hidden},
        "circumstances": case.circumstances.model_dump(mode="json", exclude={"home"}),
        "requested": sorted({asked for each in standing for asked in each.content["requested"]}),
        "family": {"interpreter_language": language},
        "assignment": {
            "state": case.assignment.state,
            "cluster_id": case.assignment.cluster_id,
            "organisation_id": case.assignment.organisation_id,
        },
        "participants": [each.model_dump(mode="json") for each in case.participants if each.until is None],
    }
