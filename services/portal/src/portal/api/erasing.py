"""Erasing a case in two steps, what would go shown first; and its export for a subject access request, as a file."""

from typing import Annotated, Any, Final

from chassis.clock import new_id
from chassis.http import runtime
from fastapi import APIRouter, Depends, Request, Response

from portal.api.frame import PageRoute, Stopped, Viewer, Visit, audit, go, need, page, posted
from portal.api.looking import CaseId
from portal.clients.api import Part
from portal.domain.forms import Field, body_of
from portal.policy import document
from portal.views import access, acts

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)

Officer = Annotated[Viewer, Depends(Visit("data-protection"))]
_LABELS: Final = {"reason": "Why is it erased?", "reference": "Type the case's reference"}
_STALE: Final = 412


@router.get("/data-protection/{case_id}/erase")
async def ask(request: Request, viewer: Officer, case_id: CaseId) -> Response:
    """Why, and which: nothing happens yet."""
    case = await _erasable(viewer, case_id)
    return _page(request, viewer, case, {}, key=new_id())


@router.post("/data-protection/{case_id}/erase")
async def erase(request: Request, viewer: Officer, case_id: CaseId) -> Response:
    """First what would go; then, confirmed with the same answers, it is done, once."""
    form = await posted(request, viewer)
    case = await _erasable(viewer, case_id)
    values = {name: [str(value).strip() for value in form.getlist(name)] for name in form}
    body, wrong = body_of(_fields(), values)
    if wrong:
        found = acts.found_wrong(wrong, None, _fields(), _LABELS)
        return _page(request, viewer, case, values, key=new_id(), wrong=found)
    confirmed = form.get("confirmed") == "yes"
    key, etag = str(form.get("key", "")) or new_id(), str(form.get("etag", "")) or case.etag
    path = f"/v1/cases/{case_id}/erase" + ("" if confirmed else "?dry_run=true")
    answer = await viewer.api.post(path, body, key=key, etag=etag)
    if not answer.ok:
        refusal = {**answer.data, "detail": _why_not(answer)}
        found = acts.found_wrong([], refusal, _fields(), _LABELS)
        key = key if answer.unknown else new_id()
        return _page(request, viewer, case, values, key=key, wrong=found)
    if not confirmed:
        return _page(request, viewer, case, values, key=key, would=answer.data)
    return await go(
        request, viewer, f"/data-protection/{case_id}",
        notice="The case is erased. Everybody who holds copies is being told.",
    )  # fmt: skip


@router.get("/data-protection/{case_id}/export")
async def offer_export(request: Request, viewer: Officer, case_id: CaseId) -> Response:
    """What the file is, before it is made: it names others, too."""
    case = await _readable(viewer, case_id, "export")
    return page(
        request, viewer, "export.html", title="Export for a subject access request", case_id=case_id,
        reference=case.data["reference"],
    )  # fmt: skip


@router.post("/data-protection/{case_id}/export")
async def export(request: Request, viewer: Officer, case_id: CaseId) -> Response:
    """The file itself: kept nowhere here, and in no cache."""
    await posted(request, viewer)
    found = await viewer.api.fetch(f"/v1/cases/{case_id}/export")
    need(found, viewer)
    async with runtime(request).transaction() as tx:
        await audit(tx, viewer, action="export", what="case", what_id=case_id, case_id=case_id, reason="subject-access")
    name = found.headers.get("content-disposition") or f'attachment; filename="subject-access-{case_id}.json"'
    headers = {"Content-Disposition": name, "Cache-Control": "no-store", "Content-Type": "application/json"}
    return Response(found.content, headers=headers)


async def _readable(viewer: Viewer, case_id: str, act: str) -> Part:
    """The case, of which the API offers this act. Raises `Stopped`."""
    case = need(await viewer.api.get(f"/v1/cases/{case_id}"), viewer)
    action = acts.find(case.data, act, None)
    if action is None:
        raise Stopped(404, "This cannot be done here", "Go back and look at what is offered.", viewer)
    if not action.get("allowed"):
        raise Stopped(409, "This cannot be done now", action.get("reason") or "Not now.", viewer)
    return case


async def _erasable(viewer: Viewer, case_id: str) -> Part:
    return await _readable(viewer, case_id, "erase")


def _fields() -> tuple[Field, ...]:
    return (
        Field("reason", "radios", required=True, codes=tuple(_reasons())),
        Field("reference", "text", required=True, says="So that no other case is erased by a slip"),
    )


def _reasons() -> dict[str, str]:
    found: dict[str, str] = document("protection.toml")["erase"]["reasons"]
    return found


def _why_not(part: Part) -> str:
    if part.status == _STALE:
        return "The case has changed since you opened it. Look at what would go once more."
    if part.unknown:
        return "It is not certain that this was done. Send the form again: it cannot be done twice."
    return part.detail


def _page(
    request: Request,
    viewer: Viewer,
    case: Part,
    values: dict[str, list[str]],
    *,
    key: str,
    wrong: tuple[list[dict[str, str]], dict[str, str]] | None = None,
    would: dict[str, Any] | None = None,
) -> Response:
    summary, beside = wrong or ([], {})
    questions = acts.questions(_fields(), _LABELS, {})
    questions[0]["choices"] = list(_reasons().items())
    said: dict[str, Any] = document("protection.toml")["erase"]
    return page(
        request, viewer, "erase.html", title="Erase it now?" if would else said["title"], said=said,
        status=422 if summary else 200, case_id=case.data["case_id"], reference=case.data["reference"], key=key,
        etag=case.etag, questions=questions, values=values, errors=summary, beside=beside, would=would,
        went=access.went(would["would_erase"]) if would else [],
        reason=_reasons().get((values.get("reason") or [""])[0], ""),
    )  # fmt: skip
