"""At the door of the running host, below HTTP's manners: framing, heads and paths."""

import json
import select
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any, Final

import psutil
import pytest
from support.hostile import PATIENCE, Outsider, Said

#: What the front may grow by while an endless body comes in.
RSS_CEILING: Final = 100 * 1024 * 1024
#: More than this is never taken of a body that is too large, whatever the sockets between us hold.
MOST_TAKEN: Final = 64 * 1024 * 1024
_CHUNK: Final = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
_ASK: Final = b"POST /v1/children:names HTTP/1.1\r\n"
_READ: Final = b"GET /v1/clusters HTTP/1.1\r\n"
_CHUNKED: Final = b"Transfer-Encoding: chunked\r\n"
#: Requests whose end, or whose head, two readers could see differently. `%` stands for the usual headers.
AMBIGUOUS: Final[Mapping[str, bytes]] = {
    "length and chunks": _ASK + b"%Content-Length: 5\r\n" + _CHUNKED + b"\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n",
    "chunks and length": _ASK + b"%" + _CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": _ASK + b"%Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
    "the same length twice": _ASK + b"%Content-Length: 2, 2\r\n\r\n{}",
    "a signed length": _ASK + b"%Content-Length: +2\r\n\r\n{}",
    "a negative length": _ASK + b"%Content-Length: -2\r\n\r\n{}",
    "a hexadecimal length": _ASK + b"%Content-Length: 0x2\r\n\r\n{}",
    "a length beyond numbers": _ASK + b"%Content-Length: " + b"9" * 40 + b"\r\n\r\n{}",
    "no length at all": _ASK + b"%Content-Length: \r\n\r\n{}",
    "a coding nobody knows": _ASK + b"%Transfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "chunked, then identity": _ASK + b"%Transfer-Encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "two codings": _ASK + b"%" + _CHUNKED + b"Transfer-Encoding: identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "a coding behind a tab": _ASK + b"%Transfer-Encoding:\x0bchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "a chunk of no size": _ASK + b"%" + _CHUNKED + b"\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a chunk beyond numbers": _ASK + b"%" + _CHUNKED + b"\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    "a chunk longer than it says": _ASK + b"%" + _CHUNKED + b"\r\n2\r\n{}xx\r\n0\r\n\r\n",
    "a folded header": _READ + b"%X-A: b\r\n c\r\n\r\n",
    "a folded first header": _READ + b" X: y\r\n%\r\n",
    "a space before the colon": _READ + b"%X-A : b\r\n\r\n",
    "a header without a name": _READ + b"%: b\r\n\r\n",
    "NUL in a header": _READ + b"%X-A: b\0c\r\n\r\n",
    "a bare CR": _READ + b"%X-A: b\rX-B: c\r\n\r\n",
    "bare LFs": b"GET /v1/clusters HTTP/1.1\nHost: here\n\n",
    "no host": b"GET /v1/clusters HTTP/1.1\r\n!\r\n",
    "two hosts": _READ + b"%Host: elsewhere.example\r\n\r\n",
    "two tokens": _READ + b"%Authorization: Bearer x\r\n\r\n",
    "two keys": _ASK + b"%Idempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP 3.7": b"GET /v1/clusters HTTP/3.7\r\n%\r\n",
    "HTTP/2 unasked": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a method that is none": b"BREW /v1/clusters HTTP/1.1\r\n%\r\n",
    "a tunnel": b"CONNECT elsewhere.example:443 HTTP/1.1\r\n%\r\n",
    "bytes in the path": b"GET /v1/referrals/\xff\xfe HTTP/1.1\r\n%\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 32,
    "nothing but noise": bytes(range(256)) * 4,
}
BOMBS: Final[Mapping[str, bytes]] = {
    "20,000 headers": _READ + b"%" + b"".join(b"X-%d: y\r\n" % n for n in range(20_000)) + b"\r\n",
    "a header of 1 MB": _READ + b"%X-A: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "a name of 1 MB": _READ + b"%" + b"a" * 1_000_000 + b": b\r\n\r\n",
    "a path of 100 kB": b"GET /v1/" + b"a" * 100_000 + b" HTTP/1.1\r\n%\r\n",
    "a query of 100 kB": b"GET /v1/clusters?" + b"a" * 100_000 + b" HTTP/1.1\r\n%\r\n",
    "a token of 100 kB": _READ + b"Host: here\r\nAuthorization: Bearer " + b"a" * 100_000 + b"\r\n\r\n",
    "a cookie of 100 kB": _READ + b"%Cookie: " + b"a=b;" * 25_000 + b"\r\n\r\n",
}
#: Other ways to write `/v1/referrals`, or around it.
DETOURS: Final = (
    "//v1/referrals", "/v1//referrals", "/v1/./referrals", "/v1/clusters/../referrals", "/v1/clusters/%2e%2e/referrals",
    "/v1/clusters/..%2freferrals", "/v1/referrals/", "/v1/referrals/.", "/v1/referrals;x=y", "/v1/referrals;/",
    "/v1/;/referrals",
    "/V1/referrals", "/v1/Referrals", "/v1/referrals%00", "/v1/referrals%20", "/v1/referrals%0d%0aX-A:b",
    "/v1%2freferrals",
    "/%76%31/referrals", "/v1/referral%73", "/v1/referrals.json", "/v1\\referrals",
    "/v1/referrals%5c", "/v1/referrals/*",
    "/v1/referrals//", "/v1/referrals#", "/v1/referrals%23", "/v1/referrals%3f", "/v1/%c0%ae%c0%ae/referrals",
    "/v1/%252e%252e/v1/referrals", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/metrics",
    "/openapi.json/../v1/referrals",
    "/v1/referrals/%F0%9F%99%82", "/v1/referrals/%ED%A0%80",
)  # fmt: skip
OVERRIDES: Final = (
    {"X-HTTP-Method-Override": "GET"}, {"X-HTTP-Method": "GET"}, {"X-Method-Override": "GET"},
    {"X-Original-URL": "/v1/clusters"}, {"X-Rewrite-URL": "/v1/clusters"}, {"X-Forwarded-Prefix": "/openapi.json"},
    {"X-Forwarded-For": "127.0.0.1"}, {"X-Forwarded-User": "operator"}, {"X-Organisation": "county-council"},
    {"X-User": "operator"}, {"X-Roles": "operator"}, {"Forwarded": "for=127.0.0.1;host=internal"}, {"Host": "internal"},
)  # fmt: skip


