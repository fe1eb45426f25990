"""Cases: listed, read, followed, ended."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from chassis.actions import Answer
from chassis.auth import Caller
from chassis.bodies import KEY_OPTIONAL, VERSIONED, Body, json_body, takes
from chassis.errors import Invalid, Malformed
from chassis.http import cause, etag, if_match, json_response, runtime
from chassis.wire import Moment, Page, listed
from fastapi import APIRouter, Depends, Query, Request, Response

from referral_api.api import parts
from referral_api.api.parts import Cursor, Id, Limit, OptionalId, OptionalWord, Reader, Worker
from referral_api.domain.case_file import CaseFile
from referral_api.domain.fingerprints import of_number
from referral_api.domain.identifiers import clean_nhs_number, clean_upn
from referral_api.domain.names import words as name_words
from referral_api.domain.participation import present
from referral_api.domain.portrait import portrait, shown
from referral_api.domain.references import clean_reference
from referral_api.handlers.closing import CloseCase, close_cases
from referral_api.handlers.disclosing import FetchCase, fetch_case
from referral_api.handlers.refusals import NothingAsked, NotYourNumber
from referral_api.policy import TEAM_ROLES, identifiers, sees_case, sees_restricted_address
from referral_api.queries import search, stories
from referral_api.queries.search import CaseFilter, ChildFilter, Seen
from referral_api.store import Tx
from referral_api.views.disclosure import DisclosedOut, disclosed_body
from referral_api.views.incoming import CaseSearchIn, ClosingIn
from referral_api.views.outgoing import CaseOut, CaseSummaryOut, case_body, instant
from referral_api.views.protection import ErasedOut, erased_body, officers_actions

router: Final = APIRouter(tags=["cases"])

#: What can be searched by; the audit notes which, never what.
_CRITERIA: Final = ("name", "date_of_birth", "upn", "nhs_number", "reference", "school_urn")
_SHORTEST_NAME: Final = 2
VERSION_OPTIONAL: Final = {**VERSIONED, "required": False}

Purpose = Annotated[str | None, Query(max_length=64), listed("disclosure-purposes")]
Basis = Annotated[str | None, Query(max_length=64), listed("basis-kinds")]


def seen_by(caller: Caller) -> Seen:
    """What the caller may see in lists."""
    return Seen(caller.organisation, caller.clusters if caller.has(*TEAM_ROLES) else frozenset())


@router.get("/v1/cases", response_model=Page[CaseSummaryOut])
async def list_cases(
    request: Request,
    caller: Reader,
    *,
    q: Annotated[str | None, Query(max_length=20)] = None,
    status: OptionalWord = None,
    assignment: OptionalWord = None,
    reference: Annotated[str | None, Query(max_length=20)] = None,
    cluster_id: OptionalId = None,
    school_urn: Annotated[str | None, Query(pattern=r"^[0-9]{6}$")] = None,
    urgency: OptionalWord = None,
    opened_since: Annotated[Moment | None, Query()] = None,
    changed_since: Annotated[Moment | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """The cases that your organisation takes part in or your cluster holds, newest first; it names no child.

    `q` and `reference` are a case's reference. Names, numbers and days of birth go into the body of
    `POST /v1/cases:search`, never into an address.
    """
    after = parts.position(request, caller, cursor, parts.instant_of, str)
    wanted = CaseFilter(
        status,
        assignment,
        _reference(q, at="/query/q") or _reference(reference, at="/query/reference"),
        cluster_id,
        school_urn,
        urgency,
        parts.utc(opened_since),
        parts.utc(changed_since),
    )
    async with runtime(request).transaction() as tx:
        rows = await search.cases(
            tx, seen_by(caller), wanted, after=(after[0], after[1]) if after else None, limit=limit + 1
        )
        parts.note_read(request, tx, caller, what="cases", what_id=caller.organisation)
    return parts.page(request, caller, rows, limit, show=_summary, at=_position)


@router.post("/v1/cases:search", response_model=Page[CaseSummaryOut], openapi_extra=takes(CaseSearchIn))
async def search_cases(
    request: Request, caller: Reader, body: Annotated[Body[CaseSearchIn], Depends(json_body(CaseSearchIn))]
) -> Response:
    """Find cases by who the child is, among those that you may see, by what you may read of the child. Audited.

    It makes nothing, so it needs no key; `next` goes into `cursor` of the same body.
    """
    asked = body.value
    child = child_asked(asked, caller)
    wanted = CaseFilter(
        asked.status,
        asked.assignment,
        _reference(asked.reference, at="/reference"),
        asked.cluster_id,
        asked.school_urn,
        asked.urgency,
        parts.utc(asked.opened_since),
        parts.utc(asked.changed_since),
    )
    if child.narrowest is None and wanted.reference is None and wanted.school_urn is None:
        raise NothingAsked("Send at least one of name, date_of_birth, upn, nhs_number, reference and school_urn.")
    try:
        after = parts.position(request, caller, asked.cursor, parts.instant_of, str)
    except Malformed as error:
        raise Invalid(error.detail, pointer="/cursor") from error
    async with runtime(request).transaction() as tx:
        rows = await search.cases(
            tx, seen_by(caller), wanted, child, after=(after[0], after[1]) if after else None, limit=asked.limit + 1
        )
        note_search(request, tx, caller, asked, [row["case_id"] for row in rows[: asked.limit]])
    return parts.page(request, caller, rows, asked.limit, show=_summary, at=_position)


@router.get("/v1/cases/{id}", response_model=CaseOut | DisclosedOut | ErasedOut)
async def read_case(
    request: Request, caller: Reader, id: Id, *, purpose: Purpose = None, basis: Basis = None
) -> Response:
    """A case with its child, as far as you work it, have sent a referral to it, or have asked to see it.

    A sector's system gives a `purpose`, and may name the legal `basis`: it gets what the sharing rules let out to its
    sector for that, with that sector's own number of the child and no other; the disclosure is recorded.
    """
    if caller.has("agency-system") and (purpose or basis or await _fetches(request, caller, id)):
        return await _disclosed(request, caller, id, purpose, basis)
    officer = parts.is_the_officer(request, caller)
    if officer and (erased := await _erased(request, caller, id)) is not None:
        return erased
    async with runtime(request).transaction() as tx:
        sight = await parts.sight(tx, caller, id)
        case, works = sight.case, sight.works
        names = await stories.known_names(
            tx, {case.assignment.cluster_id or "", *(each.organisation_id for each in case.participants)}
        )
        parts.note_read(request, tx, caller, what="case", what_id=id, case_id=id, reason=sight.asked_for)
    mine = [each for each in case.referrals if sight.reads_all or each.organisation_id == caller.organisation]
    child = {
        **portrait(mine),
        "address_restricted": any(each.content["child"].get("address_restricted") for each in case.referrals),
    }
    child = shown(
        child, numbers=identifiers(caller), whereabouts=sees_restricted_address(caller, own=not sight.reads_all)
    )
    body = case_body(case, child, mine, names, works=works)
    if officer:
        body["actions"] += officers_actions(case)
    return json_response(body, headers={"ETag": etag(case.version)})


@router.post(
    "/v1/cases/{id}/close",
    response_model=CaseSummaryOut,
    openapi_extra=takes(ClosingIn, VERSION_OPTIONAL, KEY_OPTIONAL),
)
async def close_case(
    request: Request, caller: Worker, id: Id, body: Annotated[Body[ClosingIn], Depends(json_body(ClosingIn))]
) -> Response:
    """End a case that you work. Its referrals end with it, and nobody waits for their answers any more.

    With If-Match it is closed only as you have read it. A closed case stays closed: the child's next referral opens
    the next one.
    """
    version = if_match(request) if "if-match" in request.headers else None
    return await runtime(request).actions.perform(
        close_cases,
        CloseCase(id, body.value.reason, version, caller, cause(request)),
        view=lambda _, case: Answer(200, _summary_of(case), {"ETag": etag(case.version)}),
        idempotency=parts.optional_key(request, caller, body.digest),
    )


async def _erased(request: Request, caller: Caller, id: str) -> Response | None:
    """That a case was erased, for the officer; None: it was not."""
    async with runtime(request).transaction() as tx:
        done = await tx.erasures.of(id)
        if done is None:
            return None
        case = (await tx.cases.load([id]))[id]
        parts.note_read(request, tx, caller, what="erasure", what_id=id, case_id=id)
    return json_response(erased_body(case, done), headers={"ETag": etag(case.version)})


async def _fetches(request: Request, caller: Caller, case_id: str) -> bool:
    """Whether it is a sector's county-wide system that has no part of its own in the case."""
    if not parts.settings(request).is_sector_system(caller.organisation):
        return False
    async with runtime(request).transaction() as tx:
        case = (await tx.cases.load([case_id])).get(case_id)
    return case is None or not sees_case(caller, present(case.participants), case.assignment.cluster_id)


