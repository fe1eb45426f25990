"""What is known here of cases: reference, urgency, holder, who referred, who takes part."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from chassis.transaction import Transaction
from schemas.referral import Participant

from notifier.domain.planning import Case
from notifier.tables import participant

_GET = """
SELECT f.case_id, f.reference, f.urgency, f.cluster_id, f.opened_by, f.referred, f.closed_at IS NOT NULL AS closed,
       f.erased_at IS NOT NULL AS erased,
       array(SELECT DISTINCT organisation_id FROM referral r WHERE r.case_id = f.case_id AND organisation_id IS NOT NULL
             ORDER BY 1) AS referring,
       array(SELECT DISTINCT organisation_id FROM participant p WHERE p.case_id = f.case_id AND p.role = 'school'
             AND p.until IS NULL ORDER BY 1) AS schools,
       array(SELECT DISTINCT organisation_id FROM participant p WHERE p.case_id = f.case_id AND p.sector = 'social-care'
             AND p.until IS NULL ORDER BY 1) AS social_care
FROM case_file f WHERE f.case_id = ANY($1::text[])
"""
#: A letter that tells of other cases too goes on without this one.
_ERASE_LETTERS: Final = """
WITH gone AS (DELETE FROM letter_item WHERE case_id = ANY($1::text[]) RETURNING letter_id),
empty AS (SELECT DISTINCT letter_id FROM gone g WHERE letter_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM letter_item i WHERE i.letter_id = g.letter_id AND NOT i.case_id = ANY($1::text[]))),
receipts AS (DELETE FROM attempt WHERE letter_id IN (SELECT letter_id FROM empty))
DELETE FROM letter WHERE id IN (SELECT letter_id FROM empty)
"""


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A case as far as it is known."""

    #: None until its opening has been heard of.
    case: Case | None
    opened_by: str | None
    referred: bool
    closed: bool
    erased: bool


