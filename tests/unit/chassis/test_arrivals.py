"""What arrives together is put in a likely order, and read once."""

from datetime import UTC, datetime, timedelta

from chassis.arrivals import decode, in_time
from chassis.event_log.interface import Partition, Record
from hypothesis import given
from hypothesis import strategies as st

BEGAN = datetime(2026, 9, 1, tzinfo=UTC)


def record(topic: str, offset: int, at: int, value: bytes = b"{}") -> Record:
    """A record that the log took so many seconds after it began."""
    return Record(Partition(topic, 0), offset, b"k", value, (), BEGAN + timedelta(seconds=at))


def places(records: list[Record]) -> list[tuple[str, int]]:
    """Topic and offset of each."""
    return [(each.partition.topic, each.offset) for each in records]


def test_what_came_first_is_first_whatever_the_names_of_topics() -> None:
    found = in_time(
        [record("funding", 0, 5), record("funding", 1, 9), record("referral", 0, 4), record("routing", 0, 7)]
    )
    assert places(found) == [("referral", 0), ("funding", 0), ("routing", 0), ("funding", 1)]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=30))
def test_a_partition_keeps_its_order_whatever_its_clock_says(taken: list[tuple[str, int]]) -> None:
    records = [record(topic, n, at) for n, (topic, at) in enumerate(taken)]
    found = in_time(records)
    assert sorted(places(found)) == sorted(places(records))
    for topic in "abc":
        offsets = [each.offset for each in found if each.partition.topic == topic]
        assert offsets == sorted(offsets)


def test_what_is_no_event_is_called_so_however_large_and_however_often() -> None:
    for value in (b"{}", b" " * 100_000):
        items = [decode(record("referral", n, 0, value)) for n in (1, 2)]
        assert [item.unreadable for item in items] == ["missing-datacontenttype"] * 2
        assert [item.id for item in items] == ["referral:0:1", "referral:0:2"], "read once, but not the same record"
