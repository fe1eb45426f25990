"""A load client that costs little: keep-alive connections, prepared requests, one process of its own.

Loopback only, bounded in count. Run as a process, so that it takes no time from what it measures beyond its own core:
`python load.py URL CONNECTIONS < requests.jsonl > results.json`; a line is `{"headers": {...}, "body": "..."}`.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Result:
    """What came of it."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    #: Milliseconds from sending to the whole answer.
    latencies: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return sum(self.statuses.values()) / self.seconds

    def percentile(self, share: float) -> float:
        """The latency that this share of the requests stayed under."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Connection(asyncio.Protocol):
    """One keep-alive connection: the next request goes out when the answer is whole."""

    def __init__(self, requests: list[bytes], result: Result, done: asyncio.Future[None], pace: float | None) -> None:
        self._requests = requests
        self._result = result
        self._done = done
        self._pace = pace
        self._buffer = b""
        self._sent_at = 0.0
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first."""
        self._transport = transport  # type: ignore[assignment]
        self._next()

    def data_received(self, data: bytes) -> None:
        """Collect an answer."""
        self._buffer += data
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        lower = head.lower()
        start = lower.index(b"content-length:") + 15
        end = lower.find(b"\r\n", start)
        length = int(lower[start : end if end > 0 else None])
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        now = time.perf_counter()
        self._result.latencies.append((now - self._sent_at) * 1000)
        self._result.statuses[int(head[9:12])] += 1
        if self._pace is not None:
            wait = self._sent_at + self._pace - now
            asyncio.get_running_loop().call_later(max(0.0, wait), self._next)
        else:
            self._next()

    def connection_lost(self, error: Exception | None) -> None:
        """The server went away."""
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("closed"))

    def _next(self) -> None:
        if not self._requests:
            if not self._done.done():
                self._done.set_result(None)
            return
        assert self._transport is not None
        self._sent_at = time.perf_counter()
        self._transport.write(self._requests.pop())


async def fire(url: str, prepared: list[bytes], connections: int, *, rate: float | None = None) -> Result:
    """Send every request once over so many connections; `rate` per second in all, or as fast as they are answered."""
    parts = urlsplit(url)
    if parts.hostname != "127.0.0.1":
        raise ValueError("Load goes to this machine only.")
    port = parts.port or 80
    loop, result, queue = asyncio.get_running_loop(), Result(), list(reversed(prepared))
    pace = None if rate is None else connections / rate
    began = time.perf_counter()
    futures = []
    for n in range(connections):
        done: asyncio.Future[None] = loop.create_future()
        futures.append(done)
        await loop.create_connection(lambda d=done: Connection(queue, result, d, pace), "127.0.0.1", port)  # type: ignore[misc]
        if pace is not None and n + 1 < connections:
            await asyncio.sleep(pace / connections)
    await asyncio.gather(*futures)
    result.seconds = time.perf_counter() - began
    return result


def prepare(url: str, headers: dict[str, str], body: bytes) -> bytes:
    """A POST as it goes over the wire."""
    parts = urlsplit(url)
    lines = [f"POST {parts.path} HTTP/1.1", f"Host: {parts.netloc}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in ({"Content-Type": "application/json"} | headers).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def main() -> None:
    """Read requests, fire them, print what came of it."""
    url, connections = sys.argv[1], int(sys.argv[2])
    rate = float(sys.argv[3]) if len(sys.argv) > 3 else None
    requests = [json.loads(line) for line in sys.stdin]
    prepared = [prepare(url, r["headers"], r["body"].encode()) for r in requests]
    result = asyncio.run(fire(url, prepared, connections, rate=rate))
    summary = {
        "seconds": result.seconds,
        "per_second": result.per_second,
        "statuses": dict(result.statuses),
        "p50": result.percentile(0.5),
        "p99": result.percentile(0.99),
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
