"""Referrals read as ServiceRequests and Tasks: with the rights, the audit and the limits of `/v1/referrals`."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
from chassis.auth import Caller
from chassis.bodies import read_bytes, validate
from chassis.errors import Invalid, Malformed, TooLarge, UnsupportedMediaType
from chassis.http import etag, runtime
from chassis.wire import one_line
from fastapi import APIRouter, Request, Response

from referral_api.api import parts
from referral_api.api.cases import child_asked, note_search, seen_by
from referral_api.api.fhir_frame import BASE, FhirRoute, base_of, fhir_response, located, rules_of
from referral_api.api.parts import Id, Reader
from referral_api.domain.fhir.rules import FhirRules
from referral_api.domain.fhir.states import task_status
from referral_api.domain.postcodes import clean_postcode
from referral_api.domain.references import clean_reference
from referral_api.handlers import files
from referral_api.handlers.files import File
from referral_api.queries import lists, search, stories
from referral_api.queries.lists import ReferralFilter
from referral_api.queries.search import CaseFilter
from referral_api.store import Tx
from referral_api.views.fhir import shown
from referral_api.views.fhir.shown import Shown
from referral_api.views.incoming import CaseSearchIn

router: Final = APIRouter(tags=["fhir"], route_class=FhirRoute, include_in_schema=False)

#: How many referrals one search gives; a child has few.
_MOST: Final = 50
_MOST_BYTES: Final = 16 * 1024
_FORM: Final = "application/x-www-form-urlencoded"
_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")
#: BaRS's parameter -> the field of a search for a child: what says who somebody is stands in a body alone.
PERSONAL: Final = {
    "patient:identifier": "nhs_number",
    "patient:name": "name",
    "patient:birthdate": "date_of_birth",
    "patient:address-postalcode": "postcode",
}
PLAIN: Final = ("_id", "identifier")


class InTheBody(Malformed):
    """What says who somebody is was put into an address."""

    code = "in-the-body"


class TooManyFit(Invalid):
    """Somebody looks for too little."""

    code = "too-many"

    def __init__(self, most: int) -> None:
        super().__init__(f"More than {most} fit. Say more of whom you look for.", pointer="/query/_count")


@router.get(f"{BASE}/ServiceRequest/{{id}}")
async def read_service_request(request: Request, caller: Reader, id: Id) -> Response:
    """A referral; its id is the referral's."""
    rules = rules_of(request)
    async with runtime(request).transaction() as tx:
        file, why = await _request(tx, caller, id)
        (seen,) = await _shown(tx, caller, [file])
        parts.note_read(request, tx, caller, what="referral", what_id=id, case_id=file.case.case_id, reason=why)
    return fhir_response(shown.service_request(seen, rules), headers={"ETag": f"W/{etag(file.referral.version)}"})


@router.get(f"{BASE}/ServiceRequest")
async def find_service_requests(request: Request, caller: Reader) -> Response:
    """By id, or by the sender's own reference. Nothing personal stands in an address."""
    asked = _parameters(request.query_params.multi_items(), where="the address")
    for name in asked:
        if name in PERSONAL:
            raise InTheBody(
                f"Nothing that says who somebody is belongs in an address, where it would be logged. Send the same as"
                f" a form to POST {BASE}/ServiceRequest/_search.",
                pointer=f"/query/{name}",
            )
    return await _found(request, caller, asked)


@router.post(f"{BASE}/ServiceRequest/_search")
async def search_service_requests(request: Request, caller: Reader) -> Response:
    """By who the child is, too: the same parameters, in the body. It makes nothing, so it needs no key."""
    return await _found(request, caller, _parameters(await _form(request), where="the form"))


@router.get(f"{BASE}/Task/{{id}}")
async def read_task(request: Request, caller: Reader, id: Id) -> Response:
    """How far a referral is; the Task has the referral's id."""
    async with runtime(request).transaction() as tx:
        file, why = await _request(tx, caller, id)
        (task,) = await _tasks(tx, caller, [file], rules_of(request))
        parts.note_read(request, tx, caller, what="task", what_id=id, case_id=file.case.case_id, reason=why)
    return fhir_response(task, headers={"ETag": f"W/{etag(file.case.version)}"})


