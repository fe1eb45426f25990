"""Tries a receiver of webhooks with everything that happens to one, and says in words what it did wrong."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from jointly_kit.golden import Event, journey, new_id, told_outside
from jointly_kit.sender import ANSWER_SECONDS, TOLERANCE_SECONDS, Answer, Sender
from jointly_kit.signing import Key

#: How often the receiver has done the work of the event with this id: 0, 1, or too often.
TimesDone = Callable[[str], int]
Complaints = Iterator[str]

_LOOK_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Finding:
    """One trial."""

    #: A stable word.
    trial: str
    #: What a receiver must do.
    must: str
    #: What this one did wrong; none when it did right.
    wrong: tuple[str, ...]

    @property
    def right(self) -> bool:
        """Whether the receiver did as it must."""
        return not self.wrong


@dataclass(frozen=True, slots=True)
class Report:
    """Every trial, in the order in which they were made."""

    url: str
    findings: tuple[Finding, ...]
    #: Whether somebody could say how often the work was done.
    observed: bool

    @property
    def right(self) -> bool:
        """Whether the receiver may be subscribed."""
        return all(finding.right for finding in self.findings)

    @property
    def wrong(self) -> tuple[str, ...]:
        """The trials that it did not stand."""
        return tuple(finding.trial for finding in self.findings if not finding.right)

    def __str__(self) -> str:
        """In words."""
        lines = []
        for finding in self.findings:
            lines.append(f"{'right' if finding.right else 'WRONG'}  {finding.trial}: {finding.must}")
            lines += [f"         {each}" for each in finding.wrong]
        if not self.observed:
            lines.append(
                "Not looked at: whether a duplicate is done once. Say how often an event was done (times_done)."
            )
        bad = len(self.wrong)
        lines.append(f"{self.url}: {bad} of {len(self.findings)} wrong." if bad else f"{self.url}: all as it must be.")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Bench:
    """What a trial works with."""

    sender: Sender
    times_done: TimesDone | None
    patience: float

    def done(self, event: Event, *, once: str) -> Complaints:
        """Complain unless its work is done just once. It may be done after the answer: that is waited for."""
        if self.times_done is None:
            return
        until = time.monotonic() + self.patience
        while (times := self.times_done(event["id"])) == 0 and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
        if times != 1:
            yield f"{once}, and was done {_times(times)}."

    def not_done(self, event: Event, what: str) -> Complaints:
        """Complain if it was done at all."""
        if self.times_done is not None and (times := self.times_done(event["id"])):
            yield f"{what} was done {_times(times)}."


Trial = Callable[[Bench], Complaints]
_TRIALS: dict[str, tuple[str, Trial]] = {}


def _trial(name: str, must: str) -> Callable[[Trial], Trial]:
    def keep(trial: Trial) -> Trial:
        _TRIALS[name] = (must, trial)
        return trial

    return keep


def check_receiver(
    url: str,
    secret: str | Key,
    *,
    times_done: TimesDone | None = None,
    only: Sequence[str] = (),
    answer_seconds: float = ANSWER_SECONDS,
    patience: float = 5.0,
) -> Report:
    """Make every trial (or `only` some). `secret` is what the receiver's subscription has: `whsec_…`, or `whsk_…`.

    `times_done` tells how often the work of an event was done; without it duplicates are judged by the answers alone.
    Every event has a fresh id and is about no real case.
    """
    if unknown := set(only) - set(_TRIALS):
        raise KeyError(f"No such trial: {', '.join(sorted(unknown))}.")
    chosen = {name: each for name, each in _TRIALS.items() if not only or name in only}
    with Sender(url, secret, answer_seconds=answer_seconds) as sender:
        bench = Bench(sender, times_done, patience)
        findings = tuple(Finding(name, must, tuple(trial(bench))) for name, (must, trial) in chosen.items())
    return Report(url, findings, times_done is not None)


def trials() -> dict[str, str]:
    """Every trial with what a receiver must do."""
    return {name: must for name, (must, _) in _TRIALS.items()}


def _an_event(kind: str = "jointly.case.assigned.v1") -> Event:
    return told_outside([kind])[0].told(id=new_id(), subject=new_id())


def _must_take(answer: Answer, what: str) -> Complaints:
    if not answer.took:
        yield f"{what}: it {answer}, not 2xx."


def _must_refuse(bench: Bench, event: Event, answer: Answer, what: str) -> Complaints:
    if not answer.refused:
        why = {410: " (410 ends the subscription)"}.get(answer.status or 0, "")
        yield f"{what}: it {answer}{why}, not 4xx."
    yield from bench.not_done(event, what)


def _times(times: int) -> str:
    return {0: "not at all", 1: "once", 2: "twice"}.get(times, f"{times} times")


@_trial("valid", "takes an event of every type with 2xx within the time, and does its work")
def _valid(bench: Bench) -> Complaints:
    events = [one.told(id=new_id(), subject=new_id()) for one in told_outside()]
    for event in events:
        yield from _must_take(bench.sender.valid(event), event["type"])
    for event in events[:3]:
        yield from bench.done(event, once=f"{event['type']} was sent once")


@_trial("bytes-as-sent", "verifies the bytes that came, not what it would write itself")
def _bytes_as_sent(bench: Bench) -> Complaints:
    event = _an_event()
    answer = bench.sender.valid(event, body=json.dumps(event, indent=1).encode())
    yield from _must_take(answer, "The same JSON with other white space, rightly signed")


@_trial("duplicate", "answers 2xx to an event that it has, and does not do it twice")
def _duplicate(bench: Bench) -> Complaints:
    event = _an_event()
    yield from _must_take(bench.sender.valid(event), "An event")
    yield from _must_take(bench.sender.valid(event), "The same event again, signed anew")
    for answer in bench.sender.replayed(event):
        yield from _must_take(answer, "The same request again")
    yield from bench.done(event, once="One event was sent four times")


@_trial("duplicate-later", "knows an event again after others came in between")
def _duplicate_later(bench: Bench) -> Complaints:
    events = journey(told_outside()[:12])
    for event in events:
        yield from _must_take(bench.sender.valid(event), event["type"])
    yield from _must_take(bench.sender.valid(events[0]), "The first again")
    yield from bench.done(events[0], once="An event was sent twice, eleven others in between")


@_trial("duplicate-at-once", "does an event once that comes twice at the same moment")
def _duplicate_at_once(bench: Bench) -> Complaints:
    event = _an_event()
    with ThreadPoolExecutor(4) as several:
        answers = list(several.map(bench.sender.valid, [event] * 4))
    if not any(answer.took for answer in answers):
        yield f"None of four was taken: it {answers[0]}."
    yield from bench.done(event, once="One event was sent four times at once")


@_trial("replay", "takes an event that is marked as a replay, and does not do it twice")
def _replay(bench: Bench) -> Complaints:
    event = _an_event()
    marked = {name: value for name, value in event.items() if name != "data"} | {"replay": True, "data": event["data"]}
    yield from _must_take(bench.sender.valid(event), "An event")
    yield from _must_take(bench.sender.valid(marked), "Its replay")
    yield from bench.done(event, once="An event was sent, and replayed once")


@_trial("tampered", "refuses a body or an id that was changed after it was signed")
def _tampered(bench: Bench) -> Complaints:
    event = _an_event()
    yield from _must_refuse(bench, event, bench.sender.tampered(event), "A changed body")
    event, other = _an_event(), new_id()
    yield from _must_refuse(bench, event, bench.sender.under_another_id(event, other), "A changed id")
    yield from bench.not_done({"id": other}, "A changed id")


@_trial("wrong-signature", "refuses a signature by a key that it does not know")
def _wrong_signature(bench: Bench) -> Complaints:
    event = _an_event()
    yield from _must_refuse(bench, event, bench.sender.wrongly_signed(event), "Another's signature")


@_trial("unsigned", "refuses what lacks its id, its timestamp or its signature")
def _unsigned(bench: Bench) -> Complaints:
    for header in ("webhook-signature", "webhook-timestamp", "webhook-id"):
        event = _an_event()
        yield from _must_refuse(bench, event, bench.sender.without(event, header), f"No {header}")


@_trial("old", "refuses a timestamp more than five minutes away from now")
def _old(bench: Bench) -> Complaints:
    for seconds, what in ((-2, "Signed ten minutes ago"), (2, "Signed ten minutes from now")):
        event = _an_event()
        answer = bench.sender.at(event, seconds_from_now=seconds * TOLERANCE_SECONDS)
        yield from _must_refuse(bench, event, answer, what)


@_trial("forgery-first", "takes the true event after it has refused a forgery under the same id")
def _forgery_first(bench: Bench) -> Complaints:
    event = _an_event()
    bench.sender.wrongly_signed(event)
    yield from _must_take(bench.sender.valid(event), "The true event after a forgery of it")
    yield from bench.done(event, once="The true event was sent after a forgery of it")


@_trial("rotated", "takes what two keys signed, of which it knows one")
def _rotated(bench: Bench) -> Complaints:
    yield from _must_take(bench.sender.rotated(_an_event()), "Signed by another key and by its own")
    other = Key.new(shared=not bench.sender.key.shared)
    answer = bench.sender.rotated(_an_event(), other=other)
    yield from _must_take(answer, "Signed in a way that it may not know, and by its own key")


@_trial("interleaved", "takes several cases mixed, each in its order")
def _interleaved(bench: Bench) -> Complaints:
    cases = [journey(told_outside()[:8]) for _ in range(4)]
    for event, answer in bench.sender.interleaved(cases, seed=1):
        yield from _must_take(answer, f"{event['type']}, number {event['subjectsequence']} of its case")


@_trial("out-of-order", "does not count on any order between cases")
def _out_of_order(bench: Bench) -> Complaints:
    now = datetime.now(UTC)  # noqa: TID251  the kit stands on the contracts alone
    for hours, what in ((0, "An event of now"), (48, "Another case's event of two days ago, after it")):
        event = told_outside(["jointly.case.assigned.v1"])[0].told(
            id=new_id(), subject=new_id(), time=now - timedelta(hours=hours)
        )
        yield from _must_take(bench.sender.valid(event), what)
        yield from bench.done(event, once=f"{what} was sent once")


@_trial("unknown-type", "answers 2xx to a type that it does not know, and passes over it")
def _unknown_type(bench: Bench) -> Complaints:
    event = {**_an_event(), "type": "jointly.case.something-new.v1"}
    event["dataschema"] = "https://schemas.jointly.example/feeds/jointly.case.something-new.v1.json"
    yield from _must_take(bench.sender.valid(event), "A type that is newer than the receiver")


@_trial("unknown-fields", "passes over fields that it does not know")
def _unknown_fields(bench: Bench) -> Complaints:
    event = _an_event()
    event["data"] = {**event["data"], "something_new": {"code": "x"}}
    yield from _must_take(bench.sender.valid(event), "A new field in the data")
    event = {"laterattribute": "x", **_an_event()}
    yield from _must_take(bench.sender.valid(event), "A new attribute of the envelope")


@_trial("left-out-fields", "takes an event whose fields were left out, all but what it is about")
def _left_out_fields(bench: Bench) -> Complaints:
    event = _an_event()
    event["data"] = {"case_id": event["subject"]}
    yield from _must_take(bench.sender.valid(event), "Data of which a sharing rule lets only the case's id out")
