"""Signing as Standard Webhooks has it: by a shared secret (`whsec_`), or a pair (`whsk_` signs, `whpk_` verifies)."""

import base64
import hmac
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_SHARED: Final = "whsec_"
_PRIVATE: Final = "whsk_"
_PUBLIC: Final = "whpk_"
_BYTES: Final = 32


class NotAKey(ValueError):
    """The text is no key that can sign."""


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """What signs."""

    material: bytes
    shared: bool = True

    @classmethod
    def new(cls, *, shared: bool = True) -> Self:
        """A fresh one."""
        return cls(secrets.token_bytes(_BYTES), shared)

    @classmethod
    def read(cls, text: str) -> Self:
        """From `whsec_…` or `whsk_…`. Raises `NotAKey`."""
        for prefix in (_SHARED, _PRIVATE):
            if text.startswith(prefix):
                encoded = text.removeprefix(prefix)
                try:
                    material = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
                except ValueError as error:
                    raise NotAKey(f"What comes after {prefix} is not base64.") from error
                if not material or (prefix == _PRIVATE and len(material) < _BYTES):
                    raise NotAKey("The key is too short.")
                return cls(material if prefix == _SHARED else material[:_BYTES], prefix == _SHARED)
        raise NotAKey("A key begins with whsec_ (shared) or whsk_ (ed25519).")

    @property
    def secret(self) -> str:
        """The key as the standard writes it."""
        return (_SHARED if self.shared else _PRIVATE) + base64.b64encode(self.material).decode()

    @property
    def verifies(self) -> str:
        """What the receiver is given: the shared secret itself, or the public half."""
        if self.shared:
            return self.secret
        public = Ed25519PrivateKey.from_private_bytes(self.material).public_key().public_bytes_raw()
        return _PUBLIC + base64.b64encode(public).decode()

    def sign(self, content: bytes) -> str:
        """One signature with its version."""
        if self.shared:
            return "v1," + base64.b64encode(hmac.digest(self.material, content, "sha256")).decode()
        return "v1a," + base64.b64encode(Ed25519PrivateKey.from_private_bytes(self.material).sign(content)).decode()


def signed(keys: Sequence[Key], *, id: str, second: int, body: bytes) -> dict[str, str]:
    """The three headers that go with a body. While a key is being replaced, both sign."""
    content = b".".join((id.encode(), str(second).encode(), body))
    return {
        "webhook-id": id,
        "webhook-timestamp": str(second),
        "webhook-signature": " ".join(key.sign(content) for key in keys),
    }


def this_second() -> int:
    """Now, as receivers compare it with their own clock."""
    return int(time.time())  # noqa: TID251  the kit stands on the contracts alone