async def _disclosed(request: Request, caller: Caller, id: str, purpose: str | None, basis: str | None) -> Response:
    county_wide = parts.settings(request).is_sector_system(caller.organisation)
    command = FetchCase(id, purpose, basis, county_wide, caller, cause(request))
    async with runtime(request).transaction() as tx:
        outcome = await fetch_case(command, tx)
    return json_response(disclosed_body(parts.returned(outcome)))


def _reference(typed: str | None, *, at: str) -> str | None:
    if typed is None:
        return None
    reference = clean_reference(typed)
    if reference is None:
        said = "This is no case reference; look for a slip."
        raise Malformed(said, pointer=at) if at.startswith("/query/") else Invalid(said, pointer=at)
    return reference


def child_asked(asked: CaseSearchIn, caller: Caller) -> ChildFilter:
    """Who is looked for. Raises `NotYourNumber`, or `Invalid` for what is no number."""
    prints: int | None = None
    clean: dict[str, str | None] = {"upn": None, "nhs_number": None}
    for name, kind, form in (("upn", "upn", clean_upn), ("nhs_number", "nhs", clean_nhs_number)):
        typed = getattr(asked, name)
        if typed is None:
            continue
        if name not in identifiers(caller):
            raise NotYourNumber("This number of a child is another sector's; search by name.", pointer=f"/{name}")
        clean[name] = form(typed)
        if clean[name] is None:
            raise Invalid("This is no such number; look for a slip.", pointer=f"/{name}")
        prints = of_number(kind, clean[name] or "")
    words = name_words(asked.name) if asked.name else ()
    if asked.name and len("".join(words)) < _SHORTEST_NAME:
        raise Invalid("Send at least two letters of the name.", pointer="/name")
    return ChildFilter(words, asked.date_of_birth, clean["upn"], clean["nhs_number"], prints)


