"""The documents and the pages made of them: OpenAPI, AsyncAPI, routes, events, codes, the integrators' page."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from chassis.errors import NotFound
from chassis.http import json_response
from fastapi import APIRouter, Query, Response
from schemas.codes import registries
from schemas.export import published_codes, released_types

from jointly.docs.codes import codes_page
from jointly.docs.events import EventsPage
from jointly.docs.frame import HEADERS, answer, asset
from jointly.docs.guide import guide_page, guide_text
from jointly.docs_page import docs_page


@dataclass
class Documents:
    """What this process says of itself, each made when it is first asked for and kept."""

    make_openapi: Callable[[], dict[str, Any]]
    make_asyncapi: Callable[[], dict[str, Any]]
    #: Where this house is reached.
    origin: str
    #: Whether it issues tokens, so that the pages can say how to get one.
    tokens: bool

    @cached_property
    def openapi(self) -> dict[str, Any]:
        """The merged OpenAPI document."""
        return self.make_openapi()

    @cached_property
    def asyncapi(self) -> dict[str, Any]:
        """The AsyncAPI document, with what is heard here."""
        return self.make_asyncapi()

    @cached_property
    def routes(self) -> str:
        """The page of routes."""
        return docs_page(self.openapi, tokens=self.tokens)

    @cached_property
    def events(self) -> EventsPage:
        """The page of events."""
        titles = {name: each.title for name, each in registries().items()}
        return EventsPage(self.asyncapi, released=released_types(), titles=titles)

    @cached_property
    def codes(self) -> str:
        """The page of codes."""
        return codes_page(published_codes())

    @cached_property
    def guide(self) -> str | None:
        """The integrators' page, where its text is."""
        text = guide_text()
        return None if text is None else guide_page(text, origin=self.origin)


def documents_of(documents: Documents) -> APIRouter:
    """The routes. Those that draw are not async: the first drawing takes a second, beside the loop."""
    router = APIRouter(include_in_schema=False)

    @router.get("/openapi.json")
    def openapi_json() -> Response:
        return json_response(documents.openapi)

    @router.get("/asyncapi.json")
    def asyncapi_json() -> Response:
        return json_response(documents.asyncapi)

    @router.get("/docs")
    def routes() -> Response:
        return answer(documents.routes)

    @router.get("/docs/events")
    def events(q: Annotated[str, Query(max_length=100)] = "") -> Response:
        return answer(documents.events.html(q))

    @router.get("/docs/codes")
    def codes() -> Response:
        return answer(documents.codes)

    @router.get("/docs/integrators")
    def integrators() -> Response:
        if documents.guide is None:
            raise NotFound
        return answer(documents.guide)

    for name in ("pages.css", "filter.js"):
        router.add_api_route(f"/docs/{name}", _served(name))
    return router


def _served(name: str) -> Callable[[], Response]:
    body, media_type = asset(name)

    def serve() -> Response:
        return Response(body, media_type=media_type, headers=HEADERS)

    return serve
