"""A notice that concerned another child: its exclusion, its totals and its duties go to that child's case."""

from typing import Any

from chassis.clock import new_id
from integration.placements.county import SCHOOL, a_case, call, etag_of, get, notified, opened
from schemas.placement import DutyCancelled, DutyStarted, ExclusionCancelled, ExclusionReported
from schemas.referral import CaseErased, CaseUnlinked
from support.service import Served


def unlinked(case: str, to: str, notice: str) -> CaseUnlinked:
    """A person found that a notice does not concern this child."""
    return CaseUnlinked(case_id=case, referral_id=notice, new_case_id=to, reason="different-child")


async def _said(house: Served, kind: type[Any]) -> list[tuple[str, str]]:
    said: list[Any] = list(await house.said(kind))
    return [(event.case_id, event.exclusion_id) for event in said]


async def test_an_exclusion_goes_with_its_notice_and_both_cases_are_counted_anew(house: Served) -> None:
    case, other = await a_case(house), await a_case(house)
    first, second = (
        notified(case, first_on="2026-11-09", sessions=12),
        notified(case, first_on="2026-11-23", sessions=2),
    )
    await house.hear(first)
    await house.hear(second)
    assert await _said(house, DutyStarted) == [(case, first.exclusion_id)]
    await house.hear(unlinked(case, other, first.exclusion_id))
    [gone] = await house.said(ExclusionCancelled)
    assert isinstance(gone, ExclusionCancelled)
    assert (gone.case_id, gone.reason, gone.sessions_in_term) == (case, "reported-in-error", 2)
    told = [
        (event.case_id, event.exclusion_id, event.version, event.sessions_in_term)
        for event in await house.said(ExclusionReported)
        if isinstance(event, ExclusionReported)
    ]
    assert set(told[2:]) == {(case, second.exclusion_id, 2, 2), (other, first.exclusion_id, 2, 12)}
    assert await _said(house, DutyCancelled) == [(case, first.exclusion_id)]
    assert await _said(house, DutyStarted) == [(case, first.exclusion_id), (other, first.exclusion_id)]
    assert (await get(house, f"/v1/exclusions/{first.exclusion_id}", SCHOOL))["case_id"] == other
    # Told again, nothing more happens.
    before = len(await house.said(ExclusionReported))
    await house.hear(unlinked(case, other, first.exclusion_id))
    assert len(await house.said(ExclusionReported)) == before


async def test_a_duty_that_was_met_stays_met_in_the_other_case(house: Served) -> None:
    case, other = await a_case(house), await a_case(house)
    notice = notified(case, first_on="2026-11-09", sessions=12)
    await house.hear(notice)
    path = f"/v1/exclusions/{notice.exclusion_id}"
    [duty] = (await get(house, path, SCHOOL))["duties"]
    met = await call(
        house, "POST", f"{path}/duties/{duty['id']}/met", SCHOOL, {"met_on": "2026-11-16"},
        **{"If-Match": await etag_of(house, path, SCHOOL)},
    )  # fmt: skip
    assert met.status_code == 200, met.text
    await house.hear(unlinked(case, other, notice.exclusion_id))
    assert await house.rows("SELECT case_id, state FROM duty") == [{"case_id": other, "state": "met"}]
    assert await _said(house, DutyCancelled) == []
    assert await _said(house, DutyStarted) == [(case, notice.exclusion_id)]


async def test_it_waits_for_the_other_case_and_other_referrals_move_nothing(house: Served) -> None:
    case, other = await a_case(house), new_id()
    notice = notified(case)
    await house.hear(notice)
    await house.hear(unlinked(case, new_id(), new_id()))
    assert await house.rows("SELECT reason FROM parked") == []
    await house.hear(unlinked(case, other, notice.exclusion_id))
    assert await house.rows("SELECT reason FROM parked") == [{"reason": "case-unknown"}]
    assert await house.rows("SELECT case_id FROM exclusion") == [{"case_id": case}]
    await house.rows("DELETE FROM parked")
    await house.hear(opened(other))
    await house.hear(unlinked(case, other, notice.exclusion_id))
    assert await house.rows("SELECT case_id FROM exclusion") == [{"case_id": other}]


async def test_what_goes_to_an_erased_case_is_kept_nowhere(house: Served) -> None:
    case, other = await a_case(house), await a_case(house)
    notice = notified(case, first_on="2026-11-09", sessions=12)
    await house.hear(notice)
    await house.hear(CaseErased(case_id=other))
    await house.hear(unlinked(case, other, notice.exclusion_id))
    assert await house.rows("SELECT id FROM exclusion") == []
    assert await house.rows("SELECT id FROM duty") == []
    assert {case_id for case_id, _ in await _said(house, ExclusionReported)} == {case}
