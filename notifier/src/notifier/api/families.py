"""Links to families, what they answer by them, who may be contacted, and what all of them answered together."""

import asyncio
import os
from typing import Annotated, Final

from chassis.actions import Answer
from chassis.auth import Caller
from chassis.bodies import KEYED, VERSIONED, Body, json_body, takes
from chassis.errors import Invalid, NotFound
from chassis.http import allow, cause, etag, idempotency_key, if_match, json_response, public, runtime
from chassis.wire import Page, as_json
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from notifier import policy
from notifier.clients.seal import Seal
from notifier.domain.facts import county_day
from notifier.domain.family import ANSWERS, fact_hash, same, summary, token_hash
from notifier.handlers import families
from notifier.policy import STAGES
from notifier.settings import Settings
from notifier.store import Tx
from notifier.store.families import SEALED_FOR, Contact
from notifier.views.families import (
    ContactOut,
    FamilyAnswerOut,
    FamilyIn,
    FamilyLinkIn,
    FamilyLinkOut,
    FamilyOut,
    FeedbackOut,
    FeedbackRowOut,
    SafeContactIn,
    SafeContactOut,
    StageOut,
)

router: Final = APIRouter(tags=["families"])
_ID: Final = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"
Worker = Annotated[Caller, Depends(allow("caseworker", "cluster-lead"))]
Id = Annotated[str, Path(pattern=_ID)]
CaseId = Annotated[str, Query(alias="case", pattern=_ID)]
Token = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{20,100}$")]
_SALT_BYTES: Final = 16


class WayNotOffered(Invalid):
    """This council has not set up that way to reach people."""

    code = "channel-not-offered"


class AddressDoesNotFit(Invalid):
    """No message of this channel could go there."""

    code = "address-does-not-fit"


@router.post(
    "/v1/notifications/family-links",
    status_code=201,
    response_model=FamilyLinkOut,
    openapi_extra=takes(FamilyLinkIn, KEYED),
)
async def send_link(
    request: Request, caller: Worker, body: Annotated[Body[FamilyLinkIn], Depends(json_body(FamilyLinkIn))]
) -> Response:
    """Send somebody of a family a link that shows how things go. It expires, and asks for a fact agreed with them."""
    key, said = idempotency_key(request, caller, body.digest), body.value
    house = runtime(request)
    if isinstance(house.settings, Settings) and said.channel not in house.settings.offered:
        raise WayNotOffered("Choose another channel.", pointer="/channel")
    if not said.address_fits:
        raise AddressDoesNotFit("Give an address that this channel can carry.", pointer="/address")
    async with house.transaction() as tx:
        await _check(tx, caller, said.case_id)
        tx.audit(
            action="write", what="family-link", what_id=said.contact_id, caller=caller, case_id=said.case_id,
            correlation_id=cause(request).correlation_id,
        )  # fmt: skip
    salt = os.urandom(_SALT_BYTES)
    command = families.Invite(
        case_id=said.case_id, contact_id=said.contact_id, channel=said.channel, address=said.address.strip(),
        language=said.language, interpreter=said.interpreter, fact_salt=salt,
        fact_hash=await asyncio.to_thread(fact_hash, said.second_fact, salt), created_by=caller.subject,
        seal=Seal(house.secret_for(SEALED_FOR)), cause=cause(request),
    )  # fmt: skip
    return await house.actions.perform(
        families.invite,
        command,
        view=lambda _, row: Answer(201, as_json(FamilyLinkOut.of(row, row["created_at"]))),
        idempotency=key,
    )


@router.get("/v1/notifications/family-links", response_model=Page[FamilyLinkOut])
async def list_links(request: Request, caller: Worker, case_id: CaseId) -> Response:
    """A case's links, newest first, and what became of each."""
    async with runtime(request).transaction() as tx:
        await _check(tx, caller, case_id)
        rows = await tx.families.links_of(case_id)
        now = tx.now
        tx.audit(
            action="read", what="family-links", what_id=case_id, caller=caller, case_id=case_id,
            correlation_id=cause(request).correlation_id,
        )  # fmt: skip
    page = Page[FamilyLinkOut](items=tuple(FamilyLinkOut.of(row, now) for row in rows), next=None)
    return json_response(as_json(page))


@router.delete("/v1/notifications/family-links/{id}", status_code=204, response_class=Response)
async def revoke_link(request: Request, caller: Worker, id: Id) -> Response:
    """A link works no more."""
    async with runtime(request).transaction() as tx:
        link = await tx.families.link(id)
        if link is None:
            raise NotFound
        await _check(tx, caller, link.case_id)
        tx.audit(
            action="write", what="family-link", what_id=id, caller=caller, case_id=link.case_id,
            correlation_id=cause(request).correlation_id,
        )  # fmt: skip
    return await runtime(request).actions.perform(
        families.revoke, families.Revoke(link.case_id, id), view=lambda *_: Answer(204, None)
    )


