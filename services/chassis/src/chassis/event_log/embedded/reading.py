"""Reading records from an offset on."""

from typing import Any, Final

from chassis.event_log.interface import Partition, Record, unpack_headers

READ: Final = """
SELECT r.topic, r.partition, r."offset", r.key, r.value, r.headers, r.appended_at
FROM unnest($1::text[], $2::int[], $3::bigint[]) AS w(topic, partition, next_offset)
CROSS JOIN LATERAL (
  SELECT * FROM record WHERE topic = w.topic AND partition = w.partition AND "offset" >= w.next_offset
  ORDER BY "offset" LIMIT $4
) r
"""


def record_of(row: Any) -> Record:
    """A row of `record` as a value."""
    return Record(
        Partition(row["topic"], row["partition"]),
        row["offset"],
        row["key"],
        row["value"],
        unpack_headers(row["headers"]),
        row["appended_at"],
    )
