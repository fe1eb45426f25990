"""Reads shaped for a page: who looked at a case through the pages."""

from datetime import datetime
from typing import Any, Final

from portal.store import Tx

_LOOKS: Final = """
SELECT at, actor, organisation, what, reason FROM audit
WHERE case_id = $1 AND action IN ('look', 'export') AND ($3::timestamptz IS NULL OR at >= $3)
  AND ($4::timestamptz IS NULL OR at < $4)
ORDER BY at DESC LIMIT $2
"""


async def looks_at(
    tx: Tx, case_id: str, *, limit: int, since: datetime | None = None, until: datetime | None = None
) -> list[dict[str, Any]]:
    """The newest looks at a case; `since` is included, `until` is not."""
    return [dict(row) for row in await tx.rows(_LOOKS, case_id, limit, since, until)]
