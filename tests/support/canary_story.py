"""What happens to the marked child, from the first referral to the close, with a mark in every text that is said."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

import httpx
from chassis.clock import new_id
from support.canary import Desk, letter_texts
from support.host import Host

SCHOOL: Final = "school-115482"
CHILD: Final = {
    "given_name": "Cnryzoë", "family_name": "Cnryfamily-Test", "date_of_birth": "2016-12-13", "sex": "female",
    "postcode": "GL52 2GH", "nhs_number": "9990000042", "upn": "V91620001801A", "school_urn": "115482",
    "year_group": "5",
}  # fmt: skip
#: What of the child is a mark: the rest says nothing of who they are.
TELLING: Final = ("given_name", "family_name", "date_of_birth", "postcode", "nhs_number", "upn")
FAMILY_ADDRESS: Final = "cnryaddress@family.example"
_DAY: Final = timedelta(days=1)


@dataclass
class Story:
    """The child's way, and the ids of everything on it."""

    desk: Desk
    today: date
    ids: dict[str, str] = field(default_factory=dict)
    cluster: str = ""
    receiver: str = ""
    #: Sector -> what its county-wide system was answered when it asked for the case.
    fetched: dict[str, httpx.Response] = field(default_factory=dict)
    refusals: list[httpx.Response] = field(default_factory=list)

    @property
    def host(self) -> Host:
        """Where it happens."""
        return self.desk.outsider.host

    def system(self, organisation: str = SCHOOL) -> dict[str, str]:
        """Signed in as a system."""
        return self.desk.outsider.system(organisation)

    def person(self, sub: str) -> dict[str, str]:
        """Signed in as somebody; `lead` and `worker` are those of the child's cluster."""
        names = {"lead": f"cluster-lead-{self.cluster}", "worker": f"inclusion-caseworker-{self.cluster}"}
        return self.desk.outsider.person(names.get(sub, sub))

    def mark(self, operation: str, at: str, text: str = "") -> str:
        """A mark for a field of an operation's body."""
        return self.desk.marks(operation, at, text)

    def refused(self, answer: httpx.Response) -> None:
        """A refusal that was meant to be one."""
        assert answer.is_client_error, answer.text
        self.refusals.append(answer)

    def child(self, operation: str) -> dict[str, Any]:
        """The child as somebody writes it down."""
        return CHILD | {name: self.mark(operation, f"/child/{name}", CHILD[name]) for name in TELLING}


def referral(story: Story, what: str, **basis: str) -> dict[str, Any]:
    """A whole referral of the child in other words for each sender."""
    path = "POST /v1/referrals"

    def mark(at: str) -> str:
        return story.mark(path, at, f"Cnry{what}{at.rpartition('/')[2]}")

    return {
        "child": story.child(path),
        "family": {
            "informed": True, "views": mark("/family/views"),
            "interpreter_language": mark("/family/interpreter_language"),
            "contacts": [
                {"name": mark("/family/contacts[]/name"), "relationship": mark("/family/contacts[]/relationship"),
                 "parental_responsibility": True, "safe_to_contact": True},
            ],
        },
        "needs": [{"type": "SEMH", "rank": 1}, {"type": "SLCN", "rank": 2}],
        "concern": {"summary": mark("/concern/summary"), "risk_of_exclusion": "imminent", "attendance": 0.71},
        "requested": ["assessment", "early-funding"],
        "urgency": "urgent",
        "basis": {"kind": "public-task", "special_category": "substantial-public-interest",
                  "recorded_on": story.today.isoformat()} | basis,
        "referrer": {"name": mark("/referrer/name"), "role": mark("/referrer/role"),
                     "email": story.mark(path, "/referrer/email", f"cnry{what}@school.example"),
                     "reference": mark("/referrer/reference")},
    }  # fmt: skip


