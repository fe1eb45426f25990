"""What people of the demo's term do for a child, act by act; each looks first whether it is time and not done yet."""

from datetime import date, timedelta
from typing import Any, Final

from jointly.demo.agency import Caller
from jointly.demo.cast import Cast
from jointly.demo.story import Story, happens
from jointly.demo.volumes import plan

#: Weeks of a story by which things are done, where nothing holds them up.
_VIEWS, _COMPLETE, _LATE = 1, 3, 7
_WEEK: Final = timedelta(weeks=1)
_PROVISION: Final = {
    "SEMH": "mentoring", "SLCN": "therapy-speech", "ASD": "classroom-adjustments", "MLD": "small-group",
    "PD": "therapy-physical", "SPLD": "specialist-teaching", "HI": "sensory-equipment", "VI": "sensory-equipment",
}  # fmt: skip
_OTHER_PROVISION: Final = "one-to-one"


async def hear_views(cast: Cast, story: Story, week: int, today: date) -> None:
    """The child and the family are asked."""
    if week < _VIEWS or "views" in story.done:
        return
    worker = cast.caseworker(story.cluster)
    for of in ("child", "family"):
        if of in story.done:
            continue
        refused = happens(plan()["in_a_hundred"]["views_refused"], story.chance)
        said = {"not_given": "chose-not-to"} if refused else {"text": plan()["words"]["views"]}
        body = {"of": of, "method": "conversation", "asked_on": today.isoformat(), "asked_by": "class teacher", **said}
        await worker.post(f"/v1/assessments/{story.case_id}/views", body)
        story.done.add(of)
    story.done.add("views")


async def give_advice(cast: Cast, story: Story, week: int, today: date) -> None:
    """Advisers answer: most in time, some late, some never; one is excused."""
    worker, often = cast.caseworker(story.cluster), plan()["in_a_hundred"]
    when: dict[str, int | None] = story.kept.setdefault("advice", {})
    waiting = [one async for one in worker.items("/v1/advice", case=story.case_id, state="requested")]
    for one in sorted(waiting, key=lambda one: str(one["discipline"])):
        if one["id"] not in when:
            when[one["id"]] = _answered_in(story, week, often)
        due = when[one["id"]]
        if due is not None and week >= due:
            adviser = cast.adviser(one["asked_of"], story.cluster)
            path = f"/v1/advice/{one['id']}"
            await adviser.change(path, f"{path}/answer", {"text": plan()["words"]["advice"]})
    if story.excused and week >= _LATE - 2 and "excused" not in story.done:
        await _excuse(worker, story, today)


def _answered_in(story: Story, week: int, often: Any) -> int | None:
    drawn = story.chance.uniform(0, 100)
    if story.excused and "late" not in story.done:
        story.done.add("late")
        return week + _LATE
    if drawn < often["advice_never"] and not story.placed:
        return None
    if drawn < often["advice_never"] + often["advice_late"]:
        return week + _LATE
    return week + story.chance.choice((1, 2, 2, 3, 4))


async def _excuse(worker: Caller, story: Story, today: date) -> None:
    running = [one async for one in worker.items("/v1/clocks", case=story.case_id, kind="advice", state="running")]
    for clock in running[:1]:
        said = {"exception": "exceptional-circumstances", "since": today.isoformat(), "evidence": "The child was ill."}
        await worker.post(f"/v1/clocks/{clock['id']}/exceptions", said)
        story.done.add("excused")


async def complete(cast: Cast, story: Story, week: int, today: date) -> None:
    """The assessment is complete when all advice is there; a plan follows, and its reviews."""
    worker, path = cast.caseworker(story.cluster), f"/v1/assessments/{story.case_id}"
    if "completed" not in story.done:
        if week < _COMPLETE or "views" not in story.done:
            return
        found = await worker.get(path)
        open_ = [one for one in found["advice"] if one["state"] in {"requested", "offered"} and not one["statutory"]]
        if open_ or found["state"] != "open":
            return
        needs = [_found(need, n, story) for n, need in enumerate(found["needs"])]
        await worker.change(path, f"{path}/complete", {"outcome": "plan", "needs": needs})
        story.done.add("completed")
        story.kept["provisions"] = [each["kind"] for need in needs for each in need["provisions"]]
    if "planned" not in story.done:
        said = {
            "agreed_on": today.isoformat(), "review_on": (today + 6 * _WEEK).isoformat(), "stage": "my-plan",
            "provisions": sorted(set(story.kept["provisions"])), "text": plan()["words"]["plan"],
            "basis": {"kind": "consent", "recorded_on": today.isoformat()},
        }  # fmt: skip
        made = await worker.post(f"{path}/plans", said)
        story.kept |= {"plan": made["id"], "review": today + 6 * _WEEK}
        story.done.add("planned")
    elif today >= story.kept["review"] and "reviewed" not in story.done:
        await _review(worker, story, today)


def _found(need: str, n: int, story: Story) -> dict[str, Any]:
    """A need with its provision; now and then nothing is found for a further one, and that is seen."""
    without = n > 0 and happens(10, story.chance)
    kind = _PROVISION.get(need, _OTHER_PROVISION)
    return {"need": need, "provisions": [] if without else [{"kind": kind, "outcome": "Is in lessons all week."}]}


async def _review(worker: Caller, story: Story, today: date) -> None:
    often, path = plan()["in_a_hundred"], f"/v1/plans/{story.kept['plan']}"
    said: dict[str, Any] = {"outcome": "continue", "reviewed_on": today.isoformat()}
    if happens(often["review_steps_up"], story.chance):
        said |= {"outcome": "step-up", "next_stage": "my-plan-plus"}
    elif happens(often["review_ends"], story.chance):
        said["outcome"] = "end"
    await worker.change(path, f"{path}/reviews", said)
    story.done.add("reviewed")


async def ask_for_more(cast: Cast, story: Story, week: int, today: date) -> None:
    """A sum that no rule grants is asked for; a person will decide."""
    if story.larger_sum is None or week < 1 or "asked" in story.done:
        return
    wanted = plan()["larger_sum"]
    said = {
        "case_id": story.case_id, "purpose": wanted["purpose"], "amount_pence": story.larger_sum,
        "since": today.isoformat(), "until": (today + timedelta(days=wanted["days"])).isoformat(),
        "reason": plan()["words"]["money"],
    }  # fmt: skip
    await cast.caseworker(story.cluster).post("/v1/funding/requests", said)
    story.done.add("asked")


async def statutory(cast: Cast, story: Story, week: int, today: date) -> None:
    """The family asks for an education, health and care needs assessment: decided in time, drafted in time or late."""
    if not story.statutory or week < 1:
        return
    base = f"/v1/assessments/{story.case_id}"
    if "statutory" not in story.kept:
        said = {"asked_by": "parent", "received_on": today.isoformat()}
        story.kept["statutory"] = (await cast.officer.post(f"{base}/statutory-requests", said))["id"]
        story.kept["received"] = today
        return
    for step, after in (("decide-to-assess", 5), ("issue-draft", 16)):
        if step not in story.done and today >= story.kept["received"] + after * _WEEK:
            await _step(cast, story, step, today)
            story.done.add(step)
            return


async def _step(cast: Cast, story: Story, step: str, today: date) -> None:
    base, request = f"/v1/assessments/{story.case_id}", story.kept["statutory"]
    found = await cast.officer.get(base)
    version = next(one["version"] for one in found["statutory_requests"] if one["id"] == request)
    path = f"{base}/statutory-requests/{request}/steps"
    await cast.officer.post(path, {"step": step, "on": today.isoformat()}, if_match=f'"{version}"')
