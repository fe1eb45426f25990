"""A place is looked for, kept, offered and taken: never more than there are, and the first who accepts wins."""

import asyncio
from typing import Any

import pytest
from chassis.clock import BusinessClock, new_id
from integration.placements.county import (
    DESK,
    FAR,
    HEALTH,
    LEAD,
    MIDDLE,
    NEAR,
    OTHER_LEAD,
    SCHOOL,
    STRANGER,
    a_case,
    a_request,
    act,
    call,
    equip,
    etag_of,
    fire,
    get,
    later,
    offered,
    places,
    staff,
    taking_part,
)
from schemas.placement import (
    PlacementAccepted,
    PlacementDeclined,
    PlacementHeld,
    PlacementOffered,
    PlacementReleased,
    PlacementRequested,
    ProviderCapacityChanged,
)
from support.service import Served


async def test_a_request_takes_needs_and_phase_from_the_case(house: Served) -> None:
    case = await a_case(house)
    body = {"case_id": case, "sessions_a_week": 5, "wanted_from": "2026-12-01", "notes": "Likes cooking."}
    answer = await call(house, "POST", "/v1/placements", LEAD, body)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["needs"], made["phase"], made["year_group"]) == (["SEMH"], "secondary", "9")
    assert answer.headers["Location"] == f"/v1/placements/{made['id']}"
    [said] = await house.said(PlacementRequested)
    assert isinstance(said, PlacementRequested)
    assert (said.needs, said.sessions_a_week, said.organisation_id) == (("SEMH",), 5, "school-100001")
    assert "cooking" not in str(said)
    again = await call(house, "POST", "/v1/placements", LEAD, body)
    assert (again.status_code, again.json()["title"]) == (409, "Looked for already")


async def test_providers_are_ranked_by_closeness_and_the_others_say_why_not(house: Served) -> None:
    for provider in (NEAR, MIDDLE):
        await equip(house, provider)
    placement = await a_request(house)
    matches = await get(house, f"/v1/placements/{placement}/matches", LEAD)
    assert [(m["provider_id"], m["rank"], m["eligible"]) for m in matches["items"]] == [
        (NEAR, 1, True), (MIDDLE, 2, True), (FAR, None, False),
    ]  # fmt: skip
    near, _, far = matches["items"]
    # From the middle of the square (383500, 219500) to (383000, 220000).
    assert near["metres"] == 707
    assert {"code": "from-home", "text": near["reasons"][-1]["text"]} in near["reasons"]
    assert [reason["code"] for reason in far["reasons"]] == ["safeguarding-missing", "no-places-published"]
    assert far["reasons"][0]["text"] == "No safeguarding check is on record."


@pytest.mark.parametrize(
    ("home", "school", "measured", "rank"),
    [
        ("unknown", "100002", "school", 1),
        ("unknown", None, "home-unknown", None),
        ("restricted", None, "home-restricted", None),
    ],
)
async def test_without_a_home_closeness_is_from_the_school_or_not_at_all(
    house: Served, home: str, school: str | None, measured: str, rank: int | None
) -> None:
    await equip(house, NEAR)
    case = await a_case(house, home={"state": home}, school_urn=school)
    placement = await a_request(house, case)
    matches = await get(house, f"/v1/placements/{placement}/matches", LEAD)
    assert matches["measured_from"] == measured
    assert (matches["items"][0]["eligible"], matches["items"][0]["rank"]) == (True, rank)


async def test_a_hold_keeps_a_place_until_its_time(house: Served, clock: BusinessClock) -> None:
    await equip(house, NEAR, 2)
    placement = await a_request(house)
    await act(house, placement, "holds", LEAD, {"provider_id": NEAR})
    assert await places(house) == (2, 0, 1)
    again = await act(house, placement, "holds", LEAD, {"provider_id": NEAR})
    assert len(again.json()["holds"]) == 1, "one place for a child, not two"
    assert await places(house) == (2, 0, 1)
    later(clock, hours=71)
    await fire(house)
    assert await places(house) == (2, 0, 1)
    later(clock, hours=2)
    await fire(house)
    await fire(house)
    assert await places(house) == (2, 0, 0)
    [released] = await house.said(PlacementReleased)
    assert isinstance(released, PlacementReleased)
    assert released.reason == "lapsed"
    capacity = (await house.said(ProviderCapacityChanged))[-1]
    assert isinstance(capacity, ProviderCapacityChanged)
    assert [(p.places, p.open) for p in capacity.places] == [(2, 2)]