def refer(story: Story) -> None:
    """Three sectors refer; somebody nearly alike makes a question; one referral is changed, asked about, answered."""
    desk, school = story.desk, story.system()
    body = referral(story, "school")
    key = new_id()
    sent = desk.ask("POST", "/v1/referrals", school, body, key=key)
    assert sent.status_code == httpx.codes.CREATED, sent.text
    story.ids |= {"case": sent.json()["case_id"], "referral": sent.json()["referral_id"]}
    story.ids["reference"] = sent.json()["reference"]
    story.refused(desk.ask("POST", "/v1/referrals", school, referral(story, "other"), key=key))
    for organisation in ("nhs-trust", "social-care"):
        # A sector sends no number of another's.
        own = referral(story, organisation.partition("-")[0])
        own["child"] |= {"upn": None} | ({"nhs_number": None} if organisation == "social-care" else {})
        also = desk.do("/v1/referrals", story.system(organisation), own)
        assert organisation == "social-care" or also["case_id"] == story.ids["case"]
        story.ids[f"case of {organisation}"] = also["case_id"]
    alike = referral(story, "alike")
    alike["child"] |= {"given_name": "Cnryzoe", "nhs_number": None, "upn": None}
    desk.do("/v1/referrals", school, alike)
    where = f"/v1/assignments/{story.ids['case']}"
    found = desk.until(lambda: _placed(desk.ask("GET", where, school)), "it was never placed")
    story.cluster = found["cluster_id"]
    story.refused(desk.ask("POST", f"{where}/accept", story.person("lead"), {}, version='"99"'))
    desk.do(f"{where}/accept", story.person("lead"))
    path = f"/v1/referrals/{story.ids['referral']}"
    patch = {
        "concern": {"summary": story.mark("PATCH /v1/referrals/{id}", "/concern/summary")},
        "family": referral(story, "changed")["family"], "child": story.child("PATCH /v1/referrals/{id}"),
        "referrer": referral(story, "changed")["referrer"],
    }  # fmt: skip
    for part in ("family", "referrer"):
        for at in [at for _, at in list(desk.marks.said) if at.startswith(f"/{part}/")]:
            desk.marks.said["PATCH /v1/referrals/{id}", at] = f"Cnrychanged{at.rpartition('/')[2]}"
    desk.marks.said["PATCH /v1/referrals/{id}", "/referrer/email"] = "cnrychanged@school.example"
    story.refused(desk.ask("PATCH", path, school, patch, version='"99"'))
    desk.do(path, school, patch, method="PATCH")
    desk.until(
        lambda: desk.ask("GET", path, story.person("lead")).is_success, "the cluster never saw what was referred"
    )
    asked = desk.do(
        f"{path}/information-requests", story.person("lead"),
        {"question": story.mark("POST /v1/referrals/{id}/information-requests", "/question"),
         "due_on": (story.today + 7 * _DAY).isoformat(), "fields": ["/child/upn"]},
    )  # fmt: skip
    operation = "POST /v1/referrals/{id}/information-requests/{request_id}/answer"
    desk.do(
        f"{path}/information-requests/{asked['request_id']}/answer", school,
        {"answer": story.mark(operation, "/answer")},
    )  # fmt: skip


def _placed(answer: httpx.Response) -> Any:
    found = answer.json()
    return found if found.get("state") in {"assigned", "accepted"} else None


