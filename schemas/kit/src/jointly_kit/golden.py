"""Golden events: some of every type and version there is, as the house says them and as they are told outside."""

import random
import secrets
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from schemas.contracts import every_event, leaves
from schemas.envelope import Envelope
from schemas.export import HOME, read_examples
from schemas.projection import projected_dataschema

#: An event as a JSON object: structured CloudEvents.
Event = dict[str, Any]

SOURCE: Final = "/exchange/subscriptions/golden"
#: Inside an installed kit; in a source tree the events are read where they are written.
_PACKED: Final = Path(__file__).parent / "golden"


@dataclass(frozen=True, slots=True)
class Golden:
    """One event that was written by hand, checked against its contract, and is plainly about nobody."""

    type: str
    #: What happens in it, in a few words: the name of its file.
    name: str
    #: As the house says it to itself.
    said: Mapping[str, Any]
    #: Whether events of this type are ever told outside.
    leaves: bool
    #: The field of the data that holds the subject.
    subject_field: str

    def told(
        self,
        *,
        source: str = SOURCE,
        sequence: int = 1,
        id: str | None = None,
        subject: str | None = None,
        time: datetime | None = None,
        replay: bool = False,
    ) -> Event:
        """The event as a subscriber gets it: counted by its own stream, with the schema of what is told outside.

        Without `id` and `subject` they are those of the golden event.
        """
        said = Envelope.from_structured(self.said)
        event = replace(
            said,
            source=source,
            subjectsequence=sequence,
            dataschema=projected_dataschema(said.type),
            id=id or said.id,
            subject=subject or said.subject,
            time=time or said.time,
        ).to_structured()
        data = {**event.pop("data"), self.subject_field: event["subject"]}
        # Marked only where it is one, and before the data: as the exchange writes it.
        return {**event, **({"replay": True} if replay else {}), "data": data}


@cache
def golden() -> tuple[Golden, ...]:
    """Every golden event, by type and name."""
    kinds = every_event()
    folder = _PACKED if _PACKED.is_dir() else HOME / "examples"
    names = {kind: [path.stem for path in sorted((folder / kind).glob("*.json"))] for kind in kinds}
    return tuple(
        Golden(kind, name, said, leaves(kinds[kind]), kinds[kind].subject_field)
        for kind, documents in read_examples(folder).items()
        for name, said in zip(names[kind], documents, strict=True)
    )


def told_outside(types: Iterable[str] | None = None) -> tuple[Golden, ...]:
    """Those that may be told outside, of these types or of all. Raises `KeyError` for a type that is never told."""
    ours = tuple(one for one in golden() if one.leaves)
    if types is None:
        return ours
    wanted = set(types)
    if unknown := wanted - {one.type for one in ours}:
        raise KeyError(f"Never told outside: {', '.join(sorted(unknown))}.")
    return tuple(one for one in ours if one.type in wanted)


def new_id() -> str:
    """An id that nobody has seen: what was taken in an earlier run is not taken for a duplicate."""
    return str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))


def journey(events: Sequence[Golden] | None = None, *, source: str = SOURCE, subject: str | None = None) -> list[Event]:
    """A case of its own: these events (all that speak of cases) with fresh ids, counted 1, 2, 3 ..."""
    chosen = [one for one in told_outside() if one.subject_field == "case_id"] if events is None else events
    about = subject or new_id()
    return [
        one.told(source=source, sequence=number, id=new_id(), subject=about)
        for number, one in enumerate(chosen, start=1)
    ]


def interleaved(journeys: Iterable[Sequence[Event]], *, seed: int = 0) -> list[Event]:
    """Several cases in one stream: mixed at random, each in its own order. The same for the same seed."""
    chance = random.Random(seed)  # noqa: S311  nothing secret hangs on it
    waiting = [list(reversed(each)) for each in journeys if each]
    mixed: list[Event] = []
    while waiting:
        one = chance.choice(waiting)
        mixed.append(one.pop())
        waiting = [each for each in waiting if each]
    return mixed
