"""A marked child goes through the running host: the marks are found where they may be read, and nowhere else."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, quote_plus

import asyncpg
import httpx
import pytest
from chassis.clock import new_id, wall_seconds
from jointly.postgres import EmbeddedPostgres
from referral_api.views.example import REFERRAL
from support.hostile import PATIENCE, Outsider

SCHOOL: Final = "school-115482"
#: What tells who the child is, and what people say of it. Every value is found nowhere else in the county.
CHILD: Final = {
    "given_name": "Cnryzoë", "family_name": "Cnryfamily-Test", "date_of_birth": "2016-12-13", "postcode": "GL52 2GH",
    "nhs_number": "9990000042", "upn": "V91620001801A",
}  # fmt: skip
WORDS: Final = {
    "summary": "Cnrysummary said plainly", "changed": "Cnrychanged later", "views": "Cnryviews of the family",
    "language": "Cnrylanguage", "contact": "Cnrycontact-Test", "relationship": "Cnryrelationship",
    "referrer": "Cnryreferrer", "role": "Cnryrole", "email": "cnrymail@school.example", "reference": "Cnryref-77",
    "question": "Cnryquestion about it", "answer": "Cnryanswer to it",
}  # fmt: skip
#: As people and programs write them too.
SPELLINGS: Final = ("GL522GH", "999 000 0042", "20161213", "13/12/2016", "13.12.2016", "Cnry")
#: Where personal data lives.
PERSONAL: Final = {("referral_api", "referral"), ("referral_api", "information_request")}
#: The postcodes of the county and its schools: everybody's, and the child's among them.
GAZETTEER: Final = {("referral_api", "postcode"), ("directory", "school")}


def marked(**parts: Any) -> dict[str, Any]:
    """The marked child's referral, with some parts changed."""
    body = deepcopy(REFERRAL)
    body["child"] |= CHILD
    body["family"] = {
        "informed": True, "views": WORDS["views"], "interpreter_language": WORDS["language"],
        "contacts": [{"name": WORDS["contact"], "relationship": WORDS["relationship"],
                      "parental_responsibility": True, "safe_to_contact": False}],
    }  # fmt: skip
    body["concern"]["summary"] = WORDS["summary"]
    body["referrer"] = {
        name: WORDS[name if name != "name" else "referrer"] for name in ("name", "role", "email", "reference")
    }
    for name, value in parts.items():
        body[name] = body[name] | value if isinstance(value, dict) else value
    return body


def written(mark: str) -> set[bytes]:
    """How a mark may be written: plainly, folded, escaped for addresses and JSON, in base64 and in hexadecimal."""
    plain = {mark, mark.casefold(), mark.upper()}
    forms = {text.encode(code) for text in plain for code in ("utf-8", "latin-1", "utf-16-le")}
    for text in (mark, mark.casefold()):
        escaped = {quote(text, safe=""), quote_plus(text), json.dumps(text)[1:-1], repr(text)[1:-1]}
        forms |= {each.encode() for each in escaped} | {text.encode().hex().encode()}
        for shift in range(3):
            # The letters that do not depend on what stands before and after.
            encoded = base64.b64encode(b"\0" * shift + text.encode())[(0, 2, 3)[shift] :].rstrip(b"=")[:-1]
            forms |= {encoded, encoded.translate(bytes.maketrans(b"+/", b"-_"))}
    return forms


def marks_in(content: bytes, marks: Mapping[str, set[bytes]]) -> list[str]:
    """The marks that are somewhere in these bytes."""
    folded = content.lower()
    return [mark for mark, forms in marks.items() if any(form in content or form in folded for form in forms)]


ALL: Final = {mark: written(mark) for mark in (*CHILD.values(), *WORDS.values(), *SPELLINGS)}
ONLY_WORDS: Final = {mark: written(mark) for mark in WORDS.values()}


