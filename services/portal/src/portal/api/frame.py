"""The frame of every page: who looks at it, how it is drawn, how it fails, and what browsers are told about it."""

import traceback
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import structlog
from chassis.auth import Caller
from chassis.clock import wall_now
from chassis.errors import Refusal, TryAgain
from chassis.http import cause, runtime
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from portal import policy
from portal.api.drawing import draw
from portal.api.parts import Parts, now_of, parts_of
from portal.clients.api import Api, Part
from portal.domain.sealing import Ticket
from portal.handlers import signing_in
from portal.handlers.signing_in import SignedIn
from portal.store import Tx

log = structlog.get_logger()

#: Nothing but our own files; no script or style in a page.
CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
_MAX_FIELDS: Final = 600


class NotSignedIn(Exception):
    """Nobody knows who looks; after signing in they come back here."""


class Turned(Exception):
    """Another page than the one that was asked for."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


class Stopped(Exception):
    """There is no such page for this viewer, or not now."""

    def __init__(
        self, status: int, title: str, detail: str, viewer: "Viewer | None" = None, way: tuple[str, str] | None = None
    ) -> None:
        super().__init__(title)
        self.status, self.title, self.detail, self.viewer = status, title, detail, viewer
        #: Address and words of what can be done instead.
        self.way = way


@dataclass
class Viewer:
    """Who looks at a page, with the API as they see it."""

    signed_in: SignedIn
    caller: Caller
    api: Api
    #: What forms carry so that no other site can send them.
    form_token: str
    request: Request

    @property
    def name(self) -> str:
        """What the issuer calls them."""
        return self.signed_in.tokens.name

    @property
    def subject(self) -> str:
        """Their id."""
        return self.caller.subject

    @property
    def notice(self) -> dict[str, Any] | None:
        """What is said at the top of this page, once."""
        return self.signed_in.notice

    def may(self, page: str) -> bool:
        """Whether a page is in their menu."""
        return policy.offered(self.caller, page)

    @property
    def now(self) -> datetime:
        """Business time."""
        now: datetime = now_of(self.request)
        return now

    @property
    def terms(self) -> policy.Terms:
        """How long things last, today."""
        return policy.terms(self.now.date())


class Visit:
    """A dependency: who looks. With pages' names, only those whose menu has one of them."""

    def __init__(self, *pages: str, says: bool = True) -> None:
        self._pages = pages
        self._says = says
        self.policy = ("signed-in", *pages)

    async def __call__(self, request: Request) -> Viewer:
        """The viewer. Raises `NotSignedIn`, or `Stopped` for a page that is not theirs."""
        viewer = await viewer_of(request, says=self._says and request.method == "GET")
        if self._pages and not any(viewer.may(page) for page in self._pages):
            raise Stopped(403, "This page is not for your role", "If you need it, ask who looks after roles.", viewer)
        return viewer


async def viewer_of(request: Request, *, says: bool) -> Viewer:
    """Who looks; their token is renewed when it ends soon. Raises `NotSignedIn`."""
    here, parts, now = runtime(request), parts_of(request), wall_now()
    ticket = Ticket.read(request.cookies.get(cookie_name(parts, "session")))
    if ticket is None:
        raise NotSignedIn
    terms = policy.terms(now.date())
    async with here.transaction() as tx:
        known = await signing_in.recognise(tx, ticket, says=says, terms=terms, now=now)
    if known is None:
        raise NotSignedIn
    if signing_in.is_stale(known, now=now):
        tokens = await signing_in.renew(parts.issuer, known, now=now)
        if tokens is None:
            raise NotSignedIn
        if tokens is not known.tokens:
            async with here.transaction() as tx:
                await tx.sessions.reseal(ticket.digest, ticket.seal(tokens.written()))
        known = SignedIn(ticket, tokens, known.ends_at, known.notice)
    try:
        caller = await here.authenticator.caller(f"Bearer {known.tokens.access}")
    except Refusal as refusal:
        raise NotSignedIn from refusal
    api = Api(parts.api, known.tokens.access, cause(request).correlation_id)
    return Viewer(known, caller, api, ticket.form_token, request)


class PageRoute(APIRoute):
    """A route whose every answer is a page: refusals and failures too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own handler, with our ends."""
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                response = await answer(request)
            except ClientDisconnect:
                raise
            except Exception as error:  # noqa: BLE001  whatever it is, it ends as a page
                response = _failed(request, error)
            for name, value in _HEADERS.items():
                response.headers.setdefault(name, value)
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        return handle


