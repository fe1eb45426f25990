"""One origin: which app answers which path, and one document for all of them."""

import asyncio
from typing import Any

import pytest
from jointly import openapi
from jointly.origin import Origin, PrefixTakenTwice, by_prefix
from jointly.protocol import MAX_HEAD
from openapi_spec_validator import validate
from starlette.types import Receive, Scope, Send


class Named:
    """An app that is only looked for."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def __call__(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        raise AssertionError(self.name)


REFERRALS, ROUTER, NAMES, OWN = Named("referral-api"), Named("cluster-router"), Named("names"), Named("own")
ORIGIN = Origin(
    by_prefix(
        [
            ("referral-api", ("/v1/referrals", "/v1/cases"), REFERRALS),
            ("cluster-router", ("/v1/clusters",), ROUTER),
            ("names", ("/v1/children:names",), NAMES),
        ]
    ),
    otherwise=OWN,
)


@pytest.mark.parametrize(
    ("path", "app"),
    [
        ("/v1/referrals", REFERRALS),
        ("/v1/referrals/01-x/withdrawal", REFERRALS),
        ("/v1/cases/x/timeline", REFERRALS),
        ("/v1/clusters", ROUTER),
        ("/v1/clusters:preview", ROUTER),
        ("/v1/children:names", NAMES),
        ("/v1/children", OWN),
        ("/v1/clustersx", OWN),
        ("//v1/clusters", OWN),
        ("/V1/clusters", OWN),
        ("/", OWN),
        ("", OWN),
        ("/healthz", OWN),
    ],
)
def test_a_path_goes_to_the_service_that_answers_it(path: str, app: Named) -> None:
    assert ORIGIN.app_for(path) is app


def test_two_services_cannot_answer_the_same_paths() -> None:
    with pytest.raises(PrefixTakenTwice, match="one and two both answer /v1/x"):
        by_prefix([("one", ("/v1/x",), OWN), ("two", ("/v1/x",), OWN)])


async def test_a_head_that_is_too_large_is_refused_before_any_service_sees_it() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "path": "/v1/referrals",
        "raw_path": b"/v1/referrals",
        "query_string": b"",
        "headers": [(b"x-filler", b"x" * MAX_HEAD)],
    }
    await ORIGIN(scope, asyncio.Queue[Any]().get, send)
    assert sent[0]["status"] == 431


def a_document(summary: str, **schemas: Any) -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {"title": summary, "version": "1", "summary": summary},
        "paths": {
            f"/v1/{summary}": {
                "get": {
                    "operationId": "read",
                    "responses": {
                        "200": {
                            "description": "ok",
                            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Page"}}},
                        }
                    },
                }
            }
        },
        "components": {"schemas": {"Problem": {"type": "object"}, **schemas}},
    }


MERGED = openapi.merge(
    {
        "referral-api": a_document("referrals", Page={"$ref": "#/components/schemas/Item"}, Item={"type": "string"}),
        "cluster-router": a_document("clusters", Page={"$ref": "#/components/schemas/Item"}, Item={"type": "integer"}),
    },
    title="Jointly",
    version="1",
    server="http://127.0.0.1:8000",
    description="All of it.",
)


def test_the_merged_document_is_valid_openapi() -> None:
    assert MERGED["openapi"].startswith("3.1")
    validate(MERGED)


def test_components_that_are_the_same_are_kept_once() -> None:
    assert "Problem" in MERGED["components"]["schemas"]


def test_components_of_the_same_name_that_differ_carry_their_service_and_so_does_what_speaks_of_them() -> None:
    schemas = MERGED["components"]["schemas"]
    assert {"ReferralApi.Item", "ClusterRouter.Item", "ReferralApi.Page", "ClusterRouter.Page"} <= schemas.keys()
    assert schemas["ClusterRouter.Page"] == {"$ref": "#/components/schemas/ClusterRouter.Item"}
    answer = MERGED["paths"]["/v1/clusters"]["get"]["responses"]["200"]
    assert answer["content"]["application/json"]["schema"]["$ref"] == "#/components/schemas/ClusterRouter.Page"


def test_every_operation_says_whose_it_is_and_has_an_id_of_its_own() -> None:
    operations = [operation for path in MERGED["paths"].values() for operation in path.values()]
    assert [operation["tags"] for operation in operations] == [["referral-api"], ["cluster-router"]]
    assert len({operation["operationId"] for operation in operations}) == 2
