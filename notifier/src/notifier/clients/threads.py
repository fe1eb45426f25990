"""Client packages that block: each call in a thread, and nobody waits for it longer than their patience."""

import asyncio
from collections.abc import Callable
from typing import Final

from notifier.clients.mail import Mail
from notifier.domain.post import Answer, Attempt, Stage

#: Seconds for one call; the package's own limit is shorter, so that its thread ends too.
PATIENCE: Final = 20.0
CALL_SECONDS: Final = 15.0


async def in_a_thread(call: Callable[[Mail], Attempt], mail: Mail) -> Attempt:
    """What a blocking call came to."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await asyncio.to_thread(call, mail)
    except TimeoutError:
        return Attempt(Answer.SERVER_DOWN, Stage.CONNECT, None, "TimeoutError")
