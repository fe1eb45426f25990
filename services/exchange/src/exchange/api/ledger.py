"""Who knows of a case, and recalls of what was told."""

from datetime import UTC, datetime
from typing import Annotated, Final

from chassis.actions import Answer
from chassis.auth import Caller
from chassis.bodies import KEYED, Body, json_body, takes
from chassis.errors import NotFound
from chassis.http import cause, idempotency_key, json_response, runtime
from chassis.wire import Page, as_json
from fastapi import APIRouter, Depends, Request, Response

from exchange.api.parts import Cursor, Id, Limit, Officer, QueryId, SignedIn, System, cursor_values, note
from exchange.domain.days import day_of
from exchange.handlers import recalls
from exchange.handlers.recalls import Acknowledge, IssueRecall
from exchange.policy import CASEWORK, is_officer
from exchange.store import Tx
from exchange.store.ledger import Recall
from exchange.views.incoming import EmptyIn, RecallIn
from exchange.views.outgoing import DisclosureOut, LedgerOut, RecallOut, TellingOut, recall_out

router: Final = APIRouter(tags=["ledger"])

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@router.get("/v1/ledger", response_model=LedgerOut)
async def get_ledger(
    request: Request, caller: SignedIn, case: QueryId, cursor: Cursor = None, limit: Limit = 100
) -> Response:
    """Of one case: for each event and subscriber, whether and when it was told, fetched and acknowledged."""
    place = cursor_values(request, caller, cursor, str, str, int)
    after = (datetime.fromisoformat(place[0]), place[1], place[2]) if place else (_EPOCH, "", 0)
    async with runtime(request).transaction() as tx:
        await _may_see(tx, caller, case)
        rows = await tx.ledger.of_case(case, after=after, limit=limit + 1)
        disclosures = await tx.ledger.disclosures(case)
        found = await tx.ledger.recalls(organisation=None, case_id=case, after="", limit=200)
        today = day_of(tx.now)
        note(request, tx, caller, what="ledger", what_id=case, case_id=case)
    more, rows = len(rows) > limit, rows[:limit]
    following = None
    if more:
        last = rows[-1]
        following = runtime(request).cursors.encode(caller, last["at"].isoformat(), last["stream_id"], last["position"])
    out = LedgerOut(
        case_id=case,
        items=tuple(
            TellingOut(
                organisation_id=row["organisation_id"], subscription=row["stream_id"], sector=row["sector"],
                way=row["way"], event_id=row["event_id"], type=row["type"], rule=row["rule"], purpose=row["purpose"],
                basis=row["basis"], replay=row["replay"], decided_at=row["at"], told_at=row["told_at"],
                fetched_at=row["fetched_at"], acknowledged_at=row["acknowledged_at"], withheld_at=row["withheld_at"],
            )
            for row in rows
        ),
        next=following,
        disclosures=tuple(
            DisclosureOut(
                organisation_id=row["organisation_id"], sector=row["sector"], purpose=row["purpose"],
                basis=row["basis"], at=row["at"],
            )
            for row in disclosures
        ),
        recalls=tuple(recall_out(one, today, answers_as=set()) for one in found),
    )  # fmt: skip
    return json_response(as_json(out))


async def _may_see(tx: Tx, caller: Caller, case: str) -> None:
    """Who answers for the data, and whoever works the case for its holder. Raises `NotFound`."""
    if is_officer(caller):
        return
    if not caller.has(*CASEWORK) or not await tx.cases.holds(case, caller.organisation, day_of(tx.now)):
        raise NotFound


@router.post("/v1/ledger/recalls", status_code=201, response_model=RecallOut, openapi_extra=takes(RecallIn, KEYED))
async def issue_recall(
    request: Request, caller: Officer, body: Annotated[Body[RecallIn], Depends(json_body(RecallIn))]
) -> Response:
    """Recall what was told of a case: every recipient is told, and asked to acknowledge."""
    wanted, parts = body.value, runtime(request)
    command = IssueRecall(caller, cause(request), wanted.case_id, wanted.reason, wanted.event_ids, wanted.answer_by)

    def view(_: IssueRecall, one: Recall) -> Answer:
        out = recall_out(one, day_of(parts.clock.now()), answers_as=set())
        return Answer(201, as_json(out), {"Location": f"/v1/ledger/recalls/{one.id}"})

    return await parts.actions.perform(
        recalls.issue_recalls, command, view=view, idempotency=idempotency_key(request, caller, body.digest)
    )


@router.get("/v1/ledger/recalls", response_model=Page[RecallOut])
async def list_recalls(
    request: Request,
    caller: SignedIn,
    *,
    case: QueryId | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Recalls that you must answer; all of them, with their stragglers, for who answers for the data."""
    [after] = cursor_values(request, caller, cursor, str) or [""]
    officer = is_officer(caller)
    async with runtime(request).transaction() as tx:
        names = set() if officer else await recalls.answerable(caller, tx)
        found: dict[str, Recall] = {}
        for name in [None] if officer else sorted(names):
            some = await tx.ledger.recalls(organisation=name, case_id=case, after=after, limit=limit + 1)
            found |= {one.id: one for one in some}
        today = day_of(tx.now)
        note(request, tx, caller, what="recalls", what_id=case or "all")
    ordered = [found[id] for id in sorted(found)][: limit + 1]
    following = runtime(request).cursors.encode(caller, ordered[limit - 1].id) if len(ordered) > limit else None
    items = tuple(recall_out(one, today, answers_as=names) for one in ordered[:limit])
    return json_response(as_json(Page[RecallOut](items=items, next=following)))


@router.get("/v1/ledger/recalls/{id}", response_model=RecallOut)
async def get_recall(request: Request, caller: SignedIn, id: Id) -> Response:
    """A recall: who has answered, and who has not."""
    async with runtime(request).transaction() as tx:
        one = await tx.ledger.recall(id)
        names = set() if is_officer(caller) else await recalls.answerable(caller, tx)
        if one is None or not (is_officer(caller) or names & {name for name, _ in one.recipients}):
            raise NotFound
        today = day_of(tx.now)
        note(request, tx, caller, what="recall", what_id=id, case_id=one.case_id)
    return json_response(as_json(recall_out(one, today, answers_as=names)))


@router.post("/v1/ledger/recalls/{id}/acknowledge", response_model=RecallOut, openapi_extra=takes(EmptyIn, KEYED))
async def acknowledge_recall(
    request: Request, caller: System, id: Id, body: Annotated[Body[EmptyIn], Depends(json_body(EmptyIn))]
) -> Response:
    """You have done what the recall asks."""
    parts = runtime(request)

    def view(command: Acknowledge, one: Recall) -> Answer:
        names = {name for name, at in one.recipients if at is not None and name == command.caller.organisation}
        return Answer(200, as_json(recall_out(one, day_of(parts.clock.now()), answers_as=names or {"-"})))

    return await parts.actions.perform(
        recalls.acknowledge_recalls,
        Acknowledge(caller, cause(request), id),
        view=view,
        idempotency=idempotency_key(request, caller, body.digest),
    )