def said_no(said: Said, what: str) -> dict[str, Any]:
    """The problem, or nothing where the connection was simply closed."""
    if said.status == 0:
        return {}
    assert 400 <= said.status < 500, (what, said)
    assert said.headers["content-type"] == "application/problem+json", (what, said)
    body: dict[str, Any] = json.loads(said.body)
    assert body["status"] == said.status, (what, said)
    return body


def usual(outsider: Outsider) -> bytes:
    """The usual headers of somebody who may."""
    token = outsider.everybody()["Authorization"]
    return f"Host: here\r\nAuthorization: {token}\r\nContent-Type: application/json\r\n".encode()


def written(outsider: Outsider, request: bytes) -> bytes:
    """The request with the usual headers."""
    head = usual(outsider)
    return request.replace(b"%", head, 1).replace(b"HTTP/1.1\r\n!", b"HTTP/1.1\r\n" + head.partition(b"\r\n")[2], 1)


@pytest.fixture(scope="module")
def front(outsider: Outsider) -> psutil.Process:
    """The front process."""
    return psutil.Process(outsider.host.pids()["front"])


@pytest.fixture(scope="module", autouse=True)
def slow(outsider: Outsider) -> Iterator[dict[str, socket.socket]]:
    """Callers who began before all others and do not go on."""
    ask = written(outsider, _ASK + b"%")
    began = {
        "nothing said": b"",
        "half a head": ask,
        "half a body": ask + b'Content-Length: 1000\r\n\r\n{"case_ids"',
        "half a chunk": ask + _CHUNKED + b"\r\n10\r\n{",
        "a body promised": ask + b"Expect: 100-continue\r\nContent-Length: 1000\r\n\r\n",
    }
    with ExitStack() as stack:
        connections = {}
        for name, data in began.items():
            connection = socket.create_connection(("127.0.0.1", outsider.host.port), timeout=PATIENCE)
            stack.enter_context(connection)
            connection.sendall(data)
            connections[name] = connection
        yield connections


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_what_two_readers_could_read_differently_is_refused(outsider: Outsider, name: str) -> None:
    said = outsider.say(written(outsider, AMBIGUOUS[name]))
    said_no(said, name)
    assert said.headers.get("connection", "close") == "close"
    # Whatever else was in those bytes, nobody has taken it for a request of its own.
    assert b"HTTP/1.1" not in said.rest


