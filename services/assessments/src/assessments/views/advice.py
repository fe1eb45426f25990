"""Advice as it is answered, each reader what they may read."""

from collections.abc import Sequence
from datetime import date, datetime

from chassis.wire import Action, Out

from assessments.domain.advice import Advice, State
from assessments.store.texts import AdviceText
from assessments.views.actions import action


class ReuseAgreementOut(Out):
    """That earlier advice suffices, by whom and when."""

    party: str
    agreed_by: str
    agreed_on: date


class AdviceOut(Out):
    """One discipline's advice. `question` and `text` only for those who may read them."""

    id: str
    case_id: str
    assessment_id: str
    discipline: str
    state: str
    asked_of: str | None
    requested_on: date | None
    due_on: date | None
    received_on: date | None
    earlier_advice_id: str | None
    agreements: tuple[ReuseAgreementOut, ...]
    missing_agreements: tuple[str, ...]
    statutory: bool
    #: Since when nothing that it could rest on stands: nothing more is asked or shared on it.
    basis_ended_on: date | None
    question: str | None = None
    text: str | None = None
    given_by: str | None = None
    #: What an adviser needs to know, and no more.
    reference: str | None = None
    needs: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()


class MadeLinkOut(Out):
    """A link without its address."""

    advice_id: str
    link_id: str
    expires_at: datetime


class AnswerLinkOut(MadeLinkOut):
    """A link to answer by. It opens until its day, and takes one answer."""

    #: The page for whoever is asked.
    url: str
    #: The same for a system that answers by itself.
    answers_url: str


class QuestionOut(Out):
    """What an adviser without an account is asked, and no more than they need to answer."""

    reference: str
    discipline: str
    discipline_label: str
    question: str | None
    needs: tuple[str, ...]
    due_on: date | None


def advice_out(
    advice: Advice,
    text: AdviceText | None = None,
    *,
    reference: str | None = None,
    needs: Sequence[str] = (),
    team: bool = False,
    adviser: bool = False,
) -> AdviceOut:
    """Advice as somebody sees it: `team` works the case, `adviser` answers for who was asked."""
    return AdviceOut(
        id=advice.id,
        case_id=advice.case_id,
        assessment_id=advice.assessment_id,
        discipline=advice.discipline,
        state=advice.state.value,
        asked_of=advice.asked_of,
        requested_on=advice.requested_on,
        due_on=advice.due_on,
        received_on=advice.received_on,
        earlier_advice_id=advice.earlier_id,
        agreements=tuple(
            ReuseAgreementOut(party=a.party.value, agreed_by=a.agreed_by if team else "", agreed_on=a.agreed_on)
            for a in advice.agreements
        ),
        missing_agreements=tuple(party.value for party in advice.missing) if advice.state is State.OFFERED else (),
        statutory=advice.statutory,
        basis_ended_on=advice.basis_ended_on,
        question=text.question if text and (team or (adviser and advice.basis_ended_on is None)) else None,
        text=text.text if text and (team or adviser) else None,
        given_by=text.given_by if text and team else None,
        reference=reference,
        needs=tuple(needs) if team or advice.basis_ended_on is None else (),
        actions=_actions(advice, team=team, adviser=adviser),
    )


def _actions(advice: Advice, *, team: bool, adviser: bool) -> tuple[Action, ...]:
    base, is_ = f"/v1/advice/{advice.id}", f"The advice is {advice.state}."
    theirs = "Only those who work the case may do this."

    def why(state: State, *, allowed: bool, reason: str = theirs) -> str | None:
        if advice.state is not state:
            return is_
        if advice.basis_ended_on is not None:
            return "Its basis was withdrawn."
        return None if allowed else reason

    link = why(State.REQUESTED, allowed=team)
    if link is None and advice.asked_of is not None:
        link = "An organisation was asked, whose people answer with their accounts."
    asked = "Only who was asked may answer."
    return (
        action("answer", f"{base}/answer", why(State.REQUESTED, allowed=team or adviser, reason=asked)),
        action("reuse", f"{base}/reuse", why(State.OFFERED, allowed=team)),
        action("request", f"{base}/request", why(State.OFFERED, allowed=team)),
        action("cancel", f"{base}/cancel", (None if team else theirs) if advice.is_open else is_),
        action("link", f"{base}/link", link),
    )
