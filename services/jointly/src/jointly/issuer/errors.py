"""How the issuer says no: RFC 6749's words, nothing about what exactly was wrong with a secret."""

from typing import Literal

Code = Literal[
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "unsupported_response_type",
    "invalid_scope",
    "access_denied",
]


class OAuthError(Exception):
    """An answer of RFC 6749, section 5.2 or 4.1.2.1."""

    def __init__(self, code: Code, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description

    @property
    def status(self) -> int:
        """401 when the client is not who it says; 400 for the rest."""
        return 401 if self.code == "invalid_client" else 400

    def body(self) -> dict[str, str]:
        """The JSON of the answer."""
        return {"error": self.code, "error_description": self.description}
