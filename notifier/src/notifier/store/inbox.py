"""Whom facts were for (addresses), who was told (the inbox), and the letters and tasks that follow from it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from chassis.clock import new_id
from chassis.transaction import Transaction

from notifier.domain.facts import Fact
from notifier.domain.planning import COUNCIL, Case, Place, Told
from notifier.domain.rules import Rule
from notifier.tables import address, letter_item, notification

#: An address that may still find somebody: recent, or unclaimed; of a case that is open.
_OPEN: Final = """
FROM address a JOIN case_file f USING (case_id)
WHERE (a.place = ANY($1::text[]) OR ($2 AND a.rung IS NULL)) AND (a.at >= $3 OR a.rung IS DISTINCT FROM 0)
  AND f.closed_at IS NULL AND f.reference IS NOT NULL AND a.cleared_at IS NULL
"""

_CLEAR: Final = """
WITH e AS (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
                         AS i(case_id, about, rule, because, at)),
moot AS (UPDATE notification n SET cleared_at = e.at, cleared_because = e.because FROM e
         WHERE n.case_id = e.case_id AND n.rule = e.rule AND (e.about IS NULL OR n.about = e.about)
         AND n.cleared_at IS NULL RETURNING n.id),
unsent AS (DELETE FROM letter_item i USING moot WHERE i.notification_id = moot.id AND i.letter_id IS NULL),
rooms AS (DELETE FROM letter_item i USING address a, e WHERE i.letter_id IS NULL
          AND i.notification_id = a.event_id || '@' || a.place AND a.case_id = e.case_id AND a.rule = e.rule
          AND i.rule = a.rule AND (e.about IS NULL OR a.about = e.about))
UPDATE address a SET cleared_at = e.at FROM e
WHERE a.case_id = e.case_id AND a.rule = e.rule AND (e.about IS NULL OR a.about = e.about) AND a.cleared_at IS NULL
"""
_CLAIM: Final = """
WITH c AS (SELECT n.id, n.person_id, n.event_id, n.place, i.take
           FROM unnest($1::text[], $2::text[], $3::bool[]) AS i(id, person_id, take)
           JOIN notification n ON n.id = i.id AND n.person_id = i.person_id),
mine AS (SELECT DISTINCT ON (event_id, place) * FROM c ORDER BY event_id, place, id),
held AS (SELECT n.id FROM notification n JOIN mine USING (event_id, place) ORDER BY n.id FOR UPDATE OF n),
done AS (UPDATE notification n SET claimed_by = CASE WHEN mine.take THEN mine.person_id END,
                                   claimed_at = CASE WHEN mine.take THEN $4::timestamptz END
         FROM mine WHERE n.event_id = mine.event_id AND n.place = mine.place AND n.id IN (SELECT id FROM held)
         AND (n.claimed_by IS NULL OR n.claimed_by = mine.person_id)
         RETURNING n.id, n.person_id)
SELECT id, person_id FROM done JOIN c USING (id, person_id)
"""
#: Why a line is cleared whose case is somebody else's.
MOVED: Final = "moved"


@dataclass(frozen=True, slots=True)
class Item:
    """One person's row in the inbox, and what leaves the house with it."""

    event_id: str
    person_id: str
    case_id: str
    reference: str
    place: str
    rule: str
    text: str
    urgent: bool
    at: datetime
    correlation_id: str
    #: The subject of what leaves.
    subject: str
    why: str
    language: str
    about: str | None = None
    covers: str | None = None
    wakes: bool = False
    #: Channel -> when it may leave by it.
    leaving: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kept:
    """An address as it was kept."""

    fact: Fact
    rule: str
    place: Place
    urgency: str | None
    about: str | None
    case: Case
    rung: int | None
    correlation_id: str

    @property
    def position(self) -> tuple[str, str, str, str]:
        """Where it stands among the others, for going on after it."""
        return self.fact.at.isoformat(), self.fact.event_id, self.rule, self.place.key


