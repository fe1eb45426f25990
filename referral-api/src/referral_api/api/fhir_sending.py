"""Referrals as FHIR messages and resources: read, mapped, and taken by the same handlers as `POST /v1/referrals`."""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, Final

from chassis.actions import IdempotencyKey, KeyReused
from chassis.auth import Caller
from chassis.bodies import validate
from chassis.clock import new_id
from chassis.errors import FieldError, Invalid, Malformed, NotFound, PreconditionRequired, Refusal
from chassis.http import allow, cause, idempotency_key, if_match, runtime
from fastapi import APIRouter, Depends, Request, Response

from referral_api.api import parts
from referral_api.api.fhir_frame import BASE, FhirRoute, base_of, fhir_response, located, read_body, rules_of
from referral_api.api.parts import Sender
from referral_api.domain.fhir.draft import Misfit
from referral_api.domain.fhir.draft import located as place_of
from referral_api.domain.fhir.message import Kind, Message, Unreadable, message_id, read_message, read_request
from referral_api.domain.school_years import day_of
from referral_api.handlers import amendment, files
from referral_api.handlers.amendment import AmendReferral, WithdrawReferral
from referral_api.handlers.files import File
from referral_api.handlers.intake import SubmitReferral, submit_referrals
from referral_api.handlers.refusals import SeveralReferrals
from referral_api.queries import lists
from referral_api.queries.lists import ReferralFilter
from referral_api.store import Tx
from referral_api.views.fhir import answers
from referral_api.views.fhir.answers import Reply
from referral_api.views.fhir.capability import message_definition
from referral_api.views.fhir.shown import searchset
from referral_api.views.incoming import ReferralChange, ReferralIn, change_of
from referral_api.views.outgoing import instant

router: Final = APIRouter(tags=["fhir"], route_class=FhirRoute, include_in_schema=False)

SignedIn = Annotated[Caller, Depends(allow())]

_KEY: Final = re.compile(r"[!-~]{1,190}")
_FHIR_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")
#: How many referrals under one reference are looked through.
_MOST: Final = 50


class UnfitMessage(Invalid):
    """What was sent cannot be taken as a referral."""

    code = "unfit-message"

    def __init__(self, misfits: Sequence[Misfit]) -> None:
        super().__init__(
            "The message cannot be taken as it is; see the issues.",
            errors=[FieldError(each.expression, each.code, each.detail) for each in misfits],
        )


class SaidBefore(KeyReused):
    """Another message came under this id."""


@router.post(f"{BASE}/$process-message")
async def process_message(request: Request, caller: Sender) -> Response:
    """A BaRS message: a fresh referral, a change of one, or that it is taken back."""
    raw, digest = await read_body(request)
    message = _read(request, caller, raw)
    called = message_id(raw)
    return await _done(request, caller, message, digest, called if called and _FHIR_ID.fullmatch(called) else new_id())


@router.get(f"{BASE}/MessageDefinition")
async def find_message_definitions(request: Request, _caller: SignedIn) -> Response:
    """What a message must carry. BaRS's senders name a `context`, a service of the receiver; here is one for all."""
    if not set(request.query_params) <= {"context"}:
        raise Malformed("Send context, or nothing.", pointer="/query/context")
    found = [message_definition(rules_of(request))]
    return fhir_response(searchset(base_of(request), "MessageDefinition", found))


@router.post(f"{BASE}/ServiceRequest")
async def create_service_request(request: Request, caller: Sender) -> Response:
    """A fresh referral without a message around it; its Patient is contained."""
    raw, digest = await read_body(request)
    return await _done(request, caller, _read(request, caller, raw, message=False), digest, None)


def _read(request: Request, caller: Caller, raw: dict[str, Any], *, message: bool = True) -> Message:
    today = day_of(runtime(request).clock.now())
    try:
        return (read_message if message else read_request)(raw, rules_of(request), sector=caller.sector, today=today)
    except Unreadable as error:
        raise UnfitMessage(error.misfits) from None


async def _done(request: Request, caller: Caller, message: Message, digest: bytes, answers_to: str | None) -> Response:
    try:
        key = _key(request, caller, message, digest)
        if message.kind is Kind.NEW:
            return await _submit(request, caller, message, key, _reply(request, answers_to))
        return await _change(request, caller, message, key, _reply(request, answers_to))
    except KeyReused as error:
        where = message.marks[0][1] if message.marks else "/headers/Idempotency-Key"
        said = "You have sent something else under this id. Give each message an id of its own."
        raise SaidBefore(said, errors=[FieldError(where, error.code, said)]) from None
    except Refusal as error:
        raise located(error, lambda pointer: _place(pointer, message)) from None