@router.get(f"{BASE}/Task")
async def find_tasks(request: Request, caller: Reader) -> Response:
    """How far a referral is: `?focus=ServiceRequest/{id}`."""
    asked = dict(request.query_params.multi_items())
    id = asked.get("focus", "").rpartition("/")[2]
    if set(asked) != {"focus"} or not _ID.fullmatch(id):
        raise Malformed("Send ?focus=ServiceRequest/ with the id of one, and nothing else.", pointer="/query/focus")
    rules = rules_of(request)
    async with runtime(request).transaction() as tx:
        file = (await files.read([id], tx)).get(id)
        found = [file] if file is not None and _fits(file, caller, {}, rules) else []
        tasks = await _tasks(tx, caller, found, rules)
        for each in found:
            parts.note_read(request, tx, caller, what="task", what_id=id, case_id=each.case.case_id)
    return fhir_response(shown.searchset(base_of(request), "Task", tasks))


async def _request(tx: Tx, caller: Caller, id: str) -> tuple[File, str | None]:
    """A request for help that the caller may read, and why from outside. A notice of an exclusion asks for nothing."""
    file, why = await parts.seen_referral(tx, caller, id)
    if file.referral.is_notice:
        raise files.nothing()
    return file, why


async def _found(request: Request, caller: Caller, asked: Mapping[str, str]) -> Response:
    rules = rules_of(request)
    async with runtime(request).transaction() as tx:
        if PERSONAL.keys() & asked.keys():
            found = await _of_child(request, tx, caller, asked, rules)
        else:
            found = await _of_references(tx, caller, asked, rules)
        if len(found) > _MOST:
            raise TooManyFit(_MOST)
        for each in found:
            id, case_id = each.referral.referral_id, each.case.case_id
            parts.note_read(request, tx, caller, what="referral", what_id=id, case_id=case_id, reason="search")
        seen = [shown.service_request(each, rules) for each in await _shown(tx, caller, found)]
    return fhir_response(shown.searchset(base_of(request), "ServiceRequest", seen))


async def _of_references(tx: Tx, caller: Caller, asked: Mapping[str, str], rules: FhirRules) -> list[File]:
    if "_id" in asked:
        ids = [asked["_id"]]
    elif "identifier" in asked:
        system, _, value = asked["identifier"].rpartition("|")
        if system in rules.systems["reference"]:
            return await _of_case(tx, caller, asked, rules)
        rows = await lists.referrals(
            tx, caller.organisation, ReferralFilter(reference=value), after=None, limit=_MOST + 1
        )
        ids = [row["referral_id"] for row in rows]
    else:
        raise Malformed(f"Say what you look for, by one of: {', '.join((*PLAIN, *PERSONAL))}.", pointer="/query/_id")
    known = await files.read(ids, tx)
    return [known[id] for id in ids if id in known and _fits(known[id], caller, asked, rules)]


async def _of_case(tx: Tx, caller: Caller, asked: Mapping[str, str], rules: FhirRules) -> list[File]:
    """Referrals of the case that people call so."""
    wanted = CaseFilter(reference=clean_reference(asked["identifier"].rpartition("|")[2]) or "")
    rows = await search.cases(tx, seen_by(caller), wanted, after=None, limit=1)
    return await _in_cases(tx, caller, [row["case_id"] for row in rows], asked, rules)


async def _in_cases(
    tx: Tx, caller: Caller, ids: Sequence[str], asked: Mapping[str, str], rules: FhirRules
) -> list[File]:
    cases = await tx.cases.load(ids)
    every = (File(cases[id], referral) for id in ids for referral in cases[id].referrals)
    return [file for file in every if _fits(file, caller, asked, rules)]


async def _of_child(request: Request, tx: Tx, caller: Caller, asked: Mapping[str, str], rules: FhirRules) -> list[File]:
    """Referrals of the children that fit, in the cases that the caller may see, by what they may read of them."""
    child, postcode = _searched(asked, rules)
    try:
        body = validate(CaseSearchIn, orjson.dumps(child), child)
        criteria = child_asked(body, caller)
    except Invalid as error:
        names = {f"/{field}": f"/query/{name}" for name, field in PERSONAL.items()}
        raise located(error, names.get) from None
    if criteria.narrowest is None:
        raise Malformed("Say more of whom you look for: a number, a name or a day of birth.", pointer="/query/_count")
    rows = await search.cases(tx, seen_by(caller), CaseFilter(), criteria, after=None, limit=_MOST + 1)
    ids = [row["case_id"] for row in rows]
    if len(ids) > _MOST:
        raise TooManyFit(_MOST)
    note_search(request, tx, caller, body, ids)
    found = await _in_cases(tx, caller, ids, asked, rules)
    return [file for file in found if postcode in {None, parts.child_for(file, caller).get("postcode")}]