@dataclass
class Story:
    """What happened to the child, and everything that anybody was answered."""

    outsider: Outsider
    ids: dict[str, str] = field(default_factory=dict)
    cluster: str = ""
    answers: list[httpx.Response] = field(default_factory=list)
    refusals: list[tuple[str, httpx.Response]] = field(default_factory=list)

    def ask(
        self, method: str, path: str, by: Mapping[str, str], body: Any = None, *, version: int | None = None
    ) -> httpx.Response:
        """One request; its answer is kept."""
        headers = {**by, "Idempotency-Key": new_id()} | ({} if version is None else {"If-Match": f'"{version}"'})
        content = None if body is None else json.dumps(body)
        headers |= {} if body is None else {"Content-Type": "application/json"}
        response = self.outsider.client.request(method, path, content=content, headers=headers)
        self.answers.append(response)
        return response

    def until(self, what: Callable[[], bool]) -> None:
        """Wait for what has to happen."""
        ends = wall_seconds() + PATIENCE
        while not what():
            assert wall_seconds() < ends, "it never happened"

    def strangers(self) -> Iterator[dict[str, str]]:
        """Systems and people of agencies that take no part."""
        county = self.outsider.host.credentials()
        near = self.ids["organisations"].split()
        # The county-wide systems of the sectors that take part may see what the disclosure rules give them.
        near = [*near, "schools-service"]
        systems = [row["organisation"] for row in county["systems"] if row["organisation"] not in near]
        assert len(systems) > 3
        yield from (self.outsider.system(organisation) for organisation in systems[:3])
        leads = [
            row for row in county["people"] if "cluster-lead" in row["roles"] and self.cluster not in row["clusters"]
        ]
        yield from (self.outsider.person(row["sub"]) for row in leads[:2] if row["organisation"] not in near)


@contextmanager
def database(outsider: Outsider) -> Iterator[Callable[[str], list[asyncpg.Record]]]:
    """Asks the host's database as its administrator."""
    url = EmbeddedPostgres(outsider.host.state).admin_url().replace("+asyncpg", "")
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(url))
        try:
            yield lambda sql: runner.run(connection.fetch(sql))
        finally:
            runner.run(connection.close())


_BEHIND: Final = """
SELECT 1 FROM event_log.partition p JOIN event_log.group_offset g ON g.topic = p.topic AND g.partition = p.number
WHERE g.next_offset < p.next_offset
"""


def refuse(story: Story) -> Iterator[tuple[str, httpx.Response]]:
    """Send marks where they are not taken: in bodies that are wrong, and in addresses, which others might log."""
    school = story.outsider.system(SCHOOL)
    wrong: list[dict[str, Any]] = [
        {"child": {"nhs_number": "9990000043 Cnry"}}, {"child": {"upn": "Cnry91620001801"}},
        {"child": {"date_of_birth": "2016-12-13T00:00:00"}}, {"child": {"sex": "Cnry"}},
        {"child": {"postcode": "Cnry"}}, {"child": {"school_urn": "Cnry"}}, {"child": {"year_group": "Cnry"}},
        {"child": {"given_name": "Cnry\u0000"}}, {"child": {"given_name": "Cnry\ud800"}},
        {"child": {"family_name": "Cnry" * 100}}, {"needs": [{"type": "Cnry", "rank": 1}]}, {"urgency": "Cnry"},
        {"requested": ["Cnry"]}, {"basis": {"recorded_on": "Cnry"}}, {"referrer": {"email": "Cnry"}},
        {"concern": {"attendance": "Cnry"}}, {"family": "Cnry"}, {"child": CHILD | {"sex": None}},
    ]  # fmt: skip
    for parts in wrong:
        yield f"{parts}", story.ask("POST", "/v1/referrals", school, marked(**parts))
        yield f"{parts}", story.ask("PATCH", f"/v1/referrals/{story.ids['referral']}", school, parts, version=99)
    for name, text in {**CHILD, **WORDS}.items():
        for address in (f"/v1/referrals/{quote(text)}", f"/v1/referrals?reference={quote(text)}&cursor={quote(text)}"):
            yield name, story.ask("GET", address, school)


