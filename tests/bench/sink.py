"""A receiver of webhooks that costs little, in a process of its own: answers 204, and notes when what arrived.

`python sink.py PORT`; says `ready`. Each line that it is then told asks for what came since: `{"count", "latencies"}`,
the latencies in milliseconds from the instant in the event to its arrival.
"""

import asyncio
import json
import sys
import time
from datetime import datetime
from typing import Final

_ANSWER: Final = b"HTTP/1.1 204 No Content\r\n\r\n"


class Sink(asyncio.Protocol):
    """One connection."""

    arrived: Final[list[tuple[float, bytes]]] = []

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take whole requests, and answer each."""
        self._buffer += data
        while True:
            head, ended, rest = self._buffer.partition(b"\r\n\r\n")
            if not ended:
                return
            start = head.lower().index(b"content-length:") + 15
            length = int(head[start:].split(b"\r\n", 1)[0])
            if len(rest) < length:
                return
            self.arrived.append((time.time(), rest[:length]))  # noqa: TID251  a bench compares two processes' clocks
            self._buffer = rest[length:]
            self._transport.write(_ANSWER)  # type: ignore[attr-defined]


async def main() -> None:
    """Serve until the other side closes our input."""
    loop = asyncio.get_running_loop()
    await loop.create_server(Sink, "127.0.0.1", int(sys.argv[1]))
    print("ready", flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        came, Sink.arrived[:] = list(Sink.arrived), []
        sent = (datetime.fromisoformat(json.loads(body)["time"]).timestamp() for _, body in came)
        waits = [(at - said) * 1000 for (at, _), said in zip(came, sent, strict=True)]
        print(json.dumps({"count": len(came), "latencies": waits}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
