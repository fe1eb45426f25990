"""What subscribers and officers are answered."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Any, Final

from chassis.auth import Caller
from chassis.wire import Action, Out

from exchange.domain.rules import Rule, Rules
from exchange.store.agreements import Agreement
from exchange.store.ledger import Recall
from exchange.store.replays import Replay
from exchange.store.streams import Kept


class AgreementOut(Out):
    """A sharing agreement; both days are included."""

    id: str
    organisation_id: str
    sector: str
    county_wide: bool
    purposes: tuple[str, ...]
    bases: tuple[str, ...]
    since: date
    until: date
    in_force: bool
    actions: tuple[Action, ...]


class DeliveryOut(Out):
    """How events are delivered."""

    way: str
    url: str | None
    topic: str | None


class KeyOut(Out):
    """A key that signs now. `public` is what ed25519 is verified with; a shared secret is never shown again."""

    id: str
    signature: str
    public: str | None
    since: datetime
    until: datetime | None


class SubscriptionOut(Out):
    """A subscription, and what its owner may do with it."""

    id: str
    organisation_id: str
    sector: str
    agreement: str | None
    county_wide: bool
    purposes: tuple[str, ...]
    bases: tuple[str, ...]
    filter: dict[str, tuple[str, ...]]
    delivery: DeliveryOut
    #: The CloudEvents source of everything it is told.
    source: str
    until: date | None
    state: str
    reason: str | None
    created_at: datetime
    keys: tuple[KeyOut, ...]
    actions: tuple[Action, ...]


class SecretOut(SubscriptionOut):
    """The same with the key that signs its webhooks: shown in this answer, and never again."""

    secret: str | None


class NewKeyOut(Out):
    """A new key. A shared secret is shown in this answer, and never again."""

    id: str
    signature: str
    secret: str | None
    public: str | None


class HealthOut(Out):
    """How a subscription's deliveries go."""

    state: str
    reason: str | None
    #: Events that it was told of, and that its reader has not taken.
    behind: int
    oldest_waiting_at: datetime | None
    #: Seconds that the oldest of them has waited.
    lag_seconds: float
    failed: int
    failures_in_a_row: int
    last_success_at: datetime | None
    last_failure_at: datetime | None
    last_failure: str | None
    rests_until: datetime | None
    next_attempt_at: datetime | None


class AttemptOut(Out):
    """What became of one webhook."""

    position: int
    event_id: str
    type: str
    subject: str
    replay: bool
    state: str
    attempts: int
    told_at: datetime
    tried_at: datetime | None
    reason: str | None
    next_attempt_at: datetime | None


class RedriveOut(Out):
    """How many failed deliveries are sent again."""

    redriven: int


class ReplayOut(Out):
    """A replay on its way, or done."""

    id: str
    case_id: str | None
    since: datetime | None
    until: datetime | None
    told: int
    state: str
    asked_at: datetime


class RuleOut(Out):
    """One sharing rule."""

    id: str
    type: str
    to: str
    sectors: tuple[str, ...]
    purposes: tuple[str, ...]
    bases: tuple[str, ...]
    fields: tuple[str, ...]
    why: str


class RulesOut(Out):
    """The sharing rules of a day."""

    version: str
    since: date
    items: tuple[RuleOut, ...]


class WhyOut(Out):
    """What a sector would hear of an event, and why."""

    event_id: str
    type: str
    sector: str
    hears: bool
    code: str
    why: str
    rule: str | None
    purpose: str | None
    basis: str | None
    left_out: tuple[str, ...]
    data: dict[str, Any] | None


class TellingOut(Out):
    """One event told to one stream."""

    organisation_id: str | None
    subscription: str
    sector: str
    way: str
    event_id: str
    type: str
    rule: str
    purpose: str | None
    basis: str | None
    replay: bool
    decided_at: datetime
    told_at: datetime | None
    fetched_at: datetime | None
    acknowledged_at: datetime | None
    withheld_at: datetime | None


class DisclosureOut(Out):
    """Who read the case through the API."""

    organisation_id: str
    sector: str
    purpose: str
    basis: str
    at: datetime


class RecipientOut(Out):
    """Who must answer a recall."""

    organisation_id: str
    acknowledged_at: datetime | None


class RecallOut(Out):
    """A recall, who has answered and who has not."""

    id: str
    case_id: str
    reason: str
    event_ids: tuple[str, ...]
    answer_by: date
    issued_at: datetime
    recipients: tuple[RecipientOut, ...]
    stragglers: tuple[str, ...]
    overdue: bool
    actions: tuple[Action, ...]


class LedgerOut(Out):
    """Who knows of a case."""

    case_id: str
    items: tuple[TellingOut, ...]
    next: str | None
    disclosures: tuple[DisclosureOut, ...]
    recalls: tuple[RecallOut, ...]