@pytest.fixture(scope="module")
def story(outsider: Outsider) -> Story:
    """Sent, changed, refused, asked about, answered, looked at by everybody, taken back; and heard by every service."""
    story = Story(outsider)
    school = outsider.system(SCHOOL)
    sent = story.ask("POST", "/v1/referrals", school, marked())
    assert sent.status_code == 201, sent.text
    referral, case = sent.json()["referral_id"], sent.json()["case_id"]
    story.ids = {"referral": referral, "case": case, "reference": sent.json()["reference"]}
    where = f"/v1/assignments/{case}"
    story.until(lambda: story.ask("GET", where, school).json().get("state") not in {None, "pending", "queued"})
    story.cluster = story.ask("GET", where, school).json()["cluster_id"]
    lead = outsider.person(f"cluster-lead-{story.cluster}")
    story.until(
        lambda: story.ask("GET", f"/v1/cases/{case}", lead).json().get("assignment", {}).get("state") == "assigned"
    )
    # Somebody who is nearly the same child, so that the desk is asked; and the same child, sent by health.
    story.ask("POST", "/v1/referrals", school, marked(child={"given_name": "Cnryzoe", "nhs_number": None, "upn": None}))
    health = outsider.system("nhs-trust")
    doctor = {"name": "A paediatrician", "role": "Doctor", "email": None, "reference": None}
    same = marked(concern={"summary": "From health."}, family=None, referrer=doctor)
    also = story.ask("POST", "/v1/referrals", health, same)
    assert also.status_code == 201, also.text
    path = f"/v1/referrals/{referral}"
    change = {"concern": {"summary": WORDS["changed"]}, "child": {"given_name": "Cnryzoë"}}
    assert story.ask("PATCH", path, school, change, version=1).status_code == 200
    question = {"question": WORDS["question"], "due_on": "2099-01-01", "fields": ["/child/upn"]}
    asked = story.ask("POST", f"{path}/information-requests", lead, question)
    assert asked.status_code == 201, asked.text
    story.ids["request"] = asked.json()["request_id"]
    answered = f"{path}/information-requests/{story.ids['request']}"
    assert story.ask("POST", f"{answered}/answer", school, {"answer": WORDS["answer"]}).status_code == 200
    story.refusals = list(refuse(story))
    names = {"case_ids": [case], "reason": "worklist"}
    assert WORDS["changed"] in story.ask("GET", path, lead).text
    assert CHILD["family_name"] in story.ask("POST", "/v1/children:names", lead, names).text
    for by in (school, lead, health, outsider.person("intake-officer")):
        for each in (path, answered, f"/v1/cases/{case}", f"/v1/cases/{case}/timeline", where, "/v1/possible-matches"):
            story.ask("GET", each, by)
    version = int(story.ask("GET", path, school).headers["ETag"].strip('"'))
    seen = story.ask("GET", f"/v1/cases/{case}", lead).json()
    story.ids["organisations"] = " ".join({SCHOOL, "nhs-trust", "county-council", *json_strings(seen)})
    withdrawn = story.ask("POST", f"{path}/withdraw", school, {"reason": "family-declined"}, version=version)
    assert withdrawn.status_code == 200, withdrawn.text
    with database(outsider) as rows:
        story.until(lambda: "withdrawn" in story.ask("GET", f"/v1/cases/{case}/timeline", lead).text)
        story.until(lambda: not rows(_BEHIND))
        story.until(lambda: not rows("SELECT 1 FROM notifier.letter WHERE state = 'waiting' LIMIT 1"))
    return story


def json_strings(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, dict):
        for each in value.values():
            yield from json_strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from json_strings(each)
    elif isinstance(value, str):
        yield value


