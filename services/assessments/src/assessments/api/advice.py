"""Advice: what is asked of whom, given, used again, cancelled, and the making of links."""

import hashlib
from datetime import timedelta
from typing import Annotated, Any, Final

from chassis.bodies import KEYED, VERSIONED, Body, json_body, takes
from chassis.clock import new_id
from chassis.errors import NotFound
from chassis.http import etag, json_response, runtime
from chassis.wire import Page, as_json
from fastapi import APIRouter, Depends, Query, Request, Response

from assessments import queries
from assessments.api.common import Adviser, Cursor, Filter, Id, Limit, SignedIn, Team, act, after, note, page, seen
from assessments.api.links import token_of
from assessments.domain.days import day_of
from assessments.handlers import advice as handlers
from assessments.policy import ADVISERS, gives_advice, link_rules_of, reads, works
from assessments.views.advice import AdviceOut, AnswerLinkOut, MadeLinkOut, advice_out
from assessments.views.bodies import AdviceAnswerIn, CancelAdviceIn, NothingIn, ReuseAdviceIn

router: Final = APIRouter(tags=["advice"])


@router.get("/v1/advice", response_model=Page[AdviceOut])
async def list_advice(
    request: Request,
    caller: SignedIn,
    *,
    case: Filter = None,
    state: Annotated[str | None, Query(pattern="^(offered|requested|received|reused|cancelled)$")] = None,
    ours: Annotated[bool, Query(description="Only what your organisation was asked.")] = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Advice that you may know of, without its text. `?ours=true&state=requested` is an adviser's list."""
    [place] = after(request, caller, cursor, ("",))
    async with runtime(request).transaction() as tx:
        found = await queries.advice_for(
            tx, seen(tx, caller), adviser=caller.has(*ADVISERS), case=case, state=state, ours=ours, after=place,
            limit=limit + 1,
        )  # fmt: skip
        cases = await tx.county.cases({one.case_id for one in found})
        note(request, tx, caller, what="advice", what_id=case or "all", case_id=case)
    return page(
        request, caller, found, limit=limit, place=lambda one: (one.id,),
        out=lambda one: advice_out(
            one, reference=cases[one.case_id].reference, adviser=gives_advice(caller, one.asked_of)
        ),
    )  # fmt: skip


@router.get("/v1/advice/{id}", response_model=AdviceOut)
async def get_advice(request: Request, caller: SignedIn, id: Id) -> Response:
    """One discipline's advice. Who was asked sees what they need for it and no more of the case."""
    async with runtime(request).transaction() as tx:
        case_id = (await tx.casework.cases_of("advice", [id])).get(id, "")
        case = (await tx.county.cases([case_id])).get(case_id)
        if case is None:
            raise NotFound
        [one] = [advice for advice in await tx.casework.advice([case_id]) if advice.id == id]
        standing = await tx.county.standing(case, day_of(tx.now))
        adviser, team = gives_advice(caller, one.asked_of), works(caller, standing)
        if not (adviser or reads(caller, standing)):
            raise NotFound
        texts = await tx.texts.advice([id])
        note(request, tx, caller, what="advice", what_id=id, case_id=case_id)
    out = advice_out(
        one, texts.get(id), reference=case.reference, needs=case.needs if adviser or team else (), team=team,
        adviser=adviser,
    )  # fmt: skip
    return json_response(as_json(out), headers={"ETag": etag(one.version)})


def _theirs(advice: Any) -> AdviceOut:
    return advice_out(advice, adviser=True)


def _ours(advice: Any) -> AdviceOut:
    return advice_out(advice, team=True)


@router.post("/v1/advice/{id}/answer", response_model=AdviceOut, openapi_extra=takes(AdviceAnswerIn, KEYED, VERSIONED))
async def answer(
    request: Request, caller: Adviser, id: Id, body: Annotated[Body[AdviceAnswerIn], Depends(json_body(AdviceAnswerIn))]
) -> Response:
    """Give the advice that your organisation was asked for, or write down what an adviser told you."""
    said = handlers.Answer(body.value.text)
    return await act(request, caller, id, body, handlers.answer_advice, said=said, out=_theirs, versioned=True)


@router.post("/v1/advice/{id}/reuse", response_model=AdviceOut, openapi_extra=takes(ReuseAdviceIn, KEYED, VERSIONED))
async def reuse(
    request: Request, caller: Team, id: Id, body: Annotated[Body[ReuseAdviceIn], Depends(json_body(ReuseAdviceIn))]
) -> Response:
    """Record who says that earlier advice suffices: its giver, the council, the parent. A refusal asks anew."""
    said = handlers.Reuse(tuple((a.party, a.agrees, a.agreed_by, a.agreed_on) for a in body.value.agreements))
    return await act(request, caller, id, body, handlers.reuse_advice, said=said, out=_ours, versioned=True)


@router.post("/v1/advice/{id}/request", response_model=AdviceOut, openapi_extra=takes(NothingIn, KEYED, VERSIONED))
async def ask_anew(
    request: Request, caller: Team, id: Id, body: Annotated[Body[NothingIn], Depends(json_body(NothingIn))]
) -> Response:
    """The earlier advice that was offered does not suffice: ask."""
    return await act(request, caller, id, body, handlers.request_advice, said=None, out=_ours, versioned=True)


@router.post("/v1/advice/{id}/cancel", response_model=AdviceOut, openapi_extra=takes(CancelAdviceIn, KEYED, VERSIONED))
async def cancel(
    request: Request, caller: Team, id: Id, body: Annotated[Body[CancelAdviceIn], Depends(json_body(CancelAdviceIn))]
) -> Response:
    """The advice is no longer needed; its clock ends."""
    return await act(
        request, caller, id, body, handlers.cancel_advice, said=body.value.reason, out=_ours, versioned=True
    )


@router.post(
    "/v1/advice/{id}/link",
    status_code=201,
    response_model=AnswerLinkOut,
    openapi_extra=takes(NothingIn, KEYED, VERSIONED),
)
async def make_link(
    request: Request, caller: Team, id: Id, body: Annotated[Body[NothingIn], Depends(json_body(NothingIn))]
) -> Response:
    """A link by which somebody without an account answers. The one that was made before opens no longer."""
    parts, link_id = runtime(request), new_id()
    at = parts.clock.now()
    expires_at = at + timedelta(days=link_rules_of(day_of(at)).valid_days)
    digest = hashlib.sha256(token_of(parts, link_id).encode()).digest()
    made = await act(
        request, caller, id, body, handlers.make_links, said=handlers.NewLink(link_id, digest, expires_at),
        out=lambda advice: MadeLinkOut(advice_id=advice.id, link_id=link_id, expires_at=expires_at), status=201,
        versioned=True,
    )  # fmt: skip
    # The token is added to what goes out, here and for each retry: what is kept under the key does not have it.
    kept = MadeLinkOut.model_validate_json(bytes(made.body))
    token, origin = token_of(parts, kept.link_id), parts.settings.audience
    shown = AnswerLinkOut(
        **kept.model_dump(), url=f"{origin}/advice/{token}", answers_url=f"{origin}/v1/advice/answers/{token}"
    )
    headers = {name: value for name in ("ETag", "Idempotency-Replayed") if (value := made.headers.get(name))}
    return json_response(as_json(shown), status=made.status_code, headers=headers)
