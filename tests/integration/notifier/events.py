"""What other services say, for the notifier's tests."""

from datetime import UTC, date, datetime

from chassis.clock import new_id
from schemas.assessment import ClockMet, ClockStarted
from schemas.directory import CalendarChanged, PersonChanged, RoleChanged, Span
from schemas.event import Event
from schemas.placement import DutyStarted, Provider, ProviderChanged
from schemas.referral import (
    Basis,
    CaseOpened,
    CaseParticipantsChanged,
    Circumstances,
    ExclusionNotified,
    Home,
    Need,
    Participant,
    ReferralSubmitted,
)
from schemas.routing import CaseAssigned, Cluster, ClusterChanged, TeamMember

CLUSTER = "stroud-primary"
LEAD_SCHOOL = "school-115482"
REFERRING = "school-115500"


def person(id: str, *, email: str | None = "", active: bool = True) -> PersonChanged:
    """A member of staff; their address is made from their id."""
    address = f"{id}@staff.example" if email == "" else email
    return PersonChanged(
        person_id=id, organisation_id="county-council", name=id.title(), title=None, email=address, active=active
    )


def role(
    id: str,
    role: str = "caseworker",
    *,
    cluster: str | None = CLUSTER,
    organisation: str = "county-council",
    sector: str = "education",
    since: date = date(2026, 1, 1),
    until: date | None = None,
) -> RoleChanged:
    """A role of somebody at the cluster."""
    return RoleChanged(
        role_id=f"{id}-{role}", person_id=id, organisation_id=organisation, sector=sector, role=role,
        cluster_id=cluster, since=since, until=until,
    )  # fmt: skip


def desk(id: str) -> RoleChanged:
    """Somebody at the council's intake desk."""
    return role(id, "intake", cluster=None, sector="council")


def referrer(id: str) -> RoleChanged:
    """Somebody who refers for the referring school."""
    return role(id, "referrer", cluster=None, organisation=REFERRING)


def cluster(*team: str, id: str = CLUSTER, lead: str = LEAD_SCHOOL) -> ClusterChanged:
    """A cluster and the caseworkers of its team."""
    return ClusterChanged(
        cluster_id=id,
        cluster=Cluster(
            name="Stroud primary", phase="primary", area="Stroud", lead_school_urn="115482", organisation_id=lead,
            members=(), team=tuple(TeamMember(person_id=p, role="caseworker", sector="education") for p in team),
        ),
    )  # fmt: skip


def circumstances(urgency: str = "routine") -> Circumstances:
    """What decides where a case belongs."""
    return Circumstances(
        school_urn="115500", year_group="4", age=8, needs=(Need(type="SEMH", rank=1),), home=Home(state="none"),
        urgency=urgency, risk_of_exclusion="none",
    )  # fmt: skip


def opened(case: str, *, urgency: str = "routine", referral: str | None = None) -> CaseOpened:
    """A case was opened by a referral of its own name."""
    return CaseOpened(
        case_id=case, reference=f"J-{case[-4:]}", referral_id=referral or f"referral-{case}",
        circumstances=circumstances(urgency),
    )  # fmt: skip


def submitted(
    case: str, *, referral: str | None = None, organisation: str = REFERRING, urgency: str = "routine"
) -> ReferralSubmitted:
    """An agency referred."""
    return ReferralSubmitted(
        case_id=case, referral_id=referral or f"referral-{case}", organisation_id=organisation, sector="education",
        needs=(Need(type="SEMH", rank=1),), requested=("assessment",), urgency=urgency, risk_of_exclusion="none",
        basis=Basis(kind="public-task", recorded_on=date(2026, 11, 20)),
    )  # fmt: skip


def assigned(case: str, *, to: str = CLUSTER) -> CaseAssigned:
    """The router gave the case to a cluster."""
    return CaseAssigned(
        case_id=case, cluster_id=to, organisation_id=LEAD_SCHOOL, decision=1, rules_version="2026-01",
        reasons=("school-in-cluster",),
    )  # fmt: skip


def a_case(*more: Event, case: str | None = None) -> tuple[str, list[Event]]:
    """A fresh case: its id, and what is said when it is referred and opened."""
    id = case or f"case-{new_id()}"
    return id, [submitted(id), opened(id), *more]


def an_instant() -> datetime:
    """Some time in the future."""
    return datetime(2026, 12, 4, 12, tzinfo=UTC)


def at_school(case: str, *, social_care: str | None = None) -> CaseParticipantsChanged:
    """The child's school takes part, and a social worker's organisation where one does."""
    since = date(2026, 1, 1)
    school = Participant(organisation_id=REFERRING, sector="education", role="school", since=since)
    worker = (
        (Participant(organisation_id=social_care, sector="social-care", role="adviser", since=since),)
        if social_care
        else ()
    )
    return CaseParticipantsChanged(case_id=case, participants=(school, *worker))


def clock(case: str, *, id: str = "clock-1", due: date = date(2026, 12, 4)) -> ClockStarted:
    """A time limit of the law began."""
    return ClockStarted(
        case_id=case, clock_id=id, kind="ehc-decide-to-assess", due_on=due, started_on=date(2026, 11, 2)
    )


def clock_met(case: str, *, id: str = "clock-1", due: date = date(2026, 12, 4)) -> ClockMet:
    """It was kept."""
    return ClockMet(
        case_id=case, clock_id=id, kind="ehc-decide-to-assess", due_on=due, met_on=due, in_time=True,
        in_time_or_excused=True,
    )  # fmt: skip


def notice(case: str, *, kind: str = "SUSP", social_worker: bool = False, id: str = "exclusion-1") -> ExclusionNotified:
    """A school told of a suspension or exclusion."""
    return ExclusionNotified(
        case_id=case, exclusion_id=id, organisation_id=REFERRING, school_urn="115500", kind=kind, reasons=("DB",),
        first_on=date(2026, 11, 20), sessions=0 if kind == "PERM" else 4, year_group="4", social_worker=social_worker,
    )  # fmt: skip


def duty(case: str, *, id: str = "duty-1", holder: str = REFERRING, due: date = date(2026, 12, 4)) -> DutyStarted:
    """The law wants something done."""
    return DutyStarted(
        case_id=case, exclusion_id="exclusion-1", duty_id=id, kind="governors-meet-15", holder=holder, due_on=due,
        started_on=date(2026, 11, 20),
    )  # fmt: skip


def calendar(*, closed: tuple[date, ...] = (), last: date = date(2026, 12, 18)) -> CalendarChanged:
    """The county's autumn."""
    return CalendarChanged(
        calendar_id="county",
        terms=(Span(first=date(2026, 9, 1), last=date(2026, 10, 23)), Span(first=date(2026, 11, 2), last=last)),
        closures=closed,
    )


def provider(id: str = "provider-1", *, organisation: str | None = "ap-academy") -> ProviderChanged:
    """A provider of alternative provision."""
    return ProviderChanged(
        provider_id=id,
        provider=Provider(
            name="Provider", organisation_id=organisation, kind="ap-academy", phases=("primary",), active=True
        ),
    )