_NOT_OWN: Final = "Only its organisation may."
#: What may be done, and in which states.
_ACTS: Final = (
    ("pause", "POST", "/pause", ("active",)),
    ("resume", "POST", "/resume", ("paused", "disabled", "suspended")),
    ("test", "POST", "/test", ("active", "paused")),
    ("replay", "POST", "/replay", ("active", "paused")),
    ("change", "PATCH", "", ("active", "paused", "disabled", "suspended")),
    ("replace-key", "POST", "/keys", ("active", "paused", "disabled", "suspended")),
    ("redrive", "POST", "/redrive", ("active",)),
    ("end", "DELETE", "", ("active", "paused", "disabled", "suspended")),
)
_OF_WEBHOOKS: Final = ("replace-key", "redrive")


def actions_of(kept: Kept, caller: Caller) -> tuple[Action, ...]:
    """What the caller may do with a subscription, or why not."""
    own = kept.stream.organisation_id == caller.organisation and caller.has("agency-system")
    acts = []
    for name, method, path, states in _ACTS:
        if name in _OF_WEBHOOKS and kept.stream.way != "webhook":
            continue
        reason = None
        if not own:
            reason = _NOT_OWN
        elif kept.state not in states:
            reason = f"Not while it is {kept.state}."
        href = f"/v1/subscriptions/{kept.id}{path}"
        acts.append(Action(name=name, method=method, href=href, allowed=reason is None, reason=reason))
    return tuple(acts)


def subscription_out(kept: Kept, keys: tuple[KeyOut, ...], caller: Caller) -> SubscriptionOut:
    """A subscription as its owner sees it."""
    one = kept.stream
    return SubscriptionOut(
        id=one.id, organisation_id=one.organisation_id or "", sector=one.sector, agreement=kept.agreement_id,
        county_wide=one.county_wide, purposes=tuple(sorted(one.purposes)), bases=tuple(sorted(one.bases)),
        filter=asdict(one.filter), delivery=DeliveryOut(way=one.way, url=kept.url, topic=one.topic),
        source=one.source, until=kept.until, state=kept.state, reason=kept.reason, created_at=kept.created_at,
        keys=keys, actions=actions_of(kept, caller),
    )  # fmt: skip


def agreement_out(one: Agreement, on: date, *, officer: bool) -> AgreementOut:
    """An agreement."""
    change = Action(
        name="change", method="PATCH", href=f"/v1/subscriptions/agreements/{one.id}", allowed=officer,
        reason=None if officer else "Only the data protection officer may.",
    )  # fmt: skip
    return AgreementOut(
        id=one.id, organisation_id=one.organisation_id, sector=one.sector, county_wide=one.county_wide,
        purposes=one.purposes, bases=one.bases, since=one.since, until=one.until, in_force=one.holds(on),
        actions=(change,),
    )  # fmt: skip


def replay_out(one: Replay) -> ReplayOut:
    """A replay."""
    return ReplayOut(
        id=one.id, case_id=one.case_id, since=one.since, until=one.until, told=one.told, state=one.state,
        asked_at=one.asked_at,
    )  # fmt: skip


def rule_out(rule: Rule) -> RuleOut:
    """A rule."""
    return RuleOut(
        id=rule.id, type=rule.type, to=rule.to.value, sectors=rule.sectors, purposes=rule.purposes, bases=rule.bases,
        fields=rule.shape.paths, why=rule.why,
    )  # fmt: skip


def rules_out(rules: Rules) -> RulesOut:
    """All rules, by type."""
    items = tuple(rule_out(rule) for type in sorted(rules.by_type) for rule in rules.by_type[type])
    return RulesOut(version=rules.version, since=rules.since, items=items)


def recall_out(one: Recall, on: date, *, answers_as: set[str]) -> RecallOut:
    """A recall; a recipient sees itself alone among them."""
    everybody = not answers_as
    seen = [(name, at) for name, at in one.recipients if everybody or name in answers_as]
    open_here = [name for name, at in seen if at is None]
    acknowledge = Action(
        name="acknowledge", method="POST", href=f"/v1/ledger/recalls/{one.id}/acknowledge",
        allowed=not everybody and bool(open_here),
        reason="Only a recipient may." if everybody else None if open_here else "You have acknowledged it.",
    )  # fmt: skip
    return RecallOut(
        id=one.id, case_id=one.case_id, reason=one.reason, event_ids=one.event_ids, answer_by=one.answer_by,
        issued_at=one.issued_at,
        recipients=tuple(RecipientOut(organisation_id=name, acknowledged_at=at) for name, at in seen),
        stragglers=tuple(open_here), overdue=bool(open_here) and on > one.answer_by, actions=(acknowledge,),
    )  # fmt: skip
