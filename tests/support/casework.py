"""All casework that one child can have, done through the public API, with a mark in every text that anybody writes."""

import email
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from email import policy
from html import unescape
from typing import Any, Final

import httpx
from chassis.clock import new_id, wall_now, wall_seconds
from support.hostile import PATIENCE, Outsider

SCHOOL: Final = "school-115482"
#: What every mark begins with; found nowhere else in the county.
STEM: Final = "quillwort"
_WEEK: Final = timedelta(weeks=1)


@dataclass
class Case:
    """A case with all that was written about it."""

    child: Mapping[str, Any]
    #: The beginning of each of its marks.
    stem: str
    id: str = ""
    reference: str = ""
    referral: str = ""
    exclusion: str = ""
    cluster: str = ""
    placement: str = ""
    #: What was written, by what it is.
    marks: dict[str, str] = field(default_factory=dict)

    def mark(self, what: str) -> str:
        """A word that stands for a text about this case."""
        return self.marks.setdefault(what, f"{self.stem}{what}")


@dataclass
class Office:
    """Everybody who writes about children, at the door of a house."""

    outsider: Outsider
    today: date = field(default_factory=lambda: wall_now().date())

    @property
    def school(self) -> dict[str, str]:
        """The school's own system."""
        return self.outsider.system(SCHOOL)

    def person(self, sub: str) -> dict[str, str]:
        """Somebody of the county."""
        return self.outsider.person(sub)

    def ask(
        self,
        method: str,
        path: str,
        by: Mapping[str, str],
        body: Any = None,
        *,
        read: str | None = None,
        taken: bool = True,
    ) -> httpx.Response:
        """One request; `read` is where the version is that it changes. What is not there yet is waited for."""
        ends = wall_seconds() + PATIENCE
        while True:
            headers = {**by, "Idempotency-Key": new_id()}
            if read is not None:
                headers["If-Match"] = self.outsider.client.get(read, headers=by).headers.get("ETag", '"0"')
            answer = self.outsider.client.request(method, path, json=body, headers=headers)
            if not taken or answer.is_success:
                return answer
            assert wall_seconds() < ends, (method, path, answer.text)
            again = answer.status_code in {403, 404, 412} or answer.json()["type"].rpartition("/")[2] in {
                "no-assessment",
                "no-cluster-yet",
                "case-unknown",
            }
            assert again, (method, path, answer.text)

    def get(self, path: str, by: Mapping[str, str]) -> Any:
        """Read something."""
        return self.ask("GET", path, by).json()

    def until(self, what: Callable[[], Any]) -> Any:
        """Wait for what has to happen."""
        ends = wall_seconds() + PATIENCE
        while not (found := what()):
            assert wall_seconds() < ends, "it never happened"
        return found

    def refer(self, child: Mapping[str, Any], stem: str) -> Case:
        """A school refers a child."""
        case = Case(child, stem)
        body = {
            "child": dict(child),
            "family": {
                "informed": True, "views": case.mark("wishes"), "interpreter_language": case.mark("language"),
                "contacts": [{
                    "name": f"{case.mark('contact')}-Test", "relationship": case.mark("relationship"),
                    "parental_responsibility": True, "safe_to_contact": True,
                }],
            },
            "needs": [{"type": "SEMH", "rank": 1}],
            "concern": {"summary": case.mark("summary"), "risk_of_exclusion": "imminent"},
            "requested": ["assessment"], "urgency": "routine",
            "basis": {
                "kind": "public-task", "special_category": "substantial-public-interest",
                "recorded_on": self.today.isoformat(),
            },
            "referrer": {
                "name": case.mark("referrer"), "role": case.mark("title"),
                "email": f"{case.mark('mail')}@school.example", "reference": case.mark("own"),
            },
        }  # fmt: skip
        sent = self.ask("POST", "/v1/referrals", self.school, body).json()
        case.id, case.reference, case.referral = sent["case_id"], sent["reference"], sent["referral_id"]
        return case

    def work(self, case: Case) -> None:
        """Everything that can be done for a child."""
        self.take_on(case)
        self.inform(case)
        self.assess(case)
        self.fund(case)
        self.place(case)
        self.reach_the_family(case)
        self.look(case)

    def take_on(self, case: Case) -> None:
        """The cluster that it is given takes the case on."""
        officer, path = self.person("intake-officer"), f"/v1/assignments/{case.id}"
        found = self.until(lambda: (it := self.get(path, officer))["state"] not in {"pending", "queued"} and it)
        case.cluster = found["cluster_id"]
        self.ask("POST", f"{path}/accept", self.lead(case), {}, read=path)
        self.until(lambda: self.get(f"/v1/assessments/{case.id}", self.worker(case)).get("state") == "open")

    def lead(self, case: Case) -> dict[str, str]:
        """Who leads its cluster."""
        return self.person(f"cluster-lead-{case.cluster}")

    def worker(self, case: Case) -> dict[str, str]:
        """Who works its cluster's cases."""
        return self.person(f"inclusion-caseworker-{case.cluster}")

    def inform(self, case: Case) -> None:
        """What is asked, answered, changed and told of a referral."""
        path = f"/v1/referrals/{case.referral}"
        question = {"question": case.mark("question"), "due_on": (self.today + _WEEK).isoformat(), "fields": []}
        asked = self.ask("POST", f"{path}/information-requests", self.lead(case), question).json()
        answer = f"{path}/information-requests/{asked['request_id']}/answer"
        self.ask("POST", answer, self.school, {"answer": case.mark("answer")})
        self.ask("PATCH", path, self.school, {"concern": {"summary": case.mark("changed")}}, read=path)
        notice = {
            "child": {name: value for name, value in case.child.items() if name != "postcode"}, "kind": "SUSP",
            "reasons": ["DB"], "first_on": self.today.isoformat(), "sessions": 12, "reference": case.mark("notice"),
        }  # fmt: skip
        case.exclusion = self.ask("POST", "/v1/exclusion-notices", self.school, notice).json()["exclusion_id"]
        others = next(
            row["sub"] for row in self.outsider.host.credentials()["people"]
            if "cluster-lead" in row["roles"] and case.cluster not in row["clusters"] and row["organisation"] != SCHOOL
        )  # fmt: skip
        why = {"reason": "cover", "reference": case.reference, "note": case.mark("why")}
        self.ask("POST", f"/v1/cases/{case.id}/access-requests", self.person(others), why)

    def assess(self, case: Case) -> None:
        """Views, advice with and without an account, exceptions, what was found, and a plan with its review."""
        base, worker = f"/v1/assessments/{case.id}", self.worker(case)
        for of in ("child", "family"):
            said = {
                "of": of, "method": "conversation", "asked_on": self.today.isoformat(),
                "asked_by": case.mark(f"asker{of}"), "text": case.mark(f"views{of}"),
            }  # fmt: skip
            self.ask("POST", f"{base}/views", worker, said)
        wanted = {"discipline": "speech-and-language", "without_account": True, "question": case.mark("ask")}
        made = self.ask("POST", f"{base}/advice", worker, wanted).json()
        link = self.ask("POST", f"/v1/advice/{made['id']}/link", worker, {}, read=f"/v1/advice/{made['id']}").json()
        token = link["answers_url"].rpartition("/")[2]
        said = {"text": case.mark("linkadvice"), "given_by": case.mark("adviser")}
        self.ask("POST", f"/v1/advice/answers/{token}", {}, said)
        clock = next(iter(self.get(f"/v1/clocks?case={case.id}&state=running", worker)["items"]))
        excuse = {
            "exception": "exceptional-circumstances", "since": self.today.isoformat(),
            "evidence": case.mark("evidence"),
        }  # fmt: skip
        self.ask("POST", f"/v1/clocks/{clock['id']}/exceptions", worker, excuse)
        for one in self.get(f"/v1/advice?case={case.id}&state=requested", worker)["items"]:
            path = f"/v1/advice/{one['id']}"
            self.ask("POST", f"{path}/answer", worker, {"text": case.mark("advice")}, read=path)
        found = {"need": "SEMH", "provisions": [{"kind": "mentoring", "outcome": case.mark("outcome")}]}
        self.ask("POST", f"{base}/complete", worker, {"outcome": "plan", "needs": [found]}, read=base)
        plan = {
            "agreed_on": self.today.isoformat(), "review_on": (self.today + 6 * _WEEK).isoformat(), "stage": "my-plan",
            "provisions": ["mentoring"], "text": case.mark("plan"),
            "basis": {"kind": "consent", "recorded_on": self.today.isoformat()},
        }  # fmt: skip
        path = f"/v1/plans/{self.ask('POST', f'{base}/plans', worker, plan).json()['id']}"
        review = {"outcome": "continue", "reviewed_on": self.today.isoformat(), "text": case.mark("review")}
        self.ask("POST", f"{path}/reviews", worker, review, read=path)

    def fund(self, case: Case) -> None:
        """One request that a person grants and pays, one that they decline."""
        officer = self.person("finance-officer")
        asked = {
            "case_id": case.id, "purpose": "teaching-assistant", "since": self.today.isoformat(),
            "until": (self.today + 20 * _WEEK).isoformat(),
        }  # fmt: skip
        big = self.ask("POST", "/v1/funding/requests", self.worker(case),
                       {**asked, "amount_pence": 260_000, "reason": case.mark("reason")}).json()  # fmt: skip
        path = f"/v1/funding/requests/{big['id']}"
        self.ask("POST", f"{path}/award", officer, {"reason": case.mark("grant")}, read=path)
        more = self.ask("POST", "/v1/funding/requests", self.worker(case),
                        {**asked, "amount_pence": 640_000, "reason": case.mark("more")}).json()  # fmt: skip
        path = f"/v1/funding/requests/{more['id']}"
        no = {"reason": "not-additional", "note": case.mark("refusal")}
        self.ask("POST", f"{path}/decline", officer, no, read=path)

    def place(self, case: Case) -> None:
        """A place is looked for, offered, taken, begun and reviewed."""
        worker = self.worker(case)
        said = {
            "case_id": case.id, "sessions_a_week": 10, "wanted_from": self.today.isoformat(), "session": "full-time",
            "notes": case.mark("notes"),
        }  # fmt: skip
        path = f"/v1/placements/{self.ask('POST', '/v1/placements', worker, said).json()['id']}"
        case.placement = path.rpartition("/")[2]
        matches = self.until(lambda: self.get(f"{path}/matches", worker)["items"])
        provider = next(one["provider_id"] for one in matches if one["eligible"] and one["open"])
        offered = self.ask("POST", f"{path}/offers", worker, {"provider_ids": [provider]}).json()
        manager = next(
            row["sub"] for row in self.outsider.host.credentials()["people"]
            if row["organisation"] == provider and "provider-staff" in row["roles"]
        )  # fmt: skip
        offer = f"{path}/offers/{offered['offers'][0]['id']}"
        self.ask("POST", f"{offer}/accept", self.person(manager), {"starts_on": self.today.isoformat()})
        self.ask("POST", f"{path}/start", worker, {"started_on": self.today.isoformat()}, read=path)
        review = {"reviewed_on": self.today.isoformat(), "outcome": "on-track", "notes": case.mark("placereview")}
        self.ask("POST", f"{path}/reviews", worker, review)

    def reach_the_family(self, case: Case) -> None:
        """A link to a parent, who opens it and says what they think; and one that waits for nobody to open it."""
        host = self.outsider.host
        said = {
            "case_id": case.id, "contact_id": "contact-1", "channel": "email",
            "address": f"{case.mark('parent')}@family.example", "second_fact": case.mark("fact"),
        }  # fmt: skip
        self.ask("POST", "/v1/notifications/family-links", self.worker(case), said)

        def letter() -> str | None:
            for path in (host.state / "mail").glob("*.eml"):
                message = email.message_from_bytes(path.read_bytes(), policy=policy.default)
                if case.mark("parent") in str(message["To"]):
                    found = re.search(r"/family/([A-Za-z0-9_-]+)", message.get_content())
                    return found[1] if found else None
            return None

        token = self.until(letter)
        told = {
            "second_fact": case.mark("fact"), "helped": "not-yet", "views": case.mark("familyviews"),
            "feedback": case.mark("feedback"),
        }  # fmt: skip
        self.ask("POST", f"/v1/notifications/family/{token}", {}, told)

    def look(self, case: Case) -> None:
        """The worker signs in to the pages and reads the case there."""
        with httpx.Client(
            base_url=self.outsider.host.origin, trust_env=False, timeout=PATIENCE, follow_redirects=True
        ) as browser:
            page = browser.get("/")
            hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
            form = {name: unescape(value) for name, value in hidden.items()}
            signed = browser.post(
                str(page.url.copy_with(query=None)), data={**form, "person": f"inclusion-caseworker-{case.cluster}"}
            )
            assert signed.is_success, signed.text
            read = browser.get(f"/cases/{case.id}")
            assert case.reference in read.text, read.text[:500]