async def _submit(request: Request, caller: Caller, message: Message, key: IdempotencyKey, reply: Reply) -> Response:
    data = json.dumps(message.draft.content).encode()
    command = SubmitReferral(
        referral_id=new_id(),
        content=validate(ReferralIn, data, message.draft.content).model_dump(mode="json"),
        intake=parts.settings(request).intake_organisation,
        caller=caller,
        cause=cause(request),
    )
    return await runtime(request).actions.perform(
        submit_referrals, command, view=lambda _, result: answers.taken(result, message, reply), idempotency=key
    )


async def _change(request: Request, caller: Caller, message: Message, key: IdempotencyKey, reply: Reply) -> Response:
    async with runtime(request).transaction() as tx:
        file = await _meant(tx, caller, message)
    version = _version(request, message)
    perform = runtime(request).actions.perform
    if message.kind is Kind.WITHDRAW:
        return await perform(
            amendment.withdraw_referrals,
            WithdrawReferral(file.referral.referral_id, version, message.reason or "", caller, cause(request)),
            view=lambda _, result: answers.changed(result, message, reply),
            idempotency=key,
        )
    _fit(message, file, reply)
    data = json.dumps(message.draft.content).encode()
    change = change_of(validate(ReferralChange, data, message.draft.content))
    return await perform(
        amendment.amend_referrals,
        AmendReferral(file.referral.referral_id, version, change, caller, cause(request)),
        view=lambda _, result: answers.changed(result, message, reply),
        idempotency=key,
    )


def _fit(message: Message, file: File, reply: Reply) -> None:
    """Make a change say no more than its sender did."""
    content, before = message.draft.content, file.referral.content
    if message.priority == reply.rules.shown["priority"][before["urgency"]]:
        # FHIR has fewer words for it than we: the same word back changes nothing.
        content.pop("urgency", None)
    if "family" in content and (before.get("family") or {}).get("informed") is None:
        message.draft.fill("/family/informed", reply.rules.defaults["informed"])


async def _meant(tx: Tx, caller: Caller, message: Message) -> File:
    """The referral that a change is of: by our id, else by the sender's own. Raises `NotFound`, `SeveralReferrals`."""
    for reference in message.references:
        file = (await files.read([reference], tx)).get(reference)
        if file is not None and file.exists_for(caller):
            return file
    for reference in message.references:
        wanted = ReferralFilter(reference=reference)
        rows = await lists.referrals(tx, caller.organisation, wanted, after=None, limit=_MOST)
        standing = [row for row in rows if row["status"] in {"submitted", "information-requested"}] or rows[:1]
        if len(standing) > 1:
            raise SeveralReferrals(message.named_at)
        if standing:
            id = standing[0]["referral_id"]
            return (await files.read([id], tx))[id]
    raise NotFound


def _version(request: Request, message: Message) -> int:
    """Which version the sender has read: the header's word counts, else the resource's."""
    if "if-match" in request.headers:
        return if_match(request)
    if message.version is None:
        refusal = PreconditionRequired("Read the ServiceRequest first, and send the meta.versionId that you have read.")
        where = f"{message.named_at.removesuffix('.id')}.meta.versionId"
        refusal.errors = (FieldError(where, "required", refusal.detail),)
        raise refusal
    return message.version


def _key(request: Request, caller: Caller, message: Message, digest: bytes) -> IdempotencyKey:
    """What a repeat keeps: the header, else the message's own id, else BaRS's request id."""
    if "idempotency-key" in request.headers:
        return idempotency_key(request, caller, digest)
    own = [mark for mark, _ in message.marks if _KEY.fullmatch(mark)]
    sent = request.headers.get("x-request-id", "")
    for mark in (*own, sent):
        if _KEY.fullmatch(mark):
            path = hashlib.sha256(request.url.path.encode()).digest()
            return IdempotencyKey(caller.organisation, f"fhir:{mark}", hashlib.sha256(path + digest).digest())
    raise Malformed(
        "Give it an id, so that it is safe to repeat: MessageHeader.id, Bundle.id, an identifier of the ServiceRequest,"
        " or the header Idempotency-Key.",
        pointer="/headers/Idempotency-Key",
    )


def _place(pointer: str, message: Message) -> str | None:
    if pointer == "/reason":
        return f"{message.named_at.removesuffix('.id')}.extension"
    if pointer.startswith(("/headers/", "/query/")) or not pointer.startswith("/"):
        return None
    return place_of(pointer, message.draft.places)


def _reply(request: Request, answers_to: str | None) -> Reply:
    return Reply(
        base=base_of(request),
        ids=(new_id(), new_id(), new_id()),
        answers=answers_to,
        at=instant(runtime(request).clock.now()) or "",
        rules=rules_of(request),
        front_door=parts.whom_to_call(request),
    )
