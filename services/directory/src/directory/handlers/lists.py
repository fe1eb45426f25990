"""People and roles from an operator's list."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from chassis.cause import Cause

from directory.domain.duty import Role
from directory.domain.extract import Rejection
from directory.domain.lists import Listed
from directory.domain.people import Person, announce_person, announce_role, held_already
from directory.domain.schools import Outcome
from directory.store import Tx


@dataclass(frozen=True, slots=True)
class Taken:
    """What a row of the list did: to the person, and to the role it named."""

    person_id: str
    person: Outcome
    role: Outcome | None


async def list_people(
    rows: Sequence[Listed], tx: Tx, *, cause: Cause, new_id: Callable[[], str]
) -> list[Taken | Rejection]:
    """An operator's list says this of people and their roles.

    A person is known by the id that the list gives, or else by their work e-mail; a role by person, organisation, role,
    cluster and first day. Whom or what the list leaves out stays as it is: a role ends by its last day.
    """
    desk = await _Desk.open(rows, tx, new_id)
    outcomes = [desk.take(row) for row in rows]
    people = [p for p in desk.people.values() if p != desk.people_before.get(p.id)]
    roles = [r for r in desk.roles.values() if r != desk.roles_before.get(r.id)]
    people = [_next(p, desk.people_before.get(p.id)) for p in people]
    roles = [_next_role(r, desk.roles_before.get(r.id)) for r in roles]
    await tx.people.save(people)
    await tx.people.save_roles(roles)
    for person in people:
        tx.emit(announce_person(person), cause)
        tx.audit(action="imported", what="person", what_id=person.id, caller=None)
    for role in roles:
        tx.emit(announce_role(role), cause)
        tx.audit(action="imported", what="role", what_id=role.id, caller=None)
    return outcomes


def _next(person: Person, was: Person | None) -> Person:
    return replace(person, version=was.version + 1 if was else 1)


def _next_role(role: Role, was: Role | None) -> Role:
    return replace(role, version=was.version + 1 if was else 1)


class _Desk:
    """What is known of those whom a list names, and what becomes of it row by row."""

    def __init__(
        self, sectors: dict[str, str], people: list[Person], roles: list[Role], new_id: Callable[[], str]
    ) -> None:
        self.sectors = sectors
        self.people = {person.id: person for person in people}
        self.roles = {role.id: role for role in roles}
        self.people_before = dict(self.people)
        self.roles_before = dict(self.roles)
        self._by_email = {self._address(person): person.id for person in people if person.email}
        self._new_id = new_id

    @classmethod
    async def open(cls, rows: Sequence[Listed], tx: Tx, new_id: Callable[[], str]) -> "_Desk":
        """Fetch and hold everything that the rows may touch."""
        held = await tx.organisations.held(row.person.organisation_id for row in rows)
        named = await tx.people.known(row.person.id for row in rows if row.person.id)
        by_email = await tx.people.by_email(
            (row.person.organisation_id, row.person.email) for row in rows if row.person.email
        )
        people = {person.id: person for person in (*named.values(), *by_email.values())}
        roles = await tx.people.roles_of(people)
        return cls(
            {organisation.id: organisation.sector for organisation in held.values()},
            list(people.values()),
            [role for found in roles.values() for role in found],
            new_id,
        )

    def take(self, row: Listed) -> Taken | Rejection:
        """Put one row to what is known."""
        organisation = row.person.organisation_id
        if organisation not in self.sectors:
            return Rejection(row.line, "organisation", "organisation-unknown")
        holder = self._by_email.get(self._address(row.person)) if row.person.email else None
        id = row.person.id or holder or self._new_id()
        if holder is not None and holder != id:
            return Rejection(row.line, "email", "email-in-use")
        was = self.people.get(id)
        if was is not None and was.organisation_id != organisation:
            return Rejection(row.line, "organisation", "person-of-another-organisation")
        role = self._role(row, id)
        if isinstance(role, Rejection):
            return role
        now = replace(row.person, id=id, version=was.version if was else 1)
        self.people[id] = now
        if now.email:
            self._by_email[self._address(now)] = id
        if role is None:
            return Taken(id, _outcome(was, now), None)
        role_was = self.roles.get(role.id)
        self.roles[role.id] = role
        return Taken(id, _outcome(was, now), _outcome(role_was, role))

    def _role(self, row: Listed, person_id: str) -> Role | Rejection | None:
        if row.role is None:
            return None
        sector = self.sectors[row.person.organisation_id]
        theirs = [role for role in self.roles.values() if role.person_id == person_id]
        asked = replace(row.role, person_id=person_id, sector=sector)
        same = next((role for role in theirs if _key(role) == _key(asked)), None)
        asked = replace(asked, id=same.id if same else self._new_id(), version=same.version if same else 1)
        if held_already(asked, theirs):
            return Rejection(row.line, "since", "role-held-already")
        return asked

    @staticmethod
    def _address(person: Person) -> tuple[str, str]:
        return (person.organisation_id, (person.email or "").lower())


def _key(role: Role) -> tuple[object, ...]:
    return (role.organisation_id, role.role, role.cluster_id, role.since)


def _outcome(was: object, now: object) -> Outcome:
    return Outcome.NEW if was is None else Outcome.UNCHANGED if was == now else Outcome.CHANGED
