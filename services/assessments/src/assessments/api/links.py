"""Answering advice by a link, without an account: signed, expiring, for one answer. Public, so it tells little."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Final

from chassis.actions import Answer, IdempotencyKey
from chassis.auth import Caller
from chassis.bodies import KEY_OPTIONAL, Body, json_body, takes
from chassis.clock import wall_seconds
from chassis.errors import NotFound, Refusal
from chassis.http import cause, json_response, public, runtime
from chassis.service import Runtime
from chassis.wire import Out, as_json
from fastapi import APIRouter, Depends, Request, Response
from schemas.codes import registry

from assessments.domain.days import day_of
from assessments.handlers import advice as handlers
from assessments.handlers.acts import Act
from assessments.policy import link_rules_of
from assessments.views.advice import QuestionOut
from assessments.views.bodies import LinkAnswerIn

router: Final = APIRouter(tags=["answers by link"])

#: Who answers by a link: nobody's token can name this organisation.
_NOBODY: Final = Caller(subject="answer-link", client_id="answer-link", organisation="\0answer-link", sector="")
#: What links are signed with, and how many bytes of it a token carries.
_SIGNED_FOR: Final = "answer-links"
_BYTES: Final = 16
_WINDOW_SECONDS: Final = 60.0
_MOST_WATCHED: Final = 10_000
#: A link must not travel on in a Referer header.
_HEADERS: Final = {"Referrer-Policy": "no-referrer"}


class TooManyTries(Refusal):
    """Somebody guesses, or a page is loaded over and over."""

    code = "too-many-tries"
    status = 429


@dataclass
class Tries:
    """How often each of these came in the last minute, in this process, on wall time."""

    seen: OrderedDict[str, deque[float]] = field(default_factory=OrderedDict)

    def count(self, who: str, most: int) -> None:
        """One more. Raises `TooManyTries` when there were so many already."""
        now, times = wall_seconds(), self.seen.setdefault(who, deque())
        self.seen.move_to_end(who)
        while times and times[0] <= now - _WINDOW_SECONDS:
            times.popleft()
        if len(times) >= most:
            raise TooManyTries("Too many tries. Wait a minute.", retry_after=int(_WINDOW_SECONDS))
        times.append(now)
        if len(self.seen) > _MOST_WATCHED:
            self.seen.popitem(last=False)


class AnsweredOut(Out):
    """The advice arrived."""

    advice_id: str
    received_on: date


def token_of(parts: Runtime, link_id: str) -> str:
    """The token of a link: its id and 128 bits that only this house can make. It is kept nowhere."""
    signed = hmac.digest(parts.secret_for(_SIGNED_FOR).encode(), link_id.encode(), "sha256")[:_BYTES]
    return f"{link_id}.{urlsafe_b64encode(signed).decode().rstrip('=')}"


def _digest(request: Request, token: str) -> bytes:
    """What is kept of a token. Raises `NotFound` for one that was not made here; such tries are counted by address."""
    parts = runtime(request)
    rules = link_rules_of(day_of(parts.clock.now()))
    tries: Tries = request.app.state.__dict__.setdefault("link_tries", Tries())
    token = token.encode(errors="replace").decode()
    link_id = token.partition(".")[0]
    if not hmac.compare_digest(token.encode(), token_of(parts, link_id).encode()):
        tries.count(f"address {request.client.host if request.client else ''}", rules.failures)
        raise NotFound
    tries.count(f"link {link_id}", rules.requests)
    return hashlib.sha256(token.encode()).digest()


@router.get("/v1/advice/answers/{token}", response_model=QuestionOut, dependencies=[Depends(public)])
async def get_question(request: Request, token: str) -> Response:
    """What you are asked. A link that is wrong, used or over is not found."""
    digest = _digest(request, token)
    async with runtime(request).transaction() as tx:
        link = (await tx.texts.links([digest])).get(digest)
        case = (await tx.county.cases([link.case_id])).get(link.case_id) if link else None
        if link is None or case is None or case.closed:
            raise NotFound
        [one] = [advice for advice in await tx.casework.advice([case.id]) if advice.id == link.advice_id]
        text = (await tx.texts.advice([one.id])).get(one.id)
        tx.audit(
            action="read-by-link", what="advice", what_id=one.id, caller=None, case_id=case.id, reason=link.id,
            correlation_id=cause(request).correlation_id,
        )  # fmt: skip
    out = QuestionOut(
        reference=case.reference,
        discipline=one.discipline,
        discipline_label=registry("advice-disciplines").label(one.discipline),
        question=text.question if text else None,
        needs=case.needs,
        due_on=one.due_on,
    )
    return json_response(as_json(out), headers=_HEADERS)


@router.post(
    "/v1/advice/answers/{token}",
    response_model=AnsweredOut,
    openapi_extra=takes(LinkAnswerIn, KEY_OPTIONAL),
    dependencies=[Depends(public)],
)
async def give_answer(
    request: Request, token: str, body: Annotated[Body[LinkAnswerIn], Depends(json_body(LinkAnswerIn))]
) -> Response:
    """Answer, once. With an Idempotency-Key a retry gets the same answer; otherwise the link is not found by then."""
    digest = _digest(request, token).hex()
    key = request.headers.get("idempotency-key", "").strip()

    def view(_: Act, advice: Any) -> Answer:
        out = AnsweredOut(advice_id=advice.id, received_on=advice.received_on)
        return Answer(200, as_json(out), _HEADERS)

    said = handlers.Answer(body.value.text, body.value.given_by)
    return await runtime(request).actions.perform(
        handlers.answer_by_link,
        Act(digest, _NOBODY, cause(request), None, said),
        view=view,
        idempotency=IdempotencyKey("answer-link", f"{digest}:{key[:100]}", body.digest) if key else None,
    )
