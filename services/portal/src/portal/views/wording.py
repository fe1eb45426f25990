"""Codes in words, by whichever registry knows them."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from schemas.codes import NoSuchCode, NoSuchRegistry, Registry, registries, registry

from portal.domain.words import plain


def label(code: Any, *names: str) -> str:
    """The code by the first of these registries that has it; else as it is, with spaces."""
    if code is None or code == "":
        return ""
    for name in names:
        try:
            return registry(name).label(str(code))
        except (NoSuchRegistry, NoSuchCode):
            continue
    return plain(code)


@cache
def registry_of(codes: tuple[str, ...]) -> Registry | None:
    """The registry that lists all of these codes, and the fewest others."""
    fitting = [each for each in registries().values() if set(codes) <= {entry.code for entry in each.entries}]
    return min(fitting, key=lambda each: len(each.entries), default=None)


def choices(codes: Sequence[str]) -> list[tuple[str, str]]:
    """(code, words) of a list of codes, for a form."""
    known = registry_of(tuple(codes))
    labels = {entry.code: entry.label for entry in known.entries} if known else {}
    return [(code, labels.get(code) or plain(code)) for code in codes]
