"""The schema is as the tables say, and the document as the routes answer."""

from typing import Any

from chassis.http import openapi_of
from chassis.migrations import Schema
from chassis.service import create_app
from integration.referral_api.steps import HOSPITAL, INTAKE, House, a_referral
from jointly.database import differences
from openapi_spec_validator import validate
from pydantic import BaseModel
from referral_api.api import matching
from referral_api.subscriptions import OF_A_CASE, SUBSCRIPTIONS
from referral_api.views import outgoing
from support.database import Copy


async def test_the_migrations_make_what_the_tables_say(database: Copy) -> None:
    found = await differences(database.admin_url, Schema("referral_api", "referral_api"))
    assert found.is_empty(), found.as_diffs()


async def test_the_document_is_openapi_and_shows_the_example(house: House) -> None:
    document = openapi_of(create_app(house.served.runtime), title="referral-api", version="1")
    validate(document)
    post = document["paths"]["/v1/referrals"]["post"]
    content = post["requestBody"]["content"]["application/json"]
    assert content["example"]["child"]["postcode"] == "GL1 4AW"
    assert set(document["components"]["schemas"]["ReferralIn"]["required"]) == {
        "child", "needs", "concern", "requested", "urgency", "basis", "referrer",
    }  # fmt: skip
    assert "201" in post["responses"]


def test_every_fact_about_a_case_goes_on_its_timeline() -> None:
    heard = [s.event for s in SUBSCRIPTIONS if s.handler.__name__ == "note_on_timeline"]
    assert heard == list(OF_A_CASE)
    assert len(heard) >= 24


def conforms(model: type[BaseModel], body: dict[str, Any]) -> None:
    """The body is what the document says, and says nothing else."""
    model.model_validate(body)
    assert set(body) <= set(model.model_fields), model.__name__


async def test_every_answer_is_as_the_document_says(house: House) -> None:
    first = await house.sent(a_referral(urgency="immediate"))
    conforms(outgoing.SubmittedOut, first)
    conforms(outgoing.SubmittedOut, await house.sent())
    here = f"/v1/referrals/{first['referral_id']}"
    rehearsed = await house.post("/v1/referrals", a_referral(), key=None, dry_run="true")
    conforms(outgoing.RehearsedOut, rehearsed.json())
    conforms(outgoing.RehearsedOut, (await house.patch(first["referral_id"], {"urgency": "soon"}, dry_run="1")).json())
    conforms(outgoing.ChangedOut, (await house.patch(first["referral_id"], {"urgency": "soon"})).json())
    asked = await house.post(f"{here}/information-requests", {"question": "?", "due_on": "2099-01-01"}, by=INTAKE)
    conforms(outgoing.ChangedOut, asked.json())
    conforms(outgoing.InformationRequestOut, await house.read(asked.headers["Location"]))
    conforms(outgoing.ReferralOut, await house.read(here))
    answered = await house.post(f"{asked.headers['Location']}/answer", {"answer": "!"})
    conforms(outgoing.ChangedOut, answered.json())
    conforms(outgoing.ReferralSummaryOut, (await house.read("/v1/referrals"))["items"][0])
    case = f"/v1/cases/{first['case_id']}"
    conforms(outgoing.CaseOut, await house.read(case))
    conforms(outgoing.CaseSummaryOut, (await house.read("/v1/cases"))["items"][0])
    await house.hear_itself()
    for entry in (await house.read(f"{case}/timeline"))["items"]:
        conforms(outgoing.TimelineEntryOut, entry)
    names = await house.post("/v1/children:names", {"case_ids": [first["case_id"]], "reason": "worklist"}, key=None)
    conforms(outgoing.NameOut, names.json()["items"][0])
    other = await house.sent(a_referral(child={"given_name": "Zoey"}), by=HOSPITAL)
    (match,) = (await house.read("/v1/possible-matches", by=INTAKE))["items"]
    conforms(outgoing.MatchOut, match)
    decided = await house.post(f"/v1/possible-matches/{match['match_id']}/decision", {"same": True}, by=INTAKE)
    conforms(matching.DecidedOut, decided.json())
    unlinked = await house.post(
        f"/v1/referrals/{other['referral_id']}/unlink", {"reason": "different-child"}, by=INTAKE
    )
    conforms(matching.PlacedOut, unlinked.json())
    closed = await house.post(f"{case}/close", {"reason": "needs-met"}, by=INTAKE, key=None)
    conforms(outgoing.CaseSummaryOut, closed.json())