def note_search(request: Request, tx: Tx, caller: Caller, asked: CaseSearchIn, found: Sequence[str]) -> None:
    """Audit that somebody searches, by what kinds of things, and each case that it found."""
    by = [name for name in _CRITERIA if getattr(asked, name) is not None]
    for case_id in (None, *found):
        tx.audit(
            action="searched" if case_id is None else "found",
            what="cases" if case_id is None else "case",
            what_id=case_id or caller.organisation,
            caller=caller,
            case_id=case_id,
            reason=f"{asked.reason}: {', '.join(by)}",
            correlation_id=cause(request).correlation_id,
        )


def _position(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["opened_at"].isoformat(), row["case_id"]


def _summary(row: Mapping[str, Any]) -> dict[str, Any]:
    circumstances = row["circumstances"]
    return {
        "case_id": row["case_id"],
        "reference": row["reference"],
        "status": row["status"],
        "opened_at": instant(row["opened_at"]),
        "closed_at": instant(row["closed_at"]),
        "urgency": circumstances["urgency"],
        "risk_of_exclusion": circumstances["risk_of_exclusion"],
        "primary_need": next((need["type"] for need in circumstances["needs"]), None),
        "year_group": circumstances.get("year_group"),
        "assignment": {
            "state": row["assignment_state"],
            "cluster_id": row["cluster_id"],
            "organisation_id": row["holder_id"],
            "since": instant(row["assigned_at"]),
        },
        "last_changed_at": instant(row["last_changed_at"]),
    }


def _summary_of(case: CaseFile) -> dict[str, Any]:
    held = case.assignment
    return _summary(
        {
            "case_id": case.case_id,
            "reference": case.reference,
            "status": case.status.value,
            "opened_at": case.opened_at,
            "closed_at": case.closed_at,
            "circumstances": case.circumstances.model_dump(mode="json"),
            "assignment_state": held.state,
            "cluster_id": held.cluster_id,
            "holder_id": held.organisation_id,
            "assigned_at": held.since,
            "last_changed_at": case.closed_at,
        }
    )
