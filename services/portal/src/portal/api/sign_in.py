"""Signing in and out."""

from typing import Annotated, Final

from chassis.clock import wall_now
from chassis.http import public, runtime
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from portal import policy
from portal.api.frame import (
    PageRoute,
    Stopped,
    Viewer,
    Visit,
    cookie_name,
    local,
    page,
    posted,
    set_cookie,
)
from portal.api.parts import BACK, parts_of
from portal.clients.issuer import IssuerAway, SignInRefused
from portal.domain.sealing import Ticket
from portal.handlers import signing_in

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)

_AWAY: Final = Stopped(503, "Signing in is not possible at the moment", "Your organisation's sign-in does not answer.")


@router.get("/sign-in", dependencies=[Depends(public)])
async def sign_in(request: Request, then: Annotated[str | None, Query(max_length=500)] = None) -> Response:
    """Go to the issuer."""
    parts, now = parts_of(request), wall_now()
    terms = policy.terms(now.date())
    try:
        # The issuer is asked before there is a transaction to hold up.
        await parts.issuer.form_action()
        async with runtime(request).transaction() as tx:
            ticket, address = await signing_in.send_off(tx, parts.issuer, then=local(then), terms=terms, now=now)
    except IssuerAway as error:
        raise _AWAY from error
    response = RedirectResponse(address, 303)
    set_cookie(response, parts, "sign-in", ticket.written(), seconds=terms.sign_in_minutes * 60)
    return response


@router.get(BACK, dependencies=[Depends(public)])
async def signed_in(
    request: Request,
    code: Annotated[str, Query(max_length=2000)] = "",
    state: Annotated[str, Query(max_length=200)] = "",
    iss: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    """Come back from the issuer with a code."""
    parts, now, here = parts_of(request), wall_now(), runtime(request)
    ticket = Ticket.read(request.cookies.get(cookie_name(parts, "sign-in")))
    try:
        async with here.transaction() as tx:
            attempt = await signing_in.recall(tx, ticket, state, now=now)
        tokens = await parts.issuer.redeem(code, iss, attempt, now=now)
    except SignInRefused:
        return _again(request)
    except IssuerAway as error:
        raise _AWAY from error
    terms = policy.terms(now.date())
    async with here.transaction() as tx:
        session = await signing_in.open_session(tx, tokens, terms=terms, now=now)
        caller = await here.authenticator.caller(f"Bearer {tokens.access}")
        tx.audit(action="sign-in", what="session", what_id=session.digest[:16], caller=caller)
    response = RedirectResponse(local(attempt.then), 303)
    set_cookie(response, parts, "session", session.written(), seconds=terms.session_hours * 3600)
    response.delete_cookie(cookie_name(parts, "sign-in"), path="/", secure=parts.settings.is_secure, httponly=True)
    return response


def _again(request: Request) -> Response:
    return page(
        request,
        None,
        "signed_out.html",
        title="You are not signed in",
        status=400,
        detail="The sign-in took too long, was called off, or was begun in another browser. Nothing is lost.",
        then=None,
        goodbye=None,
    )


@router.post("/sign-out")
async def sign_out(request: Request, viewer: Annotated[Viewer, Depends(Visit(says=False))]) -> Response:
    """Forget the session; its tokens cannot be opened any more."""
    parts = parts_of(request)
    await posted(request, viewer)
    async with runtime(request).transaction() as tx:
        await tx.sessions.close(viewer.signed_in.ticket.digest)
        tx.audit(action="sign-out", what="session", what_id=viewer.signed_in.ticket.digest[:16], caller=viewer.caller)
    response = RedirectResponse("/signed-out", 303)
    response.delete_cookie(cookie_name(parts, "session"), path="/", secure=parts.settings.is_secure, httponly=True)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@router.get("/signed-out", dependencies=[Depends(public)])
async def signed_out(request: Request) -> Response:
    """Nobody is signed in here any more."""
    return page(
        request,
        None,
        "signed_out.html",
        title="You have signed out",
        detail="If others use this computer, close the browser as well.",
        then=None,
        goodbye=await parts_of(request).issuer.goodbye(),
    )