def test_a_caller_who_hangs_up_is_not_our_failure(outsider: Outsider) -> None:
    ask = written(outsider, _ASK + b"%")
    leaving = [ask + b'Content-Length: 1000\r\n\r\n{"case_ids"', ask + _CHUNKED + b"\r\n10\r\n{"]
    leaving += [
        b"POST " + path + b" HTTP/1.1\r\nHost: here\r\nContent-Length: 99\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\ngiven_by="
        for path in (b"/oauth/token", b"/advice/" + b"C" * 60)
    ]
    leaving += [
        leaving[0].replace(b"/v1/children:names", path)
        for path in (b"/fhir/R4/ServiceRequest", b"/fhir/R4/$process-message")
    ]
    failures = ("request.failed", "page.failed")
    noted = [outsider.host.log("front").count(each) for each in failures]
    for data in leaving:
        with socket.create_connection(("127.0.0.1", outsider.host.port), timeout=PATIENCE) as connection:
            connection.sendall(data)
            # Long enough for the front to have begun to read, whatever else it is at.
            assert outsider.client.get("/readyz").status_code == 200
        assert outsider.client.get("/readyz").status_code == 200
    log = outsider.host.log("front")
    assert [log.count(each) for each in failures] == noted
    assert "Exception in ASGI" not in log


@pytest.mark.parametrize("name", BOMBS)
def test_a_head_without_end_is_refused(outsider: Outsider, name: str) -> None:
    assert said_no(outsider.say(written(outsider, BOMBS[name])), name)["status"] in {400, 414, 431}


def test_a_trailer_lets_nobody_in(outsider: Outsider) -> None:
    token = outsider.everybody()["Authorization"].encode()
    asked = (
        _ASK + b"Host: here\r\nContent-Type: application/json\r\n" + _CHUNKED + b"\r\n2\r\n{}\r\n0\r\n"
        b"Authorization: " + token + b"\r\n\r\n"
    )  # fmt: skip
    assert outsider.say(asked).status == 401


def test_trailers_without_end_are_not_kept(outsider: Outsider, front: psutil.Process) -> None:
    before = front.memory_info().rss
    head = written(outsider, _ASK + b"%" + _CHUNKED) + b"\r\n2\r\n{}\r\n0\r\n"
    taken, _ = endless(outsider, head, b"X-Trailer: y\r\n" * 4_000)
    assert taken < MOST_TAKEN
    assert front.memory_info().rss - before < RSS_CEILING


def endless(outsider: Outsider, head: bytes, more: bytes) -> tuple[int, bytes]:
    """Go on and on until nobody listens any more; how much was taken, and what was answered."""
    taken, answer = 0, b""
    with socket.create_connection(("127.0.0.1", outsider.host.port), timeout=PATIENCE) as connection:
        connection.sendall(head)
        try:
            while taken < MOST_TAKEN:
                readable, writable, _ = select.select([connection], [connection], [], PATIENCE)
                assert readable or writable, "neither an answer nor room for more"
                if readable:
                    chunk = connection.recv(65_536)
                    if not chunk and not writable:
                        break
                    answer += chunk
                if writable:
                    taken += connection.send(more)
        except (BrokenPipeError, ConnectionResetError):
            pass
    return taken, answer


