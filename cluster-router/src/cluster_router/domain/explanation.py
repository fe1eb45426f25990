"""A decision in plain words: one sentence, made of one clause for each step that was found on the way."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cluster_router.domain.choice import WHOLE, Candidate
from cluster_router.domain.decision import Kind, Trace


@dataclass(frozen=True, slots=True)
class Wording:
    """The words, from a data file: how sentences open, what each step means, why a cluster may not take a case."""

    opening: Mapping[str, str]
    step: Mapping[str, str]
    why_not: Mapping[str, str]
    trace: Mapping[str, str]


#: Finds the name behind an id; gives the id back when nobody knows better.
Name = Callable[[str], str]


def explain(trace: Trace, wording: Wording, *, school: Name, cluster: Name, why: str = "") -> str:
    """Why a decision put the case where it is. `why`: an overriding person's reason, in words."""
    words = _words(trace, school=school, cluster=cluster, why=why)
    if trace.kind is not Kind.RULES:
        return wording.opening[trace.kind.value].format_map(words)
    opening = wording.opening["queued" if trace.chosen is None else "assigned"].format_map(words)
    return f"{opening}{_joined(_clauses(trace.steps, wording, words))}."


def spell_out(
    number: int, trace: Trace, wording: Wording, *, school: Name, cluster: Name, why: str = "", full: bool
) -> tuple[str, ...]:
    """A decision step by step, a sentence each. `full`: also how far and how full clusters were."""
    words = _words(trace, school=school, cluster=cluster, why=why)
    if trace.kind is Kind.ERASED:
        return (wording.opening["erased"],)
    said = wording.trace
    sentences = [f"{clause[:1].upper()}{clause[1:]}." for clause in _clauses(trace.rule_steps, wording, words)]
    if full and trace.weight > WHOLE:
        sentences.append(said["closer_to_home"])
    sentences += (
        _of_candidate(candidate, trace, wording, cluster=cluster, full=full)
        for candidate in sorted(trace.candidates, key=lambda one: one.cluster != trace.chosen)
    )
    sentences += (f"{clause[:1].upper()}{clause[1:]}." for clause in _clauses(_by_load(trace), wording, words))
    if trace.kind is Kind.OVERRIDE:
        sentences.append(wording.opening["override"].format_map(words))
        if trace.runner_up is not None:
            sentences.append(said["rules_wanted"].format_map({"cluster": cluster(trace.runner_up)}))
    sentences.append(said["decided"].format_map({"rules": trace.rules, "number": number}))
    return tuple(sentences)


def _by_load(trace: Trace) -> tuple[str, ...]:
    """What load added to what the rules found."""
    return trace.steps[len(trace.rule_steps) :] if trace.kind is Kind.RULES else ()


def _of_candidate(candidate: Candidate, trace: Trace, wording: Wording, *, cluster: Name, full: bool) -> str:
    said, limit = wording.trace, ""
    if candidate.capacity is not None:
        limit = said["limit"].format_map({"capacity": candidate.capacity})
    words = {
        "cluster": cluster(candidate.cluster),
        "why_not": wording.why_not.get(candidate.why_not or "", ""),
        "km": "" if candidate.metres is None else f"{candidate.metres / 1000:.1f}",
        "load": candidate.load,
        "limit": limit,
    }
    if candidate.cluster == trace.chosen:
        name = "chosen" if full and candidate.metres is not None else "chosen_nowhere" if full else "taken"
    elif candidate.cluster == trace.runner_up and trace.kind is Kind.RULES:
        name = "runner_up" if full and candidate.metres is not None else "next"
    elif candidate.rank is None or not full or candidate.metres is None:
        name = "not_taken"
    else:
        name = "dearer"
    return said[name].format_map(words).strip()


def _words(trace: Trace, *, school: Name, cluster: Name, why: str) -> Mapping[str, str]:
    first = next((candidate.cluster for candidate in trace.candidates if candidate.rank is not None), None)
    return {
        "school": school(trace.school_urn) if trace.school_urn else "the school",
        "phase": trace.phase.value if trace.phase else "",
        "own": cluster(first) if first else "the cluster",
        "cluster": cluster(trace.chosen) if trace.chosen else "",
        "why": _inside(why),
    }


def _clauses(steps: Sequence[str], wording: Wording, words: Mapping[str, str]) -> list[str]:
    return [wording.step.get(step, step.replace("-", " ")).format_map(words) for step in steps]


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
