"""Reads shaped for lists: providers, placements, offers, exclusions and risks, each as far as the caller may see."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from chassis.auth import Caller

from placements.domain.exclusions import Exclusion
from placements.domain.placements import Offer, Placement
from placements.domain.providers import Provider
from placements.domain.risk import Risk
from placements.policy import CLOSE, TAKES_PART, TEAM, sees_all
from placements.store import Tx


@dataclass(frozen=True, slots=True)
class Sight:
    """What decides which cases a caller sees in a list."""

    everything: bool
    clusters: list[str]
    organisation: str
    roles: list[str]
    on: date

    @property
    def arguments(self) -> tuple[object, ...]:
        """In the order of `_SEEN`."""
        return self.everything, self.clusters, self.organisation, self.roles, self.on


def sight_of(caller: Caller, on: date, *, close: bool) -> Sight:
    """What the caller may see; `close` is for exclusions."""
    clusters = sorted(caller.clusters) if caller.has(*TEAM) else []
    return Sight(sees_all(caller), clusters, caller.organisation, sorted(CLOSE if close else TAKES_PART), on)


#: Whether the caller sees a case of `t.case_id`, by $1-$5.
_SEEN: Final = """($1 OR EXISTS (
    SELECT 1 FROM case_file c WHERE c.id = t.case_id AND c.cluster_id = ANY($2::text[])) OR EXISTS (
    SELECT 1 FROM participant p WHERE p.case_id = t.case_id AND p.organisation_id = $3
      AND p.role = ANY($4::text[]) AND p.since <= $5::date AND (p.until IS NULL OR p.until >= $5::date)))"""

_PLACEMENTS: Final = f"""
SELECT t.id FROM placement t
WHERE ({_SEEN} OR EXISTS (SELECT 1 FROM provider v WHERE v.id = t.provider_id AND v.organisation_id = $3 AND $6))
  AND ($7::text IS NULL OR t.case_id = $7) AND ($8::text IS NULL OR t.state = $8)
  AND ($9::text IS NULL OR t.provider_id = $9) AND (t.requested_at, t.id) > ($10, $11)
ORDER BY t.requested_at, t.id LIMIT $12
"""
_EXCLUSIONS: Final = f"""
SELECT t.id FROM exclusion t
WHERE ({_SEEN} OR t.organisation_id = $3) AND ($6::text IS NULL OR t.case_id = $6)
  AND (t.first_on, t.id) > ($7, $8)
ORDER BY t.first_on, t.id LIMIT $9
"""
_RISKS: Final = f"""
SELECT t.id FROM risk t
WHERE {_SEEN} AND ($6::text IS NULL OR t.case_id = $6) AND ($7::text IS NULL OR t.state = $7)
  AND (t.raised_on, t.id) > ($8, $9)
ORDER BY t.raised_on, t.id LIMIT $10
"""


async def placements_for(
    tx: Tx, caller: Caller, on: date, *, case: str | None, state: str | None, provider: str | None,
    after: tuple[datetime, str], limit: int,
) -> list[Placement]:  # fmt: skip
    """Placements that the caller may see, oldest first."""
    sight = sight_of(caller, on, close=False)
    provides = caller.has("provider-staff", "agency-system")
    rows = await tx.rows(_PLACEMENTS, *sight.arguments, provides, case, state, provider, *after, limit)
    return await _in_order(tx.placements, rows)


async def exclusions_for(
    tx: Tx, caller: Caller, on: date, *, case: str | None, after: tuple[date, str], limit: int
) -> list[Exclusion]:
    """Exclusions that the caller may see, in the order of their first days."""
    rows = await tx.rows(_EXCLUSIONS, *sight_of(caller, on, close=True).arguments, case, *after, limit)
    return await _in_order(tx.exclusions, rows)


async def risks_for(
    tx: Tx, caller: Caller, on: date, *, case: str | None, state: str | None, after: tuple[date, str], limit: int
) -> list[Risk]:
    """Raised risks that the caller may see, oldest first."""
    rows = await tx.rows(_RISKS, *sight_of(caller, on, close=True).arguments, case, state, *after, limit)
    return await _in_order(tx.risks, rows)


async def _in_order(rows: Any, found: Sequence[Any]) -> list[Any]:
    values = await rows.find([row["id"] for row in found])
    return [values[row["id"]] for row in found]


async def offers_to(tx: Tx, organisation: str, *, after: tuple[datetime, str], limit: int) -> list[Offer]:
    """Open offers to the providers of an organisation, the first to be answered first."""
    return await tx.offers.where(
        "state = 'open' AND provider_id IN (SELECT id FROM provider WHERE organisation_id = $1)"
        " AND (answer_by, id) > ($2, $3) ORDER BY answer_by, id LIMIT $4",
        organisation, *after, limit,
    )  # fmt: skip


async def providers_by(tx: Tx, *, kind: str | None, phase: str | None, after: str, limit: int) -> list[Provider]:
    """Providers in the order of their ids."""
    return await tx.providers.where(
        "($1::text IS NULL OR kind = $1) AND ($2::text IS NULL OR $2 = ANY(phases)) AND id > $3 ORDER BY id LIMIT $4",
        kind, phase, after, limit,
    )  # fmt: skip


async def begun(tx: Tx, since: date, until: date) -> Sequence[Placement]:
    """Placements that began in a span of days, or whose return was looked at in it."""
    return await tx.placements.where(
        "(started_on >= $1 AND started_on <= $2) OR (checked_on >= $1 AND checked_on <= $2)", since, until
    )
