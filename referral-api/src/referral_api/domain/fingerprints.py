"""Keys under which descriptions of one child meet, however spelt: what is looked up, and locked first.

Two descriptions that share no fingerprint are never compared, so every rule of `identity` that may link needs
one that survives the differences the rule forgives.
"""

import hashlib
from collections.abc import Iterator
from datetime import date

from referral_api.domain import names, postcodes
from referral_api.domain.identity import Described

#: Words of a family name that stand alone in some systems and join the next word in others.
_SHORT_WORD = 3


def fingerprints(described: Described) -> tuple[int, ...]:
    """Signed 64-bit numbers, sorted, without repeats. They never leave the tables."""
    return tuple(sorted({_number(key) for key in _keys(described)}))


def of_number(kind: str, value: str) -> int:
    """The fingerprint of a number in its one form; the kind is nhs or upn."""
    return _number(f"{kind}/{value}")


def _keys(described: Described) -> Iterator[str]:
    child = described.child
    if child.nhs_number:
        yield f"nhs/{child.nhs_number}"
    if child.upn:
        yield f"upn/{child.upn}"
    given, family = _given_sounds(described), _family_sounds(described)
    at_home = child.postcode if child.postcode and not postcodes.is_stand_in(child.postcode) else None
    if child.date_of_birth:
        # Either name with the day of birth: survives a misspelt or changed other name, names in the wrong
        # order, and day and month swapped.
        day = _any_order(child.date_of_birth)
        for sound in given | family:
            yield f"day/{day}/{sound}"
        if at_home:
            # Survives two misspelt names.
            yield f"day/{day}/{at_home}"
    if given and family:
        # Both names survive a wrong date of birth: with the right year, the home or the school.
        both = "+".join(sorted({min(given), min(family)}))
        if child.date_of_birth:
            yield f"names/{both}/{child.date_of_birth.year}"
        if at_home:
            yield f"names/{both}/{at_home}"
        if child.school_urn:
            yield f"names/{both}/{child.school_urn}"


def _any_order(day: date) -> str:
    return "/".join(map(str, (day.year, *sorted((day.day, day.month)))))


def _given_sounds(described: Described) -> set[str]:
    return {names.sound(described.given[0])} if described.given else set()


def _family_sounds(described: Described) -> set[str]:
    words = described.family
    sounds = {names.sound(word) for word in words if len(word) >= _SHORT_WORD or not word.isascii()}
    if len(words) != 1 or not sounds:
        sounds.add(names.sound(names.joined(words)))
    return sounds - {"0000", ""}


def _number(key: str) -> int:
    digest = hashlib.blake2b(key.encode(), digest_size=8, person=b"fingerprint").digest()
    return int.from_bytes(digest, signed=True)
