"""A marked child and everybody who hears of it: each text that can be said is a mark, kept beside where it was said."""

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import httpx
from chassis.clock import new_id, wall_seconds
from support.hostile import PATIENCE, Outsider

Event = dict[str, Any]

#: Whose sector hears what; the county-wide system of each.
SECTORS: Final = {"education": "schools-service", "health": "nhs-trust", "social-care": "social-care"}
WAYS: Final = ("kafka", "webhook", "http-feed", "sse")
_TERMS: Final = {
    "county_wide": True,
    "purposes": ["assessment", "early-funding", "placement", "safeguarding", "plan-review"],
    "bases": ["consent", "public-task", "legal-obligation", "vital-interests"],
}  # fmt: skip


@dataclass
class Marks:
    """Every mark that was handed out, by where it was said: an operation and a field of its body."""

    said: dict[tuple[str, str], str] = field(default_factory=dict)

    def __call__(self, operation: str, at: str, text: str = "") -> str:
        """A mark for a field; `text` where a field takes no word."""
        word = "Cnry" + "".join(part.capitalize() for part in re.findall(r"[a-z]+", f"{operation} {at}"))
        self.said[operation, at] = text or word
        return self.said[operation, at]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(self.said.values()))


@dataclass
class Hook:
    """One webhook as it came."""

    head: bytes
    body: bytes


@dataclass
class Hooks:
    """A receiver that keeps what comes, head and body; at `/refusing` it repeats it in a refusal."""

    url: str
    got: list[Hook] = field(default_factory=list)


@contextmanager
def receiver() -> Iterator[Hooks]:
    """A real server on a thread of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hooks.got.append(Hook(f"{self.requestline}\n{self.headers}".encode(), body))
            refusing = self.path.startswith("/refusing")
            self.send_response(400 if refusing else 204)
            self.send_header("Content-Length", str(len(body) if refusing else 0))
            self.end_headers()
            if refusing:
                self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  as the base has it
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hooks = Hooks(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hooks
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Desk:
    """Asks the house on anybody's behalf, and keeps every answer."""

    outsider: Outsider
    marks: Marks = field(default_factory=Marks)
    answers: list[httpx.Response] = field(default_factory=list)

    def ask(
        self, method: str, path: str, by: Mapping[str, str], body: Any = None, *, version: str | None = None,
        key: str | None = None,
    ) -> httpx.Response:  # fmt: skip
        """One request."""
        headers = {**by, "Idempotency-Key": key or new_id()} | ({} if version is None else {"If-Match": version})
        content = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        headers |= {} if body is None else {"Content-Type": "text/csv" if body is content else "application/json"}
        answer = self.outsider.client.request(method, path, content=content, headers=headers)
        self.answers.append(answer)
        return answer

    def get(self, path: str, by: Mapping[str, str]) -> Any:
        """What is there."""
        answer = self.ask("GET", path, by)
        assert answer.status_code == httpx.codes.OK, (path, answer.text)
        return answer.json()

    def do(self, path: str, by: Mapping[str, str], body: Any = None, *, method: str = "POST") -> Any:
        """Something is done, at its present version where it has one; what it answered."""
        resource = re.sub(r"/[a-z-]+$", "", path)
        seen = self.ask("GET", resource, by) if resource != path else None
        version = seen.headers.get("ETag") if seen is not None else None
        if method in {"PATCH", "PUT"}:
            version = self.ask("GET", path, by).headers.get("ETag")
        answer = self.ask(method, path, by, {} if body is None else body, version=version)
        assert answer.is_success, (method, path, answer.text)
        return answer.json()

    def until(self, what: Any, why: str) -> Any:
        """Wait for what has to happen: what it came to."""
        ends = wall_seconds() + PATIENCE
        while not (found := what()):
            assert wall_seconds() < ends, why
        return found

    def subscribe(self, hooks: Hooks) -> dict[tuple[str, str], Event]:
        """(sector, way) -> subscription: every sector by every way, and a webhook that is refused."""
        officer, subscriptions = self.outsider.person("data-protection-officer"), {}
        for sector, organisation in SECTORS.items():
            terms = {"id": f"canary-{sector}", "organisation_id": organisation, "sector": sector, **_TERMS}
            today = self.outsider.host.environment["JOINTLY_SIMULATED_CLOCK"][:10]
            days = {"since": today, "until": f"{int(today[:4]) + 1}{today[4:]}"}
            self.do("/v1/subscriptions/agreements", officer, terms | days)
            for way in (*WAYS, "refused"):
                hook = {"refused": "refusing", "webhook": "taking"}.get(way)
                delivery = {"way": "webhook", "url": f"{hooks.url}/{hook}/{sector}"} if hook else {"way": way}
                body = {"agreement": f"canary-{sector}", "delivery": delivery}
                subscriptions[sector, way] = self.do("/v1/subscriptions", self.outsider.system(organisation), body)
        return subscriptions

    def pages(self, subscription: str, by: Mapping[str, str]) -> Iterator[httpx.Response]:
        """Everything that a feed has, page by page."""
        cursor = ""
        while True:
            path = f"/v1/events?subscription={subscription}&limit=50{f'&cursor={cursor}' if cursor else ''}"
            page = self.ask("GET", path, by)
            if not page.json():
                return
            cursor = page.headers["Next-Cursor"]
            yield page

    def stream(self, subscription: str, by: Mapping[str, str], count: int) -> bytes:
        """A stream's head and bytes until so many events have come."""
        url = f"/v1/events/stream?subscription={subscription}"
        with self.outsider.client.stream("GET", url, headers=dict(by)) as answer:
            found = str(answer.headers).encode()
            for chunk in answer.iter_raw():
                found += chunk
                if found.count(b"\ndata: ") >= count:
                    break
        return found


def letter_texts(content: bytes) -> bytes:
    """A letter as it travels and as it is read: decoded heads and parts."""
    letter = message_from_bytes(content, policy=policy.default)
    parts = [part.get_content() for part in letter.walk() if part.get_content_maintype() == "text"]
    heads = [f"{name}: {value}" for name, value in letter.items()]
    return content + "\n".join([*heads, *parts]).encode()
