"""How requests become transactions: those that arrive together share one, each with its own answer (group commit).

A request waits for its answer but does not own the work: cancelling it cancels nothing. The answer goes out after the
commit, never before. When a joint transaction fails, each member is tried alone, so one bad request hurts no other.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

import orjson
import structlog
from fastapi import Response

from chassis import telemetry
from chassis.clock import wall_now
from chassis.database import Database, is_transient
from chassis.errors import Conflict, Invalid, NotFound, OutcomeUnknown, Refusal, TooBusy, TryAgain
from chassis.transaction import Transaction

log = structlog.get_logger()

C = TypeVar("C")
R = TypeVar("R")
X = TypeVar("X", bound=Transaction)

#: Answers for each command, in order: a result, or a refusal (returned, not raised).
CommandHandler = Callable[[Sequence[C], X], Awaitable[Sequence[R | Refusal]]]

BATCH: Final = 256
QUEUE: Final = 2048
FLUSHERS: Final = 2
_ATTEMPTS: Final = 3
#: One look into the index for each, however young the statistics are.
_KEPT: Final = """
SELECT k.organisation, k.key, i.request_hash, i.status, i.headers, i.body
FROM unnest($1::text[], $2::text[]) AS k(organisation, key),
LATERAL (SELECT * FROM idempotency WHERE organisation = k.organisation AND key = k.key LIMIT 1) AS i
"""


class KeyReused(Invalid):
    """The key was used for another request."""

    code = "idempotency-key-reused"


class InFlight(Conflict):
    """The first request with this key is still being worked on."""

    code = "in-flight"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the caller, and is kept for whoever sends the same key again."""

    status: int
    body: Mapping[str, Any] | None
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        """As an HTTP response, already serialised."""
        content = b"" if self.body is None else orjson.dumps(self.body)
        return _response(self.status, self.headers, content)


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The caller's key, in their organisation, for a body of this digest."""

    organisation: str
    key: str
    digest: bytes

    @property
    def lock(self) -> int:
        """The advisory lock's number."""
        return lock_number(f"idempotency\0{self.organisation}\0{self.key}")


