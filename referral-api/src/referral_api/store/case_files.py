"""Cases with their referrals: rows to domain values and back, many at a time."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg
import orjson
from chassis.transaction import Transaction
from schemas.referral import Circumstances, Home, Participant

from referral_api.domain.case_file import Assignment, CaseFile, Referral
from referral_api.domain.lifecycle import CaseStatus, ReferralStatus
from referral_api.domain.names import search_words
from referral_api.domain.participation import WORKING_ROLES, present
from referral_api.tables import case_file, referral

_CASES: Final = """
SELECT case_id, reference, child_id, status, opened_at, closed_at, closing_reason, circumstances, participants,
       assignment_state, cluster_id, holder_id, decision, reasons, assigned_at, version
FROM case_file WHERE case_id = ANY($1::text[])
"""
_REFERRALS: Final = """
SELECT referral_id, case_id, child_id, organisation_id, sector, status, version, submitted_at, submitted_by, said_at,
       home, content, kind
FROM referral WHERE case_id = ANY($1::text[]) ORDER BY submitted_at, referral_id
"""
#: Who works a case reads its referrals; so does who sent them.
_READERS: Final = """
UPDATE referral r SET organisations = n.organisations
FROM (
  SELECT r.referral_id,
         array(SELECT DISTINCT o FROM unnest(c.working || r.organisation_id) AS o ORDER BY o) AS organisations
  FROM referral r JOIN (
    SELECT case_id, array(SELECT jsonb_array_elements_text(working::jsonb)) AS working
    FROM unnest($1::text[], $2::text[]) AS w(case_id, working)
  ) c USING (case_id)
) n
WHERE r.referral_id = n.referral_id AND r.organisations <> n.organisations
"""
#: Nobody waits for an answer about a referral that has ended.
_END_REQUESTS: Final = """
UPDATE information_request SET ended_at = $2
WHERE referral_id = ANY($1::text[]) AND answered_at IS NULL AND ended_at IS NULL
"""
_REFERRAL_CHANGES: Final = (
    "case_id", "child_id", "organisations", "status", "version", "urgency", "sender_reference", "said_at", "home",
    "content", "search_words",
)  # fmt: skip
_CASE_CHANGES: Final = (
    "child_id", "status", "closed_at", "closing_reason", "circumstances", "participants", "organisations",
    "assignment_state", "cluster_id", "holder_id", "decision", "reasons", "assigned_at", "last_changed_at", "version",
)  # fmt: skip


class CaseFiles:
    """Repository of cases and their referrals."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def of_referrals(self, referral_ids: Collection[str]) -> dict[str, str]:
        """Referral -> its case, as of now: another may move it until the case is locked."""
        rows = await self._tx.rows(
            "SELECT referral_id, case_id FROM referral WHERE referral_id = ANY($1::text[])", list(referral_ids)
        )
        return {row["referral_id"]: row["case_id"] for row in rows}

    async def open_of(self, child_ids: Collection[str]) -> dict[str, str]:
        """Child -> its open case."""
        rows = await self._tx.rows(
            "SELECT child_id, case_id FROM case_file WHERE child_id = ANY($1::text[]) AND status = 'open'",
            list(child_ids),
        )
        return {row["child_id"]: row["case_id"] for row in rows}

    async def of_children(self, child_ids: Collection[str]) -> list[str]:
        """Every case of these children, open or not; an erased one is nobody's."""
        rows = await self._tx.rows(
            "SELECT case_id FROM case_file WHERE child_id = ANY($1::text[]) AND status <> 'erased'"
            " ORDER BY opened_at, case_id",
            list(child_ids),
        )
        return [row["case_id"] for row in rows]

    async def taken_references(self, references: Collection[str]) -> set[str]:
        """Those of these references that a case already has."""
        rows = await self._tx.rows(
            "SELECT reference FROM case_file WHERE reference = ANY($1::text[])", list(references)
        )
        return {row["reference"] for row in rows}

    async def of_references(self, references: Collection[str]) -> dict[str, str]:
        """Reference -> its case."""
        rows = await self._tx.rows(
            "SELECT reference, case_id FROM case_file WHERE reference = ANY($1::text[])", list(references)
        )
        return {row["reference"]: row["case_id"] for row in rows}

    async def locked(self, case_ids: Collection[str]) -> dict[str, CaseFile]:
        """These cases with their referrals, kept from everybody else until the transaction ends."""
        if not case_ids:
            return {}
        await self._tx.lock_subjects(case_ids)
        return await self.load(case_ids)

    async def load(self, case_ids: Collection[str]) -> dict[str, CaseFile]:
        """These cases with their referrals. Event handlers have them locked already."""
        if not case_ids:
            return {}
        wanted = sorted(set(case_ids))
        cases = {row["case_id"]: _case(row) for row in await self._tx.rows(_CASES, wanted)}
        for row in await self._tx.rows(_REFERRALS, wanted):
            if row["case_id"] in cases:
                cases[row["case_id"]].referrals.append(_referral(row))
        return cases

    async def add(self, cases: Sequence[CaseFile]) -> None:
        """Cases that were opened now, and their referrals."""
        await self._tx.insert(case_file, [_case_row(case, self._tx.now) for case in cases])
        await self._save_referrals(cases)

    async def save(self, cases: Iterable[CaseFile]) -> None:
        """Cases that existed before, and those of their referrals that changed."""
        changed = sorted(cases, key=lambda case: case.case_id)
        if not changed:
            return
        for case in changed:
            case.version += 1
        over = [each.referral_id for case in changed for each in case.referrals if _is_over(each, case)]
        if over:
            await self._tx.rows(_END_REQUESTS, over, self._tx.now)
        await self._tx.insert(
            case_file, [_case_row(case, self._tx.now) for case in changed], conflict=("case_id",), update=_CASE_CHANGES
        )
        await self._save_referrals(changed)
        await self._tx.rows(
            _READERS,
            [case.case_id for case in changed],
            [orjson.dumps(_working(case)).decode() for case in changed],
        )

    async def fill_search_words(self, after: str, *, limit: int) -> str:
        """Give the next referrals after this one that lack them their words; returns the last one's id, or nothing."""
        rows = await self._tx.rows(
            "SELECT referral_id, version, content -> 'child' AS child FROM referral"
            " WHERE search_words = '{}' AND referral_id > $1 ORDER BY referral_id LIMIT $2",
            after, limit,
        )  # fmt: skip
        await self._tx.rows(
            "UPDATE referral r SET search_words = ARRAY(SELECT jsonb_array_elements_text(n.words::jsonb))"
            " FROM unnest($1::text[], $2::bigint[], $3::text[]) AS n(referral_id, version, words)"
            " WHERE r.referral_id = n.referral_id AND r.version = n.version",
            [row["referral_id"] for row in rows],
            [row["version"] for row in rows],
            [orjson.dumps(search_words(row["child"])).decode() for row in rows],
        )
        return rows[-1]["referral_id"] if rows else ""

    async def _save_referrals(self, cases: Sequence[CaseFile]) -> None:
        rows = [
            _referral_row(each, case) for case in cases for each in case.referrals if each.referral_id in case.touched
        ]
        rows.sort(key=lambda row: str(row["referral_id"]))
        await self._tx.insert(referral, rows, conflict=("referral_id",), update=_REFERRAL_CHANGES)
        for case in cases:
            case.touched.clear()


