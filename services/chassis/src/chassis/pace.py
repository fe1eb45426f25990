"""Rest between rounds of work, so that what comes meanwhile shares the next one instead of having one each."""

import asyncio
from types import TracebackType
from typing import Final, Self

from chassis.clock import wall_seconds

#: However long a round took: nobody waits longer than this for the next.
_LONGEST_REST_SECONDS: Final = 0.02


class Pace:
    """`with pace:` around a round; `await pace.rest()` after it: as long as it took, up to a limit.

    One who has nothing to do is at once there for what comes; one who is busy makes fewer and larger rounds.
    """

    def __init__(self) -> None:
        self._began = 0.0
        self._took = 0.0

    def __enter__(self) -> Self:
        """A round begins."""
        self._began = wall_seconds()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """It is over."""
        self._took = wall_seconds() - self._began

    async def rest(self) -> None:
        """Let others work, and more come."""
        await asyncio.sleep(min(self._took, _LONGEST_REST_SECONDS))
