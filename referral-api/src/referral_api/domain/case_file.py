"""A case with its referrals, and everything that can happen to them: each change notes the facts that others hear."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from schemas.event import Event
from schemas.referral import (
    Basis,
    CaseBasisWithdrawn,
    CaseCircumstancesChanged,
    CaseClosed,
    CaseErased,
    CaseLinked,
    CaseOpened,
    CaseParticipantsChanged,
    CaseUnlinked,
    Circumstances,
    Home,
    Need,
    ReferralAmended,
    ReferralInformationProvided,
    ReferralInformationRequested,
    ReferralSubmitted,
    ReferralWithdrawn,
)

from referral_api.domain import circumstances as picture
from referral_api.domain import participation
from referral_api.domain.content import Content, differences
from referral_api.domain.exclusions import NOTICE, REFERRAL, notified
from referral_api.domain.lifecycle import ACTIVE, CaseStatus, ReferralStatus
from referral_api.domain.participation import Participants
from referral_api.domain.school_years import day_of


@dataclass(slots=True)
class Referral:
    """What an agency sent, as it stands now: a request for help, or a notice of an exclusion."""

    referral_id: str
    case_id: str
    child_id: str
    organisation_id: str
    sector: str
    content: dict[str, Any]
    home: Home
    submitted_at: datetime
    #: When its sender last said something that bears on where the case belongs.
    said_at: datetime
    submitted_by: str
    status: ReferralStatus = ReferralStatus.SUBMITTED
    version: int = 1
    kind: str = REFERRAL

    @property
    def is_notice(self) -> bool:
        """Whether it tells of an exclusion, and asks for nothing."""
        return self.kind == NOTICE

    @property
    def active(self) -> bool:
        """Whether its sender still asks for help."""
        return self.status in ACTIVE

    def statement(self) -> picture.Statement:
        """What it says that bears on where the case belongs."""
        return picture.Statement.of(self.content, self.home, said_at=self.said_at, active=self.active)


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which cluster holds the case, as far as routing has told."""

    state: str = "pending"
    cluster_id: str | None = None
    organisation_id: str | None = None
    decision: int | None = None
    reasons: tuple[str, ...] = ()
    since: datetime | None = None


