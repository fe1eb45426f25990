"""What we sign is what the standard signs: its own vectors, and its own library as the receiver."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from chassis.clock import wall_now
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from exchange.clients.signing import ED25519, HMAC, OpenKey, Safe, headers, read_key
from exchange.domain.keys import SigningKey
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

BODY = b'{"id":"1"}'
SAFE = Safe(base64.urlsafe_b64encode(bytes(range(32))).decode().rstrip("="))


@pytest.fixture(scope="module")
def vectors(reference_data: Path) -> dict[str, Any]:
    """The standard's own vectors."""
    found: dict[str, Any] = json.loads((reference_data / "standards/webhooks/vectors.json").read_text("utf-8"))
    return found


def test_every_vector_is_signed_as_expected(vectors: dict[str, Any]) -> None:
    assert vectors["vectors"]
    for vector in vectors["vectors"]:
        made = headers(
            [read_key(vector["secret"])],
            id=vector["msg_id"],
            at=datetime.fromtimestamp(vector["timestamp"], UTC),
            body=vector["payload"].encode(),
        )
        assert made == {
            "webhook-id": vector["msg_id"],
            "webhook-timestamp": str(vector["timestamp"]),
            "webhook-signature": vector["expected_signature"],
        }


def sealed(algorithm: str) -> tuple[SigningKey, OpenKey]:
    key = SAFE.new_key("stream", algorithm, wall_now())
    return key, SAFE.open(key)


def test_the_standards_library_verifies_any_of_several_signatures_and_refuses_the_rest(vectors: dict[str, Any]) -> None:
    old, new = sealed(HMAC)[1], sealed(HMAC)[1]
    asymmetric = sealed(ED25519)[1]
    good = headers([new, asymmetric, old], id="msg-1", at=wall_now(), body=BODY)
    for key in (old, new):
        assert Webhook(key.secret).verify(BODY, good) == {"id": "1"}
    for name in good:
        with pytest.raises(WebhookVerificationError):
            Webhook(new.secret).verify(BODY, {n: v for n, v in good.items() if n != name})
    with pytest.raises(WebhookVerificationError):
        Webhook(new.secret).verify(b'{"id":"2"}', good)
    with pytest.raises(WebhookVerificationError):
        Webhook(sealed(HMAC)[1].secret).verify(BODY, good)
    late = timedelta(seconds=vectors["tolerance_seconds"] + 5)
    for at in (wall_now() - late, wall_now() + late):
        with pytest.raises(WebhookVerificationError):
            Webhook(new.secret).verify(BODY, headers([new], id="msg-1", at=at, body=BODY))


def test_keys_are_as_the_standard_writes_them() -> None:
    (shared, opened), (pair, private) = sealed(HMAC), sealed(ED25519)
    assert opened.secret.startswith("whsec_")
    assert 24 <= len(base64.b64decode(opened.secret.removeprefix("whsec_"))) <= 64
    assert shared.public is None
    assert pair.public is not None
    assert pair.public.startswith("whpk_")
    assert private.secret.startswith("whsk_")
    made = headers([private], id="msg-1", at=wall_now(), body=BODY)
    version, _, signature = made["webhook-signature"].partition(",")
    assert version == "v1a"
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(pair.public.removeprefix("whpk_")))
    public.verify(base64.b64decode(signature), f"msg-1.{made['webhook-timestamp']}.".encode() + BODY)
    assert read_key(private.secret) == private
    assert read_key(opened.secret) == opened


def test_no_two_keys_are_alike_and_a_sealed_one_opens_nowhere_else() -> None:
    one, other = SAFE.new_key("a", HMAC, wall_now()), SAFE.new_key("a", HMAC, wall_now())
    assert SAFE.open(one) != SAFE.open(other)
    moved = SigningKey(one.id, "b", one.algorithm, one.sealed, None, one.since)
    with pytest.raises(InvalidTag):
        SAFE.open(moved)
    with pytest.raises(InvalidTag):
        Safe(base64.urlsafe_b64encode(bytes(32)).decode()).open(one)
    assert SAFE.open(one).material not in one.sealed
