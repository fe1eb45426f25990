"""Who takes part in a case: organisations join in a role and leave it again; nothing is forgotten."""

from collections.abc import Iterable, Sequence
from datetime import date

from schemas.referral import Participant

Participants = tuple[Participant, ...]

#: Roles that work the case, and so read all of it; a referrer reads its own referral and what is common.
WORKING_ROLES = frozenset({"intake", "holder", "receiver"})


def joined(participants: Participants, organisation: str, *, sector: str, role: str, on: date) -> Participants:
    """With this organisation in this role, from today if it was not in it already."""
    if any(p.organisation_id == organisation and p.role == role and p.until is None for p in participants):
        return participants
    others = [p for p in participants if (p.organisation_id, p.role) != (organisation, role)]
    return _sorted([*others, Participant(organisation_id=organisation, sector=sector, role=role, since=on)])


def left(participants: Participants, *, role: str, on: date, organisation: str | None = None) -> Participants:
    """Without whoever is in this role (or only this organisation), from today."""
    return tuple(
        p.model_copy(update={"until": max(on, p.since)})
        if p.role == role and p.until is None and organisation in {None, p.organisation_id}
        else p
        for p in participants
    )


def ended(participants: Participants, *, on: date) -> Participants:
    """The same after everybody has left; who took part stays known."""
    return tuple(p if p.until is not None else p.model_copy(update={"until": max(on, p.since)}) for p in participants)


def present(participants: Iterable[Participant], *, roles: Iterable[str] | None = None) -> tuple[str, ...]:
    """The organisations that take part now, in any role or in one of these, sorted."""
    wanted = None if roles is None else set(roles)
    return tuple(
        sorted({p.organisation_id for p in participants if p.until is None and (wanted is None or p.role in wanted)})
    )


def _sorted(participants: Sequence[Participant]) -> Participants:
    return tuple(sorted(participants, key=lambda p: (p.since, p.role, p.organisation_id)))
