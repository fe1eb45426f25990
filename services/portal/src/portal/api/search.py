"""Search by reference, name, number or school, within one's rights. What is typed goes in bodies, not in addresses."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response

from portal.api.access import may_ask
from portal.api.frame import PageRoute, Viewer, Visit, page, posted
from portal.clients.api import Part
from portal.domain.forms import Field, body_of
from portal.views import acts, search

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)

Searcher = Annotated[Viewer, Depends(Visit("search"))]
_URN: Final = 6
#: Schools that a name may stand for before one must be chosen by its number.
_SCHOOLS: Final = 8


@router.get("/search")
async def form(request: Request, viewer: Searcher) -> Response:
    """An empty form."""
    return _page(request, viewer, {}, None, {}, [])


@router.post("/search")
async def find(request: Request, viewer: Searcher) -> Response:
    """The cases that fit."""
    form = await posted(request, viewer)
    values = {name: [str(value).strip() for value in form.getlist(name)] for name in form}
    body, wrong = body_of(search.FIELDS, values)
    errors, _ = acts.found_wrong(wrong, None, search.FIELDS, search.LABELS)
    number = str(body.pop("number", "")).replace(" ", "")
    if number:
        body["upn" if number[:1].isalpha() else "nhs_number"] = number
    school = body.pop("school", None)
    if school and not errors:
        body |= await _school(viewer, str(school), errors)
    if not body and not errors:
        errors = [{"text": "Say at least one thing about the case or the child", "href": "#field-reference"}]
    if errors:
        return _page(request, viewer, values, None, {}, errors)
    found = await viewer.api.post("/v1/cases:search", {**body, "limit": 50})
    if not found.ok:
        return _page(request, viewer, values, None, {}, [{"text": _why(found), "href": "#field-reference"}])
    names = await viewer.api.names([row["case_id"] for row in found.items], "search")
    return _page(request, viewer, values, found, names, [])


async def _school(viewer: Viewer, typed: str, errors: list[dict[str, str]]) -> dict[str, str]:
    if len(typed) == _URN and typed.isdigit():
        return {"school_urn": typed}
    schools = (await viewer.api.get("/v1/schools", q=typed, limit=_SCHOOLS)).items
    if len(schools) == 1:
        return {"school_urn": schools[0]["urn"]}
    listed = ", ".join(f"{row['name']} ({row['urn']})" for row in schools[:_SCHOOLS])
    text = f"Several schools fit. Type the number of one: {listed}" if schools else "No school has this name or number"
    errors.append({"text": text, "href": "#field-school"})
    return {}


def _why(part: Part) -> str:
    said = [str(error.get("detail", "")) for error in part.data.get("errors") or ()]
    return " ".join(said) or part.detail


def _page(  # noqa: PLR0917  what the page shows
    request: Request, viewer: Viewer, values: dict[str, list[str]], found: Part | None, names: dict[str, str],
    errors: list[dict[str, Any]],
) -> Response:  # fmt: skip
    fields: tuple[Field, ...] = search.FIELDS
    return page(
        request, viewer, "search.html", title="Search", status=422 if errors else 200,
        questions=acts.questions(fields, search.LABELS, {}), values=values, found=found is not None,
        rows=search.rows(found, names), more=found is not None and found.more is not None, errors=errors,
        may_ask=may_ask(viewer),
    )  # fmt: skip
