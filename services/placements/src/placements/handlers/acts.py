"""How an act on placements is performed: each in turn at the desk, seen and allowed, a refusal its own."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.errors import Forbidden, NotFound, PreconditionFailed, Refusal

from placements.domain.cases import Case
from placements.domain.placements import OfferState, Placement
from placements.domain.providers import Provider
from placements.handlers.desk import Desk
from placements.policy import is_provider, places_children, sees_request
from placements.store import Tx


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody asks for about a placement. `version` is the one they read, where it matters."""

    placement_id: str
    caller: Caller
    cause: Cause
    version: int | None = None
    #: Providers that it concerns beside those that know of it.
    providers: tuple[str, ...] = ()
    said: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody stands to a placement."""

    case: Case | None
    #: What their organisation is to the case.
    roles: frozenset[str]
    #: The provider that they speak for, among those that were asked.
    provider: Provider | None = None
    #: The same among all that were ever asked.
    was_asked: Provider | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an act; `made` is the id of what it made."""

    placement: Placement
    desk: Desk
    #: How the caller stands to it now: who accepted has become the child's provider, who declined is out.
    after: Standing
    made: str | None = None


#: One act on one placement: the id of what it made, or nothing. Raises the refusal, and then nothing has happened.
Step = Callable[[Desk, Placement, Act, Standing], Awaitable[str | None]]


async def perform(
    acts: Sequence[Act], tx: Tx, step: Step, action: str, *, by_the_asked: bool = False
) -> Sequence[Done | Refusal]:
    """Each act on its placement, in turn; with `by_the_asked` also of those whose offer came to nothing."""
    desk = await Desk.open(tx, [act.placement_id for act in acts], [id for act in acts for id in act.providers])
    standings = await standings_of(desk, acts)
    outcomes: list[Done | Refusal] = []
    read = {id: placement.version for id, placement in desk.placements.items()}
    for n, act in enumerate(acts):
        placement = desk.placements.get(act.placement_id)
        standing = standings[n]
        try:
            asked = by_the_asked and standing.was_asked is not None
            if placement is None or not (asked or may_see(act.caller, standing)):
                raise NotFound
            if act.version is not None and (act.version != read[placement.id] or placement.id in desk.changed):
                raise PreconditionFailed
            made = await step(desk, placement, act, standing)
        except Refusal as refusal:
            outcomes.append(refusal)
            continue
        tx.audit(
            action=action, what="placement", what_id=placement.id, caller=act.caller, case_id=placement.case_id,
            correlation_id=act.cause.correlation_id,
        )  # fmt: skip
        now = desk.placements[placement.id]
        roles = {placement.case_id: set(standing.roles)}
        outcomes.append(Done(now, desk, standing_of(desk, act.caller, now, roles), made))
    await desk.close()
    return outcomes


async def standings_of(desk: Desk, acts: Sequence[Act]) -> list[Standing]:
    """How each caller stands to the placement that they act on."""
    cases_of: dict[str, set[str]] = {}
    for act in acts:
        placement = desk.placements.get(act.placement_id)
        if placement is not None:
            cases_of.setdefault(act.caller.organisation, set()).add(placement.case_id)
    roles = {
        organisation: await desk.tx.participants.roles(cases, organisation, desk.today)
        for organisation, cases in cases_of.items()
    }
    return [
        standing_of(desk, act.caller, desk.placements.get(act.placement_id), roles.get(act.caller.organisation, {}))
        for act in acts
    ]


def standing_of(desk: Desk, caller: Caller, placement: Placement | None, roles: dict[str, set[str]]) -> Standing:
    """How a caller stands to a placement."""
    if placement is None:
        return Standing(None, frozenset())
    return Standing(
        desk.cases.get(placement.case_id),
        frozenset(roles.get(placement.case_id, ())),
        next((p for p in _asked(desk, placement) if is_provider(caller, p)), None),
        next((p for p in _ever_asked(desk, placement) if is_provider(caller, p)), None),
    )


def _asked(desk: Desk, placement: Placement) -> list[Provider]:
    """The providers that may know of it: who takes the child, and before that those with an open offer."""
    if placement.provider_id is not None:
        ids: Collection[str] = (placement.provider_id,)
    else:
        offers = desk.offers.get(placement.id, {}).values()
        ids = {offer.provider_id for offer in offers if offer.state == OfferState.OPEN}
    return [desk.providers[id] for id in sorted(ids) if id in desk.providers]


def _ever_asked(desk: Desk, placement: Placement) -> list[Provider]:
    ids = {offer.provider_id for offer in desk.offers.get(placement.id, {}).values()}
    return [desk.providers[id] for id in sorted(ids) if id in desk.providers]


def may_see(caller: Caller, standing: Standing) -> bool:
    """Whether the caller may know of the placement."""
    return standing.provider is not None or sees_request(caller, standing.case, standing.roles)


def must_place(act: Act, standing: Standing) -> None:
    """Only the cluster that holds the case, or the desk. Raises `Forbidden`."""
    if not places_children(act.caller, standing.case):
        raise Forbidden("Only the cluster that holds the case, or the council's desk, may do this.")


def must_provide(act: Act, standing: Standing, *, or_place: bool = False) -> None:
    """Only the provider that takes the child; with `or_place` also those who placed it. Raises `Forbidden`."""
    if standing.provider is None and not (or_place and places_children(act.caller, standing.case)):
        raise Forbidden("Only the provider's own people may do this.")
