"""What people read: short sentences by case reference, with a handful of placeholders and nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from string import Formatter
from typing import Any, Final

#: All that a text may say of a case. Never who: no name, need, school or address has a placeholder.
PLACEHOLDERS: Final = frozenset({"reference", "due", "link"})
#: The inbox is read by people who have signed in and have their own way to the case.
_IN_APP: Final = PLACEHOLDERS - {"link"}
FALLBACK: Final = "en"


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
    """Every template in one language, and what stands around them."""

    language: str
    texts: Mapping[str, Text]
    letter: Letter
    #: Around a text message: `{line}` and `{link}`.
    sms: Letter = Letter("{line} {link}")
    #: Several messages at once: `{count}`.
    digest: Mapping[str, str] = field(default_factory=dict)
    #: Why somebody is told, by where the rule looks for people.
    why: Mapping[str, str] = field(default_factory=dict)
    #: Why nobody need mind any more.
    cleared: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, template: str) -> Text:
        return self.texts[template]

    def inbox(self, template: str, *, reference: str, due: date | None) -> str:
        """The line in the inbox."""
        return self.texts[template].line.format(reference=reference, due=plain_date(due, self.language))


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that a message tells of."""

    subject: str
    text: str
    #: Where it can be read on.
    link: str


@dataclass(frozen=True, slots=True)
class Content:
    """What a message says."""

    subject: str
    body: str
    #: Where it can be read on.
    link: str


def compose(texts: Texts, lines: Sequence[Line], *, work: str, short: bool) -> Content:
    """A message of one line or several: what happened to one case stands together. `work` is a link to all of it.

    Short ones say how much waits, and where.
    """
    if len(lines) == 1:
        [line] = lines
        frame = texts.sms if short else texts.letter
        return Content(line.subject, frame.text(line=line.text, link=line.link), line.link)
    subject = texts.digest["subject"].format(count=len(lines))
    if short:
        return Content(subject, texts.sms.text(line=texts.digest["line"].format(count=len(lines)), link=work), work)
    by_case: dict[str, list[str]] = {}
    for line in lines:
        said = by_case.setdefault(line.link, [])
        if line.text not in said:
            said.append(line.text)
    parts = ["\n".join([*(f"- {text}" for text in said), f"  {link}"]) for link, said in by_case.items()]
    return Content(subject, texts.letter.text(line="\n\n".join(parts), link=work), work)


def read_texts(data: Mapping[str, Any], language: str) -> Texts:
    """Texts from the parsed templates file; what a language lacks is in English. Raises `UnsafeText`."""

    def said(entry: Mapping[str, Any]) -> Any:
        return entry.get(language) or entry[FALLBACK]

    frame, sms, digest = said(data["letter"])["body"], said(data["sms"])["body"], said(data["digest"])
    _only("letter", frame, frozenset({"line", "link"}))
    _only("sms", sms, frozenset({"line", "link"}))
    for part in ("subject", "line"):
        _only("digest", digest[part], frozenset({"count"}))
    texts = {}
    for name, entry in data["templates"].items():
        text = Text(line=said(entry)["line"], subject=said(entry)["subject"])
        _only(name, text.line, _IN_APP)
        _only(name, text.subject, frozenset({"reference"}))
        if "\n" in text.subject or "\n" in text.line:
            raise UnsafeText(f"{name}: a subject and a line are one line each.")
        texts[name] = text
    return Texts(
        language,
        texts,
        Letter(frame),
        Letter(sms),
        digest,
        {name: said(entry) for name, entry in data["why"].items()},
        {name: said(entry) for name, entry in data["cleared"].items()},
    )


def _only(name: str, template: str, allowed: frozenset[str]) -> None:
    for _, placeholder, form, conversion in Formatter().parse(template):
        if placeholder is not None and (placeholder not in allowed or form or conversion):
            raise UnsafeText(f"{name}: {{{placeholder}}} is not one of {sorted(allowed)}.")


_MONTHS: Final[Mapping[str, tuple[str, ...]]] = {
    "en": (
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ),
    "pl": (
        "stycznia", "lutego", "marca", "kwietnia", "maja", "czerwca", "lipca", "sierpnia", "września", "października",
        "listopada", "grudnia",
    ),
}  # fmt: skip


def plain_date(day: date | None, language: str = "en") -> str:
    """`24 November 2026`; nothing for no date."""
    months = _MONTHS.get(language, _MONTHS[FALLBACK])
    return f"{day.day} {months[day.month - 1]} {day.year}" if day is not None else ""