async def test_two_hundred_at_once_for_one_place_get_exactly_one_hold(house: Served) -> None:
    await equip(house, NEAR, 1)
    cases = [await a_case(house) for _ in range(200)]
    requests = await asyncio.gather(*(a_request(house, case) for case in cases))
    answers = await asyncio.gather(
        *(call(house, "POST", f"/v1/placements/{id}/holds", LEAD, {"provider_id": NEAR}) for id in requests)
    )
    codes = [answer.status_code for answer in answers]
    assert (codes.count(200), codes.count(409)) == (1, 199)
    assert {answer.json()["type"].rpartition("/")[2] for answer in answers if answer.status_code == 409} == {
        "no-place-left"
    }
    assert await places(house) == (1, 0, 1)
    assert len(await house.said(PlacementHeld)) == 1


async def test_the_database_itself_refuses_to_overbook(house: Served) -> None:
    await equip(house, NEAR, 1)
    with pytest.raises(Exception, match="place_never_overbooked"):
        await house.rows("UPDATE place SET held = 2")


async def test_the_first_who_accepts_wins_and_the_others_are_told(house: Served) -> None:
    for provider in (NEAR, MIDDLE, FAR):
        await equip(house, provider)
    placement = await a_request(house)
    offers = await offered(house, placement, NEAR, MIDDLE, FAR)
    assert len(await house.said(PlacementOffered)) == 3
    await act(house, placement, f"offers/{offers[FAR]}/decline", staff(FAR), {"reason": "group-fit"})
    answer = await act(house, placement, f"offers/{offers[MIDDLE]}/accept", staff(MIDDLE), {})
    assert (answer.json()["state"], answer.json()["provider_id"]) == ("accepted", MIDDLE)
    [accepted] = await house.said(PlacementAccepted)
    assert isinstance(accepted, PlacementAccepted)
    assert (accepted.provider_id, accepted.starts_on.isoformat()) == (MIDDLE, "2026-11-30")
    declined = {e.provider_id: e.reason for e in await house.said(PlacementDeclined)}  # type: ignore[attr-defined]
    assert declined == {FAR: "group-fit", NEAR: "another-accepted"}
    assert [await places(house, each) for each in (NEAR, MIDDLE, FAR)] == [(1, 0, 0), (1, 1, 0), (1, 0, 0)]
    late = await act(house, placement, f"offers/{offers[NEAR]}/accept", staff(NEAR), {}, ok=False)
    assert (late.status_code, late.json()["title"]) == (409, "Another accepted")


async def test_many_providers_accept_at_once_and_one_wins(house: Served) -> None:
    made = []
    for n in range(20):
        body = {
            "name": f"Provider {n}", "organisation_id": f"provider-{n}", "kind": "voluntary", "phases": ["secondary"],
            "checks": [{"kind": "safeguarding", "outcome": "met", "checked_on": "2026-10-01"}],
        }  # fmt: skip
        answer = await call(house, "POST", "/v1/providers", DESK, body)
        assert answer.status_code == 201, answer.text
        made.append(answer.json()["id"])
        await call(
            house, "PUT", f"/v1/providers/{made[-1]}/places", DESK,
            {"places": [{"phase": "secondary", "session": "full-time", "places": 1}]},
            **{"If-Match": answer.headers["ETag"]},
        )  # fmt: skip
    placement = await a_request(house)
    offers = await offered(house, placement, *made)
    answers = await asyncio.gather(
        *(
            call(
                house, "POST", f"/v1/placements/{placement}/offers/{offers[provider]}/accept",
                {**staff(f"provider-{n}")}, {},
            )
            for n, provider in enumerate(made)
        )
    )  # fmt: skip
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 19]
    rows = await house.rows("SELECT sum(taken) AS taken, sum(held) AS held FROM place")
    assert (rows[0]["taken"], rows[0]["held"]) == (1, 0)
    assert len(await house.said(PlacementAccepted)) == 1


async def test_an_offer_that_nobody_answers_lapses_once(house: Served, clock: BusinessClock) -> None:
    await equip(house, NEAR)
    placement = await a_request(house)
    offers = await offered(house, placement, NEAR)
    later(clock, days=30)
    await fire(house)
    await fire(house)
    [declined] = await house.said(PlacementDeclined)
    assert isinstance(declined, PlacementDeclined)
    assert declined.reason == "no-answer"
    assert await places(house) == (1, 0, 0)
    late = await act(house, placement, f"offers/{offers[NEAR]}/accept", staff(NEAR), {}, ok=False)
    assert (late.status_code, late.json()["title"]) == (409, "Offer answered")


async def test_nobody_is_asked_when_one_of_them_cannot_take_the_child(house: Served) -> None:
    await equip(house, NEAR)
    placement = await a_request(house)
    answer = await act(house, placement, "offers", LEAD, {"provider_ids": [NEAR, FAR]}, ok=False)
    assert (answer.status_code, answer.json()["title"]) == (409, "Not eligible")
    assert {error["pointer"] for error in answer.json()["errors"]} == {"/provider_ids/1"}
    assert await places(house) == (1, 0, 0)
    assert await house.said(PlacementOffered, PlacementHeld) == []


