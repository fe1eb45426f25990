"""Names as they compare: without case, accents, apostrophes, hyphens or order, in any script.

Nothing here changes what is stored: a name is kept as its sender spelt it.
"""

import unicodedata
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Final

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
_PAIR: Final = 2


def words(name: str, *, ignored: Collection[str] = ()) -> tuple[str, ...]:
    """The words of a name, folded: "Zoë-Marie O'Brien" is `("zoe", "marie", "obrien")`.

    `ignored` words are left out unless nothing else is there.
    """
    folded = name.casefold() if name.isascii() else _fold(name)
    spaced = "".join("" if c in _JOINING else c if _is_letter(c) else " " for c in folded)
    every = tuple(spaced.split())
    return tuple(word for word in every if word not in ignored) or every


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
    if one == other:
        return 0
    if abs(len(one) - len(other)) > at_most:
        return None
    one, other = _apart(one, other)
    if at_most == 1:
        swapped = len(one) == len(other) == _PAIR and one == other[::-1]
        return 1 if swapped or max(len(one), len(other)) == 1 else None
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        current = [i] * (len(other) + 1)
        for j, b in enumerate(other, start=1):
            current[j] = min(row[j] + 1, current[j - 1] + 1, row[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                current[j] = min(current[j], before[j - 2] + 1)
        if min(current) > at_most:
            return None
        before, row = row, current
    return row[-1] if row[-1] <= at_most else None


def _digits(word: str) -> str:
    """Whoever numbers names means to tell them apart."""
    return "".join(c for c in word if c.isdigit())


def _apart(one: str, other: str) -> tuple[str, str]:
    """The two without what they begin and end with alike."""
    shorter = min(len(one), len(other))
    start = 0
    while start < shorter and one[start] == other[start]:
        start += 1
    end = 0
    while end < shorter - start and one[-1 - end] == other[-1 - end]:
        end += 1
    return one[start : len(one) - end], other[start : len(other) - end]


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
