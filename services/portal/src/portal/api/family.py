"""The page of a family's link: no account, a fact that was agreed, how far things are, and room to answer."""

from typing import Annotated, Any, Final

from chassis.http import cause, public
from fastapi import APIRouter, Depends, Path, Request, Response

from portal.api.frame import PageRoute, Stopped, page
from portal.api.parts import parts_of
from portal.clients.api import Api, Part
from portal.policy import document

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False, dependencies=[Depends(public)])

Token = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{20,100}$")]
_MAX_FIELDS: Final = 20
_ASKED: Final = ("helped", "listened", "views", "feedback")


@router.get("/family/{token}")
async def ask(request: Request, token: Token) -> Response:
    """The question that only the family can answer. The link itself shows nothing."""
    return _page(request, token, None, wrong=False)


@router.post("/family/{token}")
async def open_link(request: Request, token: Token) -> Response:
    """How far things are; and what the family says, if it says something."""
    if request.headers.get("sec-fetch-site") not in {None, "same-origin"}:
        raise Stopped(403, "This form came from somewhere else", "Open your link again.")
    form = await request.form(max_fields=_MAX_FIELDS, max_files=0)
    fact = str(form.get("second_fact", "")).strip()[:100]
    if not fact:
        return _page(request, token, None, wrong=True)
    said = {name: value for name in _ASKED if (value := str(form.get(name, "")).strip())}
    api = Api(parts_of(request).api, "", cause(request).correlation_id)
    found = await api.post(f"/v1/notifications/family/{token}", {"second_fact": fact, **said})
    if found.unknown:
        raise Stopped(503, "This cannot be shown at the moment", "Nothing is lost. Try again in a moment.")
    return _page(request, token, found if found.ok else None, wrong=not found.ok, fact=fact, sent=bool(said))


def _page(
    request: Request, token: str, found: Part | None, *, wrong: bool, fact: str = "", sent: bool = False
) -> Response:
    language = str(found.data.get("language") or "en") if found is not None else "en"
    words: dict[str, Any] = document("family.toml")
    return page(
        request,
        None,
        "family.html",
        title=words["title"],
        status=422 if wrong else 200,
        token=token,
        said=found.data if found is not None else None,
        words=words,
        language=language,
        wrong=wrong,
        fact=fact,
        sent=sent,
        errors=[{"text": words["wrong"], "href": "#second_fact"}] if wrong else [],
    )
