"""What nobody means well: forged tokens, bodies, heads, and raw sockets that say what they like."""

import json
import math
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import httpx
import jwt
from chassis.clock import new_id, wall_now
from jointly.issuer.keys import SigningKey, issuer_key
from jointly.state import StateFolder
from support.host import Host

#: In every value that an answer must not repeat.
MARK: Final = "Qzmark"
#: Every role that a route asks for, so that no body is turned away for who sends it.
ALL_ROLES: Final = (
    "agency-system", "referrer", "caseworker", "cluster-lead", "adviser", "intake", "operator",
    "data-protection-officer", "organisation-lead", "service", "finance-officer", "provider-staff",
)  # fmt: skip
#: A caller who waits longer than any limit of the product has found a request that never ends.
PATIENCE: Final = 90.0
#: What a sample of a string may be, by what its pattern takes.
_WORDS: Final = (
    "abc", "115482", "school-115482", "abc-def", "office@council.example", "/child/postcode", "A1", "2026-11-20", "5",
    "01632 960001", "BBBBBBBBBBBBBBBBBBBBBBBB", "07:30", "https://push.example/one",
)  # fmt: skip


class Outsider:
    """Somebody at the host's door, with any token they can think of."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.client = httpx.Client(base_url=host.origin, trust_env=False, timeout=PATIENCE)

    @cached_property
    def document(self) -> dict[str, Any]:
        """The host's OpenAPI document."""
        found: dict[str, Any] = self.client.get("/openapi.json").raise_for_status().json()
        return found

    @cached_property
    def key(self) -> SigningKey:
        """The issuer's own key: what is forged with it is wrong in what it says, not in who signed it."""
        return issuer_key(StateFolder(self.host.state))

    @cached_property
    def _usual(self) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(
            self.host.token(system="school-115482"), options={"verify_signature": False}
        )
        return claims

    def claims(self, **changed: Any) -> dict[str, Any]:
        """Claims of a token that is good, but for what is changed; None takes a claim away."""
        now = int(wall_now().timestamp())
        fresh = {"iat": now, "nbf": now, "exp": now + 300, "jti": new_id()}
        claims = self._usual | fresh | changed
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, **changed: Any) -> str:
        """A token that the issuer would sign."""
        return self.key.sign(self.claims(**changed), typ="at+jwt")

    def signed_in(self, **changed: Any) -> dict[str, str]:
        """Its Authorization header."""
        return {"Authorization": f"Bearer {self.token(**changed)}"}

    def system(self, organisation: str) -> dict[str, str]:
        """Signed in as an organisation's system."""
        row = next(row for row in self.host.credentials()["systems"] if row["organisation"] == organisation)
        return self.signed_in(
            sub=row["client_id"], client_id=row["client_id"], organisation=organisation, sector=row["sector"]
        )

    def person(self, sub: str) -> dict[str, str]:
        """Signed in as somebody of the county."""
        row = next(row for row in self.host.credentials()["people"] if row["sub"] == sub)
        return self.signed_in(
            client_id="jointly-portal",
            **{name: row[name] for name in ("sub", "organisation", "sector", "roles", "clusters")},
        )

    def everybody(self) -> dict[str, str]:
        """Signed in as somebody who may try everything."""
        return self.signed_in(
            sub="intake-officer", client_id="jointly-portal", organisation="county-council", sector="council",
            roles=list(ALL_ROLES),
        )  # fmt: skip

    def operations(self, *methods: str) -> "list[Operation]":
        """The operations of these methods that take JSON or nothing, in the document's order."""
        schemas = self.document["components"]["schemas"]
        found = []
        for path, operations in self.document["paths"].items():
            for method, operation in operations.items():
                content = operation.get("requestBody", {}).get("content", {"application/json": {}})
                if method in methods and "application/json" in content:
                    schema = content["application/json"].get("schema")
                    found.append(Operation(method.upper(), path, operation, schema, schemas))
        return found

    def say(self, data: bytes, *, then_stop: bool = False) -> "Said":
        """Send bytes as they are, and read what comes back until the other side closes or has answered whole."""
        with socket.create_connection(("127.0.0.1", self.host.port), timeout=PATIENCE) as connection:
            sent = _send(connection, data)
            if then_stop:
                connection.shutdown(socket.SHUT_WR)
            return Said.read(connection, sent)


