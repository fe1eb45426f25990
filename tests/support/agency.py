"""A partner's system as a careful developer writes it: its own tokens, a key for each request, the same key again
after anything unknown, and a record of what it was told. Beside it, a person at the county's application.
"""

import asyncio
import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

import httpx
from chassis.clock import new_id, wall_seconds

#: A token is replaced while it still lives: a request must not meet its end on the way.
_EARLY_SECONDS: Final = 60.0
#: How long one attempt is waited for. A front that is being started again keeps callers waiting, not refused.
_ATTEMPT_SECONDS: Final = 20.0
#: After so long without a usable answer something hangs.
_PATIENCE_SECONDS: Final = 180.0
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0
#: Certainly not sent, so certainly not done.
_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_BACK: Final = "http://127.0.0.1/callback"


class Outcome(StrEnum):
    """What one attempt is known to have done."""

    #: It is done: a 2xx came back.
    OK = "ok"
    #: It is certainly not done: a 4xx came back, or nothing was ever sent.
    FAIL = "fail"
    #: Nobody knows: a timeout, a cut connection, a 5xx, or the same key is still being worked on.
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request as its sender saw it."""

    key: str
    outcome: Outcome
    #: None: no answer came.
    status: int | None
    #: The problem's code, or what happened to the connection.
    why: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back in the end."""

    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]

    @property
    def code(self) -> str:
        """The stable code of a refusal."""
        return str(self.body.get("type", "")).rpartition("/")[2]


class Hangs(Exception):
    """There was no usable answer for longer than anything may take."""


class Caller:
    """Somebody who asks over HTTP. Subclasses know how to get a token."""

    def __init__(self, origin: str, *, connections: int = 16) -> None:
        self.http = httpx.AsyncClient(
            base_url=origin,
            timeout=_ATTEMPT_SECONDS,
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            trust_env=False,
        )
        #: Every attempt of every POST, in order.
        self.history: list[Attempt] = []
        #: Requests on their way now.
        self.in_flight = 0
        self._token = ""
        self._ends = float("-inf")
        self._asking = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    def unanswered(self) -> int:
        """Attempts after which the sender did not know what had happened: cut off, timed out, or told so."""
        return sum(
            attempt.outcome is Outcome.INFO and (attempt.status is None or attempt.why == "outcome-unknown")
            for attempt in self.history
        )

    async def get(self, path: str, **parameters: str | int | bool) -> Answer:
        """Read something; again after anything that may pass."""
        return await self._send("GET", path, params=parameters)

    async def items(self, path: str, **parameters: str | int | bool) -> AsyncIterator[dict[str, Any]]:
        """Everything on a list's pages."""
        cursor: str | None = None
        while True:
            answer = await self.get(path, limit=200, **parameters, **({"cursor": cursor} if cursor else {}))
            assert answer.status == httpx.codes.OK, answer
            for item in answer.body["items"]:
                yield item
            cursor = answer.body["next"]
            if cursor is None:
                return

    async def post(
        self, path: str, body: Mapping[str, Any], *, key: str | None = None, if_match: str | None = None
    ) -> Answer:
        """Make or change something, once: until somebody says yes or no, the same key is sent again."""
        headers = {"Idempotency-Key": key or new_id()} | ({"If-Match": if_match} if if_match else {})
        return await self._send("POST", path, json=body, headers=headers)

    async def _send(self, method: str, path: str, **request: Any) -> Answer:
        given = request.pop("headers", {})
        key = given.get("Idempotency-Key", "")
        pause, gives_up = _FIRST_PAUSE, wall_seconds() + _PATIENCE_SECONDS
        while wall_seconds() < gives_up:
            wait = pause
            try:
                headers = {**given, "Authorization": f"Bearer {await self._fresh_token()}"}
                self.in_flight += 1
                try:
                    answer = await self.http.request(method, path, headers=headers, **request)
                finally:
                    self.in_flight -= 1
            except _NEVER_SENT as error:
                self._note(key, Outcome.FAIL, None, type(error).__name__)
            except (httpx.TransportError, _NoToken) as error:
                sent = not isinstance(error, _NoToken)
                self._note(key, Outcome.INFO if sent else Outcome.FAIL, None, type(error).__name__)
            else:
                found = Answer(answer.status_code, _json(answer), answer.headers)
                outcome, final = _read(found)
                self._note(key, outcome, found.status, found.code)
                if final:
                    return found
                if found.status == httpx.codes.UNAUTHORIZED:
                    self._ends = float("-inf")
                wait = max(pause, float(found.headers.get("retry-after", 0)))
            await asyncio.sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE)
        raise Hangs(f"{method} {path}: no answer in {_PATIENCE_SECONDS:g} s; at last {self.history[-3:]}")

    def _note(self, key: str, outcome: Outcome, status: int | None, why: str) -> None:
        if key:
            self.history.append(Attempt(key, outcome, status, why))

    async def _fresh_token(self) -> str:
        async with self._asking:
            if wall_seconds() > self._ends - _EARLY_SECONDS:
                try:
                    answer = await self._ask_for_token()
                except httpx.TransportError as error:
                    raise _NoToken from error
                if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
                    raise _NoToken
                granted = _json(answer)
                assert answer.is_success, granted
                self._token = granted["access_token"]
                self._ends = wall_seconds() + float(granted["expires_in"])
            return self._token

    async def _ask_for_token(self) -> httpx.Response:
        raise NotImplementedError