@pytest.mark.parametrize("path", ["/v1/referrals", "/v1/children:names", "/oauth/token"])
def test_a_body_without_end_is_cut(outsider: Outsider, front: psutil.Process, path: str) -> None:
    before = front.memory_info().rss
    media = b"application/x-www-form-urlencoded" if path == "/oauth/token" else b"application/json"
    head = b"POST %b HTTP/1.1\r\nHost: here\r\nAuthorization: %b\r\nContent-Type: %b\r\n%b\r\n" % (
        path.encode(), outsider.everybody()["Authorization"].encode(), media, _CHUNKED,
    )  # fmt: skip
    taken, answer = endless(outsider, head, _CHUNK)
    assert answer.startswith((b"HTTP/1.1 413", b"HTTP/1.1 400"))
    assert answer.count(b"HTTP/1.1") == 1
    assert taken < MOST_TAKEN
    assert front.memory_info().rss - before < RSS_CEILING


def test_a_gigabyte_is_refused_when_it_is_announced(outsider: Outsider) -> None:
    said = outsider.say(written(outsider, _ASK + b"%Content-Length: 1073741824\r\n\r\n"))
    assert said.status == 413
    assert said_no(said, "a gigabyte")["type"].endswith("/too-large")


def test_a_gigabyte_of_a_compressed_body_is_refused_unread(outsider: Outsider) -> None:
    announced = b"Content-Encoding: gzip\r\nContent-Length: 1073741824\r\n\r\n"
    assert outsider.say(written(outsider, _ASK + b"%" + announced)).status == 415


def test_a_body_shorter_than_announced_is_never_acted_on(outsider: Outsider) -> None:
    said = outsider.say(written(outsider, _ASK + b"%Content-Length: 1000\r\n\r\n{}"), then_stop=True)
    said_no(said, "half a body")


def test_what_follows_a_body_is_not_part_of_it(outsider: Outsider) -> None:
    said = outsider.say(written(outsider, _ASK + b"%Content-Length: 2\r\n\r\n{}garbage\r\n\r\n"), then_stop=True)
    assert said.status in {400, 422}


@pytest.mark.parametrize("detour", DETOURS)
def test_a_detour_leads_to_the_same_door(outsider: Outsider, detour: str) -> None:
    for token in (b"", b"Authorization: Bearer nonsense\r\n"):
        for method in (b"GET", b"POST", b"DELETE", b"PATCH", b"OPTIONS", b"TRACE"):
            said = outsider.say(b"%b %b HTTP/1.1\r\nHost: here\r\n%bContent-Length: 0\r\nConnection: close\r\n\r\n" % (
                method, detour.encode(), token,
            ))  # fmt: skip
            # Nothing of this needs no token; what is not a route is not there.
            assert said.status in {400, 401, 404, 405}, (method, detour, said)
            assert said.headers["content-type"] == "application/problem+json", (method, detour, said)


@pytest.mark.parametrize("headers", OVERRIDES, ids=str)
def test_no_header_changes_who_asks_or_for_what(outsider: Outsider, headers: dict[str, str]) -> None:
    asked = outsider.client.post("/v1/organisations", json={}, headers=outsider.system("school-115482") | headers)
    assert asked.status_code == 403
    assert outsider.client.get("/v1/cases", headers=headers).status_code == 401


def test_who_says_nothing_is_not_waited_for(outsider: Outsider, slow: dict[str, socket.socket]) -> None:
    # Everybody else has been answered in the meantime.
    assert outsider.client.get("/readyz").status_code == 200
    for name, connection in slow.items():
        said = Said.read(connection)
        assert said.status in {0, 408}, (name, said)
        assert (said.status == 0) == (name == "nothing said"), (name, said)
        said_no(said, name)
