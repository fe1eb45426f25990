"""The public API as one viewer sees it. A question that cannot be answered is an empty part of a page, not an error."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import orjson
import structlog

log = structlog.get_logger()

Json = dict[str, Any]

#: A page would rather show what it has than wait for the last part.
TIMEOUT: Final = httpx.Timeout(6.0, connect=2.0)
#: Questions of one page at once: many enough for every part, few enough for the services.
_AT_ONCE: Final = 12
_NOT_FOUND: Final = 404
_NO_ANSWER: Final = 503


def new_client(origin: str, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """The one client that all viewers share: it holds connections, never a token."""
    return httpx.AsyncClient(
        base_url=origin,
        transport=transport,
        timeout=TIMEOUT,
        limits=httpx.Limits(max_connections=100, max_keepalive_connections=50),
        trust_env=False,
        headers={"Accept": "application/json"},
    )


@dataclass(frozen=True, slots=True)
class Part:
    """An answer, or why there is none."""

    status: int
    data: Json = field(default_factory=dict)
    etag: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    #: The body of an answer that is no JSON: a file.
    content: bytes = b""

    @property
    def ok(self) -> bool:
        """Whether there is an answer."""
        return 200 <= self.status < 300  # noqa: PLR2004

    @property
    def absent(self) -> bool:
        """Whether there is nothing that the viewer may see; also when nobody answers such questions (yet)."""
        return self.status in {403, _NOT_FOUND}

    @property
    def away(self) -> bool:
        """Whether it could not be loaded although it may be there."""
        return not self.ok and not self.absent

    @property
    def unknown(self) -> bool:
        """Whether nobody can say what became of it: the same key must be used again."""
        return self.status >= 500  # noqa: PLR2004

    @property
    def items(self) -> list[Json]:
        """The items of a list; of anything else none."""
        found = self.data.get("items")
        return found if isinstance(found, list) else []

    @property
    def more(self) -> str | None:
        """The cursor of the next page of a list."""
        found = self.data.get("next")
        return found if isinstance(found, str) else None

    @property
    def actions(self) -> list[Json]:
        """What the viewer may do with it."""
        found = self.data.get("actions")
        return found if isinstance(found, list) else []

    @property
    def detail(self) -> str:
        """Why not, in words."""
        return str(self.data.get("detail") or "This cannot be answered at the moment.")


#: What was not asked, because it is not for this viewer.
UNASKED: Final = Part(_NOT_FOUND)


class Api:
    """The API with one viewer's token, for one page."""

    def __init__(self, client: httpx.AsyncClient, token: str, correlation_id: str) -> None:
        self._client = client
        # Without a token nothing is said of one: an empty header is none that may be sent.
        self._headers = {"X-Correlation-Id": correlation_id} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._gate = asyncio.Semaphore(_AT_ONCE)
        #: Questions so far; tests hold pages to a number.
        self.asked = 0

    async def get(self, path: str, **parameters: str | int | bool | Sequence[str] | None) -> Part:
        """Ask. Never raises: what is away is a `Part` that says so. A list is a parameter several times."""
        given = {name: _words(value) for name, value in parameters.items() if value is not None}
        # Even an empty set of parameters would take those of the address away.
        return await self._send("GET", path, params=given or None)

    async def fetch(self, path: str) -> Part:
        """Ask for a file: its bytes as they are."""
        return await self._send("GET", path, headers={"Accept": "*/*"}, file=True)

    async def post(self, path: str, body: Json, *, key: str | None = None, etag: str | None = None) -> Part:
        """Ask by a body, or do something."""
        return await self.send("POST", path, body, key=key, etag=etag)

    async def send(
        self, method: str, path: str, body: Json, *, key: str | None = None, etag: str | None = None
    ) -> Part:
        """Do something; the same key never does it twice."""
        headers = {"Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        if etag:
            headers["If-Match"] = etag
        return await self._send(method, path, content=orjson.dumps(body), headers=headers)

    async def all(self, *questions: tuple[str, Mapping[str, Any]] | None) -> list[Part]:
        """Ask at the same time; what is None is not asked."""

        async def one(question: tuple[str, Mapping[str, Any]] | None) -> Part:
            return UNASKED if question is None else await self.get(question[0], **question[1])

        return list(await asyncio.gather(*map(one, questions)))

    async def names(self, case_ids: Sequence[str], reason: str) -> dict[str, str]:
        """Case -> what its child is called, for those whom the viewer may see by name."""
        wanted = list(dict.fromkeys(case_ids))
        if not wanted:
            return {}
        parts = await asyncio.gather(
            *(
                self.post("/v1/children:names", {"case_ids": wanted[at : at + 200], "reason": reason})
                for at in range(0, len(wanted), 200)
            )
        )
        return {row["case_id"]: f"{row['given_name']} {row['family_name']}" for part in parts for row in part.items}

    async def _send(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, *, file: bool = False, **more: Any
    ) -> Part:
        self.asked += 1
        try:
            async with self._gate:
                answer = await self._client.request(method, path, headers={**self._headers, **(headers or {})}, **more)
        except httpx.HTTPError as error:
            log.warning("api.away", path=path.split("?", maxsplit=1)[0], error=type(error).__name__)
            return Part(_NO_ANSWER)
        data = {} if file and answer.is_success else _body(answer)
        content = b"" if data else answer.content
        return Part(answer.status_code, data, answer.headers.get("etag"), answer.headers, content)


def _words(value: str | int | bool | Sequence[str]) -> str | list[str]:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int) else [str(each) for each in value]


def _body(answer: httpx.Response) -> Json:
    if "json" not in answer.headers.get("content-type", ""):
        return {}
    try:
        found = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {"items": found}