@dataclass(frozen=True)
class Operation:
    """A method on a path, and the body that it takes."""

    method: str
    path: str
    described: Mapping[str, Any]
    schema: Mapping[str, Any] | None
    schemas: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def url(self) -> str:
        """The path with ids that name nothing."""
        return re.sub(r"\{[a-z_]+\}", lambda _: new_id(), self.path)

    def header(self, name: str) -> Mapping[str, Any] | None:
        """What the document says of a request header."""
        parameters = self.described.get("parameters", ())
        named = [each for each in parameters if (each["in"], each["name"]) == ("header", name)]
        return named[0] if named else None

    def requires(self, name: str) -> bool:
        """Whether a request header has to be there."""
        return bool((self.header(name) or {}).get("required"))

    def headers(self) -> dict[str, str]:
        """Well-formed headers: a fresh key, and a version that nothing has."""
        return {"Content-Type": "application/json", "Idempotency-Key": new_id(), "If-Match": '"999999"'}

    def sample(self) -> dict[str, Any]:
        """A body of the right shape, with every field."""
        value: dict[str, Any] = self._sample(self.schema or {"type": "object"})
        return value

    def leaves(self) -> "Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]":
        """Where each single value is, and its schema."""
        yield from self._leaves((), self.schema or {})

    def objects(self) -> "Iterator[tuple[str | int, ...]]":
        """Where each object is that says which fields it has."""
        yield from self._objects((), self.schema or {})

    def resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema itself: behind a reference, and without null."""
        if "$ref" in schema:
            return self.resolved(self.schemas[schema["$ref"].rsplit("/", 1)[-1]])
        choices = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
        return self.resolved({**choices[0], **{k: v for k, v in schema.items() if k != "anyOf"}}) if choices else schema

    def _sample(self, schema: Mapping[str, Any]) -> Any:
        schema = self.resolved(schema)
        if "const" in schema or "enum" in schema:
            return schema.get("const") or schema["enum"][0]
        match schema.get("type"):
            case "object":
                return {name: self._sample(each) for name, each in schema.get("properties", {}).items()}
            case "array":
                return [self._sample(schema.get("items", {}))]
            case "boolean":
                return True
            case "integer" | "number":
                return math.ceil(schema.get("minimum", 1))
            case _:
                return _text(schema)

    def _leaves(
        self, at: tuple[str | int, ...], schema: Mapping[str, Any]
    ) -> "Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]":
        schema = self.resolved(schema)
        if schema.get("type") == "object":
            for name, each in schema.get("properties", {}).items():
                yield from self._leaves((*at, name), each)
        elif schema.get("type") == "array":
            yield from self._leaves((*at, 0), schema.get("items", {}))
        else:
            yield at, schema

    def _objects(self, at: tuple[str | int, ...], schema: Mapping[str, Any]) -> "Iterator[tuple[str | int, ...]]":
        schema = self.resolved(schema)
        if schema.get("additionalProperties") is False:
            yield at
        for name, each in schema.get("properties", {}).items():
            yield from self._objects((*at, name), each)
        if schema.get("type") == "array":
            yield from self._objects((*at, 0), schema.get("items", {}))


def _text(schema: Mapping[str, Any]) -> str:
    kind = schema.get("format")
    if kind == "date":
        return "2026-11-20"
    if kind == "date-time":
        return "2026-11-20T12:00:00Z"
    fits = re.compile(schema.get("pattern", ""))
    least, most = schema.get("minLength", 0), schema.get("maxLength", 10_000)
    return next(word for word in _WORDS if fits.search(word) and least <= len(word) <= most)


def put(body: Any, at: tuple[str | int, ...], value: Any) -> Any:
    """A copy of the body with another value at a place."""
    if not at:
        return value
    copy: Any = json.loads(json.dumps(body))
    inner = copy
    for step in at[:-1]:
        inner = inner[step]
    inner[at[-1]] = value
    return copy


def pointer(at: tuple[str | int, ...]) -> str:
    """A place as a JSON pointer."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in at)


def _send(connection: socket.socket, data: bytes) -> int:
    """Bytes that were sent until the other side would have no more."""
    view, sent = memoryview(data), 0
    try:
        while sent < len(data):
            sent += connection.send(view[sent : sent + 65_536])
    except (BrokenPipeError, ConnectionResetError):
        pass
    return sent


@dataclass(frozen=True)
class Said:
    """What came back over a raw socket; `status` 0: the connection was closed without a word."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    rest: bytes
    sent: int = 0

    @classmethod
    def read(cls, connection: socket.socket, sent: int = 0) -> "Said":
        """Read one answer, and all else that comes before the other side closes, if it does."""
        received = b""
        try:
            while (found := cls._parse(received, sent)) is None or found.headers.get("connection") == "close":
                chunk = connection.recv(65_536)
                if not chunk:
                    break
                received += chunk
        except ConnectionResetError:
            pass
        return cls._parse(received, sent) or cls(0, {}, b"", received, sent)

    @classmethod
    def _parse(cls, received: bytes, sent: int) -> "Said | None":
        head, ended, rest = received.partition(b"\r\n\r\n")
        if not ended:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        status = int(first.split()[1])
        if status == 100:
            return cls._parse(rest, sent)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", len(rest)))
        if len(rest) < length:
            return None
        return cls(status, headers, rest[:length], rest[length:], sent)
