"""What a case rests on: bases come with referrals and end; what rests on one that ended goes on on nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from chassis.errors import Conflict


class BasisWithdrawn(Conflict):
    """What it rested on was withdrawn: nothing more is asked, shared or agreed on it."""

    code = "basis-withdrawn"


@dataclass(frozen=True, slots=True)
class Basis:
    """A basis for sharing as a referral recorded it."""

    kind: str
    ended_on: date | None = None


def check_stands(ended_on: date | None) -> None:
    """Raises `BasisWithdrawn`."""
    if ended_on is not None:
        raise BasisWithdrawn(f"Its basis was withdrawn on {ended_on}. Record another basis first.")


def ended_on(bases: Sequence[Basis], kind: str | None = None) -> date | None:
    """Since when none of a case's bases, or of one kind, stands; None while one does, or none was ever told."""
    wanted = [basis for basis in bases if kind in {None, basis.kind}]
    days = [basis.ended_on for basis in wanted if basis.ended_on is not None]
    return max(days) if days and len(days) == len(wanted) else None
