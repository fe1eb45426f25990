"""A decision in plain words: one sentence, made of one clause for each step that was found on the way."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cluster_router.domain.decision import Kind, Trace


@dataclass(frozen=True, slots=True)
class Wording:
    """The words, from a data file: how sentences open, what each step means, why a cluster may not take a case."""

    opening: Mapping[str, str]
    step: Mapping[str, str]
    why_not: Mapping[str, str]


#: Finds the name behind an id; gives the id back when nobody knows better.
Name = Callable[[str], str]


def explain(trace: Trace, wording: Wording, *, school: Name, cluster: Name, why: str = "") -> str:
    """Why a decision put the case where it is. `why`: an overriding person's reason, in words."""
    first = next((candidate.cluster for candidate in trace.candidates if candidate.rank is not None), None)
    words = {
        "school": school(trace.school_urn) if trace.school_urn else "the school",
        "phase": trace.phase.value if trace.phase else "",
        "own": cluster(first) if first else "the cluster",
        "cluster": cluster(trace.chosen) if trace.chosen else "",
        "why": _inside(why),
    }
    if trace.kind is not Kind.RULES:
        return wording.opening[trace.kind.value].format_map(words)
    opening = wording.opening["queued" if trace.chosen is None else "assigned"].format_map(words)
    clauses = [wording.step.get(step, step.replace("-", " ")).format_map(words) for step in trace.steps]
    return f"{opening}{_joined(clauses)}."


def explain_return(wording: Wording, *, why: str) -> str:
    """Why the case is back. `why`: the returning person's reason, in words."""
    return wording.opening["returned"].format_map({"why": _inside(why)})


def explain_handover(wording: Wording, *, cluster: str, why: str) -> str:
    """Why the case is with a cluster that took it over. `why`: the reason it was offered for, in words."""
    return wording.opening["handed-over"].format_map({"cluster": cluster, "why": _inside(why)})


def _inside(label: str) -> str:
    """A label as it reads inside a sentence."""
    return label[:1].lower() + label[1:]


def _joined(clauses: Sequence[str]) -> str:
    if len(clauses) < 2:  # noqa: PLR2004  one clause needs no joining
        return "".join(clauses)
    return ", ".join(clauses[:-1]) + ", and " + clauses[-1]
