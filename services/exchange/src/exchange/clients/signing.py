"""Keys of webhooks as Standard Webhooks has them: made here, shown once, kept sealed, and what they sign."""

import base64
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chassis.clock import new_id
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from exchange.domain.keys import SigningKey

HMAC: Final = "hmac"
ED25519: Final = "ed25519"
_SHARED: Final = "whsec_"
_PRIVATE: Final = "whsk_"
_PUBLIC: Final = "whpk_"
_SECRET_BYTES: Final = 32
_NONCE_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class OpenKey:
    """A key that can sign."""

    algorithm: str
    material: bytes

    @property
    def shown(self) -> str:
        """How its owner is told it: a secret that both keep, or what they verify with."""
        if self.algorithm == HMAC:
            return _SHARED + base64.b64encode(self.material).decode()
        public = Ed25519PrivateKey.from_private_bytes(self.material).public_key().public_bytes_raw()
        return _PUBLIC + base64.b64encode(public).decode()

    @property
    def secret(self) -> str:
        """The key itself, as the standard writes it."""
        prefix = _SHARED if self.algorithm == HMAC else _PRIVATE
        return prefix + base64.b64encode(self.material).decode()

    def sign(self, content: bytes) -> str:
        """One signature with its version."""
        if self.algorithm == HMAC:
            return "v1," + base64.b64encode(hmac.digest(self.material, content, "sha256")).decode()
        signature = Ed25519PrivateKey.from_private_bytes(self.material).sign(content)
        return "v1a," + base64.b64encode(signature).decode()


def read_key(shown: str) -> OpenKey:
    """A key from how the standard writes it: `whsec_…` or `whsk_…`."""
    prefix, _, encoded = shown.partition("_")
    algorithm = {"whsec": HMAC, "whsk": ED25519}[prefix]
    return OpenKey(
        algorithm, base64.b64decode(encoded + "=" * (-len(encoded) % 4))[: 32 if algorithm == ED25519 else 64]
    )


def headers(keys: Sequence[OpenKey], *, id: str, at: datetime, body: bytes) -> dict[str, str]:
    """What goes with a body: its id, the second of this attempt, and a signature by each key that signs now."""
    second = str(int(at.timestamp()))
    content = b".".join((id.encode(), second.encode(), body))
    return {
        "webhook-id": id,
        "webhook-timestamp": second,
        "webhook-signature": " ".join(key.sign(content) for key in keys),
    }


class Safe:
    """Seals keys, so that whoever reads the tables alone learns none."""

    def __init__(self, secret: str) -> None:
        self._box = AESGCM(base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4)))

    def new_key(self, stream_id: str, algorithm: str, now: datetime) -> SigningKey:
        """A fresh key, sealed."""
        if algorithm == HMAC:
            key = OpenKey(HMAC, secrets.token_bytes(_SECRET_BYTES))
        else:
            key = OpenKey(ED25519, Ed25519PrivateKey.generate().private_bytes_raw())
        id = new_id()
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._box.encrypt(nonce, key.material, _label(id, stream_id, algorithm))
        return SigningKey(id, stream_id, algorithm, sealed, key.shown if algorithm == ED25519 else None, now)

    def open(self, key: SigningKey) -> OpenKey:
        """The key itself. Raises `cryptography.exceptions.InvalidTag` for one that was moved or changed."""
        nonce, sealed = key.sealed[:_NONCE_BYTES], key.sealed[_NONCE_BYTES:]
        return OpenKey(key.algorithm, self._box.decrypt(nonce, sealed, _label(key.id, key.stream_id, key.algorithm)))


def _label(id: str, stream_id: str, algorithm: str) -> bytes:
    return f"{id}\0{stream_id}\0{algorithm}".encode()
