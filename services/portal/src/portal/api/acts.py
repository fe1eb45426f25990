"""One form for every action that the API offers: made from the API's own description, sent with its key and version."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from chassis.clock import new_id, wall_now
from chassis.http import runtime
from fastapi import APIRouter, Depends, Query, Request, Response
from schemas.codes import registry

from portal.api.frame import PageRoute, Stopped, Viewer, Visit, go, local, need, page, posted
from portal.api.looking import ACTED
from portal.api.parts import parts_of
from portal.clients.api import Part
from portal.domain import forms
from portal.domain.forms import Field
from portal.views import acts
from portal.views.wording import choices

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)

_RESOURCE: Final = r"^/v1/[A-Za-z0-9._:/?=&-]{1,200}$"
_STALE: Final = 412
_CASES: Final = "/v1/assignments/"
Of = Annotated[str, Query(pattern=_RESOURCE)]
Do = Annotated[str, Query(pattern=r"^[a-z0-9-]{1,60}$")]
#: Fields that name something which can be listed: where the choices are.
_LISTS: Final = {
    "cluster_id": ("/v1/clusters", "id", "name"),
    "to_cluster_id": ("/v1/clusters", "id", "name"),
    "provider_id": ("/v1/providers", "id", "name"),
    "provider_ids": ("/v1/providers", "id", "name"),
    "organisation_id": ("/v1/organisations", "id", "name"),
}


@dataclass(frozen=True)
class Act:
    """An action with its form."""

    of: str
    do: str
    at: str
    back: str
    resource: Part
    action: dict[str, Any]
    fields: tuple[Field, ...]
    options: dict[str, list[tuple[str, str]]]


async def _act(  # noqa: PLR0917  the parts of an address
    request: Request,
    viewer: Annotated[Viewer, Depends(Visit())],
    of: Of,
    do: Do,
    at: Annotated[str, Query(max_length=300)] = "",
    back: Annotated[str | None, Query(max_length=300)] = None,
) -> tuple[Viewer, Act]:
    """What is asked for, if it is offered to this viewer at this moment. Raises `Stopped`."""
    resource = need(await viewer.api.get(of), viewer)
    action = acts.find(resource.data, do, at) or acts.making(do, resource.data, viewer.caller)
    if action is None or not str(action["href"]).startswith("/v1/"):
        raise Stopped(404, "This cannot be done here", "Go back and look at what is offered.", viewer)
    if not action.get("allowed"):
        raise Stopped(409, "This cannot be done now", action.get("reason") or "Not now.", viewer)
    fields, options = await _fields(request, viewer, action, resource.data)
    return viewer, Act(of, do, at, local(back), resource, action, fields, options)


_act.policy = ("signed-in",)  # type: ignore[attr-defined]
Asked = Annotated[tuple[Viewer, Act], Depends(_act)]


@router.get("/do")
async def form_of(request: Request, asked: Asked) -> Response:
    """The form of an action; a change begins with what is there."""
    viewer, act = asked
    values = forms.filled(act.fields, act.resource.data) if act.action["method"] in {"PATCH", "PUT"} else {}
    return _form(request, viewer, act, values=values, key=new_id())


@router.post("/do")
async def do_it(request: Request, asked: Asked) -> Response:
    """Do it, once: a form that is sent twice carries the same key."""
    viewer, act = asked
    form = await posted(request, viewer)
    values = {name: [str(value) for value in form.getlist(name)] for name in form}
    body, wrong = forms.body_of(act.fields, values)
    key, etag = str(form.get("key", "")) or new_id(), str(form.get("etag", "")) or act.resource.etag
    answer: Part | None = None
    if not wrong:
        answer = await viewer.api.send(act.action["method"], act.action["href"], body, key=key, etag=etag)
        if answer.ok:
            return await _done(request, viewer, act, answer)
    summary, beside = acts.found_wrong(
        wrong,
        {**answer.data, "detail": _why_not(answer)} if answer else None,
        act.fields,
        acts.words_of(act.do)["labels"],
    )
    # A refusal is an answer to this key; what is typed next is another request.
    key = key if answer is not None and answer.unknown else new_id()
    return _form(request, viewer, act, values=values, key=key, errors=summary, beside=beside)


async def _done(request: Request, viewer: Viewer, act: Act, answer: Part) -> Response:
    said = acts.words_of(act.do)
    if act.of.startswith(_CASES):
        # Whoever places a case sees where it went, although it is no longer theirs.
        async with runtime(request).transaction() as tx:
            ends_at = wall_now() + timedelta(hours=viewer.terms.reason_hours)
            await tx.marks.give_reason(viewer.subject, act.of.removeprefix(_CASES), ACTED, ends_at=ends_at)
    shown = answer.data.get(said.get("shows", ""))
    if shown:
        # Shown once, and kept nowhere: not in a session either.
        return page(
            request, viewer, "act_done.html", title=said["title"], said=said, shown=shown, back=act.back,
            ends=answer.data.get("expires_at"),
        )  # fmt: skip
    return await go(request, viewer, act.back, notice=said["done"])


def _why_not(part: Part) -> str:
    if part.status == _STALE:
        return "This has changed since you opened it. Check it again, then send the form once more."
    if part.unknown:
        return "It is not certain that this was done. Send the form again: it cannot be done twice."
    return part.detail


async def _fields(
    request: Request, viewer: Viewer, action: dict[str, Any], data: dict[str, Any]
) -> tuple[tuple[Field, ...], dict[str, list[tuple[str, str]]]]:
    document = await described(request, viewer)
    found = forms.operation(document, action["method"], action["href"])
    schema = forms.body_schema(found) if found else None
    if schema is None:
        return (), {}
    changes = action["method"] in {"PATCH", "PUT"}
    fields = forms.fields_of(schema, document.get("components", {}).get("schemas", {}), have=data if changes else None)
    fields = forms.fixed(fields, acts.given(action["name"], action["href"], data))
    today = viewer.now.date()
    options: dict[str, list[tuple[str, str]]] = {
        name: choices(registry(listed).codes(on=today))
        for name, listed in acts.words_of(action["name"])["codes"].items()
    }
    for name in {one.last for one in acts.flat(fields)} & set(_LISTS):
        path, id, text = _LISTS[name]
        rows = (await viewer.api.get(path, limit=200)).items
        options[name] = sorted(((row[id], row.get(text) or row[id]) for row in rows), key=lambda row: row[1])
    return fields, options


async def described(request: Request, viewer: Viewer) -> dict[str, Any]:
    """What the API says of itself, asked once per process."""
    parts = parts_of(request)
    if not parts.described:
        found = await viewer.api.get("/openapi.json")
        if not found.ok:
            raise Stopped(503, "This form cannot be shown at the moment", "Try again in a moment.", viewer)
        parts.described = found.data
    return parts.described


def _form(
    request: Request,
    viewer: Viewer,
    act: Act,
    *,
    values: dict[str, list[str]],
    key: str,
    errors: list[dict[str, str]] | None = None,
    beside: dict[str, str] | None = None,
) -> Response:
    said = acts.words_of(act.do)
    return page(
        request,
        viewer,
        "act.html",
        title=said["title"],
        status=422 if errors else 200,
        said=said,
        act=act,
        where=urlencode({"of": act.of, "do": act.do, "at": act.at, "back": act.back}),
        key=key,
        reference=act.resource.data.get("reference"),
        questions=acts.questions(act.fields, said["labels"], act.options),
        values=values,
        errors=errors or [],
        beside=beside or {},
    )
