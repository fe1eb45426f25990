"""What an operator can ask of exchange: what a sector would hear of an event, and why.

The host's commands call them with the service's runtime at hand.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chassis.service import Runtime
from schemas.envelope import Envelope, NotAnEnvelope

from exchange.domain.audience import Hears
from exchange.handlers.explaining import Explanation, explain
from exchange.policy import SECTORS


class NoSuchEvent(Exception):
    """Nothing is kept of it, or the file is none."""


async def why(runtime: Runtime, event: str, sector: str) -> list[str]:
    """What a sector would hear of an event, by its id or from a file of structured JSON; in sentences.

    Raises `NoSuchEvent`.
    """
    if sector not in SECTORS:
        raise NoSuchEvent(f"There is no feed for {sector}; there are {', '.join(SECTORS)}.")
    said = read_file(Path(event))
    async with runtime.transaction() as tx:
        if said is None:
            kept = (await tx.events.find([event])).get(event)
            if kept is None:
                raise NoSuchEvent("Of this event nothing is kept here: it never leaves, or it is too old.")
            said = (kept.type, kept.subject, kept.data)
        type, subject, data = said
        return _sentences(await explain(tx, type=type, subject=subject, data=data, sector=sector), sector)


def read_file(path: Path) -> tuple[str, str, Mapping[str, Any]] | None:
    """Type, subject and data of an event in a file; None when there is no such file. Raises `NoSuchEvent`."""
    if not path.is_file():
        return None
    try:
        envelope = Envelope.from_structured_json(path.read_bytes())
        said = envelope.event()
    except NotAnEnvelope as error:
        raise NoSuchEvent(f"{path.name} is no event of ours: {error.code}.") from error
    if said is None:
        raise NoSuchEvent(f"{path.name} is of a type that is not known here: {envelope.type}.")
    return envelope.type, envelope.subject, said.model_dump(mode="json", exclude_none=True)


def _sentences(found: Explanation, sector: str) -> list[str]:
    hears = isinstance(found.answer, Hears)
    lines = [f"{sector} {'hears it' if hears else 'does not hear it'}: {found.why}"]
    if hears and found.data is not None:
        lines.append(f"Leaves: {', '.join(sorted(found.data)) or 'nothing but its subject'}.")
    if found.left_out:
        lines.append(f"Stays: {', '.join(found.left_out)}.")
    return lines
