"""The envelope: what is written is read again, and what is not an event is named without being quoted."""

import json
import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from schemas.envelope import LAST_SEQUENCE, Envelope, NotAnEnvelope
from schemas.event import Event, Id, event_types
from schemas.referral import Basis, CaseClosed, Need, ReferralSubmitted
from schemas.topics import REFERRALS

CASE = "01a1f83c-0be1-74c5-8f0c-1a6f35a11be0"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
MARK = "marked-child-Test"


def closed() -> CaseClosed:
    return CaseClosed(case_id=CASE, reason="needs-met")


def enveloped(**other: Any) -> Envelope:
    given_ = {
        "id": "01a1f83c-0bef-757f-8511-b7fcebadd525",
        "time": datetime(2026, 11, 20, 9, 14, 7, 215306, tzinfo=UTC),
        "sequence": 7,
        "correlation_id": "01a1f83c-0bde-7f95-9064-e0deb69bf578",
    }
    return Envelope.of(closed(), **{**given_, **other})


def headers_of(envelope: Envelope, **other: bytes | None) -> list[tuple[str, bytes | None]]:
    """The headers of a record, with some replaced (`ce_id=`), or left out (None)."""
    _, headers, _ = envelope.to_kafka()
    changed = {name.replace("content_type", "content-type"): value for name, value in other.items()}
    kept = [(name, value) for name, value in headers if name not in changed]
    return [*kept, *((name, value) for name, value in changed.items() if value is not None)]


def test_a_record_has_the_subject_as_its_key_and_the_event_in_its_headers() -> None:
    key, headers, value = enveloped(causation_id="cause-1", traceparent=TRACE).to_kafka()
    assert key == CASE.encode()
    assert dict(headers) == {
        "content-type": b"application/json",
        "ce_specversion": b"1.0",
        "ce_id": b"01a1f83c-0bef-757f-8511-b7fcebadd525",
        "ce_source": b"/referral-api",
        "ce_type": b"jointly.case.closed.v1",
        "ce_subject": CASE.encode(),
        "ce_time": b"2026-11-20T09:14:07.215306Z",
        "ce_dataschema": b"https://schemas.jointly.example/events/jointly.case.closed.v1.json",
        "ce_subjectsequence": b"7",
        "ce_correlationid": b"01a1f83c-0bde-7f95-9064-e0deb69bf578",
        "ce_causationid": b"cause-1",
        "ce_traceparent": TRACE.encode(),
    }
    assert len(headers) == len(dict(headers))
    assert json.loads(value) == {"case_id": CASE, "reason": "needs-met"}


def test_what_is_not_known_is_left_out() -> None:
    _, headers, _ = enveloped().to_kafka()
    assert {"ce_causationid", "ce_traceparent"}.isdisjoint(dict(headers))
    assert {"causationid", "traceparent"}.isdisjoint(enveloped().to_structured())


def test_the_sequence_is_a_number_in_structured_json() -> None:
    assert enveloped().to_structured()["subjectsequence"] == 7


words = st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=128)


@given(
    id=words,
    correlation_id=words,
    causation_id=st.none() | words,
    sequence=st.integers(min_value=1, max_value=LAST_SEQUENCE),
    time=st.datetimes(min_value=datetime(1900, 1, 2), timezones=st.just(UTC)),  # noqa: DTZ001  hypothesis adds it
    trace=st.sampled_from([None, TRACE]),
    needs=st.lists(st.integers(1, 13), min_size=1, max_size=13),
)
def test_what_is_written_is_read_again_in_every_form(
    *,
    id: str,
    correlation_id: str,
    causation_id: str | None,
    sequence: int,
    time: datetime,
    trace: str | None,
    needs: list[int],
) -> None:
    event = ReferralSubmitted(
        case_id=CASE,
        referral_id="r-1",
        organisation_id="nhs-trust",
        sector="health",
        needs=tuple(Need(type="SEMH", rank=rank) for rank in needs),
        requested=("advice",),
        urgency="routine",
        risk_of_exclusion="none",
        basis=Basis(kind="consent", recorded_on=date(2026, 11, 20)),
    )
    envelope = Envelope.of(
        event,
        id=id,
        time=time,
        sequence=sequence,
        correlation_id=correlation_id,
        causation_id=causation_id,
        traceparent=trace,
    )
    assert Envelope.from_kafka(*envelope.to_kafka()) == envelope
    assert Envelope.from_structured(envelope.to_structured()) == envelope
    assert Envelope.from_structured_json(envelope.to_structured_json()) == envelope
    assert json.loads(envelope.to_structured_json()) == envelope.to_structured()
    assert envelope.event() == event


def test_structured_text_holds_the_data_byte_for_byte() -> None:
    key, headers, _ = enveloped().to_kafka()
    spaced = b'{ "case_id":"' + CASE.encode() + b'",\n "reason":"needs-met" }'
    assert spaced in Envelope.from_kafka(key, headers, spaced).to_structured_json()


def test_a_record_in_structured_mode_is_read_too() -> None:
    envelope = enveloped()
    headers = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
    assert Envelope.from_kafka(CASE.encode(), headers, envelope.to_structured_json()) == envelope


