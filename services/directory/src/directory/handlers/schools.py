"""What the register says of schools and of the links between them, put to what is known."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from chassis.cause import Cause
from schemas.directory import Successor

from directory.domain import people
from directory.domain.people import Organisation
from directory.domain.schools import School, Statement, Told, announcement, hand_down, is_news, tell
from directory.domain.successors import Link
from directory.store import DatedLink, Tx

SECTOR: Final = "education"
KIND: Final = "school"
#: The longest line of schools that took over from each other; the real ones have three or four.
LONGEST_LINE: Final = 12


@dataclass(slots=True)
class _Work:
    """Schools as they were and as they will be, with the links that lead on from them."""

    before: dict[str, School] = field(default_factory=dict)
    after: dict[str, School] = field(default_factory=dict)
    links_before: dict[str, tuple[Successor, ...]] = field(default_factory=dict)
    links_after: dict[str, tuple[Successor, ...]] = field(default_factory=dict)


async def tell_schools(statements: Sequence[Statement], tx: Tx, *, as_of: date, cause: Cause) -> list[Told | str]:
    """The register said this of these schools, each named once: keep it, and say what is news.

    Answers for each statement what it did, or the name of the field without which it makes no school.
    """
    urns = [statement.urn for statement in statements]
    await tx.schools.keep_out_others()
    await tx.lock_subjects(urns)
    known = await tx.schools.known(urns)
    work = _Work(before=dict(known), after=dict(known))
    outcomes: list[Told | str] = []
    for statement in statements:
        outcome = tell(known.get(statement.urn), statement, as_of)
        outcomes.append(outcome)
        if isinstance(outcome, Told) and outcome.stored:
            work.after[statement.urn] = outcome.school
    touched = [urn for urn in urns if work.after.get(urn) != known.get(urn)]
    await _hand_down(tx, work, touched)
    await _finish(tx, work, cause)
    return outcomes


@dataclass(frozen=True, slots=True)
class Linked:
    """What a statement about a school's successors did."""

    urn: str
    changed: bool
    new: bool
    older: bool


async def link_schools(stated: Mapping[str, Sequence[Link]], tx: Tx, *, as_of: date, cause: Cause) -> list[Linked]:
    """The register said that exactly these links lead on from these schools."""
    await tx.schools.keep_out_others()
    await tx.lock_subjects(stated)
    known = await tx.successors.onward(stated)
    work = _Work()
    outcomes: list[Linked] = []
    fresh: list[DatedLink] = []
    for urn, links in stated.items():
        was = known.get(urn, ())
        older = any(dated.as_of > as_of for dated in was)
        changed = not older and {dated.link for dated in was} != set(links)
        outcomes.append(Linked(urn, changed, changed and not was, older))
        if not older:
            fresh += [DatedLink(link, as_of) for link in links]
        if changed:
            work.links_before[urn] = _as_successors(dated.link for dated in was)
            work.links_after[urn] = _as_successors(links)
    await tx.successors.replace([o.urn for o in outcomes if not o.older], fresh)
    changed_urns = [o.urn for o in outcomes if o.changed]
    involved = {link.successor_urn for urn in changed_urns for link in stated[urn]} | set(changed_urns)
    schools = await tx.schools.known(involved)
    work.before, work.after = dict(schools), dict(schools)
    await _hand_down(tx, work, sorted(involved))
    await _finish(tx, work, cause)
    return outcomes


async def _hand_down(tx: Tx, work: _Work, touched: Iterable[str]) -> None:
    """Let schools have from those before them what no extract has said, along the whole line."""
    waiting = set(touched)
    for _ in range(LONGEST_LINE):
        onward = await tx.successors.onward(waiting)
        waiting |= {dated.link.successor_urn for links in onward.values() for dated in links}
        leading = await tx.successors.leading_to(waiting)
        if not leading:
            return
        await _fetch(tx, work, {dated.link.urn for links in leading.values() for dated in links} | waiting)
        changed = set()
        for urn, links in leading.items():
            school = work.after.get(urn)
            if school is None:
                continue
            line = [work.after[dated.link.urn] for dated in links if dated.link.urn in work.after]
            richer = hand_down(school, line)
            if richer != school:
                work.after[urn] = richer
                changed.add(urn)
        waiting = changed
        if not waiting:
            return


async def _fetch(tx: Tx, work: _Work, urns: Iterable[str]) -> None:
    missing = set(urns) - work.after.keys()
    if missing:
        found = await tx.schools.known(missing)
        work.before |= found
        work.after |= found


async def _finish(tx: Tx, work: _Work, cause: Cause) -> None:
    """Store what differs, the schools' organisations with it, and say what others need to hear."""
    stored = [
        replace(after, version=work.before[urn].version + 1 if urn in work.before else 1)
        for urn, after in sorted(work.after.items())
        if after != work.before.get(urn)
    ]
    await tx.schools.save(stored)
    await _follow(tx, stored, cause)
    speaking = {school.urn: school for school in stored}
    speaking |= {urn: work.after[urn] for urn in work.links_after if urn in work.after and urn not in speaking}
    others = await tx.successors.onward(speaking.keys() - work.links_after.keys())
    for urn, school in sorted(speaking.items()):
        now = work.links_after.get(urn)
        if now is None:
            now = _as_successors(dated.link for dated in others.get(urn, ()))
        was = work.before.get(urn)
        before = announcement(was, work.links_before.get(urn, now)) if was is not None else None
        after = announcement(school, now)
        if is_news(before, after):
            tx.emit(after, cause)


async def _follow(tx: Tx, schools: Sequence[School], cause: Cause) -> None:
    """Every school is an organisation too: as active and of the same name."""
    ids = [school.organisation_id for school in schools]
    await tx.lock_subjects(ids)
    known = await tx.organisations.known(ids)
    changed = []
    for school in schools:
        was = known.get(school.organisation_id)
        now = Organisation(school.organisation_id, school.name, SECTOR, KIND, school.active, was.version if was else 1)
        if now != was:
            changed.append(replace(now, version=was.version + 1 if was else 1))
    await tx.organisations.save(changed)
    for organisation in changed:
        tx.emit(people.announce_organisation(organisation), cause)


def _as_successors(links: Iterable[Link]) -> tuple[Successor, ...]:
    ordered = sorted(links, key=lambda link: (link.since or date.min, link.successor_urn))
    return tuple(Successor(school_urn=link.successor_urn, since=link.since) for link in ordered)
