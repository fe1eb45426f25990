"""Suspensions that become a raised risk, and places in alternative provision from the request to the return."""

from datetime import date, timedelta
from typing import Any, Final

from jointly.demo.agency import Refused
from jointly.demo.cast import COUNCIL, Cast
from jointly.demo.story import Story, happens
from jointly.demo.volumes import plan

_WEEK: Final = timedelta(weeks=1)
#: Weeks after the start.
_SILENT_AFTER, _REVIEW_AFTER = 2, 4
_ANSWER_DAYS: Final = 4
_TAKEN: Final = frozenset({"not-eligible", "no-place-left"})


async def suspend(cast: Cast, story: Story, week: int, today: date) -> None:
    """The child's school, or the council for it, tells of a suspension."""
    for at, (sessions, reason) in story.suspensions.items():
        done = f"suspended {at}"
        if week < at or done in story.done:
            continue
        child = story.referral.body["child"]
        system = cast.systems.get(f"school-{child['school_urn']}", cast.systems[COUNCIL])
        said = {
            "child": {**child, "upn": child["upn"]}, "kind": "SUSP", "reasons": [reason],
            "first_on": today.isoformat(), "sessions": sessions,
            "reference": f"EXC-{today:%Y%m%d}-{child['nhs_number']}",
        }  # fmt: skip
        told = await system.post("/v1/exclusion-notices", said)
        story.kept.setdefault("exclusions", []).append(told["exclusion_id"])
        story.done.add(done)
        return


async def look_at_risks(cast: Cast, story: Story) -> None:
    """The lead of the cluster looks at what the rules saw, and confirms it, or says why it is none."""
    if not story.suspensions:
        return
    lead = cast.lead(story.cluster)
    async for risk in lead.items("/v1/exclusions/risks", case=story.case_id, state="raised"):
        path = f"/v1/exclusions/risks/{risk['id']}"
        if happens(plan()["in_a_hundred"]["risk_dismissed"], story.chance) and not story.placed:
            await lead.change(path, f"{path}/dismiss", {"reason": "already-supported"})
        else:
            await lead.change(path, f"{path}/confirm", {})
            story.done.add("risk")


async def do_duties(cast: Cast, story: Story, today: date) -> None:
    """The school teaches from the sixth day on: one school in two does so in time, another never."""
    for id in story.kept.get("exclusions", ()):
        found = await cast.officer.get(f"/v1/exclusions/{id}")
        for duty in found["duties"]:
            if duty["state"] == "open" and duty["kind"] == "education-from-day-6" and story.number % 2 == 0:
                path = f"/v1/exclusions/{id}/duties/{duty['id']}/met"
                await cast.officer.post(path, {"met_on": today.isoformat()})


async def place(cast: Cast, story: Story, today: date) -> None:
    """A place is looked for once the risk is confirmed, or as the referral asks; then it goes on from week to week."""
    asked_for = "placement" in story.referral.body["requested"]
    if not asked_for and not (story.placed and "risk" in story.done):
        return
    worker = cast.caseworker(story.cluster)
    found = [one async for one in worker.items("/v1/placements", case=story.case_id)]
    live = [one for one in found if one["state"] in {"requested", "accepted", "started"}]
    if not found and "risk" in story.done:
        said = {
            "case_id": story.case_id, "sessions_a_week": plan()["placement"]["sessions_a_week"],
            "wanted_from": today.isoformat(), "session": "full-time",
        }  # fmt: skip
        live = [await worker.post("/v1/placements", said)]
    for placement in live:
        if placement["state"] == "requested" and "risk" not in story.done and story.number % 2:
            path = f"/v1/placements/{placement['id']}"
            await worker.change(path, f"{path}/withdraw", {})
        elif placement["state"] == "requested":
            try:
                await _offer(cast, story, placement, today)
            except Refused as refused:
                # Somebody else was quicker at that place; next week it is looked for again.
                if refused.code not in _TAKEN:
                    raise
        elif placement["state"] == "accepted":
            await _start(cast, story, placement, today)
        else:
            await _go_on(cast, story, placement, today)


async def _offer(cast: Cast, story: Story, placement: dict[str, Any], today: date) -> None:
    """The two best are asked; one answers no, the other takes the child. One story's first offer is left to lapse."""
    worker, path = cast.caseworker(story.cluster), f"/v1/placements/{placement['id']}"
    ranked = [one for one in (await worker.get(f"{path}/matches"))["items"] if one["eligible"] and one["open"]]
    chosen = [one["provider_id"] for one in ranked[:2]]
    if not chosen:
        return
    if "held" not in story.done:
        await worker.post(f"{path}/holds", {"provider_id": chosen[0]})
        story.done.add("held")
        if story.unanswered:
            # Kept and not used: it lapses, and is looked at again next week.
            return
    answer_by = f"{today + timedelta(days=_ANSWER_DAYS)}T12:00:00Z"
    offered = await worker.post(f"{path}/offers", {"provider_ids": chosen, "answer_by": answer_by})
    if story.unanswered and "lapsed" not in story.done:
        story.done.add("lapsed")
        return
    offers = sorted(
        (one for one in offered["offers"] if one["state"] == "open"), key=lambda one: chosen.index(one["provider_id"])
    )
    for offer in reversed(offers):
        manager = cast.manager(offer["provider_id"])
        if manager is None:
            continue
        if offer is not offers[0]:
            await manager.post(f"{path}/offers/{offer['id']}/decline", {"reason": "group-fit"})
        else:
            starts_on = (today + _WEEK).isoformat()
            await manager.post(f"{path}/offers/{offer['id']}/accept", {"starts_on": starts_on})


async def _start(cast: Cast, story: Story, placement: dict[str, Any], today: date) -> None:
    if today < date.fromisoformat(placement["starts_on"]):
        return
    path = f"/v1/placements/{placement['id']}"
    await cast.caseworker(story.cluster).change(path, f"{path}/start", {"started_on": today.isoformat()})


async def _go_on(cast: Cast, story: Story, placement: dict[str, Any], today: date) -> None:
    """Attendance week by week, a review, and the way back to school."""
    path, started_on = f"/v1/placements/{placement['id']}", date.fromisoformat(placement["started_on"])
    weeks = (today - started_on) // _WEEK
    manager, worker = cast.manager(placement["provider_id"]), cast.caseworker(story.cluster)
    if manager is not None and weeks and not (story.silent and weeks > _SILENT_AFTER):
        attended = story.chance.choice((6, 8, 9, 10))
        said = {"week": (today - _WEEK).isoformat(), "attended": attended, "possible": 10}
        await manager.post(f"{path}/attendance", said)
    if weeks >= _REVIEW_AFTER and "placement reviewed" not in story.done:
        outcome = "more-support" if story.silent else "on-track"
        await worker.post(f"{path}/reviews", {"reviewed_on": today.isoformat(), "outcome": outcome})
        story.done.add("placement reviewed")
    if weeks >= plan()["placement"]["weeks"] and not story.silent:
        school = story.referral.body["child"]["school_urn"]
        said = {
            "reason": "reintegrated", "ended_on": today.isoformat(), "reintegrated_on": today.isoformat(),
            "school_urn": school,
        }  # fmt: skip
        await worker.change(path, f"{path}/end", said)
