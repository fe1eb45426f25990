"""What a family may see and say by a link: stages in plain words, answers, and counts that identify nobody."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import pbkdf2_hmac, sha256
from hmac import compare_digest
from typing import Any, Final

from schemas.days import Calendar, school_year

#: Wrong guesses cost this much work each; the salt is every link's own.
_ROUNDS: Final = 600_000
#: What people may answer, by question.
ANSWERS: Final[Mapping[str, tuple[str, ...]]] = {
    "helped": ("yes", "no", "not-yet"),
    "listened": ("yes", "no", "in-part"),
}


@dataclass(frozen=True, slots=True)
class Stages:
    """The stages of a case, and their words in each language."""

    since: date
    #: Event type -> stage.
    events: Mapping[str, str]
    order: tuple[str, ...]
    words: Mapping[str, Mapping[str, str]]
    message: Mapping[str, Mapping[str, str]]
    letter: Mapping[str, str]
    link_for: timedelta
    attempts: int
    suppress_below: int

    def of(self, event: str, _day: date) -> str | None:
        """The stage that an event brings a case to."""
        return self.events.get(event)

    def said(self, language: str) -> Mapping[str, str]:
        """Stage -> words."""
        return self.words.get(language, self.words["en"])


def read_stages(data: Mapping[str, Any]) -> Stages:
    """The stages from the parsed data file."""
    return Stages(
        since=date.fromisoformat(data["since"]),
        events={event: stage["code"] for stage in data["stages"] for event in stage["events"]},
        order=tuple(stage["code"] for stage in data["stages"]),
        words=data["words"],
        message=data["message"],
        letter={language: entry["body"] for language, entry in data["letter"].items()},
        link_for=timedelta(days=data["link_days"]),
        attempts=int(data["attempts"]),
        suppress_below=int(data["suppress_below"]),
    )


def token_hash(token: str) -> bytes:
    """What is kept of a link's token; it is random, so that one round is enough."""
    return sha256(token.encode()).digest()


def fact_hash(fact: str, salt: bytes) -> bytes:
    """What is kept of a second fact. Slow on purpose: call it in a thread."""
    plain = "".join(fact.casefold().split())
    return pbkdf2_hmac("sha256", plain.encode(), salt, _ROUNDS)


def same(one: bytes, other: bytes) -> bool:
    """Whether two hashes are the same, in a time that says nothing."""
    return compare_digest(one, other)


@dataclass(frozen=True, slots=True)
class Given:
    """One answer, without whose."""

    cluster_id: str | None
    on: date
    question: str
    code: str


def term_name(calendar: Calendar, day: date) -> str:
    """The term around a day: its first day; in the holidays, the school year."""
    term = calendar.term_of(day)
    first, _ = school_year(day)
    return f"term from {term[0].isoformat()}" if term is not None else f"holidays of {first.year}-{first.year + 1}"


def summary(given: Iterable[Given], calendar: Calendar, *, below: int) -> list[dict[str, Any]]:
    """Answers counted by cluster, term and question.

    A group with fewer answers than `below` shows none of its counts. In a larger one, a count under `below` is hidden
    together with the next smallest, so that it cannot be worked out from the total.
    """
    groups: dict[tuple[str, str, str], Counter[str]] = {}
    for answer in given:
        key = (answer.cluster_id or "", term_name(calendar, answer.on), answer.question)
        groups.setdefault(key, Counter())[answer.code] += 1
    rows = []
    for (cluster_id, term, question), counts in sorted(groups.items()):
        total = counts.total()
        whole: dict[str, int | None] = {code: counts.get(code, 0) for code in ANSWERS[question]}
        shown = _suppressed(whole, below) if total >= below else dict.fromkeys(whole)
        rows.append(
            {
                "cluster_id": cluster_id or None,
                "term": term,
                "question": question,
                "answers": total if total >= below else None,
                "counts": shown,
            }
        )
    return rows


def _suppressed(counts: Mapping[str, int | None], below: int) -> dict[str, int | None]:
    small = [code for code, n in counts.items() if n is not None and 0 < n < below]
    hidden = set(small)
    if len(small) == 1:
        others = [(n or 0, code) for code, n in counts.items() if code not in hidden]
        # A zero hides nothing: whoever knows the total could subtract.
        hidden.add(min((o for o in others if o[0] > 0), default=min(others))[1])
    return {code: None if code in hidden else n for code, n in counts.items()}


def expires(at: datetime, stages: Stages) -> datetime:
    """When a link that is made now stops working."""
    return at + stages.link_for
