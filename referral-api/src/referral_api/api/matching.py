"""The intake desk's queue of children who may be one, and its decisions about who is who."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from chassis.actions import Answer
from chassis.bodies import KEYED, Body, json_body, takes
from chassis.http import cause, etag, idempotency_key, json_response, runtime
from chassis.wire import Out, Page
from fastapi import APIRouter, Depends, Query, Request, Response
from schemas.codes import registry

from referral_api.api import parts
from referral_api.api.parts import Cursor, Desk, Id
from referral_api.domain.school_years import day_of
from referral_api.handlers import files, identity
from referral_api.handlers.files import File
from referral_api.handlers.identity import DecideMatch, LinkReferral, UnlinkReferral
from referral_api.handlers.refusals import UnknownCode
from referral_api.queries import stories
from referral_api.store import Tx
from referral_api.views.incoming import DecisionIn, LinkingIn, UnlinkingIn
from referral_api.views.outgoing import MatchOut, action, instant

router: Final = APIRouter(tags=["identity"])


class DecidedOut(Out):
    """What became of a question."""

    match_id: str
    status: str
    #: The open cases of the two children, or of the one that they turned out to be.
    case_ids: tuple[str, ...]


class PlacedOut(Out):
    """Where a referral belongs now."""

    referral_id: str
    case_id: str
    reference: str
    version: int


@router.get("/v1/possible-matches", response_model=Page[MatchOut])
async def list_matches(
    request: Request,
    caller: Desk,
    *,
    status: Annotated[str, Query(pattern="^(open|same|different)$")] = "open",
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=50)] = 20,
) -> Response:
    """Children that may be one, oldest question first, with what each sender says of them."""
    parts.at_the_desk(request, caller)
    after = parts.position(request, caller, cursor, str)
    async with runtime(request).transaction() as tx:
        rows = await stories.matches(tx, status, after=after[0] if after else None, limit=limit + 1)
        shown = {body["match_id"]: body for body in await _bodies(tx, rows[:limit])}
        for match_id in shown:
            parts.note_read(request, tx, caller, what="possible-match", what_id=match_id)
    return parts.page(
        request,
        caller,
        rows,
        limit,
        show=lambda row: shown[row["match_id"]],
        at=lambda row: (row["match_id"],),
    )


@router.get("/v1/possible-matches/{id}", response_model=MatchOut)
async def read_match(request: Request, caller: Desk, id: Id) -> Response:
    """One question."""
    parts.at_the_desk(request, caller)
    async with runtime(request).transaction() as tx:
        row = await stories.match(tx, id)
        if row is None:
            raise files.nothing()
        (body,) = await _bodies(tx, [row])
        parts.note_read(request, tx, caller, what="possible-match", what_id=id)
    return json_response(body)


@router.post("/v1/possible-matches/{id}/decision", response_model=DecidedOut, openapi_extra=takes(DecisionIn, KEYED))
async def decide_match(
    request: Request, caller: Desk, id: Id, body: Annotated[Body[DecisionIn], Depends(json_body(DecisionIn))]
) -> Response:
    """Say whether they are one child: then the younger case's referrals join the older case."""
    parts.at_the_desk(request, caller)
    return await runtime(request).actions.perform(
        identity.decide_matches,
        DecideMatch(id, body.value.same, caller, cause(request)),
        view=lambda _, decided: Answer(
            200,
            {"match_id": decided.match_id, "status": decided.status, "case_ids": list(decided.case_ids)},
        ),
        idempotency=idempotency_key(request, caller, body.digest),
    )


@router.post(
    "/v1/referrals/{id}/unlink",
    status_code=201,
    response_model=PlacedOut,
    openapi_extra=takes(UnlinkingIn, KEYED),
)
async def unlink_referral(
    request: Request, caller: Desk, id: Id, body: Annotated[Body[UnlinkingIn], Depends(json_body(UnlinkingIn))]
) -> Response:
    """Take a referral out of the case of a child that it does not concern; it opens a case of its own."""
    parts.at_the_desk(request, caller)
    here, reasons = runtime(request), registry("unlink-reasons")
    today = day_of(here.clock.now())
    if not reasons.valid(body.value.reason, on=today):
        raise UnknownCode(f"Use one of: {', '.join(reasons.codes(on=today))}.", pointer="/reason")
    return await here.actions.perform(
        identity.unlink_referrals,
        UnlinkReferral(id, body.value.reason, parts.settings(request).intake_organisation, caller, cause(request)),
        view=lambda _, file: _placed(file, 201),
        idempotency=idempotency_key(request, caller, body.digest),
    )


@router.post("/v1/referrals/{id}/link", response_model=PlacedOut, openapi_extra=takes(LinkingIn, KEYED))
async def link_referral(
    request: Request, caller: Desk, id: Id, body: Annotated[Body[LinkingIn], Depends(json_body(LinkingIn))]
) -> Response:
    """Put a referral into the case of the child that it concerns."""
    parts.at_the_desk(request, caller)
    return await runtime(request).actions.perform(
        identity.link_referrals,
        LinkReferral(id, body.value.case_id, caller, cause(request)),
        view=lambda _, file: _placed(file, 200),
        idempotency=idempotency_key(request, caller, body.digest),
    )


def _placed(file: File, status: int) -> Answer:
    return Answer(
        status,
        {
            "referral_id": file.referral.referral_id,
            "case_id": file.case.case_id,
            "reference": file.case.reference,
            "version": file.referral.version,
        },
        {"Location": f"/v1/cases/{file.case.case_id}", "ETag": etag(file.referral.version)},
    )


async def _bodies(tx: Tx, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    said = await stories.children(tx, {row[name] for row in rows for name in ("child_id", "other_child_id")})
    return [
        {
            "match_id": row["match_id"],
            "status": row["status"],
            "matched_by": row["matched_by"],
            "weight": row["weight"],
            "levels": row["levels"],
            "asked_at": instant(row["asked_at"]),
            "decided_at": instant(row["decided_at"]),
            "children": [
                [_statement(each) for each in said.get(row[name], [])] for name in ("child_id", "other_child_id")
            ],
            "actions": [
                action(
                    "decide",
                    "POST",
                    f"/v1/possible-matches/{row['match_id']}/decision",
                    allowed=row["status"] == "open",
                    reason="This has been decided.",
                )
            ],
        }
        for row in rows
    ]


def _statement(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "referral_id": row["referral_id"],
        "case_id": row["case_id"],
        "reference": row["reference"],
        "organisation_id": row["organisation_id"],
        "submitted_at": instant(row["submitted_at"]),
        "child": row["child"],
    }
