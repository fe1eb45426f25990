"""The issuer's signing key: made once per state folder, ES256, never shown."""

import hashlib
import json
from base64 import urlsafe_b64encode
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from jointly.state import StateFolder

KEY_FILE: Final = "issuer-key.pem"


class SigningKey:
    """An ES256 key and the JSON Web Key that others check it with."""

    def __init__(self, private: ec.EllipticCurvePrivateKey) -> None:
        self._private = private
        self.public_jwk = public_jwk(private.public_key())

    @property
    def id(self) -> str:
        """The `kid`: RFC 7638's thumbprint, so it follows from the key."""
        return str(self.public_jwk["kid"])

    def sign(self, claims: dict[str, Any], *, typ: str) -> str:
        """A signed token of this type."""
        return jwt.encode(claims, self._private, algorithm="ES256", headers={"typ": typ, "kid": self.id})

    def jwks(self) -> dict[str, Any]:
        """The key set to publish."""
        return {"keys": [self.public_jwk]}


def issuer_key(state: StateFolder) -> SigningKey:
    """The folder's key, made when there is none."""
    return SigningKey(private_key(state, KEY_FILE))


def private_key(state: StateFolder, name: str) -> ec.EllipticCurvePrivateKey:
    """The private key in a file of the folder, made when there is none."""
    try:
        pem = state.file(name).read_bytes()
    except FileNotFoundError:
        pem = state.write_once(
            name,
            ec.generate_private_key(ec.SECP256R1()).private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{state.file(name)} is not an elliptic-curve key.")
    return key


def public_jwk(key: ec.EllipticCurvePublicKey) -> dict[str, Any]:
    """A public key as a JSON Web Key, named by its thumbprint."""
    jwk: dict[str, Any] = ECAlgorithm.to_jwk(key, as_dict=True)
    members = json.dumps({name: jwk[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"))
    digest = hashlib.sha256(members.encode()).digest()
    return {**jwk, "alg": "ES256", "use": "sig", "kid": urlsafe_b64encode(digest).rstrip(b"=").decode()}
