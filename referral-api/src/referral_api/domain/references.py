"""Case references: short, sayable, self-checking words that say nothing of the child or of the case's age."""

import hashlib
import uuid
from typing import Final

#: 23 characters, a prime number of them, so that the check finds every single slip and every swapped pair.
#: Without 0 O, 1 I L, S (5), Z (2), B (8), G (6), Q (9), U (V), and without vowels that would make words.
_ALPHABET: Final = "23456789CDFHJKMNPRTVWXY"
_LENGTH: Final = 8
_GROUP: Final = 3


def case_id_from(seed: str) -> str:
    """A case's id: a UUID (version 8) that, unlike its time-ordered seed, tells nobody when the case began.

    The answer to a second agency's referral carries it, and must not say whether the case is new.
    """
    digest = bytearray(hashlib.blake2b(seed.encode(), digest_size=16, person=b"case-id").digest())
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(digest)))


def reference_from(case_id: str, *, attempt: int = 0) -> str:
    """The reference of a case; another `attempt` gives another one, should the first be taken."""
    digest = hashlib.blake2b(f"{case_id}/{attempt}".encode(), digest_size=16, person=b"reference").digest()
    number = int.from_bytes(digest)
    characters = []
    for _ in range(_LENGTH):
        number, index = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[index])
    return _show("".join(characters) + _check("".join(characters)))


def clean_reference(typed: str) -> str | None:
    """A reference in its one form, or None when it cannot be one: somebody misread or mistyped it."""
    word = "".join(c for c in typed.upper() if c not in "- ")
    if len(word) != _LENGTH + 1 or not set(word) <= set(_ALPHABET) or word[-1] != _check(word[:-1]):
        return None
    return _show(word)


def _check(word: str) -> str:
    total = sum(weight * _ALPHABET.index(c) for weight, c in enumerate(word, start=2))
    return _ALPHABET[-total % len(_ALPHABET)]


def _show(word: str) -> str:
    return "-".join(word[i : i + _GROUP] for i in range(0, len(word), _GROUP))