class Cases:
    """Repository of cases."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def get(self, case_ids: Collection[str]) -> dict[str, CaseFile]:
        """What is known of these cases."""
        rows = await self._tx.rows(_GET, list(case_ids))
        return {
            row["case_id"]: CaseFile(
                case=Case(
                    case_id=row["case_id"],
                    reference=row["reference"],
                    urgency=row["urgency"],
                    cluster_id=row["cluster_id"],
                    referring=tuple(row["referring"]),
                    schools=tuple(row["schools"]),
                    social_care=tuple(row["social_care"]),
                )
                if row["reference"] is not None
                else None,
                opened_by=row["opened_by"],
                referred=row["referred"],
                closed=row["closed"],
                erased=row["erased"],
            )
            for row in rows
        }

    async def open(self, opened: Sequence[tuple[str, str, str, str]]) -> None:
        """Cases were opened: (case, reference, urgency, referral)."""
        await self._tx.rows(
            "INSERT INTO case_file (case_id, reference, urgency, opened_by)"
            " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])"
            " ON CONFLICT (case_id) DO UPDATE SET reference = excluded.reference, urgency = excluded.urgency,"
            " opened_by = excluded.opened_by WHERE case_file.erased_at IS NULL",
            *map(list, zip(*opened, strict=True)),
        )
        await self.join([(case_id, referral_id) for case_id, _, _, referral_id in opened])

    async def refer(self, referred: Sequence[tuple[str, str, str]]) -> None:
        """Referrals arrived: (case, referral, organisation)."""
        columns = [list(column) for column in zip(*referred, strict=True)]
        await self._tx.rows(
            "INSERT INTO case_file (case_id, referred) SELECT DISTINCT id, true FROM unnest($1::text[]) AS id"
            " ON CONFLICT (case_id) DO UPDATE SET referred = true",
            columns[0],
        )
        # Where it has been moved to by now is newer than where it was sent to.
        await self._tx.rows(
            "INSERT INTO referral (case_id, referral_id, organisation_id)"
            " SELECT * FROM unnest($1::text[], $2::text[], $3::text[])"
            " ON CONFLICT (referral_id) DO UPDATE SET organisation_id = excluded.organisation_id",
            *columns,
        )

    async def join(self, joined: Sequence[tuple[str, str]]) -> None:
        """Referrals belong to a case from now on: (case, referral)."""
        cases, referrals = ([pair[n] for pair in joined] for n in (0, 1))
        await self._tx.rows(
            "INSERT INTO referral (case_id, referral_id) SELECT * FROM unnest($1::text[], $2::text[])"
            " ON CONFLICT (referral_id) DO UPDATE SET case_id = excluded.case_id",
            cases, referrals,
        )  # fmt: skip
        await self._tx.rows(
            "UPDATE case_file SET referred = true WHERE NOT referred AND case_id IN"
            " (SELECT case_id FROM referral WHERE referral_id = ANY($1::text[]) AND organisation_id IS NOT NULL)",
            referrals,
        )

    async def hold(self, holders: Mapping[str, str | None]) -> None:
        """Cases have these holders from now on; None: the intake desk."""
        await self._tx.rows(
            "UPDATE case_file f SET cluster_id = h.cluster_id"
            " FROM unnest($1::text[], $2::text[]) AS h(case_id, cluster_id) WHERE f.case_id = h.case_id",
            list(holders.keys()), list(holders.values()),
        )  # fmt: skip

    async def set_urgency(self, urgencies: Mapping[str, str]) -> None:
        """Cases are this urgent from now on."""
        await self._tx.rows(
            "UPDATE case_file f SET urgency = u.urgency"
            " FROM unnest($1::text[], $2::text[]) AS u(case_id, urgency) WHERE f.case_id = u.case_id",
            list(urgencies.keys()), list(urgencies.values()),
        )  # fmt: skip

    async def close(self, case_ids: Collection[str], at: datetime) -> None:
        """Cases ended."""
        await self._tx.rows("UPDATE case_file SET closed_at = $2 WHERE case_id = ANY($1::text[])", list(case_ids), at)

    async def set_participants(self, taking_part: Mapping[str, Sequence[Participant]]) -> None:
        """Who takes part in these cases, whole."""
        await self._tx.rows("DELETE FROM participant WHERE case_id = ANY($1::text[])", list(taking_part))
        await self._tx.insert(
            participant,
            [
                {
                    "case_id": case_id,
                    "organisation_id": p.organisation_id,
                    "role": p.role,
                    "since": p.since,
                    "until": p.until,
                    "sector": p.sector,
                }
                for case_id, participants in taking_part.items()
                for p in participants
            ],
            conflict=("case_id", "organisation_id", "role", "since"),
        )

    async def others(self, files: Mapping[str, str]) -> None:
        """Files that are no cases' and stand beside them: id -> what people call it."""
        await self._tx.rows(
            "INSERT INTO case_file (case_id, reference, urgency, referred)"
            " SELECT id, name, 'routine', true FROM unnest($1::text[], $2::text[]) AS i(id, name)"
            " ON CONFLICT (case_id) DO UPDATE SET reference = excluded.reference",
            list(files), list(files.values()),
        )  # fmt: skip

    async def reach(self, stages: Collection[tuple[str, str, datetime]]) -> None:
        """Cases have reached these stages: (case, stage, when). The first time counts."""
        await self._tx.rows(
            "INSERT INTO progress (case_id, stage, at) SELECT DISTINCT ON (case_id, stage) case_id, stage, at"
            " FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS i(case_id, stage, at)"
            " ORDER BY case_id, stage, at ON CONFLICT DO NOTHING",
            *([s[n] for s in stages] for n in range(3)),
        )

    async def takes_part(self, case_id: str, organisation_id: str, day: date) -> bool:
        """Whether an organisation takes part in a case on a day."""
        rows = await self._tx.rows(
            "SELECT 1 FROM participant WHERE case_id = $1 AND organisation_id = $2 AND since <= $3"
            " AND (until IS NULL OR $3 <= until) LIMIT 1",
            case_id, organisation_id, day,
        )  # fmt: skip
        return bool(rows)

    async def erase(self, case_ids: Collection[str], at: datetime) -> None:
        """Forget everything about cases but that they were erased; what is said of them later is ignored."""
        ids = list(case_ids)
        for statement in (
            _ERASE_LETTERS,
            "DELETE FROM time_limit WHERE case_id = ANY($1::text[])",
            "DELETE FROM progress WHERE case_id = ANY($1::text[])",
            "DELETE FROM safe_contact WHERE case_id = ANY($1::text[])",
            "DELETE FROM safe_contact_version WHERE case_id = ANY($1::text[])",
            "DELETE FROM family_link WHERE case_id = ANY($1::text[])",
            "DELETE FROM family_answer WHERE case_id = ANY($1::text[]) AND kind IN ('views', 'feedback')",
            "UPDATE family_answer SET case_id = NULL, link_id = NULL, text = NULL WHERE case_id = ANY($1::text[])",
            "DELETE FROM notification WHERE case_id = ANY($1::text[])",
            "DELETE FROM address WHERE case_id = ANY($1::text[])",
            "DELETE FROM task WHERE case_id = ANY($1::text[])",
            "DELETE FROM referral WHERE case_id = ANY($1::text[])",
            "DELETE FROM participant WHERE case_id = ANY($1::text[])",
        ):
            await self._tx.rows(statement, ids)
        await self._tx.rows(
            "INSERT INTO case_file (case_id, erased_at) SELECT id, $2 FROM unnest($1::text[]) AS id"
            " ON CONFLICT (case_id) DO UPDATE SET reference = NULL, urgency = NULL, cluster_id = NULL,"
            " opened_by = NULL, erased_at = excluded.erased_at",
            ids, at,
        )  # fmt: skip