@dataclass(slots=True)
class CaseFile:
    """All that concerns one child's need over time."""

    case_id: str
    reference: str
    child_id: str
    opened_at: datetime
    circumstances: Circumstances
    participants: Participants = ()
    assignment: Assignment = field(default_factory=Assignment)
    status: CaseStatus = CaseStatus.OPEN
    closed_at: datetime | None = None
    closing_reason: str | None = None
    #: Goes up with every change that is kept; what its ETag says.
    version: int = 1
    referrals: list[Referral] = field(default_factory=list)
    #: Ids of the referrals that differ from what is kept.
    touched: set[str] = field(default_factory=set)
    #: What has happened and was not told yet, in order.
    said: list[Event] = field(default_factory=list)

    @classmethod
    def opened(
        cls,
        referral: Referral,
        *,
        reference: str,
        intake: str,
        at: datetime,
        submitted: bool = True,
    ) -> "CaseFile":
        """A case that begins with a referral; the intake desk answers for it until a cluster does."""
        case = cls(
            case_id=referral.case_id,
            reference=reference,
            child_id=referral.child_id,
            opened_at=at,
            circumstances=picture.combined([referral.statement()], on=day_of(at)),
            referrals=[referral],
            touched={referral.referral_id},
        )
        if submitted:
            case.said.append(_submitted(referral))
        case.said.append(
            CaseOpened(
                case_id=case.case_id,
                reference=reference,
                referral_id=referral.referral_id,
                circumstances=case.circumstances,
            )
        )
        desk = participation.joined((), intake, sector="council", role="intake", on=day_of(at))
        case._take_part(_with_sender(desk, referral, day_of(at)))
        if submitted:
            case._notify(referral)
        return case

    def take(self, referral: Referral, *, matched_by: str, at: datetime, submitted: bool = True) -> None:
        """A further referral of this child joins the case."""
        referral.case_id, referral.child_id = self.case_id, self.child_id
        self.referrals.append(referral)
        self.touched.add(referral.referral_id)
        # A notice that joins as it arrives is told of by itself.
        if not (submitted and referral.is_notice):
            if submitted:
                self.said.append(_submitted(referral))
            self.said.append(CaseLinked(case_id=self.case_id, referral_id=referral.referral_id, matched_by=matched_by))
        self.reconsider(day_of(at))
        self._take_part(_with_sender(self.participants, referral, day_of(at)))
        if submitted:
            self._notify(referral)

    def release(self, referral: Referral, *, to_case_id: str, reason: str, at: datetime) -> None:
        """A person found that a referral does not belong here; it now belongs to another case."""
        self.referrals.remove(referral)
        self.said.append(
            CaseUnlinked(
                case_id=self.case_id,
                referral_id=referral.referral_id,
                new_case_id=to_case_id,
                reason=reason,
            )
        )
        if not any(
            (other.organisation_id, other.kind) == (referral.organisation_id, referral.kind) for other in self.referrals
        ):
            self._take_part(
                participation.left(
                    self.participants,
                    role=_role_of_sender(referral),
                    organisation=referral.organisation_id,
                    on=day_of(at),
                )
            )
        if self.referrals:
            self.reconsider(day_of(at))

    def amend(self, referral: Referral, content: dict[str, Any], home: Home, *, at: datetime) -> list[str]:
        """The sender changed what it had sent. Returns the pointers of what differs; none: nothing happened."""
        fields = differences(referral.content, content)
        if not fields:
            return []
        before = referral.statement()
        former_basis = referral.content["basis"]["kind"]
        referral.content, referral.home = content, home
        self._next_version(referral)
        if referral.statement() != before:
            referral.said_at = at
        self.said.append(
            ReferralAmended(
                case_id=self.case_id,
                referral_id=referral.referral_id,
                organisation_id=referral.organisation_id,
                version=referral.version,
                fields=tuple(fields),
                basis=_basis(content) if any(field.startswith("/basis") for field in fields) else None,
            )
        )
        if content["basis"]["kind"] != former_basis:
            self._end_basis(referral, former_basis)
        self.reconsider(day_of(at))
        return fields

    def withdraw(self, referral: Referral, *, reason: str, at: datetime) -> None:
        """The sender no longer asks for help. Nobody else does either, and no cluster works on it: the case ends."""
        self._next_version(referral, ReferralStatus.WITHDRAWN)
        self.said.append(
            ReferralWithdrawn(
                case_id=self.case_id,
                referral_id=referral.referral_id,
                organisation_id=referral.organisation_id,
                reason=reason,
            )
        )
        basis = referral.content["basis"]["kind"]
        if reason == "consent-withdrawn" and basis == "consent":
            self._end_basis(referral, basis)
        if any(other.active for other in self.referrals):
            self.reconsider(day_of(at))
        elif self.status is CaseStatus.OPEN and self.assignment.state != "accepted":
            self.close(reason="withdrawn", at=at)

    def ask(self, referral: Referral, *, request_id: str, asked_by: str, fields: Sequence[str], due_on: date) -> None:
        """Somebody working the case needs more from the sender."""
        if referral.status is not ReferralStatus.INFORMATION_REQUESTED:
            self._next_version(referral, ReferralStatus.INFORMATION_REQUESTED)
        self.said.append(
            ReferralInformationRequested(
                case_id=self.case_id,
                referral_id=referral.referral_id,
                request_id=request_id,
                asked_by=asked_by,
                asked_of=referral.organisation_id,
                fields=tuple(fields),
                due_on=due_on,
            )
        )

    def answer(self, referral: Referral, *, request_id: str, still_waiting: bool) -> None:
        """The sender answered."""
        if not still_waiting and referral.status is ReferralStatus.INFORMATION_REQUESTED:
            self._next_version(referral, ReferralStatus.SUBMITTED)
        self.said.append(
            ReferralInformationProvided(
                case_id=self.case_id,
                referral_id=referral.referral_id,
                request_id=request_id,
                organisation_id=referral.organisation_id,
            )
        )

    def close(self, *, reason: str, at: datetime) -> None:
        """The case ends; referrals that still asked end with it."""
        self.status, self.closed_at, self.closing_reason = CaseStatus.CLOSED, at, reason
        for referral in self.referrals:
            if referral.active:
                self._next_version(referral, ReferralStatus.CLOSED)
        self.said.append(CaseClosed(case_id=self.case_id, reason=reason))

    def erase(self, *, at: datetime) -> None:
        """Everything personal goes, and everybody leaves. Who took part until now stays, and is told by this alone."""
        self.status = CaseStatus.ERASED
        self.referrals.clear()
        self.touched.clear()
        self.circumstances = picture.forgotten(self.circumstances)
        self.participants = participation.ended(self.participants, on=day_of(at))
        self.assignment = Assignment(state=self.assignment.state, since=self.assignment.since)
        self.said.append(CaseErased(case_id=self.case_id))

    def assigned(self, assignment: Assignment, *, on: date) -> None:
        """Routing says who holds the case. Whoever held it, or was asked to, leaves; the new holder joins."""
        self.assignment = assignment
        people = self.participants
        if assignment.organisation_id is None or assignment.organisation_id not in participation.present(
            people, roles=("holder",)
        ):
            people = participation.left(people, role="holder", on=on)
        people = participation.left(people, role="receiver", on=on)
        if assignment.organisation_id is not None:
            people = participation.joined(people, assignment.organisation_id, sector="education", role="holder", on=on)
        self._take_part(people)

    def offered(self, organisation: str, *, on: date) -> None:
        """Another cluster is asked to take the case, and may see it."""
        self._take_part(
            participation.joined(self.participants, organisation, sector="education", role="receiver", on=on)
        )

    def lapsed(self, *, on: date) -> None:
        """Nobody took it: who was asked no longer sees it."""
        self._take_part(participation.left(self.participants, role="receiver", on=on))

    def reconsider(self, on: date) -> None:
        """See whether what is said now gives another picture."""
        after = picture.combined([referral.statement() for referral in self.referrals], on=on)
        changed = picture.changed(self.circumstances, after)
        if changed and self.status is CaseStatus.OPEN:
            self.circumstances = after
            self.said.append(CaseCircumstancesChanged(case_id=self.case_id, changed=changed, circumstances=after))

    def told(self) -> list[Event]:
        """What has happened since this was last asked."""
        said, self.said = self.said, []
        return said

    def _next_version(self, referral: Referral, status: ReferralStatus | None = None) -> None:
        referral.version += 1
        referral.status = status or referral.status
        self.touched.add(referral.referral_id)

    def _take_part(self, participants: Participants) -> None:
        if participants != self.participants:
            self.participants = participants
            self.said.append(CaseParticipantsChanged(case_id=self.case_id, participants=participants))

    def _notify(self, referral: Referral) -> None:
        if referral.is_notice:
            self.said.append(
                notified(
                    referral.content,
                    case_id=self.case_id,
                    exclusion_id=referral.referral_id,
                    organisation_id=referral.organisation_id,
                )
            )

    def _end_basis(self, referral: Referral, kind: str) -> None:
        self.said.append(CaseBasisWithdrawn(case_id=self.case_id, organisation_id=referral.organisation_id, kind=kind))


def _role_of_sender(referral: Referral) -> str:
    return "school" if referral.is_notice else "referrer"


def _with_sender(participants: Participants, referral: Referral, on: date) -> Participants:
    return participation.joined(
        participants, referral.organisation_id, sector=referral.sector, role=_role_of_sender(referral), on=on
    )


def _submitted(referral: Referral) -> ReferralSubmitted:
    content = referral.content
    return ReferralSubmitted(
        case_id=referral.case_id,
        referral_id=referral.referral_id,
        organisation_id=referral.organisation_id,
        sector=referral.sector,
        needs=tuple(Need(type=need["type"], rank=need["rank"]) for need in content["needs"]),
        requested=tuple(content["requested"]),
        urgency=content["urgency"],
        risk_of_exclusion=content["concern"]["risk_of_exclusion"],
        basis=_basis(content),
    )


def _basis(content: Content) -> Basis:
    basis = content["basis"]
    return Basis(
        kind=basis["kind"],
        special_category=basis.get("special_category"),
        recorded_on=date.fromisoformat(basis["recorded_on"]),
    )