class Inbox:
    """Repository of addresses and of what people were told."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def note(self, told: Iterable[tuple[Told, str | None, str]]) -> None:
        """Keep whom facts were for and who stood in: (what was found, the case's urgency, correlation id)."""
        await self._tx.insert(
            address,
            [
                {
                    "event_id": t.address.fact.event_id,
                    "rule": t.address.rule.id,
                    "place": t.address.place.key,
                    "event_type": t.address.fact.type,
                    "case_id": t.address.fact.case_id,
                    "at": t.address.fact.at,
                    "case_urgency": urgency,
                    "actor": t.address.fact.actor,
                    "due": t.address.fact.due,
                    "rung": t.rung,
                    "correlation_id": correlation_id,
                    "about": about_of(t.address.rule, t.address.fact),
                }
                for t, urgency, correlation_id in told
            ],
            conflict=("event_id", "rule", "place"),
            update=("rung",),
        )

    async def put(self, items: Iterable[Item]) -> list[tuple[Item, str]]:
        """Tell people, each of each fact once, whatever comes twice. Returns what was new, each with its id."""
        rows = sorted(items, key=lambda item: (item.event_id, item.person_id))
        ids = {(item.event_id, item.person_id): new_id() for item in rows}
        written = await self._tx.insert(
            notification,
            [
                {
                    "id": ids[item.event_id, item.person_id],
                    "event_id": item.event_id,
                    "person_id": item.person_id,
                    "case_id": item.case_id,
                    "reference": item.reference,
                    "place": item.place,
                    "rule": item.rule,
                    "text": item.text,
                    "urgent": item.urgent,
                    "at": item.at,
                    "told_at": self._tx.now,
                    "about": item.about,
                    "why": item.why,
                    "covers": item.covers,
                }
                for item in rows
            ],
            conflict=("event_id", "person_id"),
            returning=("event_id", "person_id"),
        )
        new = {(row["event_id"], row["person_id"]) for row in written}
        told = [(item, ids[key]) for item in rows if (key := (item.event_id, item.person_id)) in new]
        known = [item for item in rows if (item.event_id, item.person_id) not in new]
        await self.leave(told + (await self._tell_again(known) if known else []))
        return told

    async def _tell_again(self, items: Sequence[Item]) -> list[tuple[Item, str]]:
        """Lines that had moved on to others and are for these people after all."""
        written = await self._tx.rows(
            "UPDATE notification n SET cleared_at = NULL, cleared_because = NULL, read_at = NULL, delivered_at = NULL,"
            " place = i.place, rule = i.rule, text = i.text, why = i.why, told_at = $7"
            " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])"
            " AS i(event_id, person_id, place, rule, text, why)"
            " WHERE n.event_id = i.event_id AND n.person_id = i.person_id AND n.cleared_because = $8"
            " RETURNING n.event_id, n.person_id, n.id",
            *_columns([(i.event_id, i.person_id, i.place, i.rule, i.text, i.why) for i in items], 6),
            self._tx.now, MOVED,
        )  # fmt: skip
        ids = {(row["event_id"], row["person_id"]): row["id"] for row in written}
        return [(item, ids[key]) for item in items if (key := (item.event_id, item.person_id)) in ids]

    async def leave(self, told: Sequence[tuple[Item, str]]) -> None:
        """What leaves the house with these lines: (item, the line's id; for a team's room, one for the fact)."""
        await self._tx.insert(
            letter_item,
            [
                {
                    "notification_id": id,
                    "channel": channel,
                    "person_id": item.person_id,
                    "case_id": item.case_id,
                    "rule": item.rule,
                    "language": item.language,
                    "subject": item.subject,
                    "text": item.text,
                    "urgent": item.urgent,
                    "wakes": item.wakes,
                    "at": item.at,
                    "leaves_at": leaves_at,
                    "correlation_id": item.correlation_id,
                }
                for item, id in told
                for channel, leaves_at in item.leaving.items()
            ],
            conflict=("notification_id", "channel"),
        )

    async def clear(self, ended: Sequence[tuple[str, str | None, Sequence[str], str, datetime]]) -> None:
        """Messages have lost their reason: (case, what they are about or None for all, rules, why, when).

        What has not left the house yet does not leave any more.
        """
        flat = [(*e[:2], rule, *e[3:]) for e in ended for rule in e[2]]
        await self._tx.rows(_CLEAR, *_columns(flat, 5))

    async def open_tasks(self, kind: str, tasks: Iterable[tuple[str, str, str | None, str | None]]) -> None:
        """Ask the intake desk to put something right: (about, reason, case, person). Open ones stay as they are."""
        await self._tx.rows(
            "INSERT INTO task AS t (id, kind, about, reason, case_id, person_id, opened_at)"
            " SELECT id, $1, about, reason, case_id, person_id, $2"
            " FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[])"
            " AS i(about, reason, case_id, person_id, id) ORDER BY about"
            " ON CONFLICT (kind, about) DO UPDATE SET done_at = NULL, done_by = NULL, opened_at = excluded.opened_at"
            " WHERE t.done_at IS NOT NULL",
            kind, self._tx.now, *_columns([(*t, new_id()) for t in sorted(set(tasks), key=str)], 5),
        )  # fmt: skip

    async def close_tasks(self, kind: str, about: Collection[str]) -> None:
        """Nothing has to be put right any more."""
        await self._tx.rows(
            "UPDATE task SET done_at = $3 WHERE kind = $1 AND about = ANY($2::text[]) AND done_at IS NULL",
            kind, list(about), self._tx.now,
        )  # fmt: skip

    async def still_open(self, place: Place, *, since: datetime, after: Sequence[str] | None, limit: int) -> list[Kept]:
        """The facts at a place that a newcomer must hear of, oldest first, from a position on."""
        start = (datetime.fromisoformat(after[0]), *after[1:]) if after else (since - timedelta(days=36500), "", "", "")
        rows = await self._tx.rows(
            "SELECT a.*, f.reference, f.urgency, f.cluster_id, f.closed_at"
            f" {_OPEN} AND (a.at, a.event_id, a.rule, a.place) > ($4, $5, $6, $7)"
            " ORDER BY a.at, a.event_id, a.rule, a.place LIMIT $8",
            [place.key], place == COUNCIL, since, *start, limit,
        )  # fmt: skip
        return [_kept(row) for row in rows]

    async def since_held(self, held: Mapping[str, tuple[Place, datetime]], rules: Collection[str]) -> list[Kept]:
        """Facts by these rules that happened since somebody else holds their case, but were for who held it before."""
        rows = await self._tx.rows(
            "SELECT a.*, f.reference, f.urgency, f.cluster_id FROM address a JOIN case_file f USING (case_id)"
            " JOIN unnest($1::text[], $2::text[], $3::timestamptz[]) AS h(case_id, place, at) USING (case_id)"
            " WHERE a.rule = ANY($4::text[]) AND a.place <> h.place AND a.at > h.at AND a.cleared_at IS NULL"
            " AND f.closed_at IS NULL AND f.reference IS NOT NULL ORDER BY a.at, a.event_id, a.rule, a.place",
            list(held), [place.key for place, _ in held.values()], [at for _, at in held.values()], list(rules),
        )  # fmt: skip
        return [_kept(row) for row in rows]

    async def addressed(self, events: Collection[str]) -> list[Kept]:
        """Everybody whom these facts are still for."""
        rows = await self._tx.rows(
            "SELECT a.*, f.reference, f.urgency, f.cluster_id FROM address a JOIN case_file f USING (case_id)"
            " WHERE a.event_id = ANY($1::text[]) AND a.cleared_at IS NULL AND f.reference IS NOT NULL"
            " ORDER BY a.at, a.event_id, a.rule, a.place",
            list(events),
        )
        return [_kept(row) for row in rows]

    async def hand_on(self, moved: Sequence[tuple[str, str, str]], at: datetime) -> None:
        """Facts are for others now: (fact, rule, the place that it is for no more)."""
        await self._tx.rows(
            "WITH e AS (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS i(event_id, rule, place)),"
            " moot AS (UPDATE notification n SET cleared_at = $4, cleared_because = $5 FROM e"
            "  WHERE n.event_id = e.event_id AND n.rule = e.rule AND n.place = e.place AND n.cleared_at IS NULL"
            "  RETURNING n.id),"
            " unsent AS (DELETE FROM letter_item i USING moot"
            "  WHERE i.notification_id = moot.id AND i.letter_id IS NULL),"
            " rooms AS (DELETE FROM letter_item i USING e WHERE i.letter_id IS NULL"
            "  AND i.notification_id = e.event_id || '@' || e.place AND i.rule = e.rule)"
            " UPDATE address a SET cleared_at = $4 FROM e"
            " WHERE a.event_id = e.event_id AND a.rule = e.rule AND a.place = e.place",
            *_columns(moved, 3), at, MOVED,
        )  # fmt: skip

    async def unclaimed(self, abouts: Collection[str]) -> set[str]:
        """Which of these places (by key) still have a fact of an open case that nobody in the role has heard of."""
        rows = await self._tx.rows(
            "SELECT DISTINCT a.place FROM address a JOIN case_file f USING (case_id)"
            " WHERE a.place = ANY($1::text[]) AND a.rung IS DISTINCT FROM 0 AND f.closed_at IS NULL",
            list(abouts),
        )
        return {row["place"] for row in rows}

    async def unread(self, event_id: str, rule: str, place: str) -> bool:
        """Whether nobody has read or claimed what was told at an address, and it still counts."""
        rows = await self._tx.rows(
            "SELECT 1 FROM address a JOIN case_file f USING (case_id) WHERE a.event_id = $1 AND a.rule = $2"
            " AND a.place = $3 AND a.cleared_at IS NULL AND f.closed_at IS NULL AND f.reference IS NOT NULL"
            " AND NOT EXISTS (SELECT 1 FROM notification n WHERE n.event_id = a.event_id AND n.place = a.place"
            "  AND (n.delivered_at IS NOT NULL OR n.claimed_at IS NOT NULL OR n.cleared_at IS NOT NULL))",
            event_id, rule, place,
        )  # fmt: skip
        return bool(rows)

    async def address(self, event_id: str, rule: str, place: str) -> Kept | None:
        """An address of a case that is known."""
        rows = await self._tx.rows(
            "SELECT a.*, f.reference, f.urgency, f.cluster_id FROM address a JOIN case_file f USING (case_id)"
            " WHERE a.event_id = $1 AND a.rule = $2 AND a.place = $3 AND f.reference IS NOT NULL",
            event_id, rule, place,
        )  # fmt: skip
        return _kept(rows[0]) if rows else None

    async def claim(self, claims: Sequence[tuple[str, str, bool]]) -> set[tuple[str, str]]:
        """See to something, or give it back: (line, person, whether). Returns the lines of whom it is now so.

        Who claims a line claims it for all who were told of the fact at the same place; nobody takes it from them.
        """
        rows = await self._tx.rows(_CLAIM, *_columns(claims, 3), self._tx.now)
        return {(row["id"], row["person_id"]) for row in rows}

    async def release(self, people: Collection[str]) -> None:
        """What these people had claimed goes back to the others."""
        await self._tx.rows(
            "UPDATE notification SET claimed_by = NULL, claimed_at = NULL"
            " WHERE claimed_by = ANY($1::text[]) AND cleared_at IS NULL",
            list(people),
        )

    async def cases_of(self, ids: Collection[str]) -> dict[str, str]:
        """Inbox row -> its case."""
        rows = await self._tx.rows("SELECT id, case_id FROM notification WHERE id = ANY($1::text[])", list(ids))
        return {row["id"]: row["case_id"] for row in rows}

    async def mark(self, marks: Sequence[tuple[str, str, bool]]) -> dict[tuple[str, str], bool]:
        """Mark rows (id, person, read). Returns those that are this person's; true: read for the first time ever."""
        rows = await self._tx.rows(
            "WITH m AS (SELECT n.id, n.delivered_at IS NULL AND i.read AS first, i.read"
            " FROM unnest($1::text[], $2::text[], $3::bool[]) AS i(id, person_id, read)"
            " JOIN notification n ON n.id = i.id AND n.person_id = i.person_id ORDER BY n.id FOR UPDATE OF n)"
            " UPDATE notification n SET read_at = CASE WHEN m.read THEN coalesce(n.read_at, $4) END,"
            " delivered_at = CASE WHEN m.first THEN $4 ELSE n.delivered_at END FROM m WHERE n.id = m.id"
            " RETURNING n.id, n.person_id, m.first",
            *_columns(marks, 3), self._tx.now,
        )  # fmt: skip
        return {(row["id"], row["person_id"]): row["first"] for row in rows}


def _columns(rows: Sequence[tuple[object, ...]], count: int) -> list[list[object]]:
    return [[row[n] for row in rows] for n in range(count)]


def about_of(rule: Rule, fact: Fact) -> str | None:
    """What a message by this rule is about."""
    if rule.about is None:
        return None
    value = fact.said.get(rule.about)
    return str(value) if value is not None else None


def _kept(row: Any) -> Kept:
    return Kept(
        fact=Fact(
            event_id=row["event_id"],
            type=row["event_type"],
            case_id=row["case_id"],
            at=row["at"],
            actor=row["actor"],
            due=row["due"],
        ),
        rule=row["rule"],
        place=Place.from_key(row["place"]),
        urgency=row["case_urgency"],
        about=row["about"],
        case=Case(row["case_id"], row["reference"], row["urgency"], row["cluster_id"]),
        rung=row["rung"],
        correlation_id=row["correlation_id"],
    )