def assess(story: Story) -> None:
    """Child and family are heard, advice comes by account and by link, a plan follows and is reviewed."""
    desk, worker, today = story.desk, story.person("worker"), story.today.isoformat()
    base = f"/v1/assessments/{story.ids['case']}"
    desk.until(lambda: desk.ask("GET", base, worker).is_success, "no assessment was opened")
    at = "POST /v1/assessments/{id}/views"
    for of in ("child", "family"):
        said = {"of": of, "method": "conversation", "asked_on": today, "asked_by": story.mark(at, "/asked_by"),
                "text": story.mark(at, "/text")}  # fmt: skip
        desk.do(f"{base}/views", worker, said)
    asked = desk.do(
        f"{base}/advice", worker,
        {"discipline": "paediatrics", "without_account": True,
         "question": story.mark("POST /v1/assessments/{id}/advice", "/question")},
    )  # fmt: skip
    link = desk.do(f"/v1/advice/{asked['id']}/link", worker)
    url = httpx.URL(link["answers_url"]).path
    story.ids["token"] = url.rpartition("/")[2]
    at = "POST /v1/advice/answers/{token}"
    said = {"text": story.mark(at, "/text"), "given_by": story.mark(at, "/given_by")}
    assert desk.ask("GET", url, {}).is_success
    assert desk.ask("POST", url, {}, said).is_success
    story.refused(desk.ask("POST", url, {}, said))
    clocks = desk.get(f"/v1/clocks?case={story.ids['case']}", worker)["items"]
    said = {"exception": "exceptional-circumstances", "since": today,
            "evidence": story.mark("POST /v1/clocks/{id}/exceptions", "/evidence")}  # fmt: skip
    excused = [desk.ask("POST", f"/v1/clocks/{clock['id']}/exceptions", worker, said) for clock in clocks]
    assert any(answer.is_success for answer in excused), [answer.text for answer in excused]
    waiting = desk.get(f"/v1/advice?case={story.ids['case']}&state=requested", worker)["items"]
    for one in waiting:
        path = f"/v1/advice/{one['id']}"
        at = "POST /v1/advice/{id}/reuse"
        reuse = {"party": "giver", "agrees": True, "agreed_by": story.mark(at, "/agreements[]/agreed_by"),
                 "agreed_on": today}  # fmt: skip
        story.refused(desk.ask("POST", f"{path}/reuse", worker, {"agreements": [reuse]}, version='"1"'))
        adviser = story.system(one["asked_of"]) if one["asked_of"] in {SCHOOL, "nhs-trust", "social-care"} else worker
        adviser = story.person("educational-psychologist") if one["asked_of"] == "county-council" else adviser
        desk.do(f"{path}/answer", adviser, {"text": story.mark("POST /v1/advice/{id}/answer", "/text")})
    outcome = story.mark("POST /v1/assessments/{id}/complete", "/needs[]/provisions[]/outcome")
    needs = [{"need": need, "provisions": [{"kind": "mentoring", "outcome": outcome}]} for need in ("SEMH", "SLCN")]
    desk.do(f"{base}/complete", worker, {"outcome": "plan", "needs": needs})
    plan = desk.do(
        f"{base}/plans", worker,
        {"agreed_on": today, "review_on": (story.today + 42 * _DAY).isoformat(), "stage": "my-plan",
         "provisions": ["mentoring"], "text": story.mark("POST /v1/assessments/{id}/plans", "/text"),
         "basis": {"kind": "consent", "recorded_on": today}},
    )  # fmt: skip
    path = f"/v1/plans/{plan['id']}"
    text = story.mark("POST /v1/plans/{id}/reviews", "/text")
    desk.do(f"{path}/reviews", worker, {"outcome": "continue", "reviewed_on": today, "text": text})
    cycle = {"agreed_on": today, "review_on": (story.today + 49 * _DAY).isoformat(), "provisions": ["mentoring"],
             "text": story.mark("POST /v1/plans/{id}/agree", "/text")}  # fmt: skip
    desk.ask("POST", f"{path}/agree", worker, cycle, version=desk.ask("GET", path, worker).headers["ETag"])


def fund(story: Story) -> None:
    """One sum is granted by a person, another declined; both say why."""
    desk, worker, finance = story.desk, story.person("worker"), story.person("finance-officer")
    for pence, verdict in ((640_000, "award"), (620_000, "decline")):
        made = desk.do(
            "/v1/funding/requests", worker,
            {"case_id": story.ids["case"], "purpose": "teaching-assistant", "amount_pence": pence,
             "since": story.today.isoformat(), "until": (story.today + 200 * _DAY).isoformat(),
             "reason": story.mark("POST /v1/funding/requests", "/reason")},
        )  # fmt: skip
        path = f"/v1/funding/requests/{made['id']}"
        at = f"POST /v1/funding/requests/{{request_id}}/{verdict}"
        said = {
            "award": {"reason": story.mark(at, "/reason")},
            "decline": {"reason": "other-source", "note": story.mark(at, "/note")},
        }[verdict] if verdict == "award" else {"reason": "other-source", "note": story.mark(at, "/note")}  # fmt: skip
        desk.do(f"{path}/{verdict}", finance, said)


