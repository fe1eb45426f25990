"""What came of the demo's term, as the house itself answers it; and one child's whole story."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from schemas.days import financial_year

from jointly.demo.agency import Caller, Refused
from jointly.demo.cast import Cast
from jointly.terminal import Terminal

if TYPE_CHECKING:
    from jointly.demo.term import Term

_PENCE: Final = 100
_TERMS_A_YEAR: Final = 3


async def tell(cast: Cast, term: "Term", terminal: Terminal) -> None:
    """Tables, what was refused, and a timeline."""
    per_term = term.made_of.requests_a_year // _TERMS_A_YEAR
    whose = "the real county's statistics" if term.made_of.real else "bundled shares"
    terminal.heading(f"{term.began:%d %B %Y} to {term.ended:%d %B %Y}, seed {term.seed}")
    terminal.say(
        f"{len(term.stories)} referrals made {len(term.cases)} cases, in the proportions of {whose}; the county has "
        f"about {per_term} requests for an assessment in a term."
    )
    await _clusters(cast, term, terminal)
    await _casework(cast, term, terminal)
    for what, times in term.refused.most_common():
        terminal.warn(f"refused {times} times: {what}")
    await _story(cast, term, terminal)


async def _clusters(cast: Cast, term: "Term", terminal: Terminal) -> None:
    cases = Counter(story.cluster for story in term.cases.values() if story.cluster)
    rows = []
    for id, cluster in sorted(cast.clusters.items()):
        position = await _position(cast.finance, id, financial_year(term.ended))
        figures = await cast.officer.get(
            "/v1/clocks/figures", **{"from": term.began.isoformat(), "to": term.ended.isoformat()}, cluster=id
        )
        rows.append(
            (
                cluster["name"],
                str(cases[id]),
                *(
                    _pounds(position.get(f"{name}_pence"))
                    for name in ("budget", "committed", "paid", "clawed_back", "remaining")
                ),
                f"{figures['in_time']} of {figures['total']}",
                f"{figures['in_time_or_excused']} of {figures['total']}",
            )
        )
    head = ("Cluster", "Cases", "Budget", "Set aside", "Paid", "Came back", "Left", "In time", "or excused")
    terminal.heading("Clusters")
    terminal.rows(rows, head=head)


async def _position(finance: Caller, cluster: str, year: str) -> dict[str, Any]:
    try:
        return await finance.get("/v1/funding/position", cluster=cluster, year=year)
    except Refused:
        return {}


def _pounds(pence: int | None) -> str:
    return "" if pence is None else f"£{pence // _PENCE:,}"


async def _casework(cast: Cast, term: "Term", terminal: Terminal) -> None:
    """How many of everything, by state, counted from what the intake desk can list."""
    terminal.heading("Casework")
    rows = []
    for what, path, by in (
        ("Assessments", "/v1/assessments", "state"),
        ("Advice", "/v1/advice", "state"),
        ("Clocks", "/v1/clocks", "state"),
        ("Plans", "/v1/plans", "state"),
        ("Exclusions", "/v1/exclusions", "kind"),
        ("Risks", "/v1/exclusions/risks", "state"),
        ("Placements", "/v1/placements", "state"),
    ):
        mine = [one async for one in cast.officer.items(path) if one["case_id"] in term.cases]
        rows.append((what, str(len(mine)), _states(Counter(one[by] for one in mine))))
    requests = [one async for one in cast.finance.items("/v1/funding/requests") if one["case_id"] in term.cases]
    rows.append(("Requests for money", str(len(requests)), _states(Counter(one["state"] for one in requests))))
    terminal.rows(rows, head=("What", "So many", "Of these"))


def _states(counted: Counter[str]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(counted.items()))


async def _story(cast: Cast, term: "Term", terminal: Terminal) -> None:
    """The case that most has happened in, as its cluster's lead sees it."""
    ready = [story for story in term.cases.values() if story.cluster]
    if not ready:
        return
    chosen = max(ready, key=lambda story: (len(story.done), story.placed, -story.number))
    lead = cast.lead(chosen.cluster)
    entries = [entry async for entry in lead.items(f"/v1/cases/{chosen.case_id}/timeline")]
    terminal.heading(f"Case {chosen.reference}, as the lead of {cast.clusters[chosen.cluster]['name']} sees it")
    terminal.rows(list(_lines(entries)))


def _lines(entries: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """One line per fact; what is said several times in a row is one line."""
    for text, same in groupby(entries, key=lambda entry: str(entry["text"])):
        first, *others = same
        again = f" ({len(others) + 1} times)" if others else ""
        yield str(first["at"])[:10], f"{text}{again}"
