"""To whom each referral of a batch belongs: a known child, a child of the same batch, or a new one."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from referral_api.domain.fingerprints import fingerprints
from referral_api.domain.identity import Child, Described, Likeness, Rules, Verdict, compare

#: How many children a person is asked about because of one referral.
_MOST_QUESTIONS: Final = 5


@dataclass(frozen=True, slots=True)
class Arrival:
    """A referral's description of its child, and the id that the child gets if nobody knows it."""

    referral_id: str
    new_child_id: str
    described: Described
    fingerprints: tuple[int, ...]

    @classmethod
    def of(cls, referral_id: str, child: Child, rules: Rules, *, new_child_id: str) -> "Arrival":
        """Made ready to be looked up and compared."""
        described = Described.of(child, rules)
        return cls(referral_id, new_child_id, described, fingerprints(described))


@dataclass(frozen=True, slots=True)
class Question:
    """Whether two children are one: asked of a person."""

    child_id: str
    other_child_id: str
    likeness: Likeness


@dataclass(frozen=True, slots=True)
class Belonging:
    """Whose a referral is."""

    referral_id: str
    child_id: str
    #: None: nobody knew this child.
    matched: Likeness | None
    questions: tuple[Question, ...]


@dataclass(slots=True)
class Known:
    """Every child that an arrival may turn out to be, with all that anybody said of each."""

    rules: Rules
    #: Pairs that a person found to be two children.
    apart: Collection[frozenset[str]] = frozenset()
    _said: dict[str, list[Described]] = field(default_factory=lambda: defaultdict(list))
    _by_fingerprint: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, child_id: str, described: Described, prints: Iterable[int]) -> None:
        """One more description of this child."""
        self._said[child_id].append(described)
        for number in prints:
            self._by_fingerprint[number].add(child_id)

    def likenesses(self, described: Described, prints: Iterable[int]) -> dict[str, Likeness]:
        """Each child that this may be (never `other`) -> how far."""
        met = {child_id for number in prints for child_id in self._by_fingerprint.get(number, ())}
        found: dict[str, Likeness] = {}
        for child_id in sorted(met):
            likeness = self._likeness(child_id, described)
            if likeness.verdict is not Verdict.OTHER:
                found[child_id] = likeness
        return found

    def _likeness(self, child_id: str, described: Described) -> Likeness:
        """The best agreement with anything that was said of a child; another NHS number forbids a match."""
        every = [compare(described, said, self.rules) for said in self._said[child_id]]
        best = max(every, key=_rank)
        forbidden = next((like for like in every if like.levels["nhs_number"] == "different"), None)
        if forbidden is None or best.by == "nhs-number" or best.verdict is Verdict.OTHER:
            return best
        verdict = Verdict.ASK if best.by == "upn" else Verdict.OTHER
        return Likeness(verdict, best.by, best.weight, forbidden.levels)


def settle(arrivals: Sequence[Arrival], known: Known) -> list[Belonging]:
    """Decide the arrivals in their order, each knowing those before it. `known` learns every one."""
    settled = []
    for arrival in arrivals:
        likenesses = known.likenesses(arrival.described, arrival.fingerprints)
        child_id = _the_one(likenesses, known.apart)
        belongs_to = child_id or arrival.new_child_id
        questions = _questions(belongs_to, likenesses, known.apart)
        known.add(belongs_to, arrival.described, arrival.fingerprints)
        settled.append(
            Belonging(arrival.referral_id, belongs_to, likenesses[child_id] if child_id else None, questions)
        )
    return settled


def _questions(
    child_id: str, likenesses: Mapping[str, Likeness], apart: Collection[frozenset[str]]
) -> tuple[Question, ...]:
    """The few most alike: a longer list helps nobody to decide."""
    others = [other for other in likenesses if other != child_id and frozenset({child_id, other}) not in apart]
    others.sort(key=lambda other: _rank(likenesses[other]), reverse=True)
    return tuple(Question(child_id, other, likenesses[other]) for other in others[:_MOST_QUESTIONS])


def _the_one(likenesses: Mapping[str, Likeness], apart: Collection[frozenset[str]]) -> str | None:
    """The child that an arrival surely is; None when two that a person told apart fit it alike."""
    sure = sorted(
        (child_id for child_id, likeness in likenesses.items() if likeness.verdict is Verdict.SAME),
        # The better fit first; of two alike, the one that was known first (its id is older).
        key=lambda child_id: (*(-part for part in _rank(likenesses[child_id])), child_id),
    )
    if not sure:
        return None
    first = sure[0]
    alike = [other for other in sure[1:] if _rank(likenesses[other]) == _rank(likenesses[first])]
    return None if any(frozenset({first, other}) in apart for other in alike) else first


def _rank(likeness: Likeness) -> tuple[int, int, int]:
    by_number = {"nhs-number": 2, "upn": 1}.get(likeness.by, 0)
    return ((Verdict.OTHER, Verdict.ASK, Verdict.SAME).index(likeness.verdict), by_number, likeness.weight)
