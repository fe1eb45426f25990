"""The page of an adviser's link: no account, one question, one answer. The link itself names no child."""

from typing import Annotated, Any, Final

from chassis.http import cause, public
from fastapi import APIRouter, Depends, Path, Request, Response

from portal.api.frame import PageRoute, Stopped, page
from portal.api.parts import parts_of
from portal.clients.api import Api
from portal.policy import document

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False, dependencies=[Depends(public)])

Token = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{20,400}$")]
_MAX_FIELDS: Final = 10
_FIELDS: Final = ("given_by", "text")


@router.get("/advice/{token}")
async def ask(request: Request, token: Token) -> Response:
    """What is asked. A link that is wrong, used or over shows nothing."""
    return await _page(request, token, {})


@router.post("/advice/{token}")
async def answer(request: Request, token: Token) -> Response:
    """The advice is given, once."""
    if request.headers.get("sec-fetch-site") not in {None, "same-origin"}:
        raise Stopped(403, "This form came from somewhere else", "Open your link again.")
    form = await request.form(max_fields=_MAX_FIELDS, max_files=0)
    said = {name: str(form.get(name, "")).replace("\r\n", "\n").strip() for name in _FIELDS}
    words: dict[str, Any] = document("advice-link.toml")
    missing = {name: words["missing"][name] for name in _FIELDS if not said[name]}
    if missing:
        return await _page(request, token, said, missing)
    given = await _api(request).post(f"/v1/advice/answers/{token}", dict(said), key="answer")
    if given.ok:
        return page(request, None, "advice_link.html", title=words["thanks"], words=words, asked=None, done=True)
    if given.unknown:
        raise Stopped(503, "This cannot be shown at the moment", "Nothing is lost. Send it again in a moment.")
    wrong = {
        error["pointer"].lstrip("/"): error["detail"]
        for error in given.data.get("errors", ())
        if error["pointer"].lstrip("/") in _FIELDS
    }
    return await _page(request, token, said, wrong)


def _api(request: Request) -> Api:
    return Api(parts_of(request).api, "", cause(request).correlation_id)


async def _page(request: Request, token: str, said: dict[str, str], wrong: dict[str, str] | None = None) -> Response:
    words: dict[str, Any] = document("advice-link.toml")
    found = await _api(request).get(f"/v1/advice/answers/{token}")
    if found.absent:
        raise Stopped(404, words["gone"], words["gone_help"])
    if not found.ok:
        raise Stopped(503, "This cannot be shown at the moment", "Nothing is lost. Try again in a moment.")
    wrong = wrong or {}
    return page(
        request,
        None,
        "advice_link.html",
        title=words["title"],
        status=422 if wrong else 200,
        token=token,
        asked=found.data,
        said=said,
        words=words,
        wrong=wrong,
        done=False,
        errors=[{"text": text, "href": f"#{name}"} for name, text in wrong.items()],
    )
