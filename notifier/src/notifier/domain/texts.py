"""What people read: short sentences by case reference, with a handful of placeholders and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from string import Formatter
from typing import Any, Final

#: All that a text may say of a case. Never who: no name, need, school or address has a placeholder.
PLACEHOLDERS: Final = frozenset({"reference", "due", "link"})
#: The inbox is read by people who have signed in and have their own way to the case.
_IN_APP: Final = PLACEHOLDERS - {"link"}


class UnsafeText(ValueError):
    """A text asks for more than a message may say."""


@dataclass(frozen=True, slots=True)
class Text:
    """One template in one language."""

    #: The line in the inbox, and the first line of the letter.
    line: str
    subject: str

    def inbox(self, *, reference: str, due: date | None) -> str:
        """What the person reads in the inbox."""
        return self.line.format(reference=reference, due=plain_date(due))

    def title(self, *, reference: str) -> str:
        """The subject of the letter."""
        return self.subject.format(reference=reference)


@dataclass(frozen=True, slots=True)
class Letter:
    """What stands around every line that leaves by e-mail; `{line}` and `{link}` are filled in."""

    body: str

    def text(self, *, line: str, link: str) -> str:
        """The whole letter as plain text."""
        return self.body.format(line=line, link=link)


@dataclass(frozen=True, slots=True)
class Texts:
    """Every template in one language, and the letter's frame."""

    language: str
    texts: Mapping[str, Text]
    letter: Letter

    def __getitem__(self, template: str) -> Text:
        return self.texts[template]


def read_texts(data: Mapping[str, Any], language: str) -> Texts:
    """Texts from the parsed templates file. Raises `UnsafeText`, naming the template."""
    frame = data["letter"][language]["body"]
    _only("letter", frame, frozenset({"line", "link"}))
    texts = {}
    for name, entry in data["templates"].items():
        text = Text(line=entry[language]["line"], subject=entry[language]["subject"])
        _only(name, text.line, _IN_APP)
        _only(name, text.subject, frozenset({"reference"}))
        if "\n" in text.subject or "\n" in text.line:
            raise UnsafeText(f"{name}: a subject and a line are one line each.")
        texts[name] = text
    return Texts(language, texts, Letter(frame))


def _only(name: str, template: str, allowed: frozenset[str]) -> None:
    for _, placeholder, form, conversion in Formatter().parse(template):
        if placeholder is not None and (placeholder not in allowed or form or conversion):
            raise UnsafeText(f"{name}: {{{placeholder}}} is not one of {sorted(allowed)}.")


def plain_date(day: date | None) -> str:
    """`24 November 2026`; nothing for no date."""
    return f"{day.day} {day:%B %Y}" if day is not None else ""
