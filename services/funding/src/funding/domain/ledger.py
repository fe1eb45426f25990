"""The double-entry ledger of a budget: accounts, postings that always add up to nothing, balances that are their sums.

Every penny of a budget is in exactly one place: free, set aside, or paid (less what came back). `funds` is where it
came from and mirrors the rest, so that all accounts of a budget together are always zero.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Account(StrEnum):
    """Where money of a budget is."""

    #: What the council gave: negative, the mirror of all the others.
    FUNDS = "funds"
    FREE = "free"
    COMMITTED = "committed"
    PAID = "paid"
    #: What came back of what was paid: negative; the money itself is free again.
    CLAWED_BACK = "clawed-back"


class Kind(StrEnum):
    """Why money moved."""

    BUDGET = "budget"
    AWARD = "award"
    PAYMENT = "payment"
    RELEASE = "release"
    CLAW_BACK = "claw-back"


class NotInBalance(Exception):
    """A posting does not add up, or would leave an account with what it cannot hold."""


@dataclass(frozen=True, slots=True)
class Posting:
    """One movement: at least two entries whose sum is zero."""

    kind: Kind
    entries: tuple[tuple[Account, int], ...]

    def __post_init__(self) -> None:
        """Refuse what does not add up."""
        if sum(pence for _, pence in self.entries) or len(self.entries) < 2 or any(not p for _, p in self.entries):  # noqa: PLR2004
            raise NotInBalance(self.kind)


def fund(delta_pence: int) -> Posting:
    """The council gives a budget more, or takes some back."""
    return Posting(Kind.BUDGET, ((Account.FUNDS, -delta_pence), (Account.FREE, delta_pence)))


def set_aside(pence: int) -> Posting:
    """Set money aside for an award."""
    return Posting(Kind.AWARD, ((Account.FREE, -pence), (Account.COMMITTED, pence)))


def release(pence: int) -> Posting:
    """What was set aside and will not be paid is free again."""
    return Posting(Kind.RELEASE, ((Account.COMMITTED, -pence), (Account.FREE, pence)))


def pay(pence: int) -> Posting:
    """Money leaves for the school."""
    return Posting(Kind.PAYMENT, ((Account.COMMITTED, -pence), (Account.PAID, pence)))


def claw_back(pence: int) -> Posting:
    """Money that was paid comes back, and is free again."""
    return Posting(Kind.CLAW_BACK, ((Account.CLAWED_BACK, -pence), (Account.FREE, pence)))


@dataclass(frozen=True, slots=True)
class Balances:
    """The sums of entries, by account: of a budget, or of one award in it (which has no funds)."""

    funds: int = 0
    free: int = 0
    committed: int = 0
    paid: int = 0
    clawed_back: int = 0

    @classmethod
    def of(cls, sums: Mapping[str, int]) -> "Balances":
        """From sums by the accounts' names."""
        return cls(*(int(sums.get(account.value, 0)) for account in Account))

    @property
    def amount(self) -> int:
        """What the council gave."""
        return -self.funds

    @property
    def spent(self) -> int:
        """Paid, less what came back."""
        return self.paid + self.clawed_back

    @property
    def bound(self) -> int:
        """Set aside or spent: what a budget cannot be cut below."""
        return self.committed + self.spent

    def after(self, posting: Posting) -> "Balances":
        """The balances once this is posted. Raises `NotInBalance` when an account cannot hold that."""
        sums = {account: self._at(account) for account in Account}
        for account, pence in posting.entries:
            sums[account] += pence
        return Balances(*sums.values()).checked()

    def checked(self) -> "Balances":
        """These, if a budget can have them. Raises `NotInBalance`."""
        whole = self.funds + self.free + self.committed + self.paid + self.clawed_back
        if whole or self.free < 0 or self.committed < 0 or self.spent < 0 or self.clawed_back > 0 or self.funds > 0:
            raise NotInBalance
        return self

    def _at(self, account: Account) -> int:
        return int(getattr(self, account.name.lower()))


def total(entries: Iterable[tuple[Account, int]]) -> Balances:
    """The balances that entries add up to."""
    sums: dict[str, int] = {}
    for account, pence in entries:
        sums[account.value] = sums.get(account.value, 0) + pence
    return Balances.of(sums)


def marks_below(free: int, amount: int, marks: Iterable[int]) -> tuple[int, ...]:
    """The marks (percent) that what is free has fallen to, the highest first. None for an empty budget."""
    return tuple(mark for mark in sorted(marks, reverse=True) if amount > 0 and free * 100 <= mark * amount)
