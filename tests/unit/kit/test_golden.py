"""Golden events: of every type, as the contracts say, and never the same twice where they must be fresh."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jointly_kit.golden import golden, interleaved, journey, told_outside
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from schemas.contracts import every_event, leaves
from schemas.envelope import Envelope
from schemas.export import HOME, read_examples
from schemas.projection import projected_dataschema, projected_schema


def test_there_is_one_of_every_type_and_version_just_as_it_was_written() -> None:
    assert {one.type for one in golden()} == set(every_event())
    written = [example for examples in read_examples(HOME / "examples").values() for example in examples]
    assert [one.said for one in golden()] == written
    assert len({(one.type, one.name) for one in golden()}) == len(written)


def test_what_is_told_outside_is_what_may_leave() -> None:
    assert {one.type for one in told_outside()} == {name for name, kind in every_event().items() if leaves(kind)}
    with pytest.raises(KeyError, match=r"Never told outside: jointly\.person\.changed\.v1"):
        told_outside(["jointly.person.changed.v1"])


@pytest.mark.parametrize("one", told_outside(), ids=lambda one: f"{one.type}-{one.name}")
def test_as_it_is_told_it_keeps_what_it_is_and_is_counted_by_its_stream(one: object) -> None:
    from jointly_kit.golden import Golden

    assert isinstance(one, Golden)
    event = one.told(source="/exchange/health-feed", sequence=9)
    changed = {name for name in event if event[name] != one.said[name]}
    assert changed <= {"source", "subjectsequence", "dataschema"}
    assert event["dataschema"] == projected_dataschema(one.type)
    assert [each.message for each in Draft202012Validator(projected_schema(every_event()[one.type])).iter_errors(
        event["data"])] == []  # fmt: skip
    other = Envelope.from_structured(one.told(subject="another", id="fresh"))
    assert (other.subject, other.id) == ("another", "fresh")
    assert other.event() is not None, "the data speaks of the new subject too"


@pytest.mark.jointly("jointly.case.assigned.v1", "jointly.case.closed.v1")
def test_the_marker_narrows_what_a_test_gets(jointly_event: dict[str, str], jointly_events: list[object]) -> None:
    assert jointly_event["type"] in {"jointly.case.assigned.v1", "jointly.case.closed.v1"}
    assert jointly_event in jointly_events
    assert len(jointly_events) == len(told_outside(["jointly.case.assigned.v1", "jointly.case.closed.v1"]))


def test_a_journey_is_one_case_counted_without_a_gap_and_new_each_time() -> None:
    one, other = journey(), journey()
    assert [event["subjectsequence"] for event in one] == list(range(1, len(one) + 1))
    assert {event["data"]["case_id"] for event in one} == {one[0]["subject"]}
    assert not {event["id"] for event in one} & {event["id"] for event in other}
    assert one[0]["subject"] != other[0]["subject"]


@given(lengths=st.lists(st.integers(0, 6), max_size=5), seed=st.integers())
def test_mixed_cases_keep_their_own_order(lengths: list[int], seed: int) -> None:
    journeys = [journey(told_outside()[:length]) for length in lengths]
    mixed = interleaved(journeys, seed=seed)
    assert sorted(event["id"] for event in mixed) == sorted(event["id"] for each in journeys for event in each)
    for events in journeys:
        mine = [event for event in mixed if events and event["subject"] == events[0]["subject"]]
        assert all(one["subjectsequence"] < other["subjectsequence"] for one, other in pairwise(mine))
    assert mixed == interleaved(journeys, seed=seed)
