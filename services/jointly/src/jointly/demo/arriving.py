"""How a child of the demo's term arrives: referred by an agency, taken on by a cluster, or placed by a person."""

import asyncio
from typing import Any, Final

from chassis.clock import wall_seconds

from jointly.demo.cast import Cast
from jointly.demo.story import Story

_LOOK_AGAIN: Final = 0.1
#: A case that is not placed by then is looked at again next week.
_PATIENCE: Final = 60.0


async def refer(cast: Cast, story: Story) -> None:
    """The agency's system posts the referral."""
    if story.case_id:
        return
    system = cast.systems.get(story.referral.system or "") or cast.sender(story.referral.sector)
    answer = await system.post("/v1/referrals", story.referral.body)
    story.case_id, story.reference = answer["case_id"], answer.get("reference", "")


async def take_on(cast: Cast, story: Story) -> None:
    """The cluster accepts; some give the case back first, and what no rule fits a person places."""
    if story.cluster:
        return
    found = await _routed(cast, story)
    if found is None:
        return
    path = f"/v1/assignments/{story.case_id}"
    if found["state"] == "assigned" and story.returned and "returned" not in story.done:
        await cast.lead(found["cluster_id"]).change(path, f"{path}/return", {"reason": "capacity"})
        story.done.add("returned")
        story.kept["returned_by"] = found["cluster_id"]
        found = await cast.officer.get(path)
    if found["state"] == "queued":
        said = {"cluster_id": _other(cast, story), "reason": "capacity" if story.returned else "safeguarding"}
        await cast.officer.change(path, f"{path}/override", said)
        found = await cast.officer.get(path)
    if found["state"] == "assigned":
        await cast.lead(found["cluster_id"]).change(path, f"{path}/accept", {})
        found = await cast.officer.get(path)
    if found["state"] == "accepted":
        story.cluster, story.reference = found["cluster_id"], found["reference"]


async def _routed(cast: Cast, story: Story) -> dict[str, Any] | None:
    ends = wall_seconds() + _PATIENCE
    while wall_seconds() < ends:
        found = await cast.officer.get(f"/v1/assignments/{story.case_id}")
        if found["state"] != "pending":
            return found
        await asyncio.sleep(_LOOK_AGAIN)
    return None


def _other(cast: Cast, story: Story) -> str:
    """A cluster of the child's phase, another than the one that gave the case back."""
    year = story.referral.body["child"]["year_group"]
    secondary = (year or "").isdigit() and int(year) > 6  # noqa: PLR2004  Year 7 is the first of secondary schools
    phase = "secondary" if secondary else "primary"
    fit = [id for id, one in sorted(cast.clusters.items()) if one["phase"] == phase]
    return story.chance.choice([id for id in fit if id != story.kept.get("returned_by")])


async def hand_over(cast: Cast, story: Story, week: int) -> None:
    """One cluster offers a case to another, which takes it a week later; another such offer is never answered."""
    if not story.handed_over or week < 2:  # noqa: PLR2004  once work has begun
        return
    path = f"/v1/assignments/{story.case_id}"
    if "offered" not in story.done:
        story.kept["returned_by"] = story.cluster
        said = {"cluster_id": _other(cast, story), "reason": "specialist-team"}
        await cast.lead(story.cluster).change(path, f"{path}/handover", said)
        story.kept["receiver"] = said["cluster_id"]
        story.done.add("offered")
    elif "taken over" not in story.done and story.number % 2 == 0:
        found = await cast.officer.get(path)
        if found["handover"] is not None:
            await cast.lead(story.kept["receiver"]).change(path, f"{path}/handover/accept", {})
            story.cluster = story.kept["receiver"]
        story.done.add("taken over")
