"""Several things at once: they wait until nobody changes their mind, then each is done with a key of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from portal.clients.api import Api
from portal.store import Tx
from portal.store.batches import Batch

#: Opens a transaction of the portal.
Transactions = Callable[[], AbstractAsyncContextManager[Any]]
_AT_ONCE: Final = 6


async def run(batch: Batch, api: Api, transactions: Transactions, *, was: str = "waiting") -> bool:
    """Do it now, if it still waits. Once: whoever turns it does it, and a second try carries the same keys."""
    async with transactions() as tx:
        if not await tx.batches.turn(batch.id, batch.subject, was=was, to="doing"):
            return False
    results = [result async for result in _steps(batch, api)]
    async with transactions() as tx:
        await tx.batches.finish(batch.id, results)
    return True


async def _steps(batch: Batch, api: Api) -> AsyncIterator[str | None]:
    steps: Sequence[dict[str, Any]] = batch.steps
    for first in range(0, len(steps), _AT_ONCE):
        done = await asyncio.gather(
            *(
                api.send(step["method"], step["href"], step["body"], key=f"{batch.id}-{n}", etag=step["etag"])
                for n, step in enumerate(steps[first : first + _AT_ONCE], first)
            )
        )
        for part in done:
            yield None if part.ok else part.detail


async def undo(tx: Tx, batch_id: str, subject: str) -> bool:
    """Call it off, if it has not begun."""
    return await tx.batches.turn(batch_id, subject, was="waiting", to="undone")
