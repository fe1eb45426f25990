"""What people do with advice: give it, use earlier advice again, ask anew, cancel, make a link."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from chassis.errors import Conflict, Forbidden, Invalid, NotFound, Refusal

from assessments.domain import advice as advices
from assessments.domain.advice import Advice, Agreement, Party
from assessments.domain.basis import check_stands
from assessments.handlers import casework
from assessments.handlers.acts import Act, perform, unchanged
from assessments.handlers.assessments import past
from assessments.handlers.desk import Desk, saved
from assessments.policy import check_code, gives_advice, reads, works
from assessments.store import CaseFile, Tx

ADVICE: Final = "advice"


class PartyTwice(Invalid):
    """Each party agrees once."""

    code = "party-twice"


class NotAskedByLink(Conflict):
    """An organisation with accounts is asked: it answers there."""

    code = "not-asked-by-link"


@dataclass(frozen=True, slots=True)
class Answer:
    """What an adviser says."""

    text: str
    #: Their title, where they have no account.
    given_by: str | None = None


@dataclass(frozen=True, slots=True)
class Reuse:
    """Who says that earlier advice suffices, or does not."""

    agreements: tuple[tuple[str, bool, str, date], ...]


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link by its digest: the token itself never comes here."""

    id: str
    digest: bytes
    expires_at: datetime


def found(desk: Desk, act: Act) -> Advice:
    """The advice that an act names, as it was read; only to be cancelled once it rests on nothing."""
    advice = _as_read(desk, act)
    check_stands(advice.basis_ended_on)
    return advice


def _as_read(desk: Desk, act: Act) -> Advice:
    advice = desk.work.advice[act.id]
    unchanged(desk, advice, act)
    return advice


def _by_adviser(desk: Desk, case: CaseFile, act: Act) -> None:
    """For those who were asked, and those who work the case and write down what they were told."""
    standing = desk.standing(case)
    advice = desk.work.advice[act.id]
    if not (gives_advice(act.caller, advice.asked_of) or works(act.caller, standing)):
        raise Forbidden("Only who was asked may answer.") if reads(act.caller, standing) else NotFound


async def answer_advice(acts: Sequence[Act], tx: Tx) -> Sequence[object]:
    """An adviser answers."""

    def step(desk: Desk, case: CaseFile, act: Act) -> Advice:
        return _answer(desk, case, found(desk, act), act, by=act.caller.subject)

    return await perform(acts, tx, step, what=ADVICE, action="advice-given", check=_by_adviser)


async def answer_by_link(acts: Sequence[Act], tx: Tx) -> Sequence[object]:
    """Somebody without an account answers. `id` is the hexadecimal digest of the token; the link opens once."""
    links = await tx.texts.links([bytes.fromhex(act.id) for act in acts])
    desk = await Desk.open(tx, {link.case_id for link in links.values()})
    # Once more under the lock: of two answers that came together one is first.
    links = await tx.texts.links(list(links))
    outcomes: list[object] = []
    for act in acts:
        link = links.pop(bytes.fromhex(act.id), None)
        case = desk.cases.get(link.case_id) if link else None
        try:
            if link is None or case is None or case.closed:
                raise NotFound
            advice = desk.work.advice[link.advice_id]
            if advice.state is not advices.State.REQUESTED or advice.basis_ended_on is not None:
                raise NotFound
            with desk.trying():
                outcomes.append(_answer(desk, case, advice, act, by=act.said.given_by or ""))
        except Refusal as refusal:
            outcomes.append(refusal)
            continue
        tx.audit(
            action="advice-given-by-link",
            what=ADVICE,
            what_id=link.advice_id,
            caller=None,
            case_id=case.id,
            reason=link.id,
            correlation_id=act.cause.correlation_id,
        )
    await desk.close()
    return outcomes


def _answer(desk: Desk, case: CaseFile, advice: Advice, act: Act, *, by: str) -> Advice:
    said: Answer = act.said
    step = advices.answer(advice, on=desk.today)
    desk.keep_advice(step.advice)
    desk.say(step.events, act.cause)
    desk.work.answers.append((advice.id, case.id, said.text, by))
    desk.work.answered.append(advice.id)
    casework.meet_clocks(desk, case.id, advice.id, desk.today, act.cause)
    return saved(step.advice)


async def reuse_advice(acts: Sequence[Act], tx: Tx) -> Sequence[object]:
    """Giver, council or parent say that earlier advice suffices; with all three it serves again, without: ask anew."""

    def step(desk: Desk, case: CaseFile, act: Act) -> Advice:
        said: Reuse = act.said
        advice = found(desk, act)
        parties = [party for party, _, _, _ in said.agreements]
        if len(set(parties)) != len(parties):
            raise PartyTwice("Name each party once.", pointer="/agreements")
        for n, (_, _, _, on) in enumerate(said.agreements):
            past(desk, on, f"/agreements/{n}/agreed_on")
        agreed = [Agreement(Party(party), by, on) for party, agrees, by, on in said.agreements if agrees]
        change = advices.agree(advice, agreed)
        if len(agreed) < len(said.agreements):
            return saved(casework.request(desk, case, advice, act.cause))
        desk.keep_advice(change.advice)
        desk.say(change.events, act.cause)
        return saved(change.advice)

    return await perform(acts, tx, step, what=ADVICE, action="reuse-agreed")


async def request_advice(acts: Sequence[Act], tx: Tx) -> Sequence[object]:
    """Earlier advice was offered and does not suffice: the discipline is asked after all."""

    def step(desk: Desk, case: CaseFile, act: Act) -> Advice:
        return saved(casework.request(desk, case, found(desk, act), act.cause))

    return await perform(acts, tx, step, what=ADVICE, action="advice-asked")


async def cancel_advice(acts: Sequence[Act], tx: Tx) -> Sequence[object]:
    """Advice is no longer needed."""

    def step(desk: Desk, _: CaseFile, act: Act) -> Advice:
        advice = _as_read(desk, act)
        check_code("advice-cancellations", act.said, on=desk.today, pointer="/reason")
        return saved(casework.cancel_advice(desk, advice, act.said, act.cause))

    return await perform(acts, tx, step, what=ADVICE, action="advice-cancelled")


async def make_links(acts: Sequence[Act], tx: Tx) -> Sequence[object]:
    """A way to answer without an account; one that was made before no longer opens."""

    def step(desk: Desk, case: CaseFile, act: Act) -> Advice:
        said: NewLink = act.said
        advice = found(desk, act)
        if advice.state is not advices.State.REQUESTED:
            raise advices.AdviceIsOver(f"The advice is {advice.state}: there is nothing to answer.")
        if advice.asked_of is not None:
            raise NotAskedByLink("An organisation was asked, whose people answer with their accounts.")
        desk.work.links.append(
            {
                "id": said.id,
                "advice_id": advice.id,
                "case_id": case.id,
                "digest": said.digest,
                "made_by": act.caller.subject,
                "made_at": tx.now,
                "expires_at": said.expires_at,
                "ended_at": None,
            }
        )
        desk.keep_advice(advice)
        return saved(advice)

    return await perform(acts, tx, step, what=ADVICE, action="link-made")
