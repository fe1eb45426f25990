"""A school system's CSV export of exclusions, sent as it is: each row has its own outcome, and counts once."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
from integration.referral_api.steps import HOSPITAL, SCHOOL, House
from referral_api.views.notices import CSV, ImportedOut
from schemas.referral import ExclusionNotified
from support.service import signed_in

HEADINGS = "Reference,Surname,Forename,DOB,URN,Category,Reason,Start date,Sessions"
PATH = "/v1/exclusion-notices:import"


async def send(
    house: House,
    content: str | bytes,
    *,
    by: dict[str, Any] | None = None,
    query: str = "",
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    data = content.encode() if isinstance(content, str) else content
    usual = {"Content-Type": "text/csv; charset=utf-8"}
    return await house.client.post(
        PATH + query, content=data, headers=signed_in(**(by or SCHOOL)) | usual | (headers or {})
    )


def row(number: int, **changes: str) -> str:
    cells = {
        "reference": f"E-{number}", "surname": f"F{chr(97 + number) * 4}-Test", "forename": f"G{chr(97 + number) * 4}",
        "dob": f"{number % 28 + 1:02d}/03/2013", "urn": "115482", "kind": "SUSP", "reason": "DB",
        "start": "16/11/2026", "sessions": "2",
    } | changes  # fmt: skip
    return ",".join(cells.values())


async def test_a_file_is_taken_row_by_row_and_every_row_has_its_outcome(house: House) -> None:
    lines = [HEADINGS, row(0), row(1, dob="30/02/2013"), row(2, kind="PERM", sessions=""), row(3, reason="ZZ,")]
    response = await send(house, "\ufeff" + "\r\n".join(lines))
    assert response.status_code == 200, response.text
    answer = response.json()
    ImportedOut.model_validate(answer)
    assert (answer["rows"], answer["notified"], answer["refused"]) == (4, 2, 2)
    assert [(item["line"], item["outcome"]) for item in answer["items"]] == [
        (2, "notified"), (3, "refused"), (4, "notified"), (5, "refused"),
    ]  # fmt: skip
    assert answer["items"][1]["errors"] == [
        {"field": "DOB", "code": "value-error", "detail": "Must be written as yyyy-mm-dd"}
    ]
    assert {error["field"] for error in answer["items"][3]["errors"]} >= {"Start date"}
    assert len(await house.said(ExclusionNotified)) == 2


async def test_a_file_sent_again_counts_once(house: House) -> None:
    content = "\n".join([HEADINGS, row(0), row(1), row(1), row(0, sessions="6")])
    first = (await send(house, content)).json()
    assert [item["outcome"] for item in first["items"]] == ["notified", "notified", "already-notified", "refused"]
    assert first["items"][3]["errors"][0]["field"] == "Reference"
    again = (await send(house, content)).json()
    assert [item["outcome"] for item in again["items"]] == ["already-notified"] * 3 + ["refused"]
    assert again["items"][0]["exclusion_id"] == first["items"][0]["exclusion_id"]
    assert len(await house.said(ExclusionNotified)) == 2


async def test_the_documents_example_is_taken(house: House) -> None:
    assert (await send(house, CSV)).json()["notified"] == 1
    body = (await send(house, CSV)).text
    assert "Zoë" not in body


async def test_a_file_without_the_school_may_name_it_once(house: House) -> None:
    content = f"{HEADINGS.replace(',URN', '')}\n{row(0).replace(',115482', '')}"
    assert (await send(house, content)).json()["items"][0]["errors"][0]["code"] == "missing"
    assert (await send(house, content, query="?school_urn=115482")).json()["notified"] == 1
    assert (await send(house, content, query="?school_urn=x")).status_code == 422


async def test_a_file_that_is_too_large_or_no_csv_is_refused_and_nothing_is_kept(house: House) -> None:
    good = f"{HEADINGS}\n{row(0)}\n"
    cases: list[tuple[httpx.Response, int]] = [
        (await send(house, good + "x" * 1_100_000), 413),
        (await send(house, good + "\n".join(row(n % 20) for n in range(2001))), 422),
        (await send(house, good.encode("utf-16")), 400),
        (await send(house, good.replace("DB", "D\u00e9").encode("latin-1")), 400),
        (await send(house, ""), 422),
        (await send(house, "hello"), 422),
        (await send(house, good + '"'), 422),
        (await send(house, good, headers={"Content-Type": "application/json"}), 415),
        (await send(house, good, headers={"Content-Type": "text/csv; charset=latin-1"}), 415),
        (await send(house, good, headers={"Content-Encoding": "gzip"}), 415),
        (await send(house, good, by=HOSPITAL), 403),
    ]
    for response, status in cases:
        assert response.status_code == status, response.text
        assert response.headers["Content-Type"] == "application/problem+json"
    assert await house.count("referral") == 0


async def test_a_body_without_end_is_cut_off(house: House) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65_536

    headers = signed_in(**SCHOOL) | {"Content-Type": "text/csv"}
    response = await house.client.post(PATH, content=endless(), headers=headers)
    assert response.status_code == 413


async def test_hostile_cells_are_refused_or_kept_as_they_are(house: House) -> None:
    for n, cell in enumerate(("=HYPERLINK(1)", "a\u202eb", "a\u0000b", "\u200b", "x" * 101)):
        answer = (await send(house, f"{HEADINGS}\n{row(n, forename=cell)}")).json()
        assert answer["items"][0]["outcome"] == ("notified" if n == 0 else "refused")
        assert cell not in str(answer)
