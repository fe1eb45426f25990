"""What every service has said of a case, and which facts are told in one line."""

import hashlib
import uuid
from collections.abc import Sequence
from typing import Any, Final

from chassis.clock import wall_now
from chassis.subscription import Received
from chassis.transaction import Transaction
from schemas.notification import NotificationEvent, NotificationSent

from referral_api.domain.school_years import day_of
from referral_api.store.dated import kept_of_timelines
from referral_api.tables import timeline_entry

_LINES: Final = """
SELECT DISTINCT case_id, line FROM timeline_entry
WHERE (case_id, line) IN (SELECT * FROM unnest($1::text[], $2::text[]))
"""
_LINES_OF: Final = """
SELECT DISTINCT ON (data ->> 'notification_id') data ->> 'notification_id' AS notification_id, line FROM timeline_entry
WHERE case_id = ANY($1::text[]) AND line IS NOT NULL AND data ->> 'notification_id' = ANY($2::text[])
"""
_CHANGED: Final = """
UPDATE case_file c SET last_changed_at = greatest(coalesce(c.last_changed_at, c.opened_at), n.at)
FROM (
  SELECT case_id, max(at) AS at FROM unnest($1::text[], $2::timestamptz[]) AS n(case_id, at) GROUP BY case_id
) n WHERE c.case_id = n.case_id
"""
#: The version of UUIDs that begin with the time.
_BY_TIME: Final = 7


class Timeline:
    """Repository of timelines."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def note(self, events: Sequence[Received[Any]]) -> None:
        """Add these; one that is there stays as it is."""
        lines = await self._lines([each for each in events if isinstance(each.event, NotificationEvent)])
        there = await self._there({(each.event.case_id, line) for each in events if (line := lines.get(each.id))})
        erased = await self._erased({each.event.case_id for each in events})
        await self._tx.insert(
            timeline_entry,
            [
                {
                    "event_id": received.id,
                    "case_id": received.event.case_id,
                    "at": received.time,
                    "source": received.source,
                    "sequence": received.sequence,
                    "type": received.type,
                    "data": _data(received, erased=received.event.case_id in erased),
                    "heard_at": self._tx.now,
                    "delay_seconds": _delay(received.id),
                    "line": lines.get(received.id),
                    "leads": (received.event.case_id, lines.get(received.id)) not in there,
                }
                for received in events
            ],
            conflict=("event_id",),
        )

    async def _erased(self, case_ids: set[str]) -> set[str]:
        """Those of these cases of which nothing may be kept any more."""
        rows = await self._tx.rows("SELECT case_id FROM erasure WHERE case_id = ANY($1::text[])", sorted(case_ids))
        return {row["case_id"] for row in rows}

    async def changed(self, events: Sequence[Received[Any]]) -> None:
        """Note when the cases of these last changed; their subjects are locked."""
        await self._tx.rows(_CHANGED, [each.event.case_id for each in events], [each.time for each in events])

    async def _lines(self, events: Sequence[Received[Any]]) -> dict[str, str]:
        """Event -> its line: messages of one rule in one journey on one day tell of one fact."""
        later = [each for each in events if not isinstance(each.event, NotificationSent)]
        known: dict[str, str] = {}
        if later:
            rows = await self._tx.rows(
                _LINES_OF, [each.event.case_id for each in later], [each.event.notification_id for each in later]
            )
            known = {row["notification_id"]: row["line"] for row in rows}
        lines = {each.id: _line(each) for each in events if isinstance(each.event, NotificationSent)}
        return lines | {each.id: line for each in later if (line := known.get(each.event.notification_id))}

    async def _there(self, lines: set[tuple[str, str]]) -> set[tuple[str, str | None]]:
        """Those of these (case, line) that have begun."""
        if not lines:
            return set()
        wanted = sorted(lines)
        rows = await self._tx.rows(_LINES, [case_id for case_id, _ in wanted], [line for _, line in wanted])
        return {(row["case_id"], row["line"]) for row in rows}


def _data(received: Received[Any], *, erased: bool) -> dict[str, Any]:
    data: dict[str, Any] = received.event.model_dump(mode="json", exclude_none=True)
    if not erased:
        return data
    return {name: data[name] for name in kept_of_timelines() if isinstance(data.get(name), str)}


def _delay(event_id: str) -> int | None:
    """Seconds since an event was said. Its id was made then, by the machine's clock; the county's may run faster."""
    try:
        known = uuid.UUID(event_id)
    except ValueError:
        return None
    return int(wall_now().timestamp()) - (known.int >> 80) // 1000 if known.version == _BY_TIME else None


def _line(sent: Received[NotificationSent]) -> str:
    text = f"{sent.event.rule}/{sent.cause.correlation_id}/{day_of(sent.time)}"
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
