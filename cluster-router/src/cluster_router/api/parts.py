"""What several routes need: who may call, ids in paths, cursors, the county as it is."""

from collections.abc import Mapping
from typing import Annotated, Final

from chassis.auth import Caller
from chassis.http import allow, cause, runtime
from fastapi import Depends, Path, Query, Request

from cluster_router.domain.county import County
from cluster_router.domain.days import day_of
from cluster_router.policy import READS, rules_of
from cluster_router.settings import Settings
from cluster_router.store import Tx

ID: Final = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"
SignedIn = Annotated[Caller, Depends(allow())]
#: Who reads where cases are, as far as they take part.
Reader = Annotated[Caller, Depends(allow(*READS))]
Decides = Annotated[Caller, Depends(allow("cluster-lead", "caseworker"))]
Places = Annotated[Caller, Depends(allow("intake", "operator", "cluster-lead"))]
Tries = Annotated[Caller, Depends(allow("cluster-lead", "intake", "operator"))]
Id = Annotated[str, Path(pattern=ID)]
OptionalId = Annotated[str | None, Query(pattern=ID)]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=400)]


def intake(request: Request) -> str:
    """The organisation that holds what no cluster does."""
    known = runtime(request).settings
    given = known if isinstance(known, Settings) else Settings(**known.model_dump(exclude_unset=True))
    return given.intake_organisation


def note(request: Request, tx: Tx, caller: Caller, *, what: str, what_id: str, case_id: str | None = None) -> None:
    """Audit that somebody reads."""
    journey = cause(request).correlation_id
    tx.audit(action="read", what=what, what_id=what_id, case_id=case_id, caller=caller, correlation_id=journey)


async def county_now(tx: Tx) -> tuple[County, Mapping[str, int]]:
    """The county of today, and each cluster's open cases."""
    today = day_of(tx.now)
    county = await tx.county.snapshot(rules_of(today), today)
    standings = await tx.county.standings(today)
    return county, {id: standing.load for id, standing in standings.items()}
