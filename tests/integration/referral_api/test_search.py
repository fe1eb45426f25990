"""Cases are found by who the child is, only among those one may see, by what one may read; every look is audited."""

import asyncio
from typing import Any

import pytest
from integration.referral_api.steps import HOSPITAL, INTAKE, LEAD, SCHOOL, SOCIAL_CARE, House, a_child, a_referral
from integration.referral_api.test_access import NHS, UPN, assigned
from referral_api.queries.search import beginnings
from referral_api.views.outgoing import CaseSummaryOut
from referral_api.workers import know_search_words


async def find(house: House, *, by: dict[str, Any] | None = None, **asked: Any) -> list[str]:
    response = await house.post("/v1/cases:search", asked, by=by, key=None)
    assert response.status_code == 200, response.text
    items = response.json()["items"]
    for item in items:
        CaseSummaryOut.model_validate(item)
        assert set(item) == set(CaseSummaryOut.model_fields)
    return [item["case_id"] for item in items]


async def test_a_child_is_found_by_the_beginnings_of_its_names_however_spelt(house: House) -> None:
    case_id = (await house.sent(a_referral(child={"given_name": "Zoë-Marie", "family_name": "O'Brien-Test"})))[
        "case_id"
    ]
    await house.sent(a_referral(child=a_child(7)))
    for name in (
        "Zoe",
        "zo",
        "ZOË",
        "marie obrien",
        "O'Bri",
        "OBrien, Zoe",
        "test zoe",
        "zoemarie",
        "zoe-m",
        "o\u2019brien",
    ):
        assert await find(house, name=name) == [case_id], name
    for name in ("oë", "brien", "zoe smith", "marie zoe x"):
        assert await find(house, name=name) == [], name


@pytest.mark.parametrize(
    ("given", "name"),
    [("Łukasz", "luka"), ("Ахмед", "ахм"), ("محمد", "محم"), ("\uff2a\uff2f\uff28\uff2e", "john"), ("Ísak", "isak")],
)
async def test_names_of_any_script_are_found(house: House, given: str, name: str) -> None:
    case_id = (await house.sent(a_referral(child={"given_name": given, "family_name": "Quill-Test"})))["case_id"]
    assert await find(house, name=name) == [case_id]
    assert await find(house, name=f"{name} quill") == [case_id]


async def test_everything_that_is_asked_must_fit_one_description(house: House) -> None:
    first = (await house.sent(a_referral(child={"given_name": "Ada", "date_of_birth": "2014-01-02"})))["case_id"]
    second = (await house.sent(a_referral(child={"given_name": "Ada", "date_of_birth": "2015-06-07"})))["case_id"]
    assert await find(house, name="ada") == [second, first]
    assert await find(house, name="ada", date_of_birth="2014-01-02") == [first]
    assert await find(house, date_of_birth="2015-06-07") == [second]
    assert await find(house, name="zoe", date_of_birth="2014-01-02") == []
    assert await find(house, name="ada", status="closed") == []
    assert await find(house, name="ada", school_urn="115482", urgency="soon") == [second, first]


async def test_nobody_finds_what_they_may_not_see(house: House) -> None:
    case_id = (await house.sent(a_referral(child={"upn": UPN})))["case_id"]
    await house.sent(a_referral(child={"given_name": "Zoe Heather"}), by=HOSPITAL)
    assert await find(house, by=SOCIAL_CARE, name="zoe") == []
    assert await find(house, by=LEAD, name="zoe") == []
    # Each by its own words, not by the other's; who works the case by anybody's.
    assert await find(house, name="heather") == []
    assert await find(house, by=HOSPITAL, name="heather") == [case_id]
    assert await find(house, by=INTAKE, name="heather") == [case_id]
    await house.served.hear(assigned(case_id))
    assert await find(house, by=LEAD, name="heather") == [case_id]
    adviser = {
        "organisation": "elsewhere",
        "sector": "health",
        "roles": ("adviser",),
        "clusters": ("gloucester-primary",),
    }
    assert await find(house, by=adviser, name="heather") == [case_id]
    assert await find(house, by={**adviser, "clusters": ()}, name="heather") == []


async def test_each_sector_searches_by_its_own_number(house: House) -> None:
    case_id = (await house.sent(a_referral(child={"upn": UPN, "nhs_number": NHS})))["case_id"]
    await house.served.hear(assigned(case_id))
    assert await find(house, upn=UPN.lower()) == [case_id]
    health = {
        "organisation": "nhs-trust",
        "sector": "health",
        "roles": ("adviser",),
        "clusters": ("gloucester-primary",),
    }
    assert await find(house, by=health, nhs_number="999 000 0018") == [case_id]
    for by, asked in (
        (SCHOOL, {"nhs_number": NHS}), (health, {"upn": UPN}), (INTAKE, {"upn": UPN}), (INTAKE, {"nhs_number": NHS}),
    ):  # fmt: skip
        refused = await house.post("/v1/cases:search", asked, by=by, key=None)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["pointer"] == f"/{next(iter(asked))}"
        assert next(iter(asked.values())) not in refused.text


