"""Numbers that identify a child: the UPN (education only) and the NHS number, as people type them."""

import re
from typing import Final

#: Check letters of a UPN by remainder; no I, O or S, which people misread.
_UPN_LETTERS: Final = "ABCDEFGHJKLMNPQRTUVWXYZ"
_UPN_FORM: Final = re.compile(rf"[{_UPN_LETTERS}][0-9]{{11}}[0-9{_UPN_LETTERS}]")
_NHS_FORM: Final = re.compile(r"[0-9]{10}")
_NHS_INVALID_CHECK: Final = 10


def clean_upn(typed: str) -> str | None:
    """The UPN in its one form, or None when it is not one.

    The local authority inside it is not checked: authorities come and go, and a number outlives them.
    """
    upn = typed.strip().upper()
    if not _UPN_FORM.fullmatch(upn) or upn[0] != upn_check_letter(upn[1:]):
        return None
    return upn


def upn_check_letter(rest: str) -> str:
    """The letter that belongs before these twelve characters. A final letter counts as its index."""
    values = (int(c) if c.isdigit() else _UPN_LETTERS.index(c) for c in rest)
    total = sum(weight * value for weight, value in enumerate(values, start=2))
    return _UPN_LETTERS[total % len(_UPN_LETTERS)]


def is_temporary_upn(upn: str) -> bool:
    """Whether a school made this UPN for the time being: a child may have had several."""
    return upn[-1].isalpha()


def clean_nhs_number(typed: str) -> str | None:
    """The NHS number as ten digits without spaces, or None when it is not one."""
    number = re.sub(r"[ -]", "", typed.strip())
    if not number.isascii() or not _NHS_FORM.fullmatch(number):
        return None
    check = 11 - sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), number, strict=False)) % 11
    if check == _NHS_INVALID_CHECK:
        return None
    return number if int(number[9]) == check % 11 else None


def show_nhs_number(number: str) -> str:
    """As people read it out: 3-3-4."""
    return f"{number[:3]} {number[3:6]} {number[6:]}"
