"""When a letter is tried again, and what a mail server's answer means: for this letter, or for the server."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final


class State(StrEnum):
    """Where a letter is. `waiting` includes being sent right now: only the last three are final."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    #: Nobody wants it any more: the person left or switched letters off, or the case was erased.
    DROPPED = "dropped"


class Stage(StrEnum):
    """How far a conversation with a mail server got."""

    CONNECT = "connect"
    HELLO = "hello"
    ENCRYPT = "encrypt"
    SIGN_IN = "sign-in"
    SENDER = "sender"
    RECIPIENT = "recipient"
    CONTENT = "content"


class Answer(StrEnum):
    """What an attempt came to."""

    ACCEPTED = "accepted"
    #: This letter will never be taken.
    REFUSED = "refused"
    #: This letter, later. It may even have arrived: the reply was lost.
    LATER = "later"
    #: The server takes nobody's letters now; no letter is to blame.
    SERVER_DOWN = "server-down"


#: What comes before the letter concerns the server and how we sign in, never the letter.
_BEFORE_THE_LETTER: Final = frozenset({Stage.CONNECT, Stage.HELLO, Stage.ENCRYPT, Stage.SIGN_IN, Stage.SENDER})
_CLOSING: Final = 421
#: A server that is back is noticed within this.
LONGEST_PAUSE_SECONDS: Final = 30.0
_FINAL_FROM: Final = 500


def meaning(stage: Stage, code: int | None) -> Answer:
    """What a reply at a stage means; `code` is None when the line was lost or nobody answered in time."""
    if stage is Stage.CONTENT and code is not None and 200 <= code < 300:  # noqa: PLR2004
        return Answer.ACCEPTED
    if stage in _BEFORE_THE_LETTER or code == _CLOSING:
        return Answer.SERVER_DOWN
    if code is not None and code >= _FINAL_FROM:
        return Answer.REFUSED
    return Answer.LATER


@dataclass(frozen=True, slots=True)
class Attempt:
    """What an attempt came to, and what the server said: the receipt."""

    answer: Answer
    stage: Stage
    code: int | None
    reply: str

    @property
    def reason(self) -> str:
        """Why a letter that ends with this attempt was not delivered, as a code."""
        return f"{self.stage}-refused" if self.answer is Answer.REFUSED else "gave-up"


@dataclass(slots=True)
class Breaker:
    """Keeps all letters from a server that is down; one at a time finds out whether it is back.

    Times are seconds that only go forward.
    """

    failures: int = 0
    shut_until: float = 0.0

    def lets_through(self, now: float) -> bool:
        """Whether a letter may be tried now. While the server is down, asking takes the one place that there is."""
        if self.failures == 0:
            return True
        if now < self.shut_until:
            return False
        self.shut_until = now + self._pause
        return True

    def note(self, answer: Answer, now: float) -> None:
        """Learn from an attempt."""
        if answer is not Answer.SERVER_DOWN:
            self.failures = 0
            return
        self.failures += 1
        self.shut_until = now + self._pause

    @property
    def _pause(self) -> float:
        return float(min(0.25 * 2 ** min(self.failures, 10), LONGEST_PAUSE_SECONDS))


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often a letter is tried, and for how long. Read from `data/post.json`."""

    delays: tuple[timedelta, ...]
    #: After a fault of the server: no later than this, so that a recovered server is noticed.
    server_delay: timedelta
    give_up_after: timedelta
    #: Up to this share of a delay is added, so that letters that failed together do not come back together.
    jitter: float
    #: A carrier that has said nothing more of a message is asked after this, and until that.
    ask_after: timedelta = timedelta(hours=1)
    ask_until: timedelta = timedelta(days=4)

    def next_try(
        self, letter_id: str, *, answer: Answer, attempts: int, asked_at: datetime, now: datetime
    ) -> datetime | None:
        """When to try again after `attempts` attempts; None: give up. Wall time, aware."""
        if answer is Answer.REFUSED:
            return None
        delay = self.delays[min(attempts, len(self.delays)) - 1]
        if answer is Answer.SERVER_DOWN:
            delay = min(delay, self.server_delay)
        at = now + delay * (1 + self.jitter * _share(letter_id, attempts))
        return at if at <= asked_at + self.give_up_after else None


def _share(letter_id: str, attempts: int) -> float:
    """A number in [0, 1) that differs between letters and attempts, the same every time it is asked."""
    return int.from_bytes(sha256(f"{letter_id}/{attempts}".encode()).digest()[:4]) / 2**32


def read_schedule(data: Mapping[str, Any]) -> Schedule:
    """The schedule from the parsed data file."""
    return Schedule(
        delays=tuple(timedelta(seconds=seconds) for seconds in data["delays_seconds"]),
        server_delay=timedelta(seconds=data["server_delay_seconds"]),
        give_up_after=timedelta(hours=data["give_up_after_hours"]),
        jitter=float(data["jitter"]),
        ask_after=timedelta(minutes=data["ask_after_minutes"]),
        ask_until=timedelta(hours=data["ask_until_hours"]),
    )


def reply_kept(reply: str, address: str, *, limit: int = 300) -> str:
    """A server's reply fit for keeping: one printable line without the address it often repeats."""
    one_line = " ".join("".join(c if c.isprintable() else " " for c in reply).split())
    return one_line.replace(address, "<recipient>")[:limit] if address else one_line[:limit]