def test_the_marks_are_what_they_seem() -> None:
    assert marks_in(json.dumps(marked()).encode(), ALL) == [*ALL][: len(CHILD)] + [
        mark for mark in [*WORDS.values(), *SPELLINGS] if mark not in {
            WORDS["changed"], WORDS["question"], WORDS["answer"], "GL522GH", "999 000 0042", "20161213", "13/12/2016",
            "13.12.2016",
        }
    ]  # fmt: skip
    for hidden in (base64.b64encode(b"a" + WORDS["contact"].encode() + b"bc"), quote(CHILD["given_name"]).encode(),
                   CHILD["family_name"].lower().encode(), WORDS["email"].encode().hex().encode()):  # fmt: skip
        assert marks_in(b"..." + hidden + b"...", ALL)


def test_no_mark_is_in_any_topic(story: Story) -> None:
    with database(story.outsider) as rows:
        records = rows('SELECT topic, key, value, headers, "offset" FROM event_log.record')
    of_the_case = [each for each in records if story.ids["case"].encode() in each["value"] + each["key"]]
    # What is looked through is what was said: opened, assigned, changed, asked, answered, withdrawn.
    assert len({each["topic"] for each in of_the_case}) > 2
    assert len(of_the_case) > 6
    for each in records:
        assert marks_in(each["key"] + each["value"] + each["headers"], ALL) == [], (each["topic"], each["offset"])


def test_no_mark_is_in_any_table_but_those_for_it(story: Story) -> None:
    with database(story.outsider) as rows:
        tables = rows(
            "SELECT nspname AS schema, relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition AND nspname !~ '^(pg_|information_schema)'"
        )
        found = {}
        for schema, name in tables:
            content = b"".join(
                value if isinstance(value, bytes) else str(value).encode()
                for row in rows(f'SELECT * FROM "{schema}"."{name}"')
                for value in row.values()
            )
            found[schema, name] = marks_in(content, ALL)
    assert {"outbox", "inbox", "idempotency", "audit", "letter", "notification"} <= {name for _, name in found}
    assert all(found[personal] for personal in PERSONAL)
    for place, marks in found.items():
        allowed = {CHILD["postcode"], "GL522GH"} if place in GAZETTEER else set[str]()
        assert place in PERSONAL or set(marks) <= allowed, (place, marks)


def test_no_mark_is_in_any_file(story: Story) -> None:
    state = story.outsider.host.state
    read: list[Path] = []
    for path in sorted(state.rglob("*")):
        # All but the database itself, which holds the two tables.
        if not path.is_file() or state / "postgres" / "data" in path.parents:
            continue
        read.append(path.relative_to(state))
        assert marks_in(path.read_bytes(), ALL) == [], path
    names = {str(path) for path in read}
    assert {"logs/front.log", "logs/worker.log", "postgres/server.log", "run.out"} <= names
    # Somebody was written to.
    assert any(name.startswith("mail/") for name in names)


def test_no_mark_is_measured(story: Story) -> None:
    page = httpx.get(f"{story.outsider.host.internal}/metrics", trust_env=False, timeout=PATIENCE)
    assert page.status_code == 200
    assert marks_in(page.content, ALL) == []


def test_no_mark_is_in_what_people_are_told(story: Story) -> None:
    told = 0
    for person in story.outsider.host.credentials()["people"]:
        inbox = story.outsider.client.get("/v1/notifications", headers=story.outsider.person(person["sub"]))
        assert inbox.status_code == 200
        assert marks_in(inbox.content, ALL) == []
        told += story.ids["case"] in inbox.text
    assert told > 0