@router.get("/v1/notifications/safe-contact/{id}", response_model=SafeContactOut)
async def get_safe_contact(request: Request, caller: Worker, id: Id) -> Response:
    """Who of a case's family may be contacted, and how."""
    async with runtime(request).transaction() as tx:
        await _check(tx, caller, id)
        contacts, version = await tx.families.contacts(id)
        tx.audit(
            action="read", what="safe-contact", what_id=id, caller=caller, case_id=id,
            correlation_id=cause(request).correlation_id,
        )  # fmt: skip
    return json_response(as_json(_contacts(contacts)), headers={"ETag": etag(version)})


@router.put(
    "/v1/notifications/safe-contact/{id}",
    response_model=SafeContactOut,
    openapi_extra=takes(SafeContactIn, VERSIONED),
)
async def put_safe_contact(
    request: Request, caller: Worker, id: Id, body: Annotated[Body[SafeContactIn], Depends(json_body(SafeContactIn))]
) -> Response:
    """Say who of a case's family may be contacted, and how. What is on its way to others is stopped."""
    version = if_match(request)
    said = tuple(Contact(c.contact_id, c.never, tuple(c.channels)) for c in body.value.contacts)
    async with runtime(request).transaction() as tx:
        await _check(tx, caller, id)
        tx.audit(
            action="write", what="safe-contact", what_id=id, caller=caller, case_id=id,
            correlation_id=cause(request).correlation_id,
        )  # fmt: skip
    return await runtime(request).actions.perform(
        families.say_contacts,
        families.SayContacts(id, said, version),
        view=lambda command, version: Answer(200, as_json(_contacts(command.contacts)), {"ETag": etag(version)}),
    )


@router.get("/v1/notifications/family-answers", response_model=Page[FamilyAnswerOut])
async def list_answers(request: Request, caller: Worker, case_id: CaseId) -> Response:
    """What a case's family answered, newest first."""
    async with runtime(request).transaction() as tx:
        await _check(tx, caller, case_id)
        rows = await tx.families.answers_of(case_id)
        tx.audit(
            action="read", what="family-answers", what_id=case_id, caller=caller, case_id=case_id,
            correlation_id=cause(request).correlation_id,
        )  # fmt: skip
    items = tuple(
        FamilyAnswerOut(id=row["id"], kind=row["kind"], code=row["code"], text=row["text"], at=row["at"])
        for row in rows
    )
    return json_response(as_json(Page[FamilyAnswerOut](items=items, next=None)))


@router.post(
    "/v1/notifications/family/{token}",
    response_model=FamilyOut,
    dependencies=[Depends(public)],
    openapi_extra=takes(FamilyIn),
)
async def open_link(
    request: Request, token: Token, body: Annotated[Body[FamilyIn], Depends(json_body(FamilyIn))]
) -> Response:
    """See how things are going, and answer. A wrong second fact and a link that does not work are answered alike."""
    house, said = runtime(request), body.value
    async with house.transaction() as tx:
        # Spent before anything is compared: many guesses at once are many attempts.
        link = await tx.families.spend_attempt(token_hash(token), tx.now)
        if link is not None:
            tx.audit(
                action="read", what="family-link", what_id=link.id, caller=None, case_id=link.case_id,
                correlation_id=cause(request).correlation_id,
            )  # fmt: skip
    salt = link.fact_salt if link is not None else b"nobody's salt..."
    # The same work whether or not there is such a link.
    found = await asyncio.to_thread(fact_hash, said.second_fact, salt)
    if link is None or not same(found, link.fact_hash):
        raise NotFound("This link does not work, or the answer is not the one that was agreed.")
    return await house.actions.perform(
        families.answer,
        families.Answers(link, said.answers()),
        view=lambda _, opened: Answer(
            200,
            as_json(
                FamilyOut(
                    language=opened.language,
                    stages=tuple(StageOut(code=code, text=text, at=at) for code, text, at in opened.stages),
                    questions=dict(ANSWERS),
                    expires_at=opened.expires_at,
                )
            ),
        ),
    )


@router.get("/v1/notifications/feedback-summary", response_model=FeedbackOut)
async def feedback_summary(request: Request, _caller: Annotated[Caller, Depends(allow())]) -> Response:
    """What families answered, by cluster and term, for the Parent Carer Forum and everybody else who works here."""
    async with runtime(request).transaction() as tx:
        rows = summary(await tx.families.given(), await tx.limits.county(), below=STAGES.suppress_below)
    out = FeedbackOut(suppressed_below=STAGES.suppress_below, items=tuple(FeedbackRowOut(**row) for row in rows))
    return json_response(as_json(out))


def _contacts(contacts: "list[Contact] | tuple[Contact, ...]") -> SafeContactOut:
    return SafeContactOut(
        contacts=tuple(ContactOut(contact_id=c.contact_id, never=c.never, channels=c.channels) for c in contacts)
    )


async def _check(tx: Tx, caller: Caller, case_id: str) -> None:
    """Raises `NotFound` unless they work with the family of a case."""
    file = (await tx.cases.get([case_id])).get(case_id)
    if file is None or file.case is None:
        raise NotFound
    takes_part = await tx.cases.takes_part(case_id, caller.organisation, county_day(tx.now))
    if not policy.may_reach_family(caller, cluster_id=file.case.cluster_id, takes_part=takes_part):
        raise NotFound
