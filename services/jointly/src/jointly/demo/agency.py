"""Those who call the house in the demo, as a careful partner would write them: own tokens, a key for every request."""

import asyncio
import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

import httpx
from chassis.clock import new_id, wall_seconds

#: Ask for a new token so many seconds before the old one ends.
_EARLY_SECONDS: Final = 30.0
_ATTEMPTS: Final = 8
_FIRST_PAUSE: Final = 0.2
_AGAIN: Final = frozenset({429, 500, 502, 503, 504})
_PAGE: Final = 200
_BACK: Final = "http://127.0.0.1/callback"


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
        #: The stable code of the refusal.
        self.code = str(problem.get("type", "")).rpartition("/")[2]


def client(origin: str, *, connections: int) -> httpx.AsyncClient:
    """Connections to a house."""
    return httpx.AsyncClient(
        base_url=origin, timeout=30, limits=httpx.Limits(max_connections=connections), trust_env=False
    )


class Caller:
    """Somebody who asks over HTTP. Subclasses know how to get a token; several may share their connections."""

    def __init__(self, http: httpx.AsyncClient, organisation: str, sector: str) -> None:
        self.organisation = organisation
        self.sector = sector
        self._http = http
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

    async def items(self, path: str, **parameters: str | int) -> AsyncIterator[dict[str, Any]]:
        """Everything on a list's pages. Raises `Refused`."""
        following: str | None = None
        while True:
            page = await self.get(path, limit=_PAGE, **parameters, **({"cursor": following} if following else {}))
            for item in page["items"]:
                yield item
            following = page["next"]
            if following is None:
                return

    async def post(self, path: str, body: Mapping[str, Any], *, if_match: str | None = None) -> dict[str, Any]:
        """Make something, once: whatever happens on the way, the same key is sent again. Raises `Refused`."""
        headers = {"Idempotency-Key": new_id()} | ({"If-Match": if_match} if if_match else {})
        return self._taken(await self._send("POST", path, json=body, headers=headers))

    async def change(self, read: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Change what stands at `read` as it is now; looked at anew when somebody was quicker. Raises `Refused`."""
        for _ in range(_ATTEMPTS):
            found = await self._send("GET", read)
            self._taken(found)
            try:
                return await self.post(path, body, if_match=found.headers["etag"])
            except Refused as refused:
                if refused.answer.status_code != httpx.codes.PRECONDITION_FAILED:
                    raise
                last = refused
        raise last

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
                if not _passes(answer) or attempt == _ATTEMPTS:
                    return answer
            await asyncio.sleep(pause)
            pause *= 2
        raise AssertionError

    async def _fresh_token(self) -> str:
        async with self._asking:
            if wall_seconds() > self._ends - _EARLY_SECONDS:
                granted = self._taken(await self._ask_for_token())
                self._token = granted["access_token"]
                self._ends = wall_seconds() + float(granted["expires_in"])
            return self._token

    async def _ask_for_token(self) -> httpx.Response:
        raise NotImplementedError

    @staticmethod
    def _taken(answer: httpx.Response) -> dict[str, Any]:
        if not answer.is_success:
            raise Refused(answer)
        body: dict[str, Any] = answer.json()
        return body


class Agency(Caller):
    """The system of a school, a health service, social care."""

    def __init__(
        self,
        origin: str,
        credentials: Mapping[str, str],
        *,
        connections: int = 8,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        super().__init__(
            http or client(origin, connections=connections), credentials["organisation"], credentials["sector"]
        )
        self._credentials = credentials

    async def _ask_for_token(self) -> httpx.Response:
        return await self._http.post(
            self._credentials["token_url"],
            data={"grant_type": "client_credentials"},
            auth=httpx.BasicAuth(self._credentials["client_id"], self._credentials["client_secret"]),
        )


class Person(Caller):
    """Somebody who has signed in with PKCE, as an application does it for them."""

    def __init__(self, http: httpx.AsyncClient, who: Mapping[str, Any]) -> None:
        super().__init__(http, who["organisation"], who["sector"])
        self.sub: str = who["sub"]
        self.title: str = who["title"]

    async def _ask_for_token(self) -> httpx.Response:
        verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        signed_in = await self._http.post(
            "/oauth/authorize",
            data={
                "response_type": "code",
                "client_id": "jointly-cli",
                "redirect_uri": _BACK,
                "code_challenge": urlsafe_b64encode(digest).rstrip(b"=").decode(),
                "code_challenge_method": "S256",
                "person": self.sub,
            },
        )
        if signed_in.status_code != httpx.codes.SEE_OTHER:
            return signed_in
        (code,) = parse_qs(urlsplit(signed_in.headers["location"]).query)["code"]
        return await self._http.post(
            "/oauth/token",
            data={
                "grant_type": "authorization_code",
                "code": code,
                "client_id": "jointly-cli",
                "redirect_uri": _BACK,
                "code_verifier": verifier,
            },
        )


def _passes(answer: httpx.Response) -> bool:
    """Whether the same request may be answered otherwise in a moment: trouble, or it is still being worked on."""
    if answer.status_code in _AGAIN:
        return True
    return answer.status_code == httpx.codes.CONFLICT and b"/in-flight" in answer.content
