"""`jointly demo`: three agencies' systems post referrals over HTTP, and one watches them find their clusters."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Final, TypeAlias

from chassis.clock import new_id, wall_now, wall_seconds
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from jointly.demo.agency import Agency, NothingRuns
from jointly.demo.referrals import referrals
from jointly.demo.schools import schools_of
from jointly.settings import Settings
from jointly.state import CREDENTIALS, StateFolder
from jointly.terminal import Terminal

SECTORS: Final = ("education", "health", "social-care")
_AT_ONCE: Final = 12
_LOOK_AGAIN: Final = 0.05
#: A case that is not placed by then is counted as still waiting.
_PATIENCE: Final = 60.0


#: Who posts, and what.
Post: TypeAlias = tuple[Agency, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one referral."""

    case_id: str
    reference: str
    #: assigned, accepted, queued, or pending when it took too long.
    state: str
    cluster: str | None
    #: Seconds from the answer to the referral until its case had a cluster.
    seconds: float
    new_case: bool


async def show(settings: Settings, *, count: int, rate: float, seed: int | None, terminal: Terminal) -> None:
    """Post, watch, and tell."""
    kept = StateFolder(settings.state_folder).read_json(CREDENTIALS).get("systems", ())
    if not set(SECTORS) <= {row["sector"] for row in kept}:
        raise NothingRuns(
            f"There are no demo systems in {settings.state_folder}. `make run` first, in another terminal."
        )
    async with AsyncExitStack() as stack:
        agencies = [
            await stack.enter_async_context(Agency(settings.audience, row)) for row in kept if row["sector"] in SECTORS
        ]
        senders = {agency.sector: agency for agency in reversed(agencies)}
        by_system = {agency.organisation: agency for agency in agencies}
        made = referrals(
            count,
            await schools_of(senders["education"], by_system),
            today=wall_now().date(),
            seed=seed if seed is not None else int(new_id().replace("-", "")[-6:], 16),
        )
        posts = [(by_system.get(each.system or "", senders[each.sector]), each.body) for each in made]
        began = wall_seconds()
        outcomes = await _post_all(posts, rate=rate, terminal=terminal)
        _tell(outcomes, wall_seconds() - began, terminal)
        await _tell_story(posts, outcomes, terminal)


async def _post_all(posts: Sequence[Post], *, rate: float, terminal: Terminal) -> list[Outcome]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    room = asyncio.Semaphore(_AT_ONCE)
    began = wall_seconds()
    with Progress(*columns, console=terminal.console, disable=not terminal.pretty) as progress:
        posted = progress.add_task("Posted", total=len(posts))
        placed = progress.add_task("Has a cluster", total=len(posts))

        async def one(number: int, post: Post) -> Outcome:
            agency, body = post
            if rate:
                await asyncio.sleep(max(0.0, began + number / rate - wall_seconds()))
            async with room:
                answer = await agency.post("/v1/referrals", body)
            progress.advance(posted)
            outcome = await _watch(agency, answer)
            progress.advance(placed)
            return outcome

        outcomes = await asyncio.gather(*(one(*each) for each in enumerate(posts)))
    firsts = {outcome.case_id: n for n, outcome in reversed(list(enumerate(outcomes)))}
    return [replace(outcome, new_case=firsts[outcome.case_id] == n) for n, outcome in enumerate(outcomes)]


async def _watch(agency: Agency, referral: dict[str, Any]) -> Outcome:
    began = wall_seconds()
    case_id = referral["case_id"]
    while True:
        case = await agency.get(f"/v1/cases/{case_id}")
        assignment = case["assignment"]
        seconds = wall_seconds() - began
        if assignment["state"] != "pending" or seconds > _PATIENCE:
            return Outcome(
                case_id, case["reference"], assignment["state"], assignment["cluster_id"], seconds, new_case=True
            )
        await asyncio.sleep(_LOOK_AGAIN)


def _tell(outcomes: Sequence[Outcome], seconds: float, terminal: Terminal) -> None:
    cases = [outcome for outcome in outcomes if outcome.new_case]
    terminal.heading(f"{len(outcomes)} referrals, {len(cases)} cases, {seconds:.1f} s")
    counted = Counter(outcome.cluster or "waits for a person (queue)" for outcome in cases)
    terminal.rows([(name, str(number)) for name, number in sorted(counted.items())], head=("Cluster", "Cases"))
    took = sorted(outcome.seconds for outcome in cases if outcome.cluster is not None)
    if took:
        terminal.say(
            f"From the answer to a cluster: half within {_share(took, 0.5):.2f} s, 95 in 100 within "
            f"{_share(took, 0.95):.2f} s."
        )


def _share(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def _tell_story(posts: Sequence[Post], outcomes: Sequence[Outcome], terminal: Terminal) -> None:
    """One case from the beginning, preferably one that two agencies know."""
    times = Counter(outcome.case_id for outcome in outcomes)
    chosen = max(range(len(outcomes)), key=lambda n: (times[outcomes[n].case_id], outcomes[n].cluster is not None))
    case_id, agency = outcomes[chosen].case_id, posts[chosen][0]
    timeline = await agency.get(f"/v1/cases/{case_id}/timeline")
    terminal.heading(f"Case {outcomes[chosen].reference}, as the system of {agency.organisation} sees it")
    terminal.rows(list(_lines(timeline["items"])))


def _lines(entries: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """One line per fact; what is said several times in a row is one line."""
    for (kind, text), same in groupby(entries, key=lambda entry: (entry["type"], entry["text"])):
        first, *others = same
        again = f" ({len(others) + 1} times)" if others else ""
        yield str(first["at"])[11:23], str(kind), f"{text}{again}"
