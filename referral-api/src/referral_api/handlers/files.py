"""Finding a referral with its case, locked, and whether the caller may know of it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from chassis.errors import NotFound, TryAgain

from referral_api.domain.case_file import CaseFile, Referral
from referral_api.policy import Viewer, works_case
from referral_api.store import Tx


@dataclass(frozen=True, slots=True)
class File:
    """A referral and the case it belongs to."""

    case: CaseFile
    referral: Referral

    def is_of(self, viewer: Viewer) -> bool:
        """Whether the viewer's organisation sent it."""
        return self.referral.organisation_id == viewer.organisation

    def is_worked_by(self, viewer: Viewer) -> bool:
        """Whether the viewer works the case."""
        return works_case(viewer, self.case.participants, self.case.assignment.cluster_id)

    def exists_for(self, viewer: Viewer) -> bool:
        """Whether the viewer may know that it exists."""
        return self.is_of(viewer) or self.is_worked_by(viewer)


async def locked(referral_ids: Collection[str], tx: Tx) -> dict[str, File]:
    """These referrals, as far as there are any, kept from everybody else.

    Raises `TryAgain` when one was moved to another case in the meantime: what was locked is not what is needed.
    """
    where = await tx.cases.of_referrals(referral_ids)
    return found(where, await tx.cases.locked(set(where.values())))


async def read(referral_ids: Collection[str], tx: Tx) -> dict[str, File]:
    """These referrals as of now, not kept from anybody: to look, not to change."""
    where = await tx.cases.of_referrals(referral_ids)
    return found(where, await tx.cases.load(set(where.values())))


def found(where: Mapping[str, str], cases: Mapping[str, CaseFile]) -> dict[str, File]:
    """Each referral in the case that it was said to be in. Raises `TryAgain`."""
    files = {}
    for referral_id, case_id in where.items():
        case = cases[case_id]
        referral = next((each for each in case.referrals if each.referral_id == referral_id), None)
        if referral is None:
            raise TryAgain("referral-moved")
        files[referral_id] = File(case, referral)
    return files


def touched(known: Iterable[File]) -> list[CaseFile]:
    """The cases among these that differ from what is kept, each once."""
    return list({file.case.case_id: file.case for file in known if file.case.touched}.values())


def nothing() -> NotFound:
    """The one answer for what does not exist and for what the caller may not know of."""
    return NotFound()
