"""What a person decides about who is who: whether two children are one, and referrals put into the right case."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.clock import new_id
from chassis.errors import NotFound, Refusal, TryAgain

from referral_api.domain.case_file import CaseFile
from referral_api.domain.lifecycle import CaseStatus
from referral_api.handlers import files
from referral_api.handlers.arriving import new_case
from referral_api.handlers.files import File
from referral_api.handlers.refusals import AlreadyDecided, AlreadyThere, CaseIsClosed, OnlyReferral
from referral_api.store import Tx
from referral_api.store.identities import Asked, NewQuestion

BY_A_PERSON = "person"
#: What the case that a referral is taken out of is told.
ENTERED_WRONGLY = "entered-wrongly"


@dataclass(frozen=True, slots=True)
class DecideMatch:
    """Whether two children that look alike are one."""

    match_id: str
    same: bool
    caller: Caller
    cause: Cause


@dataclass(frozen=True, slots=True)
class UnlinkReferral:
    """A referral does not concern the child of its case."""

    referral_id: str
    #: A code of `unlink-reasons`.
    reason: str
    intake: str
    caller: Caller
    cause: Cause


@dataclass(frozen=True, slots=True)
class LinkReferral:
    """A referral concerns the child of that case."""

    referral_id: str
    case_id: str
    caller: Caller
    cause: Cause


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of a question."""

    match_id: str
    status: str
    #: The open cases of the two children, or of the one that they turned out to be.
    case_ids: tuple[str, ...]


async def decide_matches(commands: Sequence[DecideMatch], tx: Tx) -> Sequence[Decided | Refusal]:
    """One child: the younger case's referrals join the older case. Two: nobody asks about them again."""
    return [await _decide(command, tx) for command in commands]


async def unlink_referrals(commands: Sequence[UnlinkReferral], tx: Tx) -> Sequence[File | Refusal]:
    """Take referrals out of cases of children they do not concern; each opens a case of its own."""
    known, _ = await _locked_with_children({command.referral_id for command in commands}, (), tx)
    outcomes: list[File | Refusal] = []
    opened: list[CaseFile] = []
    for command in commands:
        file = known.get(command.referral_id)
        refusal = _may_not_unlink(file)
        if refusal is not None or file is None:
            outcomes.append(refusal or files.nothing())
            continue
        former, referral = file.case, file.referral
        referral_child, (case_id, reference) = new_id(), await new_case(tx)
        former.release(referral, to_case_id=case_id, reason=command.reason, at=tx.now)
        referral.case_id, referral.child_id = case_id, referral_child
        case = CaseFile.opened(referral, reference=reference, intake=command.intake, at=tx.now, submitted=False)
        await _keep_apart(former.child_id, referral_child, tx)
        former.touched.add(referral.referral_id)
        opened.append(case)
        _tell([former, case], command, tx, action="unlinked", what_id=command.referral_id, case_id=case.case_id)
        outcomes.append(File(case, referral))
    await tx.cases.save(files.touched(known.values()))
    await tx.cases.add(opened)
    return outcomes


async def link_referrals(commands: Sequence[LinkReferral], tx: Tx) -> Sequence[File | Refusal]:
    """Put referrals into the cases that they belong to. A case that is left without any is merged."""
    targets = {command.case_id for command in commands}
    known, cases = await _locked_with_children({command.referral_id for command in commands}, targets, tx)
    outcomes: list[File | Refusal] = []
    for command in commands:
        file, target = known.get(command.referral_id), cases.get(command.case_id)
        refusal = _may_not_link(file, target)
        if refusal is not None or file is None or target is None:
            outcomes.append(refusal or files.nothing())
            continue
        _move(file.case, target, [file.referral.referral_id], tx)
        _tell([file.case, target], command, tx, action="linked", what_id=command.referral_id, case_id=target.case_id)
        outcomes.append(File(target, file.referral))
    await tx.cases.save([case for case in cases.values() if case.touched])
    return outcomes


async def _decide(command: DecideMatch, tx: Tx) -> Decided | Refusal:
    asked = (await tx.identities.questions([command.match_id])).get(command.match_id)
    if asked is None:
        return NotFound()
    children = (asked.child_id, asked.other_child_id)
    await tx.identities.lock(await tx.identities.prints_of(children))
    now_asked = (await tx.identities.questions([command.match_id])).get(command.match_id)
    if now_asked is None or (now_asked.child_id, now_asked.other_child_id) != children:
        raise TryAgain("children-merged")
    if now_asked.status != "open":
        return AlreadyDecided()
    cases = await tx.cases.locked(await tx.cases.of_children(children))
    status = "same" if command.same else "different"
    await tx.identities.decide(command.match_id, status, by=command.caller.subject, at=tx.now)
    if command.same:
        await _merge(asked, list(cases.values()), command, tx)
    _note(command, tx, action=f"found-{status}", what="possible-match", what_id=command.match_id)
    still_open = sorted(case.case_id for case in cases.values() if case.status is CaseStatus.OPEN)
    return Decided(command.match_id, status, tuple(still_open))


