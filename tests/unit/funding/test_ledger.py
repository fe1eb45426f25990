"""The ledger: whatever is done in whatever order, every posting adds up and no account holds what it cannot."""

import pytest
from funding.domain import ledger
from funding.domain.ledger import Account, Balances, NotInBalance, Posting, marks_below, total
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

PENCE = st.integers(1, 100_000)


class LedgerMachine(RuleBasedStateMachine):
    """Budgets change, awards are granted, paid, ended and clawed back, in any order and to any amount."""

    awards = Bundle("awards")

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[tuple[Account, int]] = []
        self.kept = Balances()
        #: Of each award: set aside, spent.
        self.of: dict[int, list[int]] = {}

    def post(self, posting: Posting) -> bool:
        """Post it, unless the ledger refuses; then nothing has changed."""
        before = self.kept
        try:
            self.kept = self.kept.after(posting)
        except NotInBalance:
            assert self.kept is before
            return False
        self.entries += posting.entries
        return True

    @rule(delta=st.integers(-200_000, 500_000).filter(bool))
    def change_the_budget(self, delta: int) -> None:
        bears = self.kept.free + delta >= 0
        assert self.post(ledger.fund(delta)) is bears, "a budget is never cut below what is set aside or spent"

    @rule(target=awards, pence=PENCE)
    def grant(self, pence: int) -> int:
        bears = self.kept.free >= pence
        assert self.post(ledger.set_aside(pence)) is bears
        number = len(self.of)
        self.of[number] = [pence if bears else 0, 0]
        return number

    @rule(award=awards, share=st.floats(0, 1))
    def pay(self, award: int, share: float) -> None:
        pence = int(self.of[award][0] * share)
        if pence:
            assert self.post(ledger.pay(pence))
            self.of[award] = [self.of[award][0] - pence, self.of[award][1] + pence]

    @rule(award=consumes(awards))
    def end(self, award: int) -> None:
        if self.of[award][0]:
            assert self.post(ledger.release(self.of[award][0]))
            self.of[award][0] = 0

    @rule(award=awards, pence=PENCE)
    def claw_back(self, award: int, pence: int) -> None:
        if pence <= self.of[award][1]:
            assert self.post(ledger.claw_back(pence))
            self.of[award][1] -= pence

    @rule(pence=PENCE)
    def take_back_more_than_was_spent(self, pence: int) -> None:
        assert not self.post(ledger.claw_back(self.kept.spent + pence))

    @rule(pence=PENCE)
    def pay_more_than_was_set_aside(self, pence: int) -> None:
        assert not self.post(ledger.pay(self.kept.committed + pence))

    @invariant()
    def balances_are_the_sums_of_entries(self) -> None:
        assert total(self.entries) == self.kept
        assert sum(pence for _, pence in self.entries) == 0

    @invariant()
    def nothing_is_overspent_and_nothing_negative(self) -> None:
        kept = self.kept
        assert min(kept.free, kept.committed, kept.paid, kept.spent, kept.amount) >= 0
        assert kept.committed + kept.spent + kept.free == kept.amount
        assert kept.bound <= kept.amount

    @invariant()
    def the_awards_are_what_is_bound(self) -> None:
        assert sum(aside for aside, _ in self.of.values()) == self.kept.committed
        assert sum(spent for _, spent in self.of.values()) == self.kept.spent


LedgerMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLedger = LedgerMachine.TestCase


@pytest.mark.parametrize(
    "entries",
    [
        ((Account.FREE, 1), (Account.PAID, -2)),
        ((Account.FREE, 0), (Account.PAID, 0)),
        ((Account.FREE, 1),),
        (),
    ],
)
def test_what_does_not_add_up_is_no_posting(entries: tuple[tuple[Account, int], ...]) -> None:
    with pytest.raises(NotInBalance):
        Posting(ledger.Kind.AWARD, entries)


@pytest.mark.parametrize(
    ("free", "amount", "expected"),
    [
        (1000, 1000, ()),
        (251, 1000, ()),
        (250, 1000, (25,)),
        (101, 1000, (25,)),
        (100, 1000, (25, 10)),
        (0, 1000, (25, 10)),
        (0, 0, ()),
        (1, 3, ()),
        (3, 10**12, (25, 10)),
    ],
)
def test_a_mark_is_passed_when_what_is_left_falls_to_it(free: int, amount: int, expected: tuple[int, ...]) -> None:
    assert marks_below(free, amount, (10, 25)) == expected