def _failed(request: Request, error: Exception) -> Response:  # noqa: PLR0911  one end each
    match error:
        case NotSignedIn():
            return _to_sign_in(request)
        case Turned():
            return error.response
        case Stopped():
            return stop_page(request, error.status, error.title, error.detail, error.viewer, way=error.way)
        case HTTPException(status_code=404) | RequestValidationError():
            return stop_page(request, 404, "Page not found", "If you typed or pasted an address, check it.")
        case HTTPException() | Refusal():
            status = error.status_code if isinstance(error, HTTPException) else error.status
            return stop_page(request, status, "This did not work", "Go back and try again.")
        case TryAgain():
            return stop_page(request, 503, "Try again in a moment", "Part of the service is away. Nothing was changed.")
        case _:
            # The class and the place only: the text of an exception may quote a row.
            log.error(
                "page.failed",
                error=type(error).__name__,
                at=_place(error),
                correlation_id=cause(request).correlation_id,
            )
            return stop_page(
                request, 500, "Sorry, there is a problem with the service", "It has been noted. Try again later."
            )


def _place(error: BaseException) -> str:
    *_, last = traceback.extract_tb(error.__traceback__)
    return f"{Path(last.filename).name}:{last.lineno}"


def _to_sign_in(request: Request) -> Response:
    if request.headers.get("accept", "").startswith("text/event-stream"):
        return Response(status_code=204)
    then = request.url.path if request.method == "GET" else "/"
    if request.method == "GET" and request.url.query:
        then += f"?{request.url.query}"
    return RedirectResponse(f"/sign-in?then={quote(then, safe='')}", 303)


def stop_page(  # noqa: PLR0917  what such a page says
    request: Request, status: int, title: str, detail: str, viewer: Viewer | None = None,
    way: tuple[str, str] | None = None,
) -> Response:  # fmt: skip
    """A page that says why there is none."""
    return page(request, viewer, "stopped.html", title=title, status=status, detail=detail, way=way)


def page(
    request: Request, viewer: Viewer | None, template: str, *, title: str, status: int = 200, **shown: Any
) -> HTMLResponse:
    """A drawn page."""
    html = draw(
        template,
        title=title,
        viewer=viewer,
        path=request.url.path,
        county=parts_of(request).settings.portal_county,
        now=now_of(request),
        correlation_id=cause(request).correlation_id,
        **shown,
    )
    return HTMLResponse(html, status)


def need(part: Part, viewer: Viewer) -> Part:
    """A part without which there is no page. Raises `Stopped`."""
    if part.absent:
        raise Stopped(404, "Page not found", "It may have been closed, or it is not yours to see.", viewer)
    if part.status == 401:  # noqa: PLR2004
        raise NotSignedIn
    if not part.ok:
        raise Stopped(503, "This cannot be shown at the moment", "Nothing is lost. Try again in a moment.", viewer)
    return part


def cookie_name(parts: Parts, name: str) -> str:
    """`__Host-` where there is https: the cookie is then bound to this very origin."""
    return f"__Host-jointly-{name}" if parts.settings.is_secure else f"jointly-{name}"


def set_cookie(response: Response, parts: Parts, name: str, value: str, *, seconds: int) -> None:
    """A cookie that no script reads and no other site sends along with a form."""
    response.set_cookie(
        cookie_name(parts, name), value, max_age=seconds, path="/", secure=parts.settings.is_secure, httponly=True,
        samesite="lax",
    )  # fmt: skip


async def posted(request: Request, viewer: Viewer) -> FormData:
    """The form that was sent, if it was made for this session on this origin. Raises `Stopped`."""
    origin = request.headers.get("origin")
    if origin not in {None, "null", parts_of(request).settings.audience} or request.headers.get(
        "sec-fetch-site"
    ) not in {None, "same-origin"}:
        raise Stopped(403, "This form came from somewhere else", "Open the page again and send it from there.", viewer)
    form = await request.form(max_fields=_MAX_FIELDS, max_files=0)
    if not viewer.signed_in.ticket.is_form_token(str(form.get("form_token", ""))):
        raise Stopped(403, "This form is out of date", "Open the page again and send it from there.", viewer)
    return form


async def go(
    request: Request, viewer: Viewer, to: str, *, notice: str | None = None, kind: str = "success"
) -> RedirectResponse:
    """Another page, which says this at its top."""
    if notice is not None:
        async with runtime(request).transaction() as tx:
            await tx.sessions.say(viewer.signed_in.ticket.digest, {"kind": kind, "text": notice})
    return RedirectResponse(to, 303)


def local(path: str | None, otherwise: str = "/") -> str:
    """A path of our own, whatever was asked for: never another site."""
    if path is None or not path.startswith("/") or path.startswith(("//", "/\\")) or "\n" in path or "\r" in path:
        return otherwise
    return path


async def audit(tx: Tx, viewer: Viewer, *, action: str, what: str, what_id: str, **more: Any) -> None:
    """Note what somebody did on a page."""
    tx.audit(
        action=action,
        what=what,
        what_id=what_id,
        caller=viewer.caller,
        correlation_id=cause(viewer.request).correlation_id,
        **more,
    )
