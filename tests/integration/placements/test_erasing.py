"""What was answered about an erased case is kept for no retry."""

from integration.placements.county import LEAD, a_case, call
from schemas.referral import CaseErased
from support.service import Served

_SECRET = "Draws dragons at lunch."


async def test_a_kept_answer_goes_with_its_case_and_a_retry_finds_nothing(house: Served) -> None:
    case, other = await a_case(house), await a_case(house)
    body = {"case_id": case, "sessions_a_week": 10, "wanted_from": "2026-11-30", "notes": _SECRET}
    first = await call(house, "POST", "/v1/placements", LEAD, body, **{"Idempotency-Key": "one"})
    assert first.status_code == 201, first.text
    kept = await call(
        house, "POST", "/v1/placements", LEAD, body | {"case_id": other, "notes": None}, **{"Idempotency-Key": "two"}
    )
    assert kept.status_code == 201, kept.text
    again = await call(house, "POST", "/v1/placements", LEAD, body, **{"Idempotency-Key": "one"})
    assert (again.status_code, again.json()) == (201, first.json())
    await house.hear(CaseErased(case_id=case))
    retry = await call(house, "POST", "/v1/placements", LEAD, body, **{"Idempotency-Key": "one"})
    assert (retry.status_code, retry.json()["title"]) == (404, "Not found")
    bodies = await house.rows("SELECT convert_from(body, 'UTF8') AS body FROM idempotency")
    assert not [row for row in bodies if _SECRET in row["body"]]
    # What was answered about others is answered again.
    other_again = await call(
        house, "POST", "/v1/placements", LEAD, body | {"case_id": other, "notes": None}, **{"Idempotency-Key": "two"}
    )
    assert (other_again.status_code, other_again.json()) == (201, kept.json())
