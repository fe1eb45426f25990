"""Pounds as people write them, and the pence that everything else counts in."""

import re
from typing import Final

#: A thousand million pounds in pence is more than any county has: events carry no larger sum.
MOST_PENCE: Final = 10**12
_POUNDS: Final = re.compile(r"£? ?(?P<pounds>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,13})(?:\.(?P<pence>[0-9]{2}))?")


def pence_of(text: str) -> int | None:
    """The pence of an amount such as `12,500.00`; None when it is not one."""
    found = _POUNDS.fullmatch(text.strip())
    if found is None:
        return None
    pence = int(found["pounds"].replace(",", "")) * 100 + int(found["pence"] or 0)
    return pence if pence <= MOST_PENCE else None


def pounds(pence: int) -> str:
    """An amount as people and payment systems read it, without signs: `12500.00`."""
    sign = "-" if pence < 0 else ""
    return f"{sign}{abs(pence) // 100}.{abs(pence) % 100:02}"
