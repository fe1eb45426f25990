"""Posting to receivers that strangers named: each address is checked at the moment of connecting, and none is followed.

The name is resolved once, every address that it leads to is checked, and the connection is made to one of those very
addresses; Host and the name in TLS stay the receiver's. So a name that leads inside a moment later leads nowhere.
"""

import asyncio
import socket
import ssl
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any, Final

import httpcore
from chassis.clock import wall_now

from exchange.domain.addresses import Address, AddressRefused, Guard, Target
from exchange.domain.retries import Attempt, Outcome, answered

#: The addresses that a name leads to now.
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
SocketOption = Any

_AGENT: Final = "jointly-exchange/1"
_IDLE_SECONDS: Final = 30.0
#: Receivers whose connections are kept; more are connected to anew.
_MOST_POOLS: Final = 512


async def resolve(host: str, port: int) -> Sequence[str]:
    """As the machine resolves names."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Unresolved(httpcore.ConnectError):
    """The name leads nowhere."""


async def checked_addresses(host: str, port: int, *, guard: Guard, resolver: Resolver) -> list[Address]:
    """Where a host leads. Raises `AddressRefused` when any of its addresses is refused, `Unresolved` without any."""
    try:
        found = [ip_address(text.partition("%")[0]) for text in await resolver(host, port)]
    except (OSError, UnicodeError, ValueError) as error:
        raise Unresolved("unresolved") from error
    if not found:
        raise Unresolved("unresolved")
    for address in found:
        guard.check(address)
    return found


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Makes connections to addresses that were checked, and to no others."""

    def __init__(self, guard: Guard, resolver: Resolver = resolve) -> None:
        self._guard = guard
        self._resolver = resolver
        self._plain = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  the interface is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to one of the host's addresses, all of which were checked."""
        failed: Exception = Unresolved("unresolved")
        for address in await checked_addresses(host, port, guard=self._guard, resolver=self._resolver):
            try:
                return await self._plain.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002
        timeout: float | None = None,  # noqa: ARG002, ASYNC109
        socket_options: Iterable[SocketOption] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        """Never: no receiver is a file."""
        raise AddressRefused("not-a-receiver", "No receiver is a file.")

    async def sleep(self, seconds: float) -> None:
        """Wait between attempts to connect."""
        await asyncio.sleep(seconds)


class Carrier:
    """Posts webhooks, each receiver's over connections of its own, which are kept for a while.

    One pool for all would look through every connection for every request.
    """

    def __init__(
        self,
        guard: Guard,
        *,
        connect_seconds: float,
        answer_seconds: float,
        most_answer_bytes: int,
        at_once: int,
        resolver: Resolver = resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._guard = guard
        self._timeouts = {
            "connect": connect_seconds, "read": answer_seconds, "write": answer_seconds, "pool": connect_seconds,
        }  # fmt: skip
        self._answer_seconds = answer_seconds
        self._most_answer_bytes = most_answer_bytes
        self._at_once = at_once
        self._tls = tls or ssl.create_default_context()
        self._backend = CheckedBackend(guard, resolver)
        #: The one used last stands last.
        self._pools: OrderedDict[str, httpcore.AsyncConnectionPool] = OrderedDict()
        self._under_way: Counter[str] = Counter()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, *, receiver: str = "") -> Attempt:
        """Send one webhook. Never raises: what came of it is the answer, and no word of the receiver's is in it."""
        self._under_way[receiver] += 1
        try:
            target = self._guard.target(url)
            async with asyncio.timeout(self._answer_seconds):
                return await self._post(await self._pool_of(receiver), target, headers, body)
        except Exception as error:  # noqa: BLE001  whatever it was, it is an attempt that failed
            return Attempt(Outcome.FAILED, _reason(error))
        finally:
            self._under_way[receiver] -= 1

    async def _pool_of(self, receiver: str) -> httpcore.AsyncConnectionPool:
        pool = self._pools.get(receiver)
        if pool is None:
            pool = self._pools[receiver] = httpcore.AsyncConnectionPool(
                ssl_context=self._tls,
                max_connections=self._at_once,
                max_keepalive_connections=self._at_once,
                keepalive_expiry=_IDLE_SECONDS,
                network_backend=self._backend,
            )
            idle = [name for name in self._pools if not self._under_way[name]]
            for name in idle[: max(0, len(self._pools) - _MOST_POOLS)]:
                await self._pools.pop(name).aclose()
        self._pools.move_to_end(receiver)
        return pool

    async def _post(
        self, pool: httpcore.AsyncConnectionPool, target: Target, headers: Mapping[str, str], body: bytes
    ) -> Attempt:
        host = f"[{target.host}]" if ":" in target.host else target.host
        default = {"http": 80, "https": 443}[target.scheme] == target.port
        url = httpcore.URL(
            scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
        )
        sent: dict[bytes | str, bytes | str] = {
            "host": host if default else f"{host}:{target.port}",
            "user-agent": _AGENT,
            "accept": "*/*",
            "content-length": str(len(body)),
        }
        sent.update(headers.items())
        async with pool.stream(
            "POST", url, headers=sent, content=body, extensions={"timeout": self._timeouts}
        ) as response:
            size = 0
            async for chunk in response.aiter_stream():
                size += len(chunk)
                if size > self._most_answer_bytes:
                    # Leaving closes the connection: what is not read does not come.
                    break
        retry_after = next((v.decode("latin-1") for n, v in response.headers if n.lower() == b"retry-after"), None)
        return answered(response.status, retry_after, wall_now())

    async def close(self) -> None:
        """Let go of every connection."""
        for pool in self._pools.values():
            await pool.aclose()
        self._pools.clear()


#: The first that an error is one of.
_REASONS: Final[Sequence[tuple[type[BaseException], str]]] = (
    (Unresolved, "unresolved"),
    (TimeoutError, "timeout"),
    (httpcore.TimeoutException, "timeout"),
    (ssl.SSLError, "tls"),
    (httpcore.ConnectError, "unreachable"),
)


def _reason(error: BaseException) -> str:
    """A stable word for what went wrong; never a text, which may hold what a receiver wrote."""
    if isinstance(error, AddressRefused):
        return f"address-{error.code}"
    if isinstance(error, httpcore.ConnectError) and isinstance(error.__context__, ssl.SSLError):
        return "tls"
    return next((reason for kind, reason in _REASONS if isinstance(error, kind)), "broken-off")
