"""The county's figures, worked out slowly from the facts on the topics alone; none of the services' code is used."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from math import hypot
from statistics import median
from typing import Any, Final
from zoneinfo import ZoneInfo

from support.term import Fact, Facts

_HERE: Final = ZoneInfo("Europe/London")
_INTAKE: Final = None
_HOLDS: Final = ("case.assigned", "case.reassigned", "case.returned", "case.unrouted", "handover.accepted")


def day(fact: Fact) -> date:
    """The day here on which it was said."""
    return fact.at.astimezone(_HERE).date()


@dataclass
class Purse:
    """A cluster's money of a year, in pence."""

    budget: int = 0
    committed: int = 0
    paid: int = 0
    clawed_back: int = 0

    @property
    def remaining(self) -> int:
        """Neither set aside nor spent."""
        return self.budget - self.committed - self.paid + self.clawed_back


def purses(facts: Facts) -> dict[tuple[str, str], Purse]:
    """(cluster, financial year) -> its money."""
    place: dict[str, tuple[str, str]] = {}
    found: dict[tuple[str, str], Purse] = {}
    for fact in facts.of("budget.changed"):
        place[fact.subject] = fact.data["cluster_id"], fact.data["financial_year"]
        found.setdefault(place[fact.subject], Purse()).budget = fact.data["amount_pence"]
    for fact in facts.of("funding.awarded", "funding.paid", "funding.ended", "funding.clawed-back"):
        purse, data = found[place[fact.data["budget_id"]]], fact.data
        if fact.type == "funding.awarded":
            purse.committed += data["amount_pence"]
        elif fact.type == "funding.paid":
            purse.committed -= data["amount_pence"]
            purse.paid += data["amount_pence"]
        elif fact.type == "funding.ended":
            purse.committed -= data["released_pence"]
        else:
            purse.clawed_back += data["amount_pence"]
    return found


@dataclass(frozen=True)
class Money:
    """When a case first had money, and how many days after its first referral."""

    case_id: str
    on: date
    days: int
    #: What the event itself says.
    said: int


def days_to_money(facts: Facts) -> list[Money]:
    """Each case's first payment."""
    referred = {case: day(said[0]) for case, said in facts.by_case("referral.submitted").items()}
    found = []
    for case, payments in facts.by_case("funding.paid").items():
        on = min(date.fromisoformat(fact.data["paid_on"]) for fact in payments)
        first = next(fact for fact in payments if fact.data["paid_on"] == on.isoformat())
        found.append(Money(case, on, (on - referred[case]).days, first.data["days_since_referral"]))
    return found


def half(numbers: list[int]) -> float:
    """The median."""
    return float(median(numbers))


@dataclass
class Clock:
    """A time limit as the facts tell it."""

    id: str
    case_id: str
    cluster: str | None
    kind: str
    started_on: date
    due_on: date
    state: str = "running"
    met_on: date | None = None
    breached: int = 0
    days_late: int = 0
    excuses: list[tuple[date, date | None]] = field(default_factory=list)

    @property
    def in_time(self) -> bool:
        """Done by its day."""
        return self.met_on is not None and self.met_on <= self.due_on

    @property
    def in_time_or_excused(self) -> bool:
        """The same, with exceptions as excuses."""
        touches = (
            since <= self.due_on and (until is None or until >= self.started_on) for since, until in self.excuses
        )
        return self.in_time or any(touches)


def clocks(facts: Facts) -> dict[str, Clock]:
    """Every time limit of assessments."""
    holders = tenures(facts)
    found: dict[str, Clock] = {}
    kinds = ("started", "breached", "excepted", "met", "cancelled")
    for case, told in facts.by_case(*(f"clock.{kind}" for kind in kinds)).items():
        for fact in sorted(told, key=lambda fact: fact.sequence):
            data = fact.data
            if fact.type == "clock.started":
                found[data["clock_id"]] = Clock(
                    data["clock_id"], case, holder_at(holders[case], fact.at), data["kind"],
                    date.fromisoformat(data["started_on"]), date.fromisoformat(data["due_on"]),
                )  # fmt: skip
                continue
            clock = found[data["clock_id"]]
            if fact.type == "clock.breached":
                clock.breached += 1
                clock.state, clock.days_late = "breached", data["days_late"]
            elif fact.type == "clock.met":
                clock.state, clock.met_on = "met", date.fromisoformat(data["met_on"])
            elif fact.type == "clock.cancelled":
                clock.state = "cancelled"
            else:
                until = date.fromisoformat(data["until"]) if data.get("until") else None
                clock.excuses.append((date.fromisoformat(data["since"]), until))
    return found


def kept(found: dict[str, Clock], cluster: str | None, since: date, until: date) -> tuple[int, int, int]:
    """Of the time limits that can be judged: all, in time, in time or excused."""
    judged = [
        clock
        for clock in found.values()
        if clock.state in {"met", "breached"}
        and since <= clock.due_on <= until
        and (cluster is None or clock.cluster == cluster)
    ]
    return len(judged), sum(one.in_time for one in judged), sum(one.in_time_or_excused for one in judged)