def test_no_refusal_repeats_a_mark(story: Story) -> None:
    assert len(story.refusals) > 60
    for what, answer in story.refusals:
        assert answer.status_code in {400, 404, 409, 412, 422}, (what, answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json"
        problem = answer.json()
        # The address that they sent themselves.
        problem.pop("instance")
        assert marks_in(json.dumps(problem).encode(), ALL) == [], (what, answer.text)


def test_for_other_agencies_there_is_no_such_child(story: Story) -> None:
    others = dict.fromkeys(("referral", "case", "request"), "")
    for by in story.strangers():
        for operation in story.outsider.operations("get", "post", "patch", "put", "delete"):
            if "{" not in operation.path or not operation.path.startswith(
                ("/v1/referrals", "/v1/cases", "/v1/assignments")
            ):
                continue
            body = None if operation.schema is None else operation.sample()
            texts = set()
            random = {name: new_id() for name in others}
            for ids in (story.ids, random):
                which = "case" if "/cases/" in operation.path or "/assignments/" in operation.path else "referral"
                path = operation.path.replace("{request_id}", ids["request"])
                path = path.replace("{id}", ids[which]).replace("{case_id}", ids[which])
                answer = story.ask(operation.method, path, by, body, version=1)
                text = answer.text.replace(answer.headers["X-Correlation-Id"], "-")
                for name in others:
                    text = text.replace(ids[name], name)
                texts.add((answer.status_code, text, tuple(sorted({*answer.headers} - {"x-correlation-id"}))))
                assert marks_in(answer.content, ALL) == []
            assert len(texts) == 1, (str(operation), texts)
            ((status, _, _),) = texts
            # A role that may not do this is told so whatever the id; a body is read before anything is looked for.
            assert status in {403, 404, 422}, (str(operation), texts)


def test_no_list_of_another_agency_counts_the_child(story: Story) -> None:
    for by in story.strangers():
        for path in (
            "/v1/referrals", f"/v1/referrals?case_id={story.ids['case']}",
            f"/v1/referrals?reference={WORDS['reference']}",
            "/v1/cases", f"/v1/cases?reference={story.ids['reference']}", f"/v1/cases?cluster_id={story.cluster}",
            "/v1/assignments", f"/v1/assignments?cluster={story.cluster}", "/v1/notifications", "/v1/possible-matches",
            f"/v1/notifications?case={story.ids['case']}", f"/v1/notifications?cluster={story.cluster}",
        ):  # fmt: skip
            answer = story.ask("GET", path, by)
            assert answer.status_code in {200, 403, 404}, (path, answer.text)
            assert marks_in(answer.content, ALL) == [], path
            known = [story.ids[name] for name in ("referral", "case", "request", "reference")]
            problem = answer.json()
            problem.pop("instance", None)
            assert [each for each in known if each in json.dumps(problem)] == [], (path, answer.text)
        names = story.ask("POST", "/v1/children:names", by, {"case_ids": [story.ids["case"]], "reason": "worklist"})
        assert names.status_code == 403 or names.json() == {"items": [], "next": None}


def test_who_sent_another_referral_of_the_child_reads_only_their_own(story: Story) -> None:
    health = story.outsider.system("nhs-trust")
    assert story.ask("GET", f"/v1/referrals/{story.ids['referral']}", health).status_code == 404
    for path in (f"/v1/cases/{story.ids['case']}", f"/v1/cases/{story.ids['case']}/timeline", "/v1/referrals"):
        answer = story.ask("GET", path, health)
        assert answer.status_code == 200
        assert marks_in(answer.content, ONLY_WORDS) == [], path
        # Education's number is not health's.
        assert marks_in(answer.content, {"upn": written(CHILD["upn"])}) == [], path


def test_no_answer_may_be_kept_by_anybody(story: Story) -> None:
    assert len(story.answers) > 100
    for answer in story.answers:
        assert answer.headers["Cache-Control"] == "no-store", (answer.request.method, answer.request.url)
        # Nor does an address name anybody.
        for name in ("Location", "Link"):
            assert marks_in(answer.headers.get(name, "").encode(), ALL) == []