def _fits(file: File, caller: Caller, asked: Mapping[str, str], rules: FhirRules) -> bool:
    """Whether it is a request for help that the caller may read, and is called what they ask for."""
    referral = file.referral
    return (
        file.exists_for(caller)
        and not referral.is_notice
        and asked.get("_id", referral.referral_id) == referral.referral_id
        and ("identifier" not in asked or _is_called(file, caller, asked["identifier"], rules))
    )


def _is_called(file: File, caller: Caller, identifier: str, rules: FhirRules) -> bool:
    system, _, value = identifier.rpartition("|")
    if system in rules.systems["reference"]:
        return clean_reference(value) == file.case.reference
    return file.is_of(caller) and file.referral.content["referrer"].get("reference") == value


def _searched(asked: Mapping[str, str], rules: FhirRules) -> tuple[dict[str, str], str | None]:
    """What is asked of a child, in the words of `POST /v1/cases:search`, and the postcode. Raises `Malformed`."""
    child = {PERSONAL[name]: value for name, value in asked.items() if name in PERSONAL}
    if "nhs_number" in child:
        system, _, number = child["nhs_number"].rpartition("|")
        if system and system not in rules.systems["nhs_number"]:
            raise Malformed(
                f"The system of the number must be {rules.systems['nhs_number'][0]}.",
                pointer="/query/patient:identifier",
            )
        child["nhs_number"] = number
    if "date_of_birth" in child:
        child["date_of_birth"] = child["date_of_birth"].removeprefix("eq")
    typed = child.pop("postcode", None)
    postcode = None if typed is None else clean_postcode(typed)
    if typed is not None and postcode is None:
        raise Malformed("This is no postcode; look for a slip.", pointer="/query/patient:address-postalcode")
    return child, postcode


async def _shown(tx: Tx, caller: Caller, found: Sequence[File]) -> list[Shown]:
    names = await stories.known_names(
        tx, {id for each in found for id in (each.referral.organisation_id, each.case.assignment.cluster_id or "")}
    )
    return [Shown(each, parts.child_for(each, caller), own=each.is_of(caller), names=names) for each in found]


async def _tasks(tx: Tx, caller: Caller, found: Sequence[File], rules: FhirRules) -> list[dict[str, Any]]:
    begun = await stories.begun(tx, {each.case.case_id for each in found}, rules.work)
    return [
        shown.task(
            each,
            rules,
            status=task_status(rules.states, each.file.referral, each.file.case, begun=each.file.case.case_id in begun),
        )
        for each in await _shown(tx, caller, found)
    ]


def _parameters(pairs: Sequence[tuple[str, str]], *, where: str) -> dict[str, str]:
    """What is asked, each once. Raises `Malformed`: a parameter that is passed over would find too much."""
    asked: dict[str, str] = {}
    for name, value in pairs:
        if name not in {*PLAIN, *PERSONAL}:
            raise Malformed(
                f"In {where} these are understood: {', '.join((*PLAIN, *PERSONAL))}.",
                pointer=f"/query/{_shortened(name)}",
            )
        try:
            said = one_line(value)
        except ValueError as error:
            raise Malformed("Send a text on one line.", pointer=f"/query/{name}") from error
        if name in asked:
            raise Malformed("Send each parameter once.", pointer=f"/query/{name}")
        asked[name] = said
    return asked


def _shortened(name: str) -> str:
    return "".join(each if each.isascii() and each.isalnum() else "?" for each in name[:40])


async def _form(request: Request) -> list[tuple[str, str]]:
    media, _, _ = request.headers.get("content-type", "").partition(";")
    if media.strip().lower() != _FORM:
        raise UnsupportedMediaType(f"Send Content-Type: {_FORM}.")
    # The house's reader counts the bytes; it only knows JSON by name.
    others = [(name, value) for name, value in request.scope["headers"] if name != b"content-type"]
    plain = Request({**request.scope, "headers": [*others, (b"content-type", b"application/json")]}, request.receive)
    data = await read_bytes(plain, _MOST_BYTES)
    try:
        return parse_qsl(
            data.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=len(PERSONAL) + len(PLAIN)
        )
    except UnicodeDecodeError as error:
        raise Malformed("The form is not UTF-8.") from error
    except ValueError as error:
        raise TooLarge("The form has more fields than there are parameters.") from error