def exclude(story: Story) -> None:
    """The school tells of suspensions, one by one and as a file, some of them wrongly."""
    desk, school = story.desk, story.system()
    at = "POST /v1/exclusion-notices"
    notice = {
        "child": {**story.child(at)}, "kind": "SUSP", "reasons": ["DB"], "first_on": story.today.isoformat(),
        "sessions": 2, "reference": story.mark(at, "/reference"),
    }  # fmt: skip
    desk.do("/v1/exclusion-notices", school, notice)
    story.refused(desk.ask("POST", "/v1/exclusion-notices", school, notice | {"sessions": 4}))
    rows = [
        "Reference,Surname,Forename,DOB,URN,Category,Reason,Start date,Sessions",
        f"Cnryrow1,{CHILD['family_name']},{CHILD['given_name']},13/12/2016,115482,SUSP,DB,{story.today:%d/%m/%Y},2",
        "Cnryrow2,Cnrysurname-Test,Cnryforename,Cnrydob,Cnryurn,Cnrykind,Cnryreason,Cnrystart,Cnrysessions",
    ]
    story.mark("POST /v1/exclusion-notices:import", "", "Cnryrow1")
    taken = desk.ask("POST", "/v1/exclusion-notices:import", school, "\n".join(rows).encode())
    assert taken.is_success, taken.text


def place(story: Story) -> None:
    """A place is asked for, held, offered, taken, begun, attended, reviewed and ended."""
    desk, worker, today = story.desk, story.person("worker"), story.today.isoformat()
    placement = desk.do(
        "/v1/placements", worker,
        {"case_id": story.ids["case"], "sessions_a_week": 10, "wanted_from": today, "session": "full-time",
         "notes": story.mark("POST /v1/placements", "/notes")},
    )  # fmt: skip
    path = f"/v1/placements/{placement['id']}"
    ranked = [one for one in desk.get(f"{path}/matches", worker)["items"] if one["eligible"] and one["open"]]
    provider = ranked[0]["provider_id"]
    desk.do(f"{path}/holds", worker, {"provider_id": provider})
    answer_by = f"{story.today + 4 * _DAY}T12:00:00Z"
    offered = desk.do(f"{path}/offers", worker, {"provider_ids": [provider], "answer_by": answer_by})
    manager = next(
        row["sub"] for row in story.host.credentials()["people"]
        if row["organisation"] == provider and "provider-staff" in row["roles"]
    )  # fmt: skip
    by = story.person(manager)
    desk.ask("POST", f"{path}/offers/{offered['offers'][0]['id']}/accept", by, {"starts_on": today})
    desk.do(f"{path}/start", worker, {"started_on": today})
    desk.do(f"{path}/attendance", by, {"week": today, "attended": 3, "possible": 10})
    notes = story.mark("POST /v1/placements/{placement_id}/reviews", "/notes")
    desk.do(f"{path}/reviews", worker, {"reviewed_on": today, "outcome": "more-support", "notes": notes})
    desk.do(f"{path}/end", worker, {"reason": "reintegrated", "ended_on": today, "reintegrated_on": today,
                                    "school_urn": "115482"})  # fmt: skip