@pytest.mark.parametrize(
    ("asked", "status", "pointer"),
    [
        ({}, 422, None),
        ({"status": "open"}, 422, None),
        ({"name": "z"}, 422, "/name"),
        ({"name": "---"}, 422, "/name"),
        ({"name": "  "}, 422, "/name"),
        ({"upn": "X1"}, 422, "/upn"),
        ({"date_of_birth": "09/03/2016"}, 422, "/date_of_birth"),
        ({"reference": "AAA"}, 422, "/reference"),
        ({"name": "zoe", "limit": 0}, 422, "/limit"),
        ({"name": "zoe", "cursor": "x"}, 422, "/cursor"),
        ({"name": "zoe", "colour": "red"}, 422, "/colour"),
        ({"name": "zoe", "reason": "Zoë"}, 422, "/reason"),
    ],
)
async def test_what_is_no_search_is_refused(
    house: House, asked: dict[str, Any], status: int, pointer: str | None
) -> None:
    response = await house.post("/v1/cases:search", asked, key=None)
    assert response.status_code == status
    assert [error["pointer"] for error in response.json()["errors"]][:1] == ([pointer] if pointer else [])


@pytest.mark.parametrize("name", ["a' & 'b", "':*", "\\\\", "x | y", "!zoe", "(((", "zoe:*", "a\u200db", "%", "NULL"])
async def test_no_name_breaks_the_search(house: House, name: str) -> None:
    await house.sent()
    assert (await house.post("/v1/cases:search", {"name": name}, key=None)).status_code in {200, 422}


def test_words_are_quoted() -> None:
    assert beginnings(("a'b", "c\\d")) == "'a''b':* & 'c\\\\d':*"
    assert beginnings(()) is None


async def test_a_search_is_paged_and_its_cursor_is_its_own(house: House) -> None:
    sent = [(await house.sent(a_referral(child=a_child(n) | {"given_name": "Ada"})))["case_id"] for n in range(5)]
    seen: list[str] = []
    body: dict[str, Any] = {"name": "ada", "limit": 2}
    while True:
        page = (await house.post("/v1/cases:search", body, key=None)).json()
        seen += [item["case_id"] for item in page["items"]]
        if page["next"] is None:
            break
        assert (await house.post("/v1/cases:search", body | {"cursor": page["next"]}, by=HOSPITAL)).status_code == 422
        body["cursor"] = page["next"]
    assert seen == sent[::-1]


async def test_every_search_and_every_case_found_is_audited_without_what_was_typed(house: House) -> None:
    case_id = (await house.sent())["case_id"]
    await find(house, name="zoe", date_of_birth="2016-03-09", reason="duty-desk")
    await find(house, name="nobody")
    rows = await house.served.rows(
        "SELECT action, what_id, reason FROM audit WHERE action IN ('searched', 'found') ORDER BY at, id"
    )
    assert rows == [
        {"action": "searched", "what_id": "school-115482", "reason": "duty-desk: name, date_of_birth"},
        {"action": "found", "what_id": case_id, "reason": "duty-desk: name, date_of_birth"},
        {"action": "searched", "what_id": "school-115482", "reason": "search: name"},
    ]


async def test_the_list_is_narrowed_and_says_when_each_case_last_changed(house: House) -> None:
    first = await house.sent()
    second = await house.sent(a_referral(child=a_child(1) | {"school_urn": "115700"}, urgency="urgent"))
    await house.hear_itself()

    async def found(**query: Any) -> list[str]:
        return [each["case_id"] for each in (await house.read("/v1/cases", **query))["items"]]

    assert await found(q=first["reference"].lower().replace("-", " ")) == [first["case_id"]]
    refused = await house.get("/v1/cases", q="Zoe")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/query/q")
    assert await found(school_urn="115700") == [second["case_id"]]
    assert await found(urgency="urgent") == [second["case_id"]]
    assert await found(opened_since="2099-01-01T00:00:00Z") == []
    assert await found(assignment="pending", status="open") == [second["case_id"], first["case_id"]]
    looked = house.served.runtime.clock.now().isoformat()
    assert await found(changed_since=looked) == []
    await house.served.hear(assigned(first["case_id"]))
    assert await found(changed_since=looked) == [first["case_id"]]
    item = (await house.read("/v1/cases", q=first["reference"]))["items"][0]
    assert item["last_changed_at"] > looked.replace("+00:00", "Z")
    assert (item["assignment"]["state"], item["assignment"]["cluster_id"]) == ("assigned", "gloucester-primary")
    assert item["assignment"]["since"] is not None


async def test_a_changed_name_is_found_and_the_former_is_not(house: House) -> None:
    sent = await house.sent()
    await house.patch(sent["referral_id"], {"child": {"given_name": "Xanthe"}})
    assert await find(house, name="xan") == [sent["case_id"]]
    assert await find(house, name="zoe") == []


async def test_referrals_of_before_get_their_words(house: House) -> None:
    case_id = (await house.sent())["case_id"]
    await house.sent(a_referral(child={"given_name": "---", "family_name": "---"}))
    async with house.served.runtime.transaction() as tx:
        await tx.rows("UPDATE referral SET search_words = '{}'")
    assert await find(house, name="zoe") == []
    stop = asyncio.Event()
    working = asyncio.create_task(know_search_words(house.served.runtime, stop))
    async with asyncio.timeout(20):
        while not await find(house, name="zoe"):
            pass
    stop.set()
    await working
    assert await find(house, name="zoe") == [case_id]


async def test_the_search_uses_its_index(house: House) -> None:
    await house.sent()
    async with house.served.runtime.transaction() as tx:
        await tx.rows("SET LOCAL enable_seqscan = off")
        plan = "\n".join(
            row["QUERY PLAN"]
            for row in await tx.rows(
                "EXPLAIN SELECT case_id FROM referral WHERE array_to_tsvector(search_words) @@ '''zoe'':*'::tsquery"
            )
        )
    assert "referral_search_words" in plan
