"""Real HTTP servers in this process: one that answers as GOV.UK Notify's API does, one that takes what it is given."""

import base64
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

SERVICE: Final = "26785a09-ab16-4eb0-8407-a37497a57506"
SECRET: Final = "3d844edf-8d35-48ac-975b-e847b4f122b0"
#: As Notify hands keys out: a name, the service's id and the secret.
KEY: Final = f"tests-{SERVICE}-{SECRET}"


@dataclass
class Request:
    """What a server was given."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Host:
    """A server on a port of its own; `answers` says what it replies: status, body, or nothing and hangs up."""

    answers: Callable[[Request], tuple[int, Any] | None]
    requests: list[Request] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def listening(self) -> Iterator["Host"]:
        """The server, as long as the block lasts."""
        host = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("content-length", "0"))
                request = Request(
                    self.command, parts.path, parse_qs(parts.query),
                    {name.lower(): value for name, value in self.headers.items()}, self.rfile.read(length),
                )  # fmt: skip
                host.requests.append(request)
                answer = host.answers(request)
                if answer is None:
                    self.close_connection = True
                    return
                content = json.dumps(answer[1]).encode()
                self.send_response(answer[0])
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = _answer  # noqa: N815  the server's own names

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the server's own name
                """Nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class Notify(Host):
    """GOV.UK Notify: it checks the token, keeps what it took, and answers as its API does."""

    def __init__(self) -> None:
        super().__init__(self._reply)
        #: Every message that was taken: channel, body. Twice if it came twice.
        self.taken: list[tuple[str, dict[str, Any]]] = []
        #: The next answers instead of its own: a status, or None to take the message and hang up.
        self.next: list[int | None] = []
        #: What became of messages, by our reference; sending until it is said.
        self.statuses: dict[str, str] = {}

    def _reply(self, request: Request) -> tuple[int, Any] | None:
        if not _signed(request.headers.get("authorization", "")):
            return 403, _errors(403, "AuthError", "Invalid token: signature")
        if request.method == "GET":
            wanted = request.query.get("reference", [""])[0]
            found = [
                {"reference": said["reference"], "status": self.statuses.get(said["reference"], "sending")}
                for _, said in self.taken
                if said["reference"] == wanted
            ]
            return 200, {"notifications": found, "links": {}}
        status = self.next.pop(0) if self.next else 201
        said = request.json
        if status is not None and status != 201:
            kinds = {
                400: ("BadRequestError", "Not a valid phone number"),
                429: ("RateLimitError", "Exceeded rate limit for key type LIVE of 3000 requests per 60 seconds"),
                500: ("Exception", "Internal server error"),
            }
            return status, _errors(status, *kinds.get(status, ("AuthError", "Service not found")))
        self.taken.append((request.path.rpartition("/")[2], said))
        if status is None:
            return None
        return 201, {"id": f"740e5834-3a29-46b4-9a6f-16142fde53{len(self.taken):02d}", "reference": said["reference"]}


def _errors(status: int, kind: str, message: str) -> dict[str, Any]:
    return {"status_code": status, "errors": [{"error": kind, "message": message}]}


def _signed(authorization: str) -> bool:
    """Whether a token was made with the secret of the key, by HMAC-SHA256."""
    token = authorization.removeprefix("Bearer ")
    head, _, mac = token.rpartition(".")
    expected = base64.urlsafe_b64encode(hmac.digest(SECRET.encode(), head.encode(), sha256)).decode().rstrip("=")
    return hmac.compare_digest(mac, expected)
