"""The documents that the running host gives out: valid by the official schemas, and true of what it does."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from chassis.clock import new_id
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemas.topics import TOPICS
from support.hostile import Outsider

METHODS: Final = ("get", "post", "put", "patch", "delete")
#: What a caller may do without a token: find the issuer and get one.
PUBLIC: Final = {
    "/.well-known/openid-configuration", "/.well-known/jwks.json", "/oauth/token", "/oauth/authorize",
    # Who holds a link needs no account.
    "/v1/advice/answers/{token}", "/v1/notifications/family/{token}",
}  # fmt: skip


@pytest.fixture(scope="module")
def document(outsider: Outsider) -> dict[str, Any]:
    """The OpenAPI document."""
    return outsider.document


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every operation with its name."""
    found = [
        (f"{method.upper()} {path}", operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]
    assert len(found) > 40
    return found


def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    errors = list(OpenAPIV31SpecValidator(document).iter_errors())
    assert [(list(error.absolute_path), error.message[:200]) for error in errors] == []


def test_the_document_is_valid_by_the_official_schema(document: dict[str, Any], reference_data: Path) -> None:
    schema = yaml.safe_load((reference_data / "standards" / "openapi-3.1.schema.yaml").read_text(encoding="utf-8"))
    errors = Draft202012Validator(schema).iter_errors(document)
    assert [(list(error.absolute_path), error.message[:200]) for error in errors] == []


def test_every_schema_is_a_valid_schema_and_is_used(document: dict[str, Any]) -> None:
    whole = json.dumps(document)
    for name, schema in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert f'"#/components/schemas/{name}"' in whole, name


def test_every_operation_says_what_it_is(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    tags = {tag["name"] for tag in document["tags"] if tag["description"]}
    for name, operation in operations(document):
        assert operation["summary"], name
        assert set(operation["tags"]) <= tags, name
        assert re.fullmatch(r"[A-Za-z0-9_]+", operation["operationId"]), name
        for each in operation.get("parameters", ()):
            assert each["schema"], (name, each["name"])


def test_every_operation_says_who_may(outsider: Outsider, document: dict[str, Any]) -> None:
    scheme = document["components"]["securitySchemes"]["bearer"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for name, operation in operations(document):
        method, path = name.split()
        asked = outsider.client.request(method, re.sub(r"\{[a-z_]+\}", "115482", path))
        if path in PUBLIC:
            assert "security" not in operation, name
            assert asked.status_code != 401 or path == "/oauth/token", name
        else:
            assert operation["security"] == [{"bearer": []}], name
            # The document is true: without a token nobody gets any further.
            assert asked.status_code == 401, (name, asked.text)


def test_every_operation_names_its_refusals(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        problem = operation["responses"]["default"]["content"]
        assert list(problem) == ["application/problem+json"], name
        assert problem["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}, name
        answers = [status for status in operation["responses"] if status != "default"]
        assert answers, name
        # OAuth has its own forms of saying no.
        assert name.split()[1] in PUBLIC or all(status[0] == "2" or status == "304" for status in answers), (
            name,
            answers,
        )
        for status in answers:
            content = operation["responses"][status].get("content", {})
            assert content or status in {"204", "303", "304"}, (name, status)
            assert all(each.get("schema") for each in content.values()), (name, status)


def test_what_is_made_has_a_key_and_what_is_changed_a_version(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        headers = {each["name"]: each for each in operation.get("parameters", ()) if each["in"] == "header"}
        if "201" in operation["responses"]:
            assert headers["Idempotency-Key"]["required"], name
        if name.startswith(("PATCH", "PUT")):
            assert headers["If-Match"]["required"], name
        for each in headers.values():
            assert each["description"], name
            assert re.compile(each["schema"]["pattern"]), name


def test_bodies_are_described_as_strictly_as_they_are_read(outsider: Outsider) -> None:
    for operation in outsider.operations("post", "put", "patch"):
        if operation.schema is not None:
            assert operation.described["requestBody"]["required"], str(operation)
            assert operation.resolved(operation.schema)["additionalProperties"] is False, str(operation)


def test_the_example_is_what_it_is_an_example_of(outsider: Outsider, document: dict[str, Any]) -> None:
    content = document["paths"]["/v1/referrals"]["post"]["requestBody"]["content"]["application/json"]
    schema = {**content["schema"], "components": document["components"]}
    checker = FormatChecker()
    assert list(Draft202012Validator(schema, format_checker=checker).iter_errors(content["example"])) == []
    headers = outsider.system("school-115482") | {"Idempotency-Key": new_id()}
    tried = outsider.client.post("/v1/referrals?dry_run=true", json=content["example"], headers=headers)
    assert tried.status_code == 200, tried.text


def test_refusals_are_problems_by_the_official_schema(
    outsider: Outsider, document: dict[str, Any], reference_data: Path
) -> None:
    text = (reference_data / "standards" / "problem.schema.json").read_text(encoding="utf-8")
    # The RFC folds long lines.
    official = json.loads(text.replace("\\\n", ""))
    own = {**document["components"]["schemas"]["Problem"], "components": document["components"]}
    checker = FormatChecker()
    validators = [Draft202012Validator(schema, format_checker=checker) for schema in (official, own)]
    school = outsider.system("school-115482")
    refusals = [
        outsider.client.get("/v1/cases"),
        outsider.client.get("/nothing"),
        outsider.client.get(f"/v1/cases/{new_id()}", headers=school),
        outsider.client.get("/v1/cases?limit=0", headers=school),
        outsider.client.get("/v1/cases?cursor=x", headers=school),
        outsider.client.put("/v1/cases", headers=school),
        outsider.client.post("/v1/organisations", json={}, headers=school),
        outsider.client.post("/v1/referrals", headers=school),
        outsider.client.post("/v1/referrals", json={}, headers=school),
        outsider.client.post("/v1/referrals", content=b"{", headers=school | {"Content-Type": "application/json"}),
        outsider.client.put("/v1/preferences", json={"email": True}, headers=school),
        outsider.client.put("/v1/preferences", json={"email": True}, headers=school | {"If-Match": '"99"'}),
    ]
    assert {response.status_code for response in refusals} == {400, 401, 403, 404, 405, 412, 415, 422, 428}
    for response in refusals:
        assert response.headers["Content-Type"] == "application/problem+json"
        body = response.json()
        for validator in validators:
            assert [error.message for error in validator.iter_errors(body)] == [], response.text
        assert body["status"] == response.status_code
        assert body["correlation_id"] == response.headers["X-Correlation-Id"]


def test_the_events_are_documented_too(outsider: Outsider) -> None:
    response = outsider.client.get("/asyncapi.json")
    assert response.status_code == 200
    document = response.json()
    assert document["asyncapi"].startswith("3.")
    addresses = {channel["address"] for channel in document["channels"].values()}
    assert {topic.name for topic in TOPICS.values()} <= addresses


class Page(HTMLParser):
    """What a page consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in {"meta", "link", "br", "hr", "input"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Elements end in the order in which they must."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note what is read."""
        self.text += data


def test_the_reference_page_shows_every_operation_and_loads_nothing_from_elsewhere(
    outsider: Outsider, document: dict[str, Any]
) -> None:
    response = outsider.client.get("/docs")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/html")
    page = Page(response.text)
    assert page.open == []
    for name, operation in operations(document):
        _, path = name.split()
        assert path in page.text, name
        assert operation["summary"] in page.text, name
    tags = {tag for tag, _ in page.elements}
    assert {"html", "title", "h1", "nav", "main", "summary"} <= tags
    assert not {"img", "iframe"} & tags
    # Its own script and style, and links that lead somewhere.
    loaded = [
        attributes.get("src") or attributes.get("href")
        for tag, attributes in page.elements
        if tag in {"script", "link"}
    ]
    for url in loaded:
        assert url is not None, "nothing inline"
        assert url.startswith("/docs/"), url
        assert outsider.client.get(url).status_code == 200, url
    here = {f"#{attributes['id']}" for _, attributes in page.elements if attributes.get("id")}
    links = [attributes["href"] for tag, attributes in page.elements if tag == "a"]
    assert links
    for link in links:
        assert link is not None
        assert link in here or outsider.client.get(link, follow_redirects=True).status_code == 200, link
