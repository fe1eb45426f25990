"""Cases as subscriptions and rules see them: who takes part, on which bases, where, with which needs."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from chassis.transaction import Transaction

from exchange.domain.audience import Standing
from exchange.tables import basis, case_file, cluster, participant

#: One row for each case of which it is known who takes part.
_STANDINGS: Final = """
SELECT c.case_id, c.school_urn, c.cluster_id, c.needs, c.erased, k.phase,
  (SELECT jsonb_object_agg(p.organisation_id, p.sector) FROM participant p
   WHERE p.case_id = c.case_id AND p.since <= $2 AND (p.until IS NULL OR p.until >= $2)) AS organisations,
  ARRAY(SELECT DISTINCT b.kind FROM basis b WHERE b.case_id = c.case_id AND b.ended_at IS NULL) AS bases
FROM case_file c LEFT JOIN cluster k USING (cluster_id)
WHERE c.case_id = ANY($1::text[]) AND (c.erased OR EXISTS (SELECT 1 FROM participant p WHERE p.case_id = c.case_id))
"""
_FACTS: Final = """
INSERT INTO case_file (case_id, school_urn, needs)
SELECT i.case_id, i.school_urn, ARRAY(SELECT jsonb_array_elements_text(i.needs::jsonb))
FROM unnest($1::text[], $2::text[], $3::text[]) AS i(case_id, school_urn, needs)
ON CONFLICT (case_id) DO UPDATE SET school_urn = excluded.school_urn, needs = excluded.needs
WHERE NOT case_file.erased
"""
_PLACES: Final = """
UPDATE case_file c SET cluster_id = i.cluster_id FROM unnest($1::text[], $2::text[]) AS i(case_id, cluster_id)
WHERE c.case_id = i.case_id
"""
_END: Final = """
UPDATE basis b SET ended_at = $4 FROM unnest($1::text[], $2::text[], $3::text[]) AS i(case_id, organisation_id, kind)
WHERE b.case_id = i.case_id AND b.organisation_id = i.organisation_id AND b.kind = i.kind AND b.ended_at IS NULL
"""


class Cases:
    """What is known of cases."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def standings(self, ids: Collection[str], on: date) -> dict[str, Standing]:
        """The cases among these of which it is known who takes part, as they are on a day."""
        rows = await self._tx.rows(_STANDINGS, sorted(set(ids)), on)
        return {row["case_id"]: _standing(row) for row in rows}

    async def open(self, ids: Collection[str]) -> None:
        """These exist."""
        await self._tx.insert(case_file, [{"case_id": id} for id in sorted(set(ids))], conflict=("case_id",))

    async def note(self, facts: Sequence[tuple[str, str | None, str]]) -> None:
        """(case, school, needs as a JSON list) as they now are."""
        await self._tx.rows(_FACTS, [f[0] for f in facts], [f[1] for f in facts], [f[2] for f in facts])

    async def place(self, places: Mapping[str, str]) -> None:
        """The cluster that holds each case."""
        await self.open(places)
        await self._tx.rows(_PLACES, list(places), list(places.values()))

    async def note_phases(self, phases: Mapping[str, str]) -> None:
        """Which phase each cluster is for."""
        rows = [{"cluster_id": id, "phase": phase} for id, phase in phases.items()]
        await self._tx.insert(cluster, rows, conflict=("cluster_id",), update=("phase",))

    async def save_participants(self, rows: Sequence[Mapping[str, Any]], cases: Collection[str]) -> None:
        """Replace who takes part in these cases."""
        await self.open(cases)
        await self._tx.rows("DELETE FROM participant WHERE case_id = ANY($1::text[])", sorted(cases))
        await self._tx.insert(participant, rows, conflict=("case_id", "organisation_id", "role", "since"))

    async def record_bases(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Bases that were recorded: referral_id, kind, case_id, organisation_id. One that ended stands again."""
        await self._tx.insert(
            basis,
            [{**row, "ended_at": None} for row in rows],
            conflict=("referral_id", "kind"),
            update=("case_id", "organisation_id", "ended_at"),
        )

    async def end_bases(self, ended: Sequence[tuple[str, str, str]], at: datetime) -> None:
        """(case, organisation, kind) that nobody may rely on any more."""
        columns = ([e[n] for e in ended] for n in range(3))
        await self._tx.rows(_END, *columns, at)

    async def move_bases(self, moves: Mapping[str, str]) -> None:
        """Referrals that belong to another case now, with what they rest on."""
        await self._tx.rows(
            "UPDATE basis b SET case_id = i.case_id FROM unnest($1::text[], $2::text[]) AS i(referral_id, case_id)"
            " WHERE b.referral_id = i.referral_id",
            list(moves), list(moves.values()),
        )  # fmt: skip

    async def erase(self, ids: Collection[str]) -> None:
        """Nothing is kept of these but that they were erased."""
        cases = sorted(ids)
        await self.open(cases)
        await self._tx.rows(
            "UPDATE case_file SET school_urn = NULL, cluster_id = NULL, needs = '{}', erased = true"
            " WHERE case_id = ANY($1::text[])",
            cases,
        )
        await self._tx.rows("DELETE FROM participant WHERE case_id = ANY($1::text[])", cases)
        await self._tx.rows("DELETE FROM basis WHERE case_id = ANY($1::text[])", cases)

    async def holds(self, case_id: str, organisation: str, on: date) -> bool:
        """Whether an organisation answers for a case on a day."""
        rows = await self._tx.rows(
            "SELECT 1 FROM participant WHERE case_id = $1 AND organisation_id = $2 AND role = 'holder'"
            " AND since <= $3 AND (until IS NULL OR until >= $3)",
            case_id, organisation, on,
        )  # fmt: skip
        return bool(rows)


def _standing(row: Any) -> Standing:
    return Standing(
        organisations=row["organisations"] or {},
        bases=frozenset(row["bases"]),
        school=row["school_urn"],
        clusters=frozenset({row["cluster_id"]} if row["cluster_id"] else ()),
        phase=row["phase"],
        needs=frozenset(row["needs"]),
        erased=row["erased"],
    )
