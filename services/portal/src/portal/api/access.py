"""Who looked at a case, and a closer look at another team's, for a reason that stands in the case's access log."""

from datetime import timedelta
from typing import Annotated, Any, Final

from chassis.clock import new_id, wall_now
from chassis.http import runtime
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from portal.api import kept
from portal.api.frame import PageRoute, Stopped, Viewer, Visit, audit, need, page, posted
from portal.api.looking import CaseId
from portal.clients.api import Part
from portal.domain.forms import Field, body_of
from portal.domain.words import as_instant
from portal.policy import document
from portal.queries import looks_at
from portal.views import access, acts

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)

#: Who the API lets read another team's case for a reason.
ASKERS: Final = ("caseworker", "cluster-lead")
_PAGE: Final = 100
_LABELS: Final = {
    "reference": "Case reference",
    "reason": "Why do you need to look?",
    "note": "What else should be known of it?",
}


@router.get("/cases/{case_id}/access-log")
async def access_log(
    request: Request,
    viewer: Annotated[Viewer, Depends(Visit())],
    case_id: CaseId,
    cursor: Annotated[str | None, Query(max_length=600)] = None,
) -> Response:
    """Everybody who looked, when and why, a page at a time; for who leads its team and for data protection."""
    log = need(await viewer.api.get(f"/v1/cases/{case_id}/access-log", limit=_PAGE, cursor=cursor), viewer)
    names = await kept.people(viewer)
    # The pages' own looks stand between those of this page of the API's log.
    newest = as_instant(log.items[0]["at"]) if cursor and log.items else None
    oldest = as_instant(log.items[-1]["at"]) if log.more else None
    async with runtime(request).transaction() as tx:
        looks = await looks_at(tx, case_id, limit=_PAGE, since=oldest, until=newest)
        await audit(tx, viewer, action="look", what="access-log", what_id=case_id, case_id=case_id)
    officer = viewer.may("data-protection")
    return page(
        request, viewer, "access_log.html", title="Who looked at this case", case_id=case_id,
        rows=access.rows(log, looks, names), more=log.more,
        back=f"/data-protection/{case_id}" if officer else f"/cases/{case_id}",
    )  # fmt: skip


@router.get("/look")
async def ask(request: Request, viewer: Annotated[Viewer, Depends(Visit("search"))]) -> Response:
    """Which case, and why? Whether there is such a case is not said."""
    return _question(request, viewer, {}, key=new_id())


@router.post("/look")
async def look(request: Request, viewer: Annotated[Viewer, Depends(Visit("search"))]) -> Response:
    """Ask the API with the reason; then the case, as long as it lasts."""
    form = await posted(request, viewer)
    values = {name: [str(value).strip() for value in form.getlist(name)] for name in form}
    body, wrong = body_of(_fields(), values)
    if wrong:
        return _question(request, viewer, values, key=new_id(), wrong=acts.found_wrong(wrong, None, _fields(), _LABELS))
    key = str(form.get("key", "")) or new_id()
    given = await viewer.api.post(f"/v1/cases/{body['reference'].replace(' ', '')}/access-requests", body, key=key)
    if given.ok:
        case_id = str(given.data["case_id"])
        # The API counts business time, sessions the wall's: the reason holds here no longer than there.
        there = (as_instant(given.data["until"]) or viewer.now) - viewer.now
        ends_at = wall_now() + min(there, timedelta(hours=viewer.terms.reason_hours))
        async with runtime(request).transaction() as tx:
            await tx.marks.give_reason(viewer.subject, case_id, body["reason"], ends_at=ends_at)
        return RedirectResponse(f"/cases/{case_id}", 303)
    return _question(request, viewer, values, key=key if given.unknown else new_id(), wrong=_refused(given))


def may_ask(viewer: Viewer) -> bool:
    """Whether there is a question for them: others are told that there is no such case."""
    return viewer.caller.has(*ASKERS) and (viewer.caller.sector == "council" or bool(viewer.caller.clusters))


def offer(viewer: Viewer) -> Stopped | None:
    """In place of a case that is not theirs, the way to a reason; None for whom there is none."""
    if not may_ask(viewer):
        return None
    return Stopped(
        404, "This case is not your team's", "There may be no such case, or another team works it. If you must read"
        " it, you need its reference and a reason, which stands in its access log.", viewer,
        ("/look", "Look at a case of another team"),
    )  # fmt: skip


def _fields() -> tuple[Field, ...]:
    return (
        Field("reference", "text", required=True, says="Such as PVJ-MD4-WCY"),
        Field("reason", "radios", required=True, codes=tuple(access.outside_reasons())),
        Field("note", "long", required=False, most=1000, says="Its team and data protection read it"),
    )


def _refused(given: Part) -> tuple[list[dict[str, str]], dict[str, str]]:
    if given.absent:
        text = "There is no such case, or it is not open to you. Check the reference"
        return [{"text": text, "href": "#field-reference"}], {"reference": text}
    if given.status == 409:  # noqa: PLR2004  their own team's, or asked for already
        return [{"text": given.detail, "href": ""}], {}
    return acts.found_wrong([], {**given.data, "detail": given.detail}, _fields(), _LABELS)


def _question(
    request: Request,
    viewer: Viewer,
    values: dict[str, list[str]],
    *,
    key: str,
    wrong: tuple[list[dict[str, str]], dict[str, str]] | None = None,
) -> Response:
    said: dict[str, Any] = document("protection.toml")["outside"]
    summary, beside = wrong or ([], {})
    options = {"reason": list(access.outside_reasons().items())}
    questions = acts.questions(_fields(), _LABELS, options)
    for one in questions:
        one["choices"] = options.get(one["name"], one["choices"])
    return page(
        request, viewer, "look.html", title=said["title"], status=422 if summary else 200, said=said, key=key,
        questions=questions, values=values, errors=summary, beside=beside,
    )  # fmt: skip
