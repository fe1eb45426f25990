"""Receivers of webhooks on this machine: a careful one, and one for each mistake that people make."""

import json
import threading
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from jointly_kit.signing import Key
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

KEY = Key.new()


class No(Exception):
    """What is not taken, with the status to answer."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Careful:
    """Verifies, knows what it has, does the work once. Each mistake below changes one of these."""

    forgery = 401

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.known: set[str] = set()
        self.done: Counter[str] = Counter()

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """The status to answer."""
        try:
            self.verify(headers, body)
            event = json.loads(body)
            self.read(event)
            self.work(event)
        except No as no:
            return no.status
        return 204

    def verify(self, headers: dict[str, str], body: bytes) -> None:
        try:
            Webhook(KEY.secret).verify(body, headers)
        except (WebhookVerificationError, ValueError) as error:
            raise No(self.forgery) from error

    def read(self, event: dict[str, Any]) -> None:
        """Understand it; what is unknown is passed over."""

    def work(self, event: dict[str, Any]) -> None:
        with self.lock:
            if event["id"] not in self.known:
                self.known.add(event["id"])
                self.done[event["id"]] += 1

    def __enter__(self) -> Self:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

            def do_GET(self) -> None:
                times = str(receiver.done[self.path.rpartition("/")[2]]).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(times)))
                self.end_headers()
                self.wfile.write(times)

            def do_POST(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                status = receiver.take(headers, self.rfile.read(int(headers["content-length"])))
                with suppress(ConnectionError):
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook"


class DoesDuplicatesAgain(Careful):
    def work(self, event: dict[str, Any]) -> None:
        self.done[event["id"]] += 1


class RefusesDuplicates(Careful):
    def work(self, event: dict[str, Any]) -> None:
        if event["id"] in self.known:
            raise No(409)
        super().work(event)


class RemembersTheLastOnly(Careful):
    def work(self, event: dict[str, Any]) -> None:
        self.known &= {event["id"]}
        super().work(event)


class LooksAndThenDoes(Careful):
    """Two at once both see that it is new."""

    def __init__(self) -> None:
        super().__init__()
        self.both = threading.Barrier(4)

    def work(self, event: dict[str, Any]) -> None:
        new = event["id"] not in self.known
        self.both.wait(10)
        if new:
            self.known.add(event["id"])
            self.done[event["id"]] += 1


class BelievesEverybody(Careful):
    def verify(self, headers: dict[str, str], body: bytes) -> None:
        pass


class ForgetsTheTime(Careful):
    def verify(self, headers: dict[str, str], body: bytes) -> None:
        if "webhook-timestamp" in headers and "webhook-id" in headers:
            content = b".".join((headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body))
            if KEY.sign(content) in headers.get("webhook-signature", "").split(" "):
                return
        raise No(401)


class ReadsTheFirstSignatureOnly(Careful):
    def verify(self, headers: dict[str, str], body: bytes) -> None:
        first = headers.get("webhook-signature", "").split(" ")[0]
        super().verify({**headers, "webhook-signature": first}, body)


class VerifiesWhatItWroteItself(Careful):
    def verify(self, headers: dict[str, str], body: bytes) -> None:
        super().verify(headers, json.dumps(json.loads(body), separators=(",", ":")).encode())


class NotesTheIdBeforeItVerifies(Careful):
    def take(self, headers: dict[str, str], body: bytes) -> int:
        id = headers.get("webhook-id", "")
        if id in self.known:
            return 204
        self.known.add(id)
        return super().take(headers, body)

    def work(self, event: dict[str, Any]) -> None:
        self.done[event["id"]] += 1


class FallsOverForgeries(Careful):
    forgery = 500


class SaysGoneToForgeries(Careful):
    forgery = 410


class TakesForgeriesWithoutAWord(Careful):
    """It does nothing, but it answers that it has."""

    forgery = 200


class CountsOnOneOrder(Careful):
    """Takes nothing that is older than the newest of all cases."""

    newest = datetime(1970, 1, 1, tzinfo=UTC)

    def read(self, event: dict[str, Any]) -> None:
        time = datetime.fromisoformat(event["time"])
        if time < self.newest:
            raise No(409)
        self.newest = time


class KnowsWhatItKnows(Careful):
    def read(self, event: dict[str, Any]) -> None:
        if "something-new" in event["type"]:
            raise No(422)


class StrictAboutFields(Careful):
    def read(self, event: dict[str, Any]) -> None:
        if "something_new" in event["data"] or "laterattribute" in event:
            raise No(422)


class NeedsEveryField(Careful):
    def read(self, event: dict[str, Any]) -> None:
        if event["type"] == "jointly.case.assigned.v1" and "cluster_id" not in event["data"]:
            raise No(422)


class SendsElsewhere(Careful):
    def take(self, headers: dict[str, str], body: bytes) -> int:
        super().take(headers, body)
        return 307


class NeverAnswers(Careful):
    """Until it is asked to stop."""

    def __init__(self) -> None:
        super().__init__()
        self.stopping = threading.Event()

    def verify(self, headers: dict[str, str], body: bytes) -> None:
        self.stopping.wait(30)
        super().verify(headers, body)

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        super().__exit__()
