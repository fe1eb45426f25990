"""At the door of the running host: whatever is sent, the answer is a refusal that says where and repeats nothing."""

import gzip
import json
from collections.abc import Iterator
from typing import Any, Final

import httpx
import psutil
import pytest
from support.hostile import MARK, Operation, Outsider, pointer, put

PROBLEM: Final = {"type", "title", "status", "detail", "instance", "correlation_id", "errors"}
#: What the front may grow by while all of this is thrown at it, however busy the machine.
RSS_CEILING: Final = 200 * 1024 * 1024

#: Bodies that cannot be read, whatever they are for.
UNREADABLE: Final[dict[str, bytes]] = {
    "nothing": b"",
    "not JSON": b"{",
    "two values": b"{}{}",
    "a trailing comma": b'{"a": 1,}',
    "single quotes": b"{'a': 1}",
    "a comment": b"{} // so",
    "a list": b"[]",
    "null": b"null",
    "a number": b"12",
    "text": b'"text"',
    "1,000 deep": b'{"a":' * 1000 + b"1" + b"}" * 1000,
    "100,000 deep": b"[" * 100_000 + b"]" * 100_000,
    "deep and never closed": b'{"a":[' * 40_000,
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": Infinity}',
    "-Infinity": b'{"a": -Infinity}',
    "1e999": b'{"a": 1e999}',
    "a jsonb bomb": b'{"a": [' + b"1e131071," * 300 + b"1]}",
    "5,000 digits": b'{"a": ' + b"9" * 5000 + b"}",
    "5,000 digits after the point": b'{"a": 0.' + b"1" * 5000 + b"}",
    "a leading zero": b'{"a": 01}',
    "a raw control character": b'{"a": "\x07"}',
    "a bad escape": b'{"a": "\\x41"}',
    "duplicate key": b'{"a": 1, "a": 1}',
    "duplicate key within": b'{"a": {"b": 1, "b": 2}}',
    "duplicate key by escape": b'{"a": 1, "\\u0061": 2}',
    "duplicate after 26,000 others": b"{" + b"".join(b'"%x":0,' % n for n in range(26_000)) + b'"z":0,"z":0}',
    "Latin-1": '{"a": "Zoë"}'.encode("latin-1"),
    "overlong UTF-8": b'{"a": "\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"a": "\xed\xa0\x80"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "UTF-16 without mark": '{"a": 1}'.encode("utf-16-le"),
    "UTF-32": '{"a": 1}'.encode("utf-32"),
    "byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "gzip": gzip.compress(b'{"a": 1}'),
    "NUL bytes": b"\0" * 1000,
    "a 10 MB key": b'{"' + b"k" * 10_000_000 + b'": 1}',
    "a million keys": b"{" + b",".join(b'"%x":1' % n for n in range(1_000_000)) + b"}",
    "18 MB of lists": b"[" + b"[]," * 6_000_000 + b"[]]",
}
#: Bodies that are JSON, and refused for what they say.
UNFIT: Final[dict[str, bytes]] = {
    "a lone surrogate in a key": b'{"\\ud800": 1}',
    "NUL in a key": b'{"\\u0000": 1}',
    "a key of 100 kB": b'{"' + b"k" * 100_000 + b'": 1}',
    "20,000 keys": b"{" + b",".join(b'"%x":1' % n for n in range(20_000)) + b"}",
    "80,000 empty lists": b'{"a":[' + b"[]," * 80_000 + b"[]]}",
    "__proto__": b'{"__proto__": {"admin": true}}',
    "a pointer's own signs": b'{"~0/~1//": 1}',
}
MEDIA: Final[tuple[dict[str, str], ...]] = (
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/xml"},
    {"Content-Type": "application/json; charset=utf-16"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Content-Type": "multipart/form-data; boundary=x"},
    {"Content-Type": ""},
    {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    {"Content-Type": "application/json", "Content-Encoding": "br"},
    {"Content-Type": "application/json", "Content-Encoding": "identity, gzip"},
)
#: What a string is not: a wrong type, or text that ends up as something else.
NO_STRINGS: Final = (12, True, [MARK], {MARK: MARK}, f"{MARK}\u0000", f"{MARK}\ud800", f"{MARK}\u202e", f"{MARK}\u0007",
                     MARK * 20_000)  # fmt: skip
#: What nobody sees: names of nothing.
INVISIBLE: Final = ("\u200b", "\u200b\u2060\ufeff", f"{MARK}\u200b", "\u3164")
#: What a day or an instant is not, though a library may see a number of seconds in it.
NO_TIMES: Final = (
    "0",
    "86400",
    "1700000000",
    "-1",
    "2026",
    "20261123",
    "2026-02-30",
    "0000-01-01",
    "tomorrow",
    f"{MARK}",
)
NO_NUMBERS: Final = (True, "12", "0.78", MARK, None, [1], -1_000_000, 999_999_999_999)
NO_FLAGS: Final = ("true", MARK, 1, 0, [True])
#: Routes whose own fields have such names: what is looked for, and one's wishes in each of one's roles.
ASKS: Final = frozenset({"/v1/cases:search", "/v1/preferences"})
#: What somebody would like to decide for themselves.
WISHES: Final = {
    "agency_id": MARK, "organisation": MARK, "cluster": MARK, "status": MARK, "created_by": MARK, "is_admin": True,
    "version": 1, "roles": ["operator"], "case_id_": MARK,
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def front(outsider: Outsider) -> Iterator[psutil.Process]:
    """The front process, which is the same one at the end and has not grown."""
    process = psutil.Process(outsider.host.pids()["front"])
    before = process.memory_info().rss
    yield process
    assert outsider.host.pids()["front"] == process.pid
    assert process.memory_info().rss - before < RSS_CEILING


@pytest.fixture(scope="module")
def writing(outsider: Outsider) -> list[Operation]:
    """Every operation that changes something."""
    found = outsider.operations("post", "patch", "put", "delete")
    assert len(found) > 20
    return found


@pytest.fixture(scope="module")
def with_body(writing: list[Operation]) -> list[Operation]:
    """Those that take a body."""
    return [operation for operation in writing if operation.schema is not None]


def refused(response: httpx.Response, what: object) -> dict[str, Any]:
    """The problem that a refusal is."""
    assert 400 <= response.status_code < 500, (str(what), response.status_code, response.text[:500])
    assert response.headers["Content-Type"] == "application/problem+json", str(what)
    assert "no-store" in response.headers["Cache-Control"], str(what)
    body: dict[str, Any] = response.json()
    assert set(body) == PROBLEM, str(what)
    assert body["status"] == response.status_code, str(what)
    assert MARK.lower() not in response.text.lower(), (str(what), response.text[:500])
    return body


def send(outsider: Outsider, operation: Operation, content: bytes, **headers: str) -> httpx.Response:
    """Send these bytes as somebody who may."""
    return outsider.client.request(
        operation.method,
        operation.url,
        content=content,
        headers=outsider.everybody() | operation.headers() | headers,
    )


def as_sent(body: Any) -> bytes:
    """JSON in ASCII, so that what is not text can be said too."""
    return json.dumps(body).encode()


def pointers(problem: dict[str, Any]) -> set[str]:
    """Where a problem says that something is wrong."""
    return {error["pointer"] for error in problem["errors"]}


def test_no_route_takes_what_cannot_be_read(
    outsider: Outsider, with_body: list[Operation], front: psutil.Process
) -> None:
    before = front.memory_info().rss
    for operation in with_body:
        for name, content in UNREADABLE.items():
            response = send(outsider, operation, content)
            refused(response, (operation, name))
            assert response.status_code in {400, 413}, (str(operation), name, response.text)
            assert front.memory_info().rss - before < RSS_CEILING, (str(operation), name)


def test_no_route_takes_what_it_does_not_know(outsider: Outsider, with_body: list[Operation]) -> None:
    for operation in with_body:
        for name, content in UNFIT.items():
            problem = refused(send(outsider, operation, content), (operation, name))
            assert problem["status"] in {400, 422}, (str(operation), name)
            assert len(problem["errors"]) <= 50


def test_no_route_takes_another_medium(outsider: Outsider, with_body: list[Operation]) -> None:
    for operation in with_body:
        for headers in MEDIA:
            response = send(outsider, operation, as_sent(operation.sample()), **headers)
            refused(response, (operation, headers))
            assert response.status_code == 415, (str(operation), headers)


def test_no_value_is_taken_for_one_of_another_kind(outsider: Outsider, with_body: list[Operation]) -> None:
    tried = 0
    for operation in with_body:
        sample = operation.sample()
        for at, schema in operation.leaves():
            wrong: tuple[Any, ...] = {"string": NO_STRINGS, "boolean": NO_FLAGS}.get(schema.get("type", ""), NO_NUMBERS)
            wrong += NO_TIMES if schema.get("format") in {"date", "date-time"} else ()
            if schema.get("type") not in {"string", "boolean", "integer", "number"}:
                continue
            for value in wrong:
                if value is None or (schema["type"] == "number" and value == -1_000_000 and "minimum" not in schema):
                    continue
                if type(value) is int and schema.get("minimum", 1) <= value <= schema.get("maximum", 0):
                    # Large, and meant to be: milliseconds since 1970.
                    continue
                content = as_sent(put(sample, at, value))
                problem = refused(send(outsider, operation, content), (operation, pointer(at), repr(value)[:40]))
                assert problem["status"] in {413, 422}, (str(operation), pointer(at), repr(value)[:40], problem)
                if problem["status"] == 422:
                    found = pointers(problem)
                    assert any(each == pointer(at) or each.startswith(pointer(at) + "/") for each in found), (
                        str(operation), pointer(at), repr(value)[:40], found,
                    )  # fmt: skip
                tried += 1
    assert tried > 500


def test_nothing_is_called_by_what_nobody_sees(outsider: Outsider, with_body: list[Operation]) -> None:
    for operation in with_body:
        sample = operation.sample()
        for at, schema in operation.leaves():
            # A paragraph may come from somewhere else, with whatever is in it; names and codes are typed.
            if schema.get("type") == "string" and schema.get("maxLength", 0) <= 254:
                for value in INVISIBLE:
                    problem = refused(send(outsider, operation, as_sent(put(sample, at, value))), (operation, at))
                    assert pointer(at) in pointers(problem), (str(operation), pointer(at), ascii(value), problem)


def test_nobody_decides_what_is_not_theirs_to_say(outsider: Outsider, with_body: list[Operation]) -> None:
    for operation in with_body:
        if operation.path in ASKS:
            continue
        for at in operation.objects():
            for name, value in WISHES.items():
                problem = refused(
                    send(outsider, operation, as_sent(put(operation.sample(), (*at, name), value))),
                    (operation, at, name),
                )
                assert problem["status"] == 422, (str(operation), problem)
                said = {(error["pointer"], error["code"]) for error in problem["errors"]}
                if not any(code == "extra-forbidden" for _, code in said):
                    raise AssertionError(f"{operation} takes {pointer((*at, name))}: {said}")
                assert (pointer((*at, name)), "extra-forbidden") in said


def test_what_the_document_asks_for_is_missed(outsider: Outsider, writing: list[Operation]) -> None:
    keyed = versioned = 0
    for operation in writing:
        usual = outsider.everybody() | operation.headers()
        content = None if operation.schema is None else as_sent(operation.sample())
        bare = {name: value for name, value in usual.items() if name not in {"Idempotency-Key", "If-Match"}}
        response = outsider.client.request(operation.method, operation.url, content=content, headers=bare)
        asks_key, asks_version = operation.requires("Idempotency-Key"), operation.requires("If-Match")
        # What it says without them is what the document says.
        assert (response.status_code == 428) == (asks_version), (str(operation), response.text)
        code = response.json()["type"].rsplit("/", 1)[-1] if response.status_code >= 400 else ""
        assert (code == "idempotency-key-required") == (asks_key and not asks_version), (str(operation), response.text)
        if asks_key:
            keyed += 1
            for value in ("", '""', "x" * 201, "a b", "\u00e9".encode().decode("latin-1")):
                sent = {**usual, "Idempotency-Key": value}
                wrong = outsider.client.request(
                    operation.method, operation.url, content=content,
                    headers=[(name.encode(), text.encode("latin-1")) for name, text in sent.items()],
                )  # fmt: skip
                problem = refused(wrong, (operation, value))
                assert problem["status"] == 400
                assert pointers(problem) == {"/headers/Idempotency-Key"}
        if asks_version:
            versioned += 1
            for value in ("", "1", '"', '"x"', '"-1"', "*", '"99999999999999999999"', '"1", "2"'):
                response = outsider.client.request(
                    operation.method, operation.url, content=content, headers={**usual, "If-Match": value}
                )
                problem = refused(response, (operation, value))
                assert problem["status"] == 400, (str(operation), value, problem)
                assert pointers(problem) == {"/headers/If-Match"}
    assert keyed > 10
    assert versioned > 5
