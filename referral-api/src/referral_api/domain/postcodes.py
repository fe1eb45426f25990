"""Postcodes as people type them: their one form, and the larger areas that they lie in."""

import re
from typing import Final

_FORM: Final = re.compile(r"(GIR|[A-Z]{1,2}[0-9][0-9A-Z]?)([0-9][ABD-HJLNP-UW-Z]{2})|(ZZ99)(3[A-Z]{2})")
#: Stand-ins that health and social care systems send instead of an address: no fixed abode, and not known.
NO_FIXED_ABODE: Final = "ZZ99 3VZ"
_STAND_IN_AREA: Final = "ZZ"


def clean_postcode(typed: str) -> str | None:
    """`GL1 4AW`, or None when it has not the form of a postcode. Whether it exists is another question."""
    found = _FORM.fullmatch(re.sub(r"\s+", "", typed).upper())
    return " ".join(part for part in found.groups() if part) if found else None


def is_stand_in(postcode: str) -> bool:
    """Whether this says that there is no address to give, rather than naming one."""
    return postcode.startswith(_STAND_IN_AREA)


def district(postcode: str) -> str:
    """The part before the space: `GL1`."""
    return postcode.partition(" ")[0]


def sector(postcode: str) -> str:
    """District and first digit, a few thousand homes: `GL1 4`."""
    return postcode[:-2]
