"""The cluster board: load against capacity, what is late, the map, hand-overs, and a draft rule tried on the past."""

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response

from portal.api import kept
from portal.api.frame import PageRoute, Viewer, Visit, need, page, posted
from portal.api.looking import CaseId
from portal.clients.api import Part
from portal.policy import document
from portal.views import board

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)

Board = Annotated[Viewer, Depends(Visit("board"))]


@router.get("/board")
async def clusters(request: Request, viewer: Board) -> Response:
    """Every cluster with its load."""
    found = need(await viewer.api.get("/v1/clusters"), viewer)
    return page(
        request, viewer, "clusters.html", title="Clusters", rows=board.cluster_rows(found, viewer.caller.clusters),
        may_try=viewer.caller.has("cluster-lead", "intake", "operator"),
    )  # fmt: skip


@router.get("/board/simulate")
async def draft(request: Request, viewer: Board) -> Response:
    """A draft rule."""
    return _draft(request, viewer, {}, [], None, {})


@router.post("/board/simulate")
async def try_draft(request: Request, viewer: Board) -> Response:
    """What would have gone elsewhere under the draft. Nothing is kept."""
    form = await posted(request, viewer)
    values = {name: str(form.get(name, "")).strip() for name in form}
    rules, errors = _rules(values)
    found: Part | None = None
    names: dict[str, str] = {}
    if not rules and not errors:
        errors = [{"text": "Change at least one rule", "href": "#draft-0"}]
    if not errors:
        answers = await asyncio.gather(
            viewer.api.post("/v1/simulations", {"rules": rules}), viewer.api.get("/v1/clusters")
        )
        found = answers[0]
        names = {row["id"]: row["name"] for row in answers[1].items}
        if not found.ok:
            errors = [{"text": found.detail, "href": ""}]
    return _draft(request, viewer, values, errors, found if found is not None and found.ok else None, names)


@router.get("/board/{cluster_id}")
async def cluster(request: Request, viewer: Board, cluster_id: CaseId) -> Response:
    """One cluster: what it carries, what is late, where its schools and children are."""
    api, ours = viewer.api, cluster_id in viewer.caller.clusters
    answers, schools = await asyncio.gather(
        api.all(
            (f"/v1/clusters/{cluster_id}", {}),
            (f"/v1/clusters/{cluster_id}/board", {}),
            ("/v1/assignments", {"cluster": cluster_id, "limit": 200}),
            ("/v1/clocks", {"state": "breached", "limit": 200}),
            ("/v1/people", {"cluster": cluster_id, "limit": 200}),
        ),
        kept.schools(viewer),
    )
    said, glance, cases, breached, people = answers
    need(said, viewer)
    names = await api.names([row["case_id"] for row in cases.items if ours], "worklist")
    late: dict[str, int] = {}
    for clock in breached.items:
        late[clock["case_id"]] = late.get(clock["case_id"], 0) + 1
    rows = board.case_rows(cases.items, names, late)
    drawn, table, squares = board.schools_map(said.data, glance.data, schools)
    clusters = {row["id"]: row["name"] for row in await kept.clusters(viewer)}
    return page(
        request,
        viewer,
        "cluster.html",
        title=said.data["name"],
        cluster=board.cluster_row(said.data, viewer.caller.clusters),
        waiting=[row for row in rows if row["state"] == "assigned"],
        worked=[row for row in rows if row["state"] != "assigned"],
        overdue=sum(1 for row in rows if row["late"]),
        ages=board.ages(glance),
        incoming=board.offers(glance, "incoming", clusters),
        outgoing=board.offers(glance, "outgoing", clusters),
        sees_board=glance.ok,
        team=board.team(said.data, {row["id"]: row.get("name") or row["id"] for row in people.items}),
        drawn=drawn,
        schools=table,
        squares=squares,
        parts=((cases, "The cluster's cases"), (breached, "Time limits"), (glance, "The board")),
        more=cases.more,
    )


def _rules(values: dict[str, str]) -> tuple[dict[str, Any], list[dict[str, str]]]:
    rules: dict[str, Any] = {}
    errors = []
    known = document("drafts.toml")
    for n, one in enumerate([*known["choice"], *known["number"]]):
        typed = values.get(one["path"], "").replace(",", "")
        if not typed:
            continue
        section, _, name = one["path"].partition(".")
        if "options" in one:
            if typed in {value for value, _ in one["options"]}:
                rules.setdefault(section, {})[name] = typed
        elif typed.isdigit() and one["least"] <= int(typed) <= one["most"]:
            rules.setdefault(section, {})[name] = int(typed)
        else:
            text = f"{one['label']}: must be a whole number from {one['least']:,} to {one['most']:,}"
            errors.append({"text": text, "href": f"#draft-{n}"})
    return rules, errors


def _draft(  # noqa: PLR0917  what the page shows
    request: Request, viewer: Viewer, values: dict[str, str], errors: list[dict[str, str]], found: Part | None,
    names: dict[str, str],
) -> Response:  # fmt: skip
    known = document("drafts.toml")
    return page(
        request, viewer, "simulate.html", title="What would another rule do?", status=422 if errors else 200,
        questions=[*known["choice"], *known["number"]], typed=values, errors=errors, found=found,
        moves=board.moves(found, names), loads=board.loads(found, names), moved=board.moved(found, names),
    )  # fmt: skip