def test_headers_of_others_are_passed_over() -> None:
    key, headers, value = enveloped().to_kafka()
    more = [*headers, ("ce_partner", b"\xff"), ("b3", b"1"), ("b3", b"2")]
    assert Envelope.from_kafka(key, more, value) == enveloped()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-20T09:14:07Z", datetime(2026, 11, 20, 9, 14, 7, tzinfo=UTC)),
        ("2026-11-20t09:14:07.5z", datetime(2026, 11, 20, 9, 14, 7, 500_000, tzinfo=UTC)),
        ("2026-11-20T10:14:07+01:00", datetime(2026, 11, 20, 9, 14, 7, tzinfo=UTC)),
        ("2026-11-20T09:14:07.123456789Z", datetime(2026, 11, 20, 9, 14, 7, 123_456, tzinfo=UTC)),
    ],
)
def test_any_rfc_3339_time_is_read_as_utc(written: str, meant: datetime) -> None:
    read = Envelope.from_structured({**enveloped().to_structured(), "time": written})
    assert read.time == meant
    assert read.time.utcoffset() == timedelta(0)


def test_a_time_elsewhere_is_written_in_utc() -> None:
    summer = timezone(timedelta(hours=1))
    written = enveloped(time=datetime(2026, 6, 1, 10, 0, tzinfo=summer)).to_structured()["time"]
    assert written == "2026-06-01T09:00:00Z"


def test_a_sequence_in_decimal_text_is_one_too() -> None:
    read = Envelope.from_structured({**enveloped().to_structured(), "subjectsequence": "7"})
    assert read.subjectsequence == 7


@pytest.mark.parametrize("trace", ["", "nonsense", TRACE.upper(), TRACE + "-", 5])
def test_a_trace_that_cannot_be_read_costs_the_trace_and_not_the_fact(trace: object) -> None:
    read = Envelope.from_structured({**enveloped().to_structured(), "traceparent": trace})
    assert read.traceparent is None
    assert read.event() == closed()


@pytest.mark.parametrize(
    ("attribute", "value", "code"),
    [
        *((name, None, f"missing-{name}") for name in ("id", "source", "type", "subject", "time", "dataschema")),
        ("subjectsequence", None, "missing-subjectsequence"),
        ("correlationid", None, "missing-correlationid"),
        ("specversion", None, "bad-specversion"),
        ("specversion", "0.3", "bad-specversion"),
        ("datacontenttype", "text/xml", "bad-datacontenttype"),
        ("datacontenttype", 1, "bad-datacontenttype"),
        ("id", "", "bad-id"),
        ("id", "a b", "bad-id"),
        ("id", "a\n", "bad-id"),
        ("id", "x" * 129, "bad-id"),
        ("id", 1, "bad-id"),
        ("source", "/ä", "bad-source"),
        ("type", ["jointly"], "bad-type"),
        ("subject", "Zoë", "bad-subject"),
        ("dataschema", "/relative.json", "bad-dataschema"),
        ("correlationid", "a\r\nb", "bad-correlationid"),
        ("causationid", "", "bad-causationid"),
        ("time", "20261120T091407Z", "bad-time"),
        ("time", "2026-11-20T09:14:07", "bad-time"),
        ("time", "2026-02-30T09:14:07Z", "bad-time"),
        ("time", "2026-11-20T09:14:60Z", "bad-time"),
        ("time", "0001-01-01T00:00:00+01:00", "bad-time"),
        ("time", "٢٠٢٦-11-20T09:14:07Z", "bad-time"),
        ("time", 1_763_629_647, "bad-time"),
        *(("subjectsequence", bad, "bad-subjectsequence") for bad in (0, -1, LAST_SEQUENCE + 1, True, 1.0, "x")),
        *(
            ("subjectsequence", bad, "bad-subjectsequence")
            for bad in ("0", "07", "+7", " 7", "7.0", "\u0667", "9" * 10)
        ),
        ("data", None, "no-data"),
        ("data", "text", "bad-data"),
        ("data", [1], "bad-data"),
        ("data", {"a": math.nan}, "bad-data"),
        ("data", {"a": "\ud800"}, "bad-data"),
        ("data", {"a": object()}, "bad-data"),
        ("data_base64", "e30=", "bad-data"),
    ],
)
def test_a_malformed_attribute_is_named(attribute: str, value: object, code: str) -> None:
    with pytest.raises(NotAnEnvelope) as refused:
        Envelope.from_structured({**enveloped().to_structured(), attribute: value})
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("content_type", None, "missing-datacontenttype"),
        ("content_type", b"", "bad-datacontenttype"),
        ("content_type", b"text/plain", "bad-datacontenttype"),
        ("content_type", b"application/cloudevents+avro", "bad-datacontenttype"),
        ("content_type", b"application/cloudevents-batch+json", "bad-datacontenttype"),
        ("ce_id", None, "missing-id"),
        ("ce_id", b"\xff\xfe", "bad-id"),
        ("ce_id", "Zoë".encode(), "bad-id"),
        ("ce_specversion", None, "bad-specversion"),
        ("ce_subjectsequence", b"", "bad-subjectsequence"),
        ("ce_time", b"yesterday", "bad-time"),
    ],
)
def test_a_malformed_header_is_named(header: str, value: bytes | None, code: str) -> None:
    key, _, data = enveloped().to_kafka()
    with pytest.raises(NotAnEnvelope) as refused:
        Envelope.from_kafka(key, headers_of(enveloped(), **{header: value}), data)
    assert refused.value.code == code