def open_assessments(facts: Facts) -> Counter[str]:
    """Cluster that opened it -> assessments that go on."""
    over = {fact.data["assessment_id"] for fact in facts.of("assessment.completed")}
    opened = facts.of("assessment.opened")
    return Counter(fact.data["cluster_id"] for fact in opened if fact.data["assessment_id"] not in over)


@dataclass(frozen=True)
class Tenure:
    """Who held a case from an instant on; None is the intake desk."""

    cluster: str | None
    since: datetime


def tenures(facts: Facts) -> dict[str, list[Tenure]]:
    """Case -> its holders in order: never none, never two."""
    found = {case: [Tenure(_INTAKE, opened[0].at)] for case, opened in facts.by_case("case.opened").items()}
    for case, told in facts.by_case(*_HOLDS).items():
        for fact in sorted(told, key=lambda fact: fact.sequence):
            # A case that was returned or fits no rule is held by the intake desk.
            cluster = None if fact.type in {"case.returned", "case.unrouted"} else fact.data["cluster_id"]
            if found[case][-1].cluster != cluster:
                found[case].append(Tenure(cluster, fact.at))
    return found


def holder_at(held: list[Tenure], at: datetime) -> str | None:
    """Who held the case at an instant."""
    return [one for one in held if one.since <= at][-1].cluster


def exclusion_totals(facts: Facts) -> dict[str, tuple[int, int]]:
    """Exclusion -> half days so far, in its term and in its school year; all of them begin and end within one term."""
    found: dict[str, tuple[int, int]] = {}
    gone = {fact.data["exclusion_id"] for fact in facts.of("exclusion.cancelled")}
    for told in facts.by_case("exclusion.notified").values():
        standing = sorted(
            (fact.data for fact in told if fact.data["exclusion_id"] not in gone),
            key=lambda data: (data["first_on"], data["exclusion_id"]),
        )
        in_term: Counter[tuple[int, str]] = Counter()
        in_year: Counter[int] = Counter()
        for data in standing:
            on = date.fromisoformat(data["first_on"])
            year = on.year if on.month >= 9 else on.year - 1
            term = "autumn" if on.month >= 9 else "spring" if on.month <= 3 else "summer"
            in_term[year, term] += data["sessions"]
            in_year[year] += data["sessions"]
            found[data["exclusion_id"]] = in_term[year, term], in_year[year]
    return found


@dataclass
class Places:
    """A provider's places."""

    places: int = 0
    #: What the provider's own last fact says is open.
    said_open: int = 0
    held: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)

    @property
    def open(self) -> int:
        """Neither kept nor taken."""
        return self.places - len(self.held) - len(self.taken)


def places(facts: Facts) -> dict[str, Places]:
    """Provider -> places, from what was kept, taken and left."""
    found: defaultdict[str, Places] = defaultdict(Places)
    for fact in facts.of("provider.capacity-changed"):
        one = found[fact.subject]
        one.places = sum(kind["places"] for kind in fact.data["places"])
        one.said_open = sum(kind["open"] for kind in fact.data["places"])
    kinds = ("placement.held", "placement.released", "placement.accepted", "placement.ended")
    for told in facts.by_case(*kinds).values():
        holds: dict[tuple[str, str], str] = {}
        for fact in sorted(told, key=lambda fact: fact.sequence):
            data, one = fact.data, found[fact.data["provider_id"]]
            if fact.type == "placement.held":
                one.held.add(data["hold_id"])
                holds[data["request_id"], data["provider_id"]] = data["hold_id"]
            elif fact.type == "placement.released":
                one.held.discard(data["hold_id"])
            elif fact.type == "placement.accepted":
                one.held.discard(holds[data["request_id"], data["provider_id"]])
                one.taken.add(data["placement_id"])
            else:
                one.taken.discard(data["placement_id"])
    return dict(found)


def metres_from_home(facts: Facts) -> dict[str, int | None]:
    """Placement -> metres from the middle of the home's square to the provider that took the child."""
    at: dict[str, tuple[int, int] | None] = {}
    for fact in facts.of("provider.changed"):
        known = fact.data["provider"]
        spot = known.get("easting"), known.get("northing")
        at[fact.subject] = None if None in spot else spot
    homes = facts.by_case("case.opened", "case.circumstances-changed")
    found: dict[str, int | None] = {}
    for case, told in facts.by_case("placement.accepted").items():
        for fact in told:
            known = [one.data["circumstances"]["home"] for one in homes[case] if one.at <= fact.at][-1]
            found[fact.data["placement_id"]] = _metres(known, at.get(fact.data["provider_id"]))
    return found


def _metres(home: dict[str, Any], there: tuple[int, int] | None) -> int | None:
    if home.get("state") != "known" or there is None:
        return None
    return round(hypot(home["easting"] + 500 - there[0], home["northing"] + 500 - there[1]))
