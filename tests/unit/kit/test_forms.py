"""Each form is read by the libraries that integrators have, and signed as the standard's own vectors are."""

import base64
import json
from pathlib import Path

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jointly_kit.forms import kafka, page, sse, structured, webhook
from jointly_kit.golden import told_outside
from jointly_kit.signing import Key, NotAKey, signed, this_second
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

EVENT = told_outside(["jointly.case.assigned.v1"])[0].told()


def test_a_kafka_record_is_read_by_the_cloud_events_library() -> None:
    record = kafka(EVENT)
    read = from_kafka_event(KafkaMessage(dict(record.headers), record.key, record.value))
    assert (read.get_id(), read.get_type(), read.get_subject()) == (EVENT["id"], EVENT["type"], EVENT["subject"])
    assert read.get_data() == EVENT["data"]
    assert record.key == EVENT["subject"].encode()


def test_a_webhook_is_verified_by_the_standards_library_and_only_with_its_key() -> None:
    key, other = Key.new(), Key.new()
    delivery = webhook(EVENT, [other, key])
    assert Webhook(key.secret).verify(delivery.body, dict(delivery.headers)) == EVENT
    with pytest.raises(WebhookVerificationError):
        Webhook(Key.new().secret).verify(delivery.body, dict(delivery.headers))


def test_it_signs_as_the_official_vectors_say(reference_data: Path) -> None:
    vectors = json.loads((reference_data / "standards/webhooks/vectors.json").read_text("utf-8"))["vectors"]
    assert vectors
    for each in vectors:
        headers = signed(
            [Key.read(each["secret"])], id=each["msg_id"], second=each["timestamp"], body=each["payload"].encode()
        )
        assert headers["webhook-signature"] == each["expected_signature"]


def test_a_pair_signs_what_its_public_half_verifies() -> None:
    key = Key.new(shared=False)
    assert Key.read(key.secret) == key
    delivery = webhook(EVENT, [key], second=this_second())
    version, _, signature = delivery.headers["webhook-signature"].partition(",")
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.verifies.removeprefix("whpk_")))
    content = f"{EVENT['id']}.{delivery.headers['webhook-timestamp']}.".encode() + delivery.body
    public.verify(base64.b64decode(signature), content)
    assert version == "v1a"
    with pytest.raises(InvalidSignature):
        public.verify(base64.b64decode(signature), content + b" ")


@pytest.mark.parametrize("text", ["", "secret", "whsec_", "whsec_***", "whsk_AAAA", "whpk_AAAA"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(NotAKey):
        Key.read(text)


def test_a_key_is_not_shown_by_accident() -> None:
    key = Key.new()
    assert base64.b64encode(key.material).decode() not in f"{key!r} {key}"


def test_a_frame_is_one_line_of_data_and_a_page_is_a_list() -> None:
    lines = sse(EVENT, "here").decode().split("\n")
    assert lines == ["id: here", f"event: {EVENT['type']}", f"data: {structured(EVENT).decode()}", "", ""]
    assert json.loads(page([EVENT, EVENT])) == [EVENT, EVENT]
    assert page([]) == b"[]"
