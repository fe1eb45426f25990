"""Sealing what must wait here but be read by nobody: AES-GCM, a key of this purpose alone, bound to what it is of."""

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12


class Broken(ValueError):
    """It was sealed with another key, for something else, or was changed."""


class Seal:
    """Seals and opens with the secret of one purpose."""

    def __init__(self, secret: str) -> None:
        self._key = AESGCM(base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4)))

    def close(self, text: str, *, of: str) -> bytes:
        """Seal a text that belongs to `of`."""
        nonce = os.urandom(_NONCE)
        return nonce + self._key.encrypt(nonce, text.encode(), of.encode())

    def open(self, sealed: bytes, *, of: str) -> str:
        """The text. Raises `Broken`."""
        try:
            return self._key.decrypt(sealed[:_NONCE], sealed[_NONCE:], of.encode()).decode()
        except InvalidTag as error:
            raise Broken from error
