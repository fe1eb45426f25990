"""Who may be whom: fingerprints with their locks, and the questions that people answer."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chassis.transaction import Transaction

from referral_api.domain.content import child_of
from referral_api.domain.identity import Described, Rules
from referral_api.domain.matching import Known
from referral_api.tables import fingerprint, possible_match

#: One answer, so that thousands of locks do not come back as rows. Taken in the array's order.
_LOCK: Final = "SELECT count(pg_advisory_xact_lock(n)) FROM unnest($1::bigint[]) AS n"
#: Every child that shares a fingerprint, and which. One that hundreds share tells nobody apart; who is meant shares
#: others, too.
_MET: Final = """
SELECT m.child_id, array_agg(DISTINCT n) AS numbers FROM unnest($1::bigint[]) AS n CROSS JOIN LATERAL (
  SELECT r.child_id FROM fingerprint f JOIN referral r USING (referral_id) WHERE f.number = n LIMIT 300
) m GROUP BY m.child_id
"""
#: Everything that was said of them.
_SAID: Final = """
SELECT child_id, content -> 'child' AS child FROM referral WHERE child_id = ANY($1::text[])
ORDER BY child_id, submitted_at, referral_id
"""
_APART: Final = """
SELECT child_id, other_child_id FROM possible_match
WHERE status = 'different' AND child_id = ANY($1::text[]) AND other_child_id = ANY($1::text[])
"""
#: Questions about $1 become questions about $2, unless the same pair has been asked about already.
_REPOINT: Final = """
UPDATE possible_match p SET child_id = least(n.other, $2), other_child_id = greatest(n.other, $2)
FROM (
  SELECT match_id, CASE WHEN child_id = $1 THEN other_child_id ELSE child_id END AS other
  FROM possible_match WHERE $1 IN (child_id, other_child_id)
) n
WHERE p.match_id = n.match_id AND n.other <> $2 AND NOT EXISTS (
  SELECT 1 FROM possible_match q WHERE q.child_id = least(n.other, $2) AND q.other_child_id = greatest(n.other, $2)
)
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question whether two children are one, and whether somebody has answered it."""

    match_id: str
    child_id: str
    other_child_id: str
    status: str


@dataclass(frozen=True, slots=True)
class NewQuestion:
    """A question to be asked of a person."""

    match_id: str
    child_id: str
    other_child_id: str
    matched_by: str
    weight: int
    levels: Mapping[str, str]


class Identities:
    """Repository of fingerprints and possible matches."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def lock(self, prints: Iterable[int]) -> None:
        """Keep everybody else from deciding about whoever shares one of these until the transaction ends."""
        numbers = sorted(set(prints))
        if numbers:
            await self._tx.rows(_LOCK, numbers)

    async def known(self, prints: Iterable[int], rules: Rules) -> Known:
        """Every child that shares one of these fingerprints, with all that anybody said of it."""
        met = {row["child_id"]: row["numbers"] for row in await self._tx.rows(_MET, sorted(set(prints)))}
        children = sorted(met)
        apart: frozenset[frozenset[str]] = frozenset()
        if len(children) > 1:
            pairs = await self._tx.rows(_APART, children)
            apart = frozenset(frozenset({row["child_id"], row["other_child_id"]}) for row in pairs)
        known = Known(rules, apart)
        for row in await self._tx.rows(_SAID, children) if children else ():
            described = Described.of(child_of({"child": row["child"]}), rules)
            known.add(row["child_id"], described, met[row["child_id"]])
        return known

    async def add(self, prints: Mapping[str, Sequence[int]]) -> None:
        """Referral -> the fingerprints of its child."""
        rows = sorted((number, referral_id) for referral_id, numbers in prints.items() for number in numbers)
        await self._tx.insert(
            fingerprint,
            [{"number": number, "referral_id": referral_id} for number, referral_id in rows],
            conflict=("number", "referral_id"),
        )

    async def replace(self, prints: Mapping[str, Sequence[int]]) -> None:
        """The same for referrals whose description of the child changed."""
        await self._tx.rows("DELETE FROM fingerprint WHERE referral_id = ANY($1::text[])", list(prints))
        await self.add(prints)

    async def ask(self, questions: Sequence[NewQuestion], *, at: datetime, status: str = "open") -> None:
        """Put these before a person, unless the same was asked before."""
        rows = {}
        for question in questions:
            pair = tuple(sorted((question.child_id, question.other_child_id)))
            rows[pair] = {
                "match_id": question.match_id,
                "child_id": pair[0],
                "other_child_id": pair[1],
                "status": status,
                "matched_by": question.matched_by,
                "weight": question.weight,
                "levels": dict(question.levels),
                "asked_at": at,
            }
        await self._tx.insert(
            possible_match,
            [rows[pair] for pair in sorted(rows)],
            conflict=("child_id", "other_child_id"),
            update=("status",) if status != "open" else (),
        )

    async def questions(self, match_ids: Collection[str]) -> dict[str, Asked]:
        """These questions, as of now: only locking their children's fingerprints keeps them as they are."""
        rows = await self._tx.rows(
            "SELECT match_id, child_id, other_child_id, status FROM possible_match WHERE match_id = ANY($1::text[])",
            list(match_ids),
        )
        return {row["match_id"]: Asked(*row) for row in rows}

    async def decide(self, match_id: str, status: str, *, by: str, at: datetime) -> None:
        """A person answered."""
        await self._tx.rows(
            "UPDATE possible_match SET status = $2, decided_by = $3, decided_at = $4 WHERE match_id = $1",
            match_id, status, by, at,
        )  # fmt: skip

    async def prints_of(self, child_ids: Collection[str]) -> list[int]:
        """Every fingerprint of these children: locked, nobody else can join them or part them."""
        rows = await self._tx.rows(
            "SELECT DISTINCT f.number FROM fingerprint f JOIN referral r USING (referral_id)"
            " WHERE r.child_id = ANY($1::text[])",
            list(child_ids),
        )
        return [row["number"] for row in rows]

    async def merge(self, child_id: str, into: str) -> None:
        """One child turned out to be another: what was asked about the first is asked about the second."""
        await self._tx.rows(_REPOINT, child_id, into)
        await self._tx.rows(
            "DELETE FROM possible_match WHERE $1 IN (child_id, other_child_id) AND status = 'open'", child_id
        )
