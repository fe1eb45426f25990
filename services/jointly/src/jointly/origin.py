"""One origin for all services: each path goes to the app of the service that answers it, the rest to the host's own."""

from collections.abc import Mapping, Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from jointly.protocol import MAX_HEAD, head_size


class Origin:
    """Gives each request to the app with the longest fitting prefix."""

    def __init__(self, apps: Mapping[str, ASGIApp], *, otherwise: ASGIApp) -> None:
        self._prefixes = sorted(apps.items(), key=lambda item: len(item[0]), reverse=True)
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        await self.app_for(scope.get("path", ""), scope)(scope, receive, send)

    def app_for(self, path: str, scope: Scope | None = None) -> ASGIApp:
        """The app that answers a path. A prefix ends at a slash, a colon or the end, never inside a word."""
        if scope is not None and scope["type"] == "http" and head_size(scope) > MAX_HEAD:
            return _too_large
        for prefix, app in self._prefixes:
            if path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in {"", "/", ":"}:
                return app
        return self._otherwise


class PrefixTakenTwice(ValueError):
    """Two services claim the same paths."""


def by_prefix(claims: Sequence[tuple[str, Sequence[str], ASGIApp]]) -> dict[str, ASGIApp]:
    """Each prefix's app, from (service, prefixes, app). Raises `PrefixTakenTwice`."""
    owners: dict[str, str] = {}
    apps: dict[str, ASGIApp] = {}
    for service, prefixes, app in claims:
        for prefix in prefixes:
            if prefix in owners:
                raise PrefixTakenTwice(f"{owners[prefix]} and {service} both answer {prefix}.")
            owners[prefix], apps[prefix] = service, app
    return apps


async def _too_large(_scope: Scope, _receive: Receive, send: Send) -> None:
    body = b'{"type":"https://schemas.jointly.example/problems/head-too-large","title":"Head too large","status":431}'
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 431, "headers": headers})
    await send({"type": "http.response.body", "body": body})