async def _merge(asked: Asked, cases: Sequence[CaseFile], command: DecideMatch, tx: Tx) -> None:
    """Everything of one child becomes the other's: the one whose open case is older stays."""
    still_open = sorted(
        (case for case in cases if case.status is CaseStatus.OPEN), key=lambda case: (case.opened_at, case.case_id)
    )
    stays = still_open[0].child_id if still_open else asked.child_id
    goes = asked.other_child_id if stays == asked.child_id else asked.child_id
    for case in still_open[1:]:
        _move(case, still_open[0], [each.referral_id for each in case.referrals], tx)
    for case in cases:
        case.child_id = stays
        for referral in case.referrals:
            if referral.child_id != stays:
                referral.child_id = stays
                case.touched.add(referral.referral_id)
    for case in still_open:
        for event in case.told():
            tx.emit(event, cause=command.cause)
    await tx.cases.save(cases)
    await tx.identities.merge(goes, stays)


def _move(source: CaseFile, target: CaseFile, referral_ids: Collection[str], tx: Tx) -> None:
    """Move referrals by a person's decision; a case that is left empty ends as merged."""
    for referral in [each for each in source.referrals if each.referral_id in referral_ids]:
        source.release(referral, to_case_id=target.case_id, reason=ENTERED_WRONGLY, at=tx.now)
        source.touched.add(referral.referral_id)
        target.take(referral, matched_by=BY_A_PERSON, at=tx.now, submitted=False)
    if not source.referrals and source.status is CaseStatus.OPEN:
        source.close(reason="merged", at=tx.now)


async def _keep_apart(child_id: str, other_child_id: str, tx: Tx) -> None:
    question = NewQuestion(
        match_id=new_id(),
        child_id=child_id,
        other_child_id=other_child_id,
        matched_by=BY_A_PERSON,
        weight=0,
        levels={},
    )
    await tx.identities.ask([question], at=tx.now, status="different")


async def _locked_with_children(
    referral_ids: Collection[str], case_ids: Collection[str], tx: Tx
) -> tuple[dict[str, File], dict[str, CaseFile]]:
    """These referrals and cases, locked, after everything by which their children could be met."""
    where = await tx.cases.of_referrals(referral_ids)
    wanted = {*where.values(), *case_ids}
    children = {case.child_id for case in (await tx.cases.load(wanted)).values()}
    await tx.identities.lock(await tx.identities.prints_of(children))
    cases = await tx.cases.locked(wanted)
    return files.found(where, cases), cases


def _may_not_unlink(file: File | None) -> Refusal | None:
    if file is None:
        return files.nothing()
    _still_there(file)
    if file.case.status is not CaseStatus.OPEN:
        return CaseIsClosed()
    return OnlyReferral() if len(file.case.referrals) == 1 else None


def _may_not_link(file: File | None, target: CaseFile | None) -> Refusal | None:
    if file is None or target is None:
        return files.nothing()
    _still_there(file)
    if file.case.case_id == target.case_id:
        return AlreadyThere()
    if target.status is CaseStatus.ERASED:
        return files.nothing()
    return CaseIsClosed() if CaseStatus.CLOSED in {file.case.status, target.status} else None


def _still_there(file: File) -> None:
    """Raises `TryAgain` when another command of the batch has moved the referral: each is then tried alone."""
    if file.referral.case_id != file.case.case_id:
        raise TryAgain("referral-moved")


def _tell(
    cases: Sequence[CaseFile],
    command: DecideMatch | UnlinkReferral | LinkReferral,
    tx: Tx,
    *,
    action: str,
    what_id: str,
    case_id: str,
) -> None:
    for case in cases:
        for event in case.told():
            tx.emit(event, cause=command.cause)
    _note(command, tx, action=action, what="referral", what_id=what_id, case_id=case_id)


def _note(
    command: DecideMatch | UnlinkReferral | LinkReferral,
    tx: Tx,
    *,
    action: str,
    what: str,
    what_id: str,
    case_id: str | None = None,
) -> None:
    tx.audit(
        action=action,
        what=what,
        what_id=what_id,
        caller=command.caller,
        case_id=case_id or None,
        correlation_id=command.cause.correlation_id,
    )