class Agency(Caller):
    """The system of a school, a health service, social care: it speaks for its whole organisation."""

    def __init__(self, origin: str, credentials: Mapping[str, str], *, connections: int = 16) -> None:
        super().__init__(origin, connections=connections)
        self.organisation = credentials["organisation"]
        self.sector = credentials["sector"]
        self._credentials = credentials

    async def refer(self, body: Mapping[str, Any], *, key: str | None = None) -> Answer:
        """Ask for help for a child."""
        return await self.post("/v1/referrals", body, key=key)

    async def _ask_for_token(self) -> httpx.Response:
        return await self.http.post(
            self._credentials["token_url"],
            data={"grant_type": "client_credentials"},
            auth=httpx.BasicAuth(self._credentials["client_id"], self._credentials["client_secret"]),
        )


class Person(Caller):
    """Somebody signed in at the county's issuer, with PKCE, as an application would do it for them."""

    def __init__(self, origin: str, who: Mapping[str, Any], *, connections: int = 4) -> None:
        super().__init__(origin, connections=connections)
        self.sub: str = who["sub"]
        self.roles: Sequence[str] = who["roles"]
        self.clusters: Sequence[str] = who["clusters"]
        self.organisation: str = who["organisation"]

    async def inbox(self) -> list[dict[str, Any]]:
        """What they were told, all of it."""
        return [item async for item in self.items("/v1/notifications")]

    async def _ask_for_token(self) -> httpx.Response:
        verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        chosen = await self.http.post(
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
        if chosen.status_code != httpx.codes.SEE_OTHER:
            return chosen
        (code,) = parse_qs(urlsplit(chosen.headers["location"]).query)["code"]
        return await self.http.post(
            "/oauth/token",
            data={
                "grant_type": "authorization_code",
                "code": code,
                "client_id": "jointly-cli",
                "redirect_uri": _BACK,
                "code_verifier": verifier,
            },
        )


class _NoToken(Exception):
    """The issuer is away: the request itself was never sent."""


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _read(answer: Answer) -> tuple[Outcome, bool]:
    """What an answer says was done, and whether there is no point in asking again."""
    if answer.status < httpx.codes.BAD_REQUEST:
        return Outcome.OK, True
    if answer.status >= httpx.codes.INTERNAL_SERVER_ERROR or answer.code == "in-flight":
        return Outcome.INFO, False
    return Outcome.FAIL, answer.status not in {httpx.codes.UNAUTHORIZED, httpx.codes.TOO_MANY_REQUESTS}


def nhs_number(number: int) -> str:
    """A valid NHS number of the range that is kept for tests, another one for each number below 100,000."""
    for last in range(10):
        digits = f"999{number:05d}{last}"
        check = -sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), digits, strict=True)) % 11
        if check < 10:
            return f"{digits}{check}"
    raise AssertionError


def a_referral(number: int, *, reference: str | None = None, today: date, **child: Any) -> dict[str, Any]:
    """A body for `POST /v1/referrals` of a child who is plainly synthetic and, by number, nobody else."""
    return {
        "child": {
            "given_name": f"Child{_letters(number)}",
            "family_name": f"{_letters(number * 7 + 3)}-Test",
            "date_of_birth": (today - timedelta(days=3_000 + number * 37 % 300)).isoformat(),
            "sex": "unknown",
            "postcode": "GL1 4AW",
            "nhs_number": nhs_number(number),
            "school_urn": "115482",
            "year_group": "4",
        }
        | child,
        "needs": [{"type": "SEMH", "rank": 1}],
        "concern": {"summary": "Leaves lessons daily.", "risk_of_exclusion": "emerging"},
        "requested": ["assessment"],
        "urgency": "routine",
        "basis": {
            "kind": "public-task",
            "special_category": "substantial-public-interest",
            "recorded_on": today.isoformat(),
        },
        "referrer": {"name": "SENCO", "role": "SENCO", "reference": reference or f"R-{number}"},
    }


def _letters(number: int) -> str:
    """A number as a name-like word."""
    word = ""
    for _ in range(5):
        number, rest = divmod(number, 26)
        word += chr(ord("a") + rest)
    return word.capitalize()
