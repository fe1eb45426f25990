"""What only the holder of a cookie can open: the key is in the cookie, the table has the digest and sealed text."""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_BYTES: Final = 32
_NONCE: Final = 12


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a cookie holds: 32 random bytes. From them follow the row's name, the key, and the token of forms."""

    secret: bytes

    @classmethod
    def fresh(cls) -> "Ticket":
        """A new one."""
        return cls(secrets.token_bytes(_BYTES))

    @classmethod
    def read(cls, text: str | None) -> "Ticket | None":
        """From a cookie; None for anything that was not made here."""
        try:
            secret = base64.urlsafe_b64decode((text or "").encode() + b"=")
        except (binascii.Error, ValueError):
            return None
        return cls(secret) if len(secret) == _BYTES else None

    def written(self) -> str:
        """For a cookie."""
        return base64.urlsafe_b64encode(self.secret).decode().rstrip("=")

    @property
    def digest(self) -> str:
        """The name of its row: nothing follows from it."""
        return hashlib.sha256(b"row\0" + self.secret).hexdigest()

    @property
    def form_token(self) -> str:
        """What every form of this session carries, and no other site can know."""
        return base64.urlsafe_b64encode(hmac.digest(self.secret, b"forms", "sha256")).decode().rstrip("=")

    def is_form_token(self, text: str) -> bool:
        """Whether a form was made for this session."""
        return hmac.compare_digest(text.encode(), self.form_token.encode())

    def seal(self, text: bytes) -> bytes:
        """For the table."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + AESGCM(self._key).encrypt(nonce, text, self.digest.encode())

    def open(self, sealed: bytes) -> bytes | None:
        """From the table; None when it was sealed by another, or touched."""
        try:
            return AESGCM(self._key).decrypt(sealed[:_NONCE], sealed[_NONCE:], self.digest.encode())
        except (InvalidTag, ValueError):
            return None

    @property
    def _key(self) -> bytes:
        return hmac.digest(self.secret, b"seal", "sha256")
