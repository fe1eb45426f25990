"""An agency's system as a partner would write one: a token from its own credentials, a key for every request."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, Self

import httpx
from chassis.clock import new_id, wall_seconds

#: Ask for a new token so many seconds before the old one ends.
_EARLY_SECONDS: Final = 30.0
_ATTEMPTS: Final = 8
_FIRST_PAUSE: Final = 0.2
_AGAIN: Final = frozenset({409, 429, 502, 503, 504})


class NothingRuns(Exception):
    """There is no county to talk to."""


class Refused(Exception):
    """The house said no, and why."""

    def __init__(self, answer: httpx.Response) -> None:
        try:
            problem = answer.json()
        except ValueError:
            problem = {}
        where = "; ".join(f"{e['pointer']}: {e['detail']}" for e in problem.get("errors", ()))
        super().__init__(
            f"{answer.request.method} {answer.request.url.path} was answered {answer.status_code}: "
            f"{problem.get('detail') or problem.get('error_description') or 'no reason given'} {where}".strip()
        )
        self.answer = answer


class Agency:
    """One system and its connection."""

    def __init__(self, origin: str, credentials: Mapping[str, str], *, connections: int = 8) -> None:
        self.organisation = credentials["organisation"]
        self.sector = credentials["sector"]
        self._credentials = credentials
        self._http = httpx.AsyncClient(
            base_url=origin, timeout=30, limits=httpx.Limits(max_connections=connections), trust_env=False
        )
        self._token = ""
        self._ends = float("-inf")
        self._asking = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def get(self, path: str, **parameters: str | int) -> dict[str, Any]:
        """Read something. Raises `Refused`."""
        return self._taken(await self._send("GET", path, params=parameters))

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Make something, once: whatever happens on the way, the same key is sent again. Raises `Refused`."""
        return self._taken(await self._send("POST", path, json=body, headers={"Idempotency-Key": new_id()}))

    async def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        pause, given = _FIRST_PAUSE, request.pop("headers", {})
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                headers = {**given, "Authorization": f"Bearer {await self._fresh_token()}"}
                answer = await self._http.request(method, path, headers=headers, **request)
            except httpx.TransportError:
                # Nobody knows whether it arrived; the key makes asking again safe.
                if attempt == _ATTEMPTS:
                    raise NothingRuns(f"Nothing answers at {self._http.base_url}. `make run` first.") from None
            else:
                if answer.status_code not in _AGAIN or attempt == _ATTEMPTS:
                    return answer
            await asyncio.sleep(pause)
            pause *= 2
        raise AssertionError

    async def _fresh_token(self) -> str:
        async with self._asking:
            if wall_seconds() > self._ends - _EARLY_SECONDS:
                answer = self._taken(
                    await self._http.post(
                        self._credentials["token_url"],
                        data={"grant_type": "client_credentials"},
                        auth=httpx.BasicAuth(self._credentials["client_id"], self._credentials["client_secret"]),
                    )
                )
                self._token = answer["access_token"]
                self._ends = wall_seconds() + float(answer["expires_in"])
            return self._token

    @staticmethod
    def _taken(answer: httpx.Response) -> dict[str, Any]:
        if not answer.is_success:
            raise Refused(answer)
        body: dict[str, Any] = answer.json()
        return body
