"""Names as they compare: without case, accents, apostrophes, hyphens or order, in any script.

Nothing here changes what is stored: a name is kept as its sender spelt it.
"""

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from rapidfuzz.distance import OSA

#: Letters that no decomposition takes apart.
_APART: Final = str.maketrans(
    {
        "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "\u0131": "i", "ŋ": "n",
        "ħ": "h", "ŧ": "t", "ə": "e",
    }
)  # fmt: skip
#: Apostrophes and full stops join what they stand between: O'Brien is one word. Everything else that is not a
#: letter, mark or digit parts words.
_JOINING: Final = frozenset("'`.\u2019\u2018\u02bc\u02bb\u00b4\u2032\uff07\u00ad\u200b\u200c\u200d\u2060\ufeff")
#: Scripts whose marks are accents or optional vowels. Elsewhere a mark is part of the word, as a vowel is.
_SCRIPTS_WITH_ACCENTS: Final = frozenset({"LATIN", "GREEK", "CYRILLIC", "ARABIC", "HEBREW"})
_SOUNDS: Final = {
    **dict.fromkeys("bfpv", "1"), **dict.fromkeys("cgjkqsxz", "2"), **dict.fromkeys("dt", "3"),
    "l": "4", **dict.fromkeys("mn", "5"), "r": "6",
}  # fmt: skip
_SOUND_LENGTH: Final = 4
#: Words shorter than this sound like too many others, and one slip makes another name of them.
_SHORT: Final = 4
_LONG: Final = 8


def words(name: str, *, ignored: Collection[str] = ()) -> tuple[str, ...]:
    """The words of a name, folded: "Zoë-Marie O'Brien" is `("zoe", "marie", "obrien")`.

    `ignored` words are left out unless nothing else is there.
    """
    folded = name.casefold() if name.isascii() else _fold(name)
    spaced = "".join("" if c in _JOINING else c if _is_letter(c) else " " for c in folded)
    every = tuple(spaced.split())
    return tuple(word for word in every if word not in ignored) or every


def search_words(child: Mapping[str, Any]) -> tuple[str, ...]:
    """What a child is found by: the folded words of both names, and each name's written as one."""
    parts = [words(child["given_name"]), words(child["family_name"])]
    return tuple(sorted({*(word for each in parts for word in each), *(joined(each) for each in parts if each)}))


@lru_cache(maxsize=16_384)
def sound(word: str) -> str:
    """How a Latin word begins to sound (American Soundex); a word of another script is its own sound."""
    if not word.isascii():
        return word[:_LONG]
    code, previous = word[:1], _SOUNDS.get(word[:1], "")
    for letter in word[1:]:
        current = _SOUNDS.get(letter, "")
        if current and current != previous:
            code += current
            if len(code) == _SOUND_LENGTH:
                return code
        # h and w do not part two letters of one sound, vowels do.
        if letter not in "hw":
            previous = current
    return code.ljust(_SOUND_LENGTH, "0")


def nearly(one: str, other: str) -> bool:
    """Whether one word may be the other misspelt: a slip of a key (two in a long word), or the same sound."""
    longest = max(len(one), len(other))
    if longest < _SHORT or _digits(one) != _digits(other):
        return False
    if slips(one, other, at_most=2 if longest >= _LONG else 1) is not None:
        return True
    return min(len(one), len(other)) >= _SHORT and one.isascii() and sound(one) == sound(other)


def slips(one: str, other: str, *, at_most: int) -> int | None:
    """How many letters were added, left out, replaced or swapped with a neighbour; None beyond `at_most`."""
    distance = OSA.distance(one, other, score_cutoff=at_most)
    return distance if distance <= at_most else None


def _digits(word: str) -> str:
    """Whoever numbers names means to tell them apart."""
    return "".join(c for c in word if c.isdigit())


def joined(parts: Sequence[str]) -> str:
    """The words written as one: what "Anne-Marie", "Anne Marie" and "Annemarie" have in common."""
    return "".join(parts)


def _fold(name: str) -> str:
    letters: list[str] = []
    base = ""
    for c in unicodedata.normalize("NFKD", name.casefold()):
        if unicodedata.combining(c):
            if _has_accents(base):
                continue
        else:
            base = c
        letters.append(c)
    return unicodedata.normalize("NFC", "".join(letters).casefold().translate(_APART))


@lru_cache(maxsize=4096)
def _has_accents(letter: str) -> bool:
    return unicodedata.name(letter, "").partition(" ")[0] in _SCRIPTS_WITH_ACCENTS if letter else False


@lru_cache(maxsize=4096)
def _is_letter(c: str) -> bool:
    return unicodedata.category(c)[0] in "LMN"