def _is_over(each: Referral, case: CaseFile) -> bool:
    return each.referral_id in case.touched and not each.active


def _working(case: CaseFile) -> tuple[str, ...]:
    return present(case.participants, roles=WORKING_ROLES)


def _case(row: asyncpg.Record) -> CaseFile:
    return CaseFile(
        case_id=row["case_id"],
        reference=row["reference"],
        child_id=row["child_id"],
        opened_at=row["opened_at"],
        circumstances=Circumstances.model_validate(row["circumstances"]),
        participants=tuple(Participant.model_validate(each) for each in row["participants"]),
        assignment=Assignment(
            state=row["assignment_state"],
            cluster_id=row["cluster_id"],
            organisation_id=row["holder_id"],
            decision=row["decision"],
            reasons=tuple(row["reasons"]),
            since=row["assigned_at"],
        ),
        status=CaseStatus(row["status"]),
        closed_at=row["closed_at"],
        closing_reason=row["closing_reason"],
        version=row["version"],
    )


def _referral(row: asyncpg.Record) -> Referral:
    return Referral(
        referral_id=row["referral_id"],
        case_id=row["case_id"],
        child_id=row["child_id"],
        organisation_id=row["organisation_id"],
        sector=row["sector"],
        content=row["content"],
        home=Home.model_validate(row["home"]),
        submitted_at=row["submitted_at"],
        said_at=row["said_at"],
        submitted_by=row["submitted_by"],
        status=ReferralStatus(row["status"]),
        version=row["version"],
        kind=row["kind"],
    )


def _case_row(case: CaseFile, at: datetime) -> dict[str, Any]:
    held = case.assignment
    return {
        "case_id": case.case_id,
        "reference": case.reference,
        "child_id": case.child_id,
        "status": case.status.value,
        "opened_at": case.opened_at,
        "closed_at": case.closed_at,
        "closing_reason": case.closing_reason,
        "circumstances": case.circumstances.model_dump(mode="json"),
        "participants": [each.model_dump(mode="json") for each in case.participants],
        "organisations": present(case.participants),
        "assignment_state": held.state,
        "cluster_id": held.cluster_id,
        "holder_id": held.organisation_id,
        "decision": held.decision,
        "reasons": held.reasons,
        "assigned_at": held.since,
        "last_changed_at": at,
        "version": case.version,
    }


def _referral_row(each: Referral, case: CaseFile) -> dict[str, Any]:
    return {
        "referral_id": each.referral_id,
        "case_id": each.case_id,
        "child_id": each.child_id,
        "organisation_id": each.organisation_id,
        "sector": each.sector,
        "organisations": sorted({each.organisation_id, *_working(case)}),
        "status": each.status.value,
        "version": each.version,
        "urgency": each.content["urgency"],
        "sender_reference": each.content["referrer"].get("reference"),
        "submitted_at": each.submitted_at,
        "submitted_by": each.submitted_by,
        "said_at": each.said_at,
        "home": each.home.model_dump(mode="json", exclude_none=True),
        "content": each.content,
        "kind": each.kind,
        "search_words": search_words(each.content["child"]),
    }
