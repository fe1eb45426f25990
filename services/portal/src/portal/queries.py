"""Reads shaped for a page: who looked at a case through the pages."""

from typing import Any, Final

from portal.store import Tx

_LOOKS: Final = """
SELECT at, actor, organisation, what, reason FROM audit
WHERE case_id = $1 AND action = 'look' ORDER BY at DESC LIMIT $2
"""


async def looks_at(tx: Tx, case_id: str, *, limit: int) -> list[dict[str, Any]]:
    """The newest looks at a case."""
    return [dict(row) for row in await tx.rows(_LOOKS, case_id, limit)]
