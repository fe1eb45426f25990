"""Identity matching measured on published sets with known duplicates: no false link, and how many true ones.

The sets are of adults with names and dates spoilt on purpose; half of fake_1000's true pairs lack a name or differ
in the whole date of birth. What matters here is that nobody is ever linked to somebody else.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import combinations
from pathlib import Path

import pytest
from referral_api.domain.fingerprints import fingerprints
from referral_api.domain.identity import Child, Described, Verdict, compare
from referral_api.store.dated import identity_rules

RULES = identity_rules(date(2026, 11, 23))


def read_fake(folder: Path) -> Iterator[tuple[str, Child]]:
    with (folder / "fake_1000.csv").open(newline="") as lines:
        for row in csv.DictReader(lines):
            yield row["cluster"], Child(row["first_name"], row["surname"], date.fromisoformat(row["dob"]))


def read_febrl(folder: Path, name: str) -> Iterator[tuple[str, Child]]:
    with (folder / name).open(newline="") as lines:
        for row in csv.DictReader(lines, skipinitialspace=True):
            yield (
                row["rec_id"].split("-")[1],
                Child(row["given_name"], row["surname"], a_day(row["date_of_birth"]), postcode=row["postcode"] or None),
            )


def a_day(digits: str) -> date | None:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None


@dataclass
class Measured:
    """How many pairs, by (verdict, whether they are one person)."""

    true_pairs: int
    compared: int = 0
    pairs: defaultdict[tuple[Verdict, bool], int] = field(default_factory=lambda: defaultdict(int))

    def precision(self, verdict: Verdict) -> float:
        right, wrong = self.pairs[verdict, True], self.pairs[verdict, False]
        return right / (right + wrong)

    def recall(self, *verdicts: Verdict) -> float:
        return sum(self.pairs[verdict, True] for verdict in verdicts) / self.true_pairs


def measure(people: list[tuple[str, Child]]) -> Measured:
    described = [Described.of(child, RULES) for _, child in people]
    met: defaultdict[int, list[int]] = defaultdict(list)
    for index, one in enumerate(described):
        for number in fingerprints(one):
            met[number].append(index)
    pairs = {pair for block in met.values() for pair in combinations(block, 2)}
    of_person: defaultdict[str, int] = defaultdict(int)
    for person, _ in people:
        of_person[person] += 1
    measured = Measured(sum(n * (n - 1) // 2 for n in of_person.values()), len(pairs))
    for a, b in pairs:
        measured.pairs[compare(described[a], described[b], RULES).verdict, people[a][0] == people[b][0]] += 1
    return measured


@pytest.mark.parametrize(
    ("name", "least_linked", "least_found"),
    [("fake_1000.csv", 0.08, 0.25), ("febrl_dataset1.csv", 0.60, 0.80), ("febrl_dataset3.csv", 0.45, 0.70)],
)
def test_nobody_is_linked_to_somebody_else(
    reference_data: Path, name: str, least_linked: float, least_found: float, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = reference_data / "linkage"
    people = list(read_fake(folder) if name.startswith("fake") else read_febrl(folder, name))
    measured = measure(people)
    with capsys.disabled():
        print(  # noqa: T201  the measurement is what this test is for
            f"\n{name}: {len(people)} records, {measured.true_pairs} true pairs, {measured.compared} compared;"
            f" linked: precision {measured.precision(Verdict.SAME):.3f}, recall {measured.recall(Verdict.SAME):.3f};"
            f" linked or asked: recall {measured.recall(Verdict.SAME, Verdict.ASK):.3f},"
            f" {measured.pairs[Verdict.ASK, False]} asked in vain"
        )
    assert measured.precision(Verdict.SAME) == 1.0
    assert measured.recall(Verdict.SAME) >= least_linked
    assert measured.recall(Verdict.SAME, Verdict.ASK) >= least_found