def hear_the_family(story: Story) -> None:
    """Somebody of the family gets a link by e-mail, opens it and answers."""
    desk, worker = story.desk, story.person("worker")
    at = "POST /v1/notifications/family-links"
    fact = story.mark(at, "/second_fact")
    made = desk.do(
        "/v1/notifications/family-links", worker,
        {"case_id": story.ids["case"], "contact_id": "contact-1", "channel": "email", "second_fact": fact,
         "address": story.mark(at, "/address", FAMILY_ADDRESS)},
    )  # fmt: skip
    assert FAMILY_ADDRESS not in str(made)

    def written() -> str | None:
        for letter in (story.host.state / "mail").glob("*.eml"):
            text = letter_texts(letter.read_bytes()).decode(errors="replace")
            if FAMILY_ADDRESS in text and (found := re.search(r"/family/(\S+)", text)):
                return found[1]
        return None

    story.ids["family token"] = desk.until(written, "nobody wrote to the family")
    url, at = f"/v1/notifications/family/{story.ids['family token']}", "POST /v1/notifications/family/{token}"
    story.refused(desk.ask("POST", url, {}, {"second_fact": "Cnrywrong"}))
    said = {"second_fact": story.mark(at, "/second_fact", fact), "helped": "not-yet", "listened": "yes",
            "views": story.mark(at, "/views"), "feedback": story.mark(at, "/feedback")}  # fmt: skip
    answered = desk.ask("POST", url, {}, said)
    assert answered.is_success, answered.text


def fetch(story: Story, other: str) -> None:
    """The county-wide system of each sector asks for the case; officers look into it, search and read names."""
    from support.canary import SECTORS

    desk, case = story.desk, story.ids["case"]
    for sector, organisation in SECTORS.items():
        story.fetched[sector] = desk.ask("GET", f"/v1/cases/{case}?purpose=assessment", story.system(organisation))
    note = story.mark("POST /v1/cases/{id}/access-requests", "/note")
    access = {"reason": "safeguarding", "reference": story.ids["reference"], "note": note}
    desk.do(f"/v1/cases/{case}/access-requests", story.person(f"cluster-lead-{other}"), access)
    for name, value in (
        ("name", CHILD["given_name"]), ("upn", CHILD["upn"]), ("nhs_number", CHILD["nhs_number"]),
        ("reference", "Cnryreference"),
    ):  # fmt: skip
        story.mark("POST /v1/cases:search", f"/{name}", value)
        for by in (story.person("worker"), story.system("schools-service"), story.system("nhs-trust")):
            desk.ask("POST", "/v1/cases:search", by, {name: value})
    desk.ask("POST", "/v1/children:names", story.person("lead"), {"case_ids": [case], "reason": "worklist"})
    for path in ("timeline", "export", "access-log"):
        desk.ask("GET", f"/v1/cases/{case}/{path}", story.person("data-protection-officer"))


def end(story: Story, other: str) -> None:
    """Handed over to another cluster, which closes the case."""
    desk, where = story.desk, f"/v1/assignments/{story.ids['case']}"
    desk.do(f"{where}/handover", story.person("lead"), {"cluster_id": other, "reason": "specialist-team"})
    story.cluster = other
    desk.until(lambda: desk.ask("GET", where, story.person("lead")).is_success, "the receiver never saw it")
    accepted = f"{where}/handover/accept"
    version = desk.ask("GET", where, story.person("lead")).headers["ETag"]
    answer = desk.ask("POST", accepted, story.person("lead"), {}, version=version)
    assert answer.is_success, answer.text
    path = f"/v1/cases/{story.ids['case']}"
    desk.until(
        lambda: desk.ask("GET", path, story.person("lead")).json().get("assignment", {}).get("cluster_id") == other,
        "its new holder was never known",
    )
    desk.do(f"{path}/close", story.person("lead"), {"reason": "needs-met"})


def refuse(story: Story, texts: Mapping[str, list[tuple[str | int, ...]]]) -> None:
    """Each text of each operation once more, where there is nothing to be done any more or where it is wrong."""
    from support.hostile import put

    everybody = story.desk.outsider.everybody()
    for operation in story.desk.outsider.operations("post", "patch", "put"):
        places = texts.get(str(operation), [])
        body = operation.sample() if places else None
        for at in places:
            for value in ("Cnryrefused", "Cnry\u0000refused", "Cnryrefused" * 1_000):
                path = operation.path.replace("{id}", story.ids["case"]).replace("{case_id}", story.ids["case"])
                answer = story.desk.ask(
                    operation.method,
                    re.sub(r"\{\w+\}", new_id(), path),
                    everybody,
                    put(body, at, value),
                    version='"99"',
                )
                if not answer.is_success:
                    story.refused(answer)
