"""How work can end without an answer: a refusal (an expected no), try-again, or a bug. One taxonomy for all edges.

Over HTTP a refusal is problem+json with its status; from a topic it is a dead letter with its code as the reason.
Try-again is 503 with Retry-After, or a retry with back-off. Anything else is reported and never explained outside.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong with the input: where (JSON pointer), a stable code, and what to do."""

    pointer: str
    code: str
    detail: str


class Refusal(Exception):
    """An expected no. Subclasses are named after the situation and carry a stable code."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 422

    def __init__(
        self,
        detail: str,
        *,
        pointer: str | None = None,
        errors: Sequence[FieldError] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors) or ((FieldError(pointer, self.code, detail),) if pointer is not None else ())
        self.retry_after = retry_after


class Invalid(Refusal):
    """The input makes no sense, whoever sends it."""

    code: ClassVar[str] = "invalid"
    status: ClassVar[int] = 422


class Malformed(Refusal):
    """The request cannot be read at all."""

    code: ClassVar[str] = "malformed"
    status: ClassVar[int] = 400


class Unauthenticated(Refusal):
    """Nobody knows who asks."""

    code: ClassVar[str] = "unauthenticated"
    status: ClassVar[int] = 401


class Forbidden(Refusal):
    """Known, and not allowed to do this at all. What one may not *see* is NotFound."""

    code: ClassVar[str] = "forbidden"
    status: ClassVar[int] = 403


class NotFound(Refusal):
    """It does not exist, or the caller may not know that it does: the same answer."""

    code: ClassVar[str] = "not-found"
    status: ClassVar[int] = 404

    def __init__(self, detail: str = "There is nothing here that you may see.") -> None:
        super().__init__(detail)


class MethodNotAllowed(Refusal):
    """There is such an address, but not for this."""

    code: ClassVar[str] = "method-not-allowed"
    status: ClassVar[int] = 405

    def __init__(self, allowed: str) -> None:
        super().__init__("This method is not allowed here; see the Allow header.")
        self.allowed = allowed


class Conflict(Refusal):
    """It makes sense, but not now."""

    code: ClassVar[str] = "conflict"
    status: ClassVar[int] = 409


class PreconditionFailed(Refusal):
    """The caller's copy is stale."""

    code: ClassVar[str] = "stale"
    status: ClassVar[int] = 412

    def __init__(
        self, detail: str = "This has changed since you read it. Read it again, then send the change."
    ) -> None:
        super().__init__(detail)


class PreconditionRequired(Refusal):
    """The caller must say which version it changes."""

    code: ClassVar[str] = "if-match-required"
    status: ClassVar[int] = 428

    def __init__(self, detail: str = "Send If-Match with the ETag you read.") -> None:
        super().__init__(detail)


class TooLarge(Refusal):
    """More than anybody needs."""

    code: ClassVar[str] = "too-large"
    status: ClassVar[int] = 413


class UnsupportedMediaType(Refusal):
    """Not JSON, or JSON in disguise."""

    code: ClassVar[str] = "unsupported-media-type"
    status: ClassVar[int] = 415


class TooBusy(Refusal):
    """The queue is full; nothing has been done."""

    code: ClassVar[str] = "too-busy"
    status: ClassVar[int] = 503

    def __init__(
        self, detail: str = "Too much work is waiting. Nothing was done; try again with the same key."
    ) -> None:
        super().__init__(detail, retry_after=1)


class OutcomeUnknown(Refusal):
    """The commit may or may not have happened. Only the same key can tell."""

    code: ClassVar[str] = "outcome-unknown"
    status: ClassVar[int] = 503

    def __init__(
        self,
        detail: str = "It is not known whether this was done. Send it again with the same Idempotency-Key.",
    ) -> None:
        super().__init__(detail, retry_after=1)


class Away(Refusal):
    """What `TryAgain` is called outside."""

    code: ClassVar[str] = "try-again"
    status: ClassVar[int] = 503

    def __init__(
        self, detail: str = "Something this needs is away for the moment. Try again with the same key."
    ) -> None:
        super().__init__(detail, retry_after=2)


class Broken(Refusal):
    """What a fault of ours is called outside, whatever it is."""

    code: ClassVar[str] = "internal-error"
    status: ClassVar[int] = 500

    def __init__(
        self, detail: str = "Something went wrong on our side; it has been noted under the correlation id."
    ) -> None:
        super().__init__(detail)


class TryAgain(Exception):
    """Something this needs is away for the moment; the same attempt later may work."""