async def test_a_provider_sees_needs_and_no_child_before_it_accepts(house: Served) -> None:
    for provider in (NEAR, MIDDLE):
        await equip(house, provider)
    case = await a_case(house)
    placement = await a_request(house, case, notes="CNRY-words-about-the-child")
    assert (await call(house, "GET", f"/v1/placements/{placement}", staff(NEAR))).status_code == 404
    offers = await offered(house, placement, NEAR, MIDDLE)
    listed = await call(house, "GET", "/v1/placements/offers", staff(NEAR))
    seen = await call(house, "GET", f"/v1/placements/{placement}", staff(NEAR))
    assert seen.json()["needs"] == ["SEMH"]
    for text in (listed.text, seen.text):
        for secret in (case, case[-8:], "CNRY", "school-100001", "100002", MIDDLE):
            assert secret not in text
    assert [item["id"] for item in listed.json()["items"]] == [offers[NEAR]]
    await act(house, placement, f"offers/{offers[NEAR]}/accept", staff(NEAR), {})
    after = (await call(house, "GET", f"/v1/placements/{placement}", staff(NEAR))).json()
    assert (after["case_id"], after["notes"]) == (case, "CNRY-words-about-the-child")
    assert (await call(house, "GET", f"/v1/placements/{placement}", staff(MIDDLE))).status_code == 404


@pytest.mark.parametrize(
    ("who", "status"), [(LEAD, 200), (DESK, 200), (SCHOOL, 200), (OTHER_LEAD, 404), (STRANGER, 404), (HEALTH, 404)]
)
async def test_who_sees_a_request(house: Served, who: dict[str, Any], status: int) -> None:
    placement = await a_request(house)
    assert (await call(house, "GET", f"/v1/placements/{placement}", who)).status_code == status
    listed = await get(house, "/v1/placements", who)
    assert len(listed["items"]) == (status == 200)


async def test_a_school_asks_but_does_not_place(house: Served) -> None:
    await equip(house, NEAR)
    case = await a_case(house)
    body = {"case_id": case, "sessions_a_week": 10, "wanted_from": "2026-11-30"}
    answer = await call(house, "POST", "/v1/placements", SCHOOL, body)
    assert answer.status_code == 201
    hold = await call(house, "POST", f"/v1/placements/{answer.json()['id']}/holds", SCHOOL, {"provider_id": NEAR})
    assert hold.status_code == 403
    await house.hear(taking_part(case, referrer="nhs-trust"))
    assert (await call(house, "GET", f"/v1/placements/{answer.json()['id']}", HEALTH)).status_code == 200


async def test_the_same_key_asks_once(house: Served) -> None:
    case = await a_case(house)
    body = {"case_id": case, "sessions_a_week": 10, "wanted_from": "2026-11-30"}
    key = {"Idempotency-Key": new_id()}
    answers = [await call(house, "POST", "/v1/placements", LEAD, body, **key) for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert len(await house.said(PlacementRequested)) == 1


async def test_there_are_never_fewer_places_than_are_in_use(house: Served) -> None:
    await equip(house, NEAR, 2)
    placement = await a_request(house)
    await act(house, placement, "holds", LEAD, {"provider_id": NEAR})
    etag = await etag_of(house, f"/v1/providers/{NEAR}")
    for wanted in ([], [{"phase": "secondary", "session": "full-time", "places": 0}]):
        answer = await call(
            house, "PUT", f"/v1/providers/{NEAR}/places", staff(NEAR), {"places": wanted}, **{"If-Match": etag}
        )
        assert (answer.status_code, answer.json()["title"]) == (409, "Places in use")
    other = await call(house, "PUT", f"/v1/providers/{NEAR}/places", staff(FAR), {"places": []}, **{"If-Match": etag})
    assert other.status_code == 403
    assert await places(house) == (2, 0, 1)


async def test_withdrawing_lets_everything_go(house: Served) -> None:
    await equip(house, NEAR)
    placement = await a_request(house)
    await offered(house, placement, NEAR)
    answer = await act(house, placement, "withdraw", LEAD)
    assert answer.json()["state"] == "withdrawn"
    [declined] = await house.said(PlacementDeclined)
    assert isinstance(declined, PlacementDeclined)
    assert declined.reason == "request-ended"
    assert await places(house) == (1, 0, 0)
    assert await house.rows("SELECT * FROM deadline WHERE kind IN ('hold-expires', 'offer-lapses')") == []