def test_a_header_that_comes_twice_is_refused_even_when_it_says_the_same() -> None:
    key, headers, value = enveloped().to_kafka()
    with pytest.raises(NotAnEnvelope, match="duplicate-id"):
        Envelope.from_kafka(key, [*headers, ("ce_id", dict(headers)["ce_id"])], value)


@pytest.mark.parametrize("key", [None, b"", b"another"])
def test_the_key_is_the_subject(key: bytes | None) -> None:
    _, headers, value = enveloped().to_kafka()
    with pytest.raises(NotAnEnvelope, match="bad-key"):
        Envelope.from_kafka(key, headers, value)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "no-data"),
        (b"", "no-data"),
        (b"{", "bad-data"),
        (b"[]", "bad-data"),
        (b'{"a": NaN}', "bad-data"),
        (b'"\xff"', "bad-data"),
        (b"\xef\xbb\xbf{}", "bad-data"),
        ("{}".encode("utf-16"), "bad-data"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "bad-data"),
    ],
)
def test_a_value_that_is_not_a_json_object_is_refused(value: bytes | None, code: str) -> None:
    key, headers, _ = enveloped().to_kafka()
    with pytest.raises(NotAnEnvelope) as refused:
        Envelope.from_kafka(key, headers, value)
    assert refused.value.code == code


def test_text_that_is_not_an_object_is_not_an_event() -> None:
    for text in (b"", b"null", b"[]", b"\xff"):
        with pytest.raises(NotAnEnvelope, match="not-a-json-object"):
            Envelope.from_structured_json(text)


def test_a_type_this_reader_does_not_know_is_no_event_to_it() -> None:
    unknown = {**enveloped().to_structured(), "type": "jointly.weather.changed.v1", "data": {"rain": True}}
    assert Envelope.from_structured(unknown).event() is None


def test_a_type_is_known_from_the_moment_it_is_defined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schemas.event._registry", event_types())
    wire = "test.envelope.defined-late.v1"
    before = Envelope.from_structured({**enveloped().to_structured(), "type": wire, "data": {"case_id": CASE}})
    assert before.event() is None

    class DefinedLate(Event):
        """Only here."""

        type: ClassVar[str] = wire
        topic = REFERRALS
        case_id: Id

    assert before.event() == DefinedLate(case_id=CASE)


def test_data_that_speaks_of_another_subject_is_refused() -> None:
    other = {**enveloped().to_structured(), "data": {"case_id": "another", "reason": "needs-met"}}
    with pytest.raises(NotAnEnvelope, match="bad-subject"):
        Envelope.from_structured(other).event()


@pytest.mark.parametrize(
    "read",
    [
        lambda: Envelope.from_structured(
            {**enveloped().to_structured(), "data": {"case_id": CASE, "reason": f"{MARK} "}}
        ).event(),
        lambda: Envelope.from_structured({**enveloped().to_structured(), "id": f"{MARK} "}),
        lambda: Envelope.from_structured({**enveloped().to_structured(), "time": MARK}),
        lambda: Envelope.from_structured({**enveloped().to_structured(), "data": MARK}),
        lambda: Envelope.from_structured({**enveloped().to_structured(), "data": {MARK: "\ud800"}}),
        lambda: Envelope.from_structured_json(f'{{"data": {MARK}'.encode()),
        lambda: Envelope.from_kafka(MARK.encode(), headers_of(enveloped()), b"{}"),
        lambda: Envelope.from_kafka(b"k", headers_of(enveloped(), ce_id=MARK.encode() + b"\xff"), b"{}"),
    ],
)
def test_what_is_wrong_is_never_quoted(read: Callable[[], object]) -> None:
    with pytest.raises(NotAnEnvelope) as refused:
        read()
    error: BaseException | None = refused.value
    while error is not None:
        assert MARK not in f"{error!r} {error}"
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"id": ""}, "bad-id"),
        ({"sequence": 0}, "bad-subjectsequence"),
        ({"sequence": LAST_SEQUENCE + 1}, "bad-subjectsequence"),
        ({"correlation_id": "two words"}, "bad-correlationid"),
        ({"causation_id": ""}, "bad-causationid"),
        ({"time": datetime(2026, 11, 20, 9, 0)}, "bad-time"),  # noqa: DTZ001  that is the point
    ],
)
def test_nobody_writes_what_no_reader_would_take(wrong: dict[str, Any], code: str) -> None:
    with pytest.raises(NotAnEnvelope) as refused:
        enveloped(**wrong)
    assert refused.value.code == code
