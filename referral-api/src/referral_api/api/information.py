"""Questions to the senders of referrals, and their answers."""

from typing import Annotated, Final

from chassis.actions import Answer
from chassis.bodies import KEYED, Body, json_body, takes
from chassis.clock import new_id
from chassis.http import cause, etag, idempotency_key, json_response, runtime
from fastapi import APIRouter, Depends, Request, Response

from referral_api.api.parts import Id, Reader, Sender, Worker, note_read
from referral_api.handlers import files, information
from referral_api.handlers.amendment import Changed
from referral_api.handlers.information import ProvideInformation, RequestInformation
from referral_api.queries import lists
from referral_api.views import submission
from referral_api.views.incoming import AnswerIn, InformationRequestIn
from referral_api.views.outgoing import ChangedOut, InformationRequestOut, request_body

router: Final = APIRouter(tags=["referrals"])


@router.post(
    "/v1/referrals/{id}/information-requests",
    status_code=201,
    response_model=ChangedOut,
    openapi_extra=takes(InformationRequestIn, KEYED),
)
async def request_information(
    request: Request,
    caller: Worker,
    id: Id,
    body: Annotated[Body[InformationRequestIn], Depends(json_body(InformationRequestIn))],
) -> Response:
    """Ask the sender of a referral, as somebody who works its case."""
    value = body.value
    command = RequestInformation(
        request_id=new_id(),
        referral_id=id,
        fields=value.fields,
        question=value.question,
        due_on=value.due_on,
        caller=caller,
        cause=cause(request),
    )

    def view(asked: RequestInformation, result: Changed) -> Answer:
        return Answer(
            201,
            submission.worked(result, request_id=asked.request_id),
            {
                "Location": f"/v1/referrals/{asked.referral_id}/information-requests/{asked.request_id}",
                "ETag": etag(result.file.referral.version),
            },
        )

    return await runtime(request).actions.perform(
        information.request_information,
        command,
        view=view,
        idempotency=idempotency_key(request, caller, body.digest),
    )


@router.post(
    "/v1/referrals/{id}/information-requests/{request_id}/answer",
    response_model=ChangedOut,
    openapi_extra=takes(AnswerIn, KEYED),
)
async def answer_request(
    request: Request,
    caller: Sender,
    id: Id,
    request_id: Id,
    body: Annotated[Body[AnswerIn], Depends(json_body(AnswerIn))],
) -> Response:
    """Answer a question about a referral that your organisation sent."""
    command = ProvideInformation(
        request_id=request_id,
        referral_id=id,
        answer=body.value.answer,
        caller=caller,
        cause=cause(request),
    )

    def view(answered: ProvideInformation, result: Changed) -> Answer:
        answer = submission.changed(result)
        return Answer(answer.status, {**(answer.body or {}), "request_id": answered.request_id}, answer.headers)

    return await runtime(request).actions.perform(
        information.provide_information,
        command,
        view=view,
        idempotency=idempotency_key(request, caller, body.digest),
    )


@router.get("/v1/referrals/{id}/information-requests/{request_id}", response_model=InformationRequestOut)
async def read_request(request: Request, caller: Reader, id: Id, request_id: Id) -> Response:
    """A question about a referral, and its answer."""
    async with runtime(request).transaction() as tx:
        file = (await files.read([id], tx)).get(id)
        if file is None or not file.exists_for(caller):
            raise files.nothing()
        asked = (await lists.requests(tx, [id])).get(id, [])
        found = next((row for row in asked if row["request_id"] == request_id), None)
        if found is None:
            raise files.nothing()
        note_read(request, tx, caller, what="information-request", what_id=request_id, case_id=file.case.case_id)
    return json_response(request_body(found))
