"""Input that nobody means well: every one is a 4xx with problem+json, and nothing is kept."""

import json
import unicodedata

from integration.referral_api.steps import INTAKE, House, a_referral
from support.service import keyed, signed_in

VALID = json.dumps(a_referral())


def with_name(raw: str) -> bytes:
    return VALID.replace('"Zo\\u00eb"', raw).encode("utf-8", "surrogatepass")


def with_attendance(raw: str) -> bytes:
    return VALID.replace("0.78", raw).encode()


PROBLEM = {"type", "title", "status", "detail", "instance", "correlation_id", "errors"}
HOSTILE: dict[str, bytes] = {
    "empty": b"",
    "not json": b"{",
    "a list": b"[]",
    "null": b"null",
    "a number": b"12",
    "lone surrogate": with_name('"\\ud800"'),
    "NUL": with_name('"\\u0000"'),
    "control character": with_name('"a\\u0007b"'),
    "newline in a name": with_name('"a\\nb"'),
    "direction override": with_name('"a\\u202eb"'),
    "blank": with_name('"   "'),
    "too long": with_name(json.dumps("x" * 101)),
    "number for a name": with_name("12"),
    "boolean for a name": with_name("true"),
    "NaN": with_attendance("NaN"),
    "Infinity": with_attendance("Infinity"),
    "1e999": with_attendance("1e999"),
    "minus": with_attendance("-0.1"),
    "a number as text": with_attendance('"0.78"'),
    "5,000 digits": with_attendance("9" * 5000),
    "jsonb bomb": with_attendance("1e131071"),
    "true for a rank": VALID.replace('"rank": 1', '"rank": true').encode(),
    "1.0 for a rank": VALID.replace('"rank": 1', '"rank": 1.5').encode(),
    "duplicate key": VALID.replace('"urgency": "soon"', '"urgency": "soon", "urgency": "urgent"').encode(),
    "deep": VALID.replace('"soon"', "[" * 1000 + "]" * 1000).encode(),
    "very deep": ("[" * 100_000 + "]" * 100_000).encode(),
    "UTF-16": VALID.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf" + VALID.encode(),
    "latin-1": VALID.replace('"Zo\\u00eb"', '"Zo\xeb"').encode("latin-1"),
    "unknown field": VALID.replace('"urgency"', '"status": "closed", "urgency"').encode(),
    "unknown field within": VALID.replace('"given_name"', '"child_id": "x", "given_name"').encode(),
    "no such day": VALID.replace("2016-03-09", "2016-02-30").encode(),
    "year zero": VALID.replace("2016-03-09", "0000-01-01").encode(),
    "year 10000": VALID.replace("2016-03-09", "10000-01-01").encode(),
    "not born yet": VALID.replace("2016-03-09", "9999-12-31").encode(),
    "first day of all": VALID.replace("2016-03-09", "0001-01-01").encode(),
    "a time for a day": VALID.replace("2016-03-09", "2016-03-09T12:00:00Z").encode(),
    "a number for a day": VALID.replace('"2016-03-09"', "20160309").encode(),
    "Arabic digits": VALID.replace('"115482"', '"١١٥٤٨٢"').encode(),
    "no needs": VALID.replace(json.dumps(a_referral()["needs"]), "[]").encode(),
    "many needs": VALID.replace(
        json.dumps(a_referral()["needs"]), json.dumps([{"type": "SEMH", "rank": 1}] * 5000)
    ).encode(),
    "requested is text": VALID.replace('["assessment", "early-funding"]', '"assessment"').encode(),
    "a megabyte": VALID.replace("Leaves", "x" * 1_000_000).encode(),
    "SQL": with_name('"Robert\'); DROP TABLE referral;--\\u0000"'),
}


async def test_hostile_input_is_refused_and_nothing_is_kept(house: House) -> None:
    for name, content in HOSTILE.items():
        response = await house.client.post(
            "/v1/referrals",
            content=content,
            headers=signed_in() | keyed() | {"Content-Type": "application/json"},
        )
        assert 400 <= response.status_code < 500, (name, response.text)
        assert response.headers["Content-Type"] == "application/problem+json", name
        assert set(response.json()) == PROBLEM, name
    assert await house.count("referral") == 0


async def test_a_hostile_change_is_refused_and_changes_nothing(house: House) -> None:
    answer = await house.sent()
    for name, content in HOSTILE.items():
        response = await house.client.patch(
            f"/v1/referrals/{answer['referral_id']}",
            content=content,
            headers=signed_in() | {"If-Match": '"1"', "Content-Type": "application/merge-patch+json"},
        )
        assert 400 <= response.status_code < 500, (name, response.text)
        assert set(response.json()) == PROBLEM, name
    assert (await house.read(f"/v1/referrals/{answer['referral_id']}"))["version"] == 1


async def test_other_media_are_refused(house: House) -> None:
    for headers in (
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    ):
        response = await house.client.post(
            "/v1/referrals", content=VALID.encode(), headers=signed_in() | keyed() | headers
        )
        assert response.status_code == 415


NAMES: dict[str, str] = {
    "apostrophe": "O'Brien-Test",
    "quotation marks": '"; DROP TABLE referral; --',
    "Arabic": "محمد",
    "Khmer": "ជ័យ",
    "emoji": "🙂",
    "zero-width joiner": "क्\u200dष",
    "decomposed": "Zoe\u0308",
    "only marks": "---",
    "a formula": "=HYPERLINK(1)",
    "markup": "<script>alert(1)</script>",
    "the longest": "x" * 100,
}


async def test_strange_names_are_names(house: House) -> None:
    for name, spelt in NAMES.items():
        answer = await house.sent(a_referral(child={"given_name": spelt, "family_name": spelt}))
        found = await house.read(f"/v1/referrals/{answer['referral_id']}")
        assert found["child"]["given_name"] == unicodedata.normalize("NFC", spelt), name


async def test_hostile_addresses_are_refused(house: House) -> None:
    for path in (
        "/v1/referrals/%00",
        "/v1/referrals/..%2f..%2fetc",
        "/v1/referrals/x" * 50,
        "/v1/referrals/' OR 1=1",
        "/v1/cases/%F0%9F%99%82",
        "/v1/referrals?limit=0",
        "/v1/referrals?limit=abc",
        "/v1/referrals?cursor=abc",
        "/v1/referrals?cursor=%00",
        "/v1/referrals?status=%00",
        "/v1/referrals?submitted_from=yesterday",
        "/v1/referrals?submitted_from=2026-01-01T00:00:00",
        "/v1/referrals?reference=%00",
        "/v1/cases?reference=%00",
        "/v1/possible-matches?status=x",
    ):
        response = await house.get(path, by=INTAKE)
        assert 400 <= response.status_code < 500, (path, response.text)
        assert response.headers["Content-Type"] == "application/problem+json", path


async def test_a_strange_version_is_refused(house: House) -> None:
    answer = await house.sent()
    for value in ('"', "x", 'W/"', '"-1"', '"99999999999999999999"', '"999999999999999999"', "*"):
        response = await house.client.patch(
            f"/v1/referrals/{answer['referral_id']}",
            json={"urgency": "urgent"},
            headers=signed_in() | {"If-Match": value},
        )
        assert response.status_code in {400, 412}, value


async def test_a_summary_that_nobody_can_see_is_refused_naming_the_field(house: House) -> None:
    for text in ("   ", "\u200b\u200b", "\n \u2060", "\u3164"):
        response = await house.send(a_referral(concern={"summary": text}))
        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == "/concern/summary"
    assert await house.count("referral") == 0
