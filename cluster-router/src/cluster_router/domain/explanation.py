"""A decision in plain words: one sentence, made of one clause for each reason."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cluster_router.domain.decision import Kind, Trace


@dataclass(frozen=True, slots=True)
class Wording:
    """The words, from a data file: how sentences open, what each reason and each person's reason means."""

    opening: Mapping[str, str]
    reason: Mapping[str, str]
    person: Mapping[str, str]


#: Finds the name behind an id; gives the id back when nobody knows better.
Name = Callable[[str], str]


def explain(trace: Trace, reasons: tuple[str, ...], wording: Wording, *, school: Name, cluster: Name) -> str:
    """Why the case is where it is, as one sentence without anybody's name."""
    first = next((candidate.cluster for candidate in trace.candidates if candidate.rank is not None), None)
    words = {
        "school": school(trace.school_urn) if trace.school_urn else "the school",
        "phase": trace.phase.value if trace.phase else "",
        "own": cluster(first) if first else "the cluster",
        "cluster": cluster(trace.chosen) if trace.chosen else "",
    }
    clauses = [_clause(code, wording).format_map(words) for code in reasons]
    opening = wording.opening[_opening(trace, reasons)].format_map(words)
    return f"{opening}{_joined(clauses)}."


def _opening(trace: Trace, reasons: tuple[str, ...]) -> str:
    if "returned-by-cluster" in reasons:
        return "returned"
    if trace.chosen is None:
        return "queued"
    return "override" if trace.kind is Kind.OVERRIDE else "assigned"


def _clause(code: str, wording: Wording) -> str:
    return wording.reason.get(code) or wording.person.get(code) or code.replace("-", " ")


def _joined(clauses: list[str]) -> str:
    if len(clauses) < 2:  # noqa: PLR2004  one clause needs no joining
        return "".join(clauses)
    return ", ".join(clauses[:-1]) + ", and " + clauses[-1]