def lock_number(text: str) -> int:
    """A signed 64-bit number for `pg_advisory_xact_lock`, evenly spread."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


@dataclass(slots=True, eq=False)
class _Request:
    handler: CommandHandler[Any, Any, Any]
    command: Any
    view: Callable[[Any, Any], Answer]
    key: IdempotencyKey | None
    answer: asyncio.Future[Response]


class Actions:
    """One service's work in one process."""

    def __init__(self, *, database: Database, tx_type: type[Transaction], service: str) -> None:
        self._database = database
        self._tx_type = tx_type
        self._service = service
        self._queue: deque[_Request] = deque()
        self._arrived = asyncio.Event()
        self._flushers: list[asyncio.Task[None]] = []
        self._closing = False

    def start(self) -> None:
        """Begin to work; inside the event loop that will do it."""
        self._flushers = [asyncio.create_task(self._flush()) for _ in range(FLUSHERS)]

    async def close(self) -> None:
        """Finish what is queued, then stop."""
        self._closing = True
        self._arrived.set()
        await asyncio.gather(*self._flushers, return_exceptions=True)

    async def perform(
        self,
        handler: CommandHandler[C, X, R],
        command: C,
        *,
        view: Callable[[C, R], Answer],
        idempotency: IdempotencyKey | None = None,
    ) -> Response:
        """Have a command handled and answered. Raises the handler's refusal, `TooBusy`, `TryAgain` or `OutcomeUnknown`.

        `view` makes the answer inside the transaction, where it is kept under the idempotency key.
        """
        if len(self._queue) >= QUEUE or self._closing:
            raise TooBusy
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._queue.append(_Request(handler, command, cast("Any", view), idempotency, answer))
        self._arrived.set()
        return await asyncio.shield(answer)

    async def _flush(self) -> None:
        while not (self._closing and not self._queue):
            if not self._queue:
                self._arrived.clear()
                await self._arrived.wait()
                continue
            batch = self._next_batch()
            try:
                await self._run(batch)
            except BaseException as error:  # nobody may be left waiting
                log.error("actions.flush-failed", service=self._service, error=type(error).__name__)  # noqa: TRY400
                for request in batch:
                    _fail(request, error if isinstance(error, Exception) else OutcomeUnknown())
                if not isinstance(error, Exception):
                    raise

    def _next_batch(self) -> list[_Request]:
        """The oldest request and all queued ones for the same handler; one of each idempotency key."""
        first = self._queue.popleft()
        batch, later, keys = [first], [], {first.key and first.key.lock}
        while self._queue and len(batch) < BATCH:
            request = self._queue.popleft()
            if request.handler is not first.handler:
                later.append(request)
            elif request.key is not None and request.key.lock in keys:
                _fail(request, InFlight("This key is being worked on. Try again shortly.", retry_after=1))
            else:
                keys.add(request.key and request.key.lock)
                batch.append(request)
        self._queue.extendleft(reversed(later))
        return batch

    async def _run(self, batch: Sequence[_Request]) -> None:
        telemetry.BATCH_SIZE.labels(getattr(batch[0].handler, "__name__", "handler")).observe(len(batch))
        try:
            outcomes = await self._attempt(batch)
        except Exception as error:  # noqa: BLE001  every failure becomes the answer of whoever waits
            if len(batch) == 1:
                _fail(batch[0], error)
                return
            if isinstance(error, OutcomeUnknown) and any(request.key is None for request in batch):
                # Without a key nobody can tell afterwards, so nothing is tried twice.
                for request in batch:
                    _fail(request, error)
                return
            log.warning("actions.joint-failed", service=self._service, error=type(error).__name__, size=len(batch))
            for request in batch:
                await self._run([request])
            return
        for request, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Refusal):
                _fail(request, outcome)
            elif not request.answer.done():
                request.answer.set_result(outcome)

    async def _attempt(self, batch: Sequence[_Request]) -> list[Response | Refusal]:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await self._transact(batch)
            except Exception as error:
                # Once joined, then alone: repeating a large batch that loses deadlocks would only lose again.
                if (
                    attempt == _ATTEMPTS
                    or len(batch) > 1
                    or (isinstance(error, TryAgain) is False and not is_transient(error))
                ):
                    raise
                await asyncio.sleep(0.02 * 2**attempt)
        raise AssertionError

    async def _transact(self, batch: Sequence[_Request]) -> list[Response | Refusal]:
        outcomes: dict[int, Response | Refusal] = {}
        async with self._database.transaction(self._tx_type) as tx:
            await self._replay(tx, batch, outcomes)
            todo = [(n, request) for n, request in enumerate(batch) if n not in outcomes]
            if todo:
                results = await batch[0].handler([request.command for _, request in todo], tx)
                answers: list[tuple[IdempotencyKey, Answer, bytes]] = []
                for (n, request), result in zip(todo, results, strict=True):
                    if isinstance(result, Refusal):
                        outcomes[n] = result
                        continue
                    answer = request.view(request.command, result)
                    content = b"" if answer.body is None else orjson.dumps(answer.body)
                    outcomes[n] = _response(answer.status, answer.headers, content)
                    if request.key is not None:
                        answers.append((request.key, answer, content))
                await _keep(tx, answers)
        return [outcomes[n] for n in range(len(batch))]

    async def _replay(
        self, tx: Transaction, batch: Sequence[_Request], outcomes: dict[int, Response | Refusal]
    ) -> None:
        """Answer what was answered before, refuse what is in flight or was another request."""
        keyed = [(n, request.key) for n, request in enumerate(batch) if request.key is not None]
        if not keyed:
            return
        # Tried, not waited for: a busy key is somebody else's request in flight.
        rows = await tx.rows(
            "SELECT k, pg_try_advisory_xact_lock(k) AS won FROM unnest($1::bigint[]) AS k",
            sorted({key.lock for _, key in keyed}),
        )
        won = {row["k"] for row in rows if row["won"]}
        kept = await tx.rows(
            _KEPT,
            [key.organisation for _, key in keyed],
            [key.key for _, key in keyed],
        )
        known = {(row["organisation"], row["key"]): row for row in kept}
        for n, key in keyed:
            row = known.get((key.organisation, key.key))
            if row is not None and row["request_hash"] != key.digest:
                outcomes[n] = KeyReused("This Idempotency-Key was used for another request. Take a new one.")
            elif row is not None and row["status"] == NotFound.status:
                # It was answered; what it was about has been erased.
                outcomes[n] = NotFound()
            elif row is not None:
                outcomes[n] = _response(
                    row["status"],
                    {**row["headers"], "Idempotency-Replayed": "true"},
                    row["body"],
                )
            elif key.lock not in won:
                outcomes[n] = InFlight("This key is being worked on. Try again shortly.", retry_after=1)


async def _keep(tx: Transaction, answers: Sequence[tuple[IdempotencyKey, Answer, bytes]]) -> None:
    now = wall_now()
    await tx.insert(
        tx.tables.idempotency,
        [
            {
                "organisation": key.organisation,
                "key": key.key,
                "request_hash": key.digest,
                "status": answer.status,
                "headers": dict(answer.headers),
                "body": content,
                "answered_at": now,
            }
            for key, answer, content in answers
        ],
    )


def _fail(request: _Request, error: Exception) -> None:
    if not request.answer.done():
        request.answer.set_exception(error)


def _response(status: int, headers: Mapping[str, str], content: bytes) -> Response:
    media = "application/json" if content else None
    return Response(content, status, {"Cache-Control": "no-store", **headers}, media_type=media)
