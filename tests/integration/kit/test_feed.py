"""The stub of the feed: cursor, ETag, long poll and stream, and what it can be told to do wrong."""

import threading
from collections.abc import Iterator

import httpx
import pytest
from jointly_kit.feed import Feed
from jointly_kit.forms import BATCH_TYPE
from jointly_kit.golden import Event, interleaved, journey, told_outside

EVENTS = journey(told_outside()[:7])


@pytest.fixture
def reader(jointly_feed: Feed) -> Iterator[httpx.Client]:
    headers = {"Authorization": "Bearer anything"}
    with httpx.Client(base_url=jointly_feed.url, headers=headers, timeout=20, trust_env=False) as client:
        yield client


def read(reader: httpx.Client, **query: str) -> httpx.Response:
    return reader.get("/v1/events", params=query)


def stream(reader: httpx.Client, most: int, last: str | None = None) -> list[tuple[str, Event]]:
    """Frames with their cursors: so many, or fewer when the stream ends."""
    headers = {"Last-Event-ID": last} if last else {}
    found: list[tuple[str, Event]] = []
    cursor = ""
    with reader.stream("GET", "/v1/events/stream", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if name == "id":
                cursor = value
            elif name == "data":
                found.append((cursor, httpx.Response(200, text=value).json()))
                if len(found) == most:
                    break
            elif line.startswith(":"):
                break  # quiet: nothing more will come
    return found


def test_page_by_page_nothing_is_missed_and_a_cursor_always_means_the_same_place(
    jointly_feed: Feed, reader: httpx.Client
) -> None:
    jointly_feed.tell(*EVENTS)
    first = read(reader, limit="3")
    assert (first.status_code, first.headers["Content-Type"], first.json()) == (200, BATCH_TYPE, EVENTS[:3])
    cursor = first.headers["Next-Cursor"]
    assert f"cursor={cursor}&limit=3" in first.headers["Link"]
    second = read(reader, cursor=cursor)
    assert second.json() == EVENTS[3:]
    assert read(reader, cursor=cursor).headers["ETag"] == second.headers["ETag"]
    assert read(reader, cursor=second.headers["Next-Cursor"]).json() == []


def test_nothing_new_is_304(jointly_feed: Feed, reader: httpx.Client) -> None:
    jointly_feed.tell(*EVENTS)
    tag = read(reader).headers["ETag"]
    again = reader.get("/v1/events", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    jointly_feed.repeat(EVENTS[0]["id"])
    more = reader.get("/v1/events", headers={"If-None-Match": tag})
    assert [event["id"] for event in more.json()] == [event["id"] for event in [*EVENTS, EVENTS[0]]]


def test_a_reader_that_waits_is_answered_when_something_comes(jointly_feed: Feed, reader: httpx.Client) -> None:
    telling = threading.Timer(0.05, jointly_feed.tell, EVENTS[:1])
    telling.start()
    assert read(reader, wait="15").json() == EVENTS[:1]
    telling.join()


def test_a_stream_goes_on_after_the_last_event_that_was_seen(jointly_feed: Feed, reader: httpx.Client) -> None:
    cases = [journey(told_outside()[:5]) for _ in range(3)]
    jointly_feed.tell(*interleaved(cases))
    frames = stream(reader, 4)
    frames += stream(reader, 11, last=frames[-1][0])
    assert [event for _, event in frames] == jointly_feed.told


def test_connections_end_when_told_and_what_was_not_seen_comes_next_time(
    jointly_feed: Feed, reader: httpx.Client
) -> None:
    jointly_feed.tell(*EVENTS)
    jointly_feed.end_connections(after=2)
    frames = stream(reader, 7)
    assert [event for _, event in frames] == EVENTS[:2]
    jointly_feed.end_connections()
    assert [event for _, event in stream(reader, 5, last=frames[-1][0])] == EVENTS[2:]


def test_it_can_be_away_for_a_while(jointly_feed: Feed, reader: httpx.Client) -> None:
    jointly_feed.be_away(1, retry_after=7)
    away = read(reader)
    assert (away.status_code, away.headers["Retry-After"]) == (503, "7")
    assert read(reader).status_code == 200


@pytest.mark.parametrize(
    ("query", "status"),
    [({"cursor": "x"}, 400), ({"cursor": "WzEsMl0"}, 400), ({"limit": "0"}, 422), ({"wait": "31"}, 422),
     ({"subscription": "another"}, 404)],
)  # fmt: skip
def test_what_the_exchange_refuses_it_refuses(reader: httpx.Client, query: dict[str, str], status: int) -> None:
    answer = read(reader, **query)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")


def test_nobody_reads_without_a_token(jointly_feed: Feed) -> None:
    assert httpx.get(f"{jointly_feed.url}/v1/events", trust_env=False).status_code == 401
