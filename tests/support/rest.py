"""Whether a whole house has come to rest: nothing waits to be said, heard, done or sent."""

from datetime import datetime

from chassis.transaction import Transaction
from jointly import house as parts_of


async def busy(parts: parts_of.House, now: datetime) -> tuple[bool, int]:
    """Whether anything waits to be said, heard, done or sent by an instant; and how much was said so far."""
    total = 0
    for runtime in parts.runtimes:
        async with runtime.database.transaction(Transaction) as tx:
            (row,) = await tx.rows(
                "SELECT (SELECT count(*) FROM deadline WHERE due_at <= $2)"
                " + (SELECT coalesce(max(id), 0) FROM outbox)"
                " - coalesce((SELECT last_id FROM relay_cursor WHERE name = $1), 0) AS waiting",
                runtime.service.name, now,
            )  # fmt: skip
            if row["waiting"] > 0:
                return True, 0
    for runtime in parts.runtimes:
        if runtime.consumer is None:
            continue
        topics = sorted(runtime.consumer.topics)
        found = await parts.event_log.end_offsets(topics)
        reached = await parts.event_log.group_offsets(runtime.consumer.name, topics)
        if any(reached.get(partition, 0) < end for partition, end in found.items()):
            return True, 0
        total += sum(found.values())
    async with parts.runtime("notifier").database.transaction(Transaction) as tx:
        (row,) = await tx.rows(
            "SELECT (SELECT count(*) FROM letter WHERE state = 'waiting')"
            " + (SELECT count(*) FROM letter_item WHERE letter_id IS NULL AND leaves_at <= $1) AS waiting",
            now,
        )
    return row["waiting"] > 0, total
