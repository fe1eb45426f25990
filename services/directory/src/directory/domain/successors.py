"""Which school carries on for one that closed: links of the register, and where they lead on a given day."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from directory.domain.extract import Record, Rejection
from directory.domain.register import BadCellError, Columns, day, whole_number_text
from directory.domain.schools import School, Status


@dataclass(frozen=True, slots=True)
class Link:
    """One school carries on for another."""

    urn: str
    successor_urn: str
    #: successor, merged or split.
    kind: str
    since: date | None = None


def link(record: Record, columns: Columns) -> Link | Rejection | None:
    """What a row of a links file says; None for links that are not about carrying on."""
    urn, linked, type_, since = (record.first(columns.links[name]) or "" for name in ("urn", "linked", "type", "since"))
    kind = columns.link_types.get(type_.casefold())
    if kind is None:
        return None
    pair = [whole_number_text(urn), whole_number_text(linked)]
    for name, number in zip(("urn", "linked"), pair, strict=True):
        if not (len(number) == 6 and number.isascii() and number.isdigit()):  # noqa: PLR2004  six digits, everywhere
            return Rejection(record.line, name, "not-a-urn")
    if pair[0] == pair[1]:
        return Rejection(record.line, "linked", "linked-to-itself")
    try:
        from_day = day(since) if since else None
    except BadCellError as bad:
        return Rejection(record.line, "since", str(bad))
    if type_.casefold().startswith("predecessor"):
        pair.reverse()
    return Link(pair[0], pair[1], kind, from_day)


def successions(links: Iterable[Link]) -> dict[str, tuple[Link, ...]]:
    """Links by the school that was left, one for each pair, oldest first.

    A file says most pairs twice, once from each side: with the last day of the one school and the first of
    the other. The later of the two is the day from which the successor teaches.
    """
    pairs: dict[tuple[str, str], Link] = {}
    for said in links:
        pair = (said.urn, said.successor_urn)
        known = pairs.get(pair)
        if known is None or (said.since or date.min) > (known.since or date.min):
            pairs[pair] = said
    by_school: dict[str, list[Link]] = {}
    for one in sorted(pairs.values(), key=_order):
        by_school.setdefault(one.urn, []).append(one)
    return {urn: tuple(found) for urn, found in by_school.items()}


def _order(one: Link) -> tuple[str, date, str]:
    return (one.urn, one.since or date.min, one.successor_urn)


def teaches(school: School, at: date, links: Sequence[Link] = ()) -> bool:
    """Whether a school is open on a day, as far as is known.

    A proposal changes nothing by itself. Of a closed school without a closing date, the day from which
    another carried on is taken as the day after its last.
    """
    if school.opened_on is not None and at < school.opened_on:
        return False
    if school.status is Status.PROPOSED_TO_OPEN:
        return False
    if school.status is not Status.CLOSED:
        return True
    if school.closed_on is not None:
        return at <= school.closed_on
    taken_over = [one.since for one in links if one.since is not None]
    return bool(taken_over) and at < min(taken_over)


def is_to_open(school: School, at: date) -> bool:
    """Whether a school does not teach yet on a day, and means to."""
    if school.status is Status.PROPOSED_TO_OPEN:
        return True
    return school.opened_on is not None and at < school.opened_on and school.status is not Status.CLOSED


@dataclass(frozen=True, slots=True)
class CarriedOn:
    """Where the children of a school are on a day; each tuple in the order in which the links lead there."""

    urn: str
    #: Schools that teach on that day; the school itself when it is open.
    open: tuple[str, ...] = ()
    #: Schools that will carry on and are not open yet.
    to_open: tuple[str, ...] = ()
    #: Schools that a link names and no extract has described.
    undescribed: tuple[str, ...] = ()
    #: Closed schools for which nobody carries on.
    ends: tuple[str, ...] = ()
    #: Every step that was followed, (from, to).
    steps: tuple[tuple[str, str], ...] = ()
    #: Whether a chain came back to a school it had left.
    circular: bool = False

    @property
    def nobody(self) -> bool:
        """Whether the chain is dead: no school, now or to come, is known to carry on."""
        return not (self.open or self.to_open or self.undescribed)


def carried_on_by(
    urn: str, at: date, *, schools: Mapping[str, School], links: Mapping[str, Sequence[Link]]
) -> CarriedOn:
    """Follow the links from a school, breadth first, to every school that teaches on that day.

    Each school is visited once, so that circles end. A school that teaches is followed no further.
    """
    found: dict[str, list[str]] = {"open": [], "to_open": [], "undescribed": [], "ends": []}
    steps: list[tuple[str, str]] = []
    seen = {urn}
    waiting = deque([urn])
    while waiting:
        here = waiting.popleft()
        school = schools.get(here)
        onward = links.get(here, ())
        if school is not None and teaches(school, at, onward):
            found["open"].append(here)
            continue
        if school is not None and is_to_open(school, at):
            found["to_open"].append(here)
            continue
        if not onward:
            found["undescribed" if school is None else "ends"].append(here)
            continue
        for one in sorted(onward, key=_order):
            steps.append((here, one.successor_urn))
            if one.successor_urn not in seen:
                seen.add(one.successor_urn)
                waiting.append(one.successor_urn)
    return CarriedOn(
        urn,
        **{name: tuple(urns) for name, urns in found.items()},
        steps=tuple(steps),
        circular=_go_round(steps),
    )


def _go_round(steps: Sequence[tuple[str, str]]) -> bool:
    """Whether these steps contain a circle: something is left when all that leads nowhere further is taken away."""
    left = set(steps)
    while left:
        leaving = {here for here, _ in left}
        onward = {(here, there) for here, there in left if there in leaving}
        if len(onward) == len(left):
            return True
        left = onward
    return False
