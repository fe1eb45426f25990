"""Providers as they are told of: by the register, by Open Referral, by hand; their checks and their places."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

from chassis.auth import Caller
from chassis.cause import Cause
from chassis.clock import new_id
from chassis.deadlines import Due
from chassis.errors import FieldError, Forbidden, Invalid, NotFound, PreconditionFailed, Refusal
from schemas.placement import Check as SaidCheck
from schemas.placement import Provider as SaidProvider
from schemas.placement import ProviderChanged

from placements.domain.days import day_of, start_of
from placements.domain.placements import PLACED
from placements.domain.places import Place, PlacesInUse, place_id
from placements.domain.providers import Check, Provider, Source, check_id, failings, latest, months_after
from placements.handlers.desk import Desk
from placements.handlers.running import say_at_risk
from placements.policy import at_the_desk, check_rules, coded, keeps_provider
from placements.store import Tx

#: A check of a provider counts no longer; the subject is the check.
CHECK_LAPSES: Final = "check-lapses"


class CheckInTheFuture(Invalid):
    """A check that has not been made yet, or counts until before it was made."""

    code = "day-out-of-range"


class PlacesNamedTwice(Invalid):
    """Places of one kind are named twice."""

    code = "named-twice"


@dataclass(frozen=True, slots=True)
class Describe:
    """What somebody says of a provider; a field that is not named stays. `provider_id` None makes one."""

    provider_id: str | None
    version: int | None
    fields: dict[str, Any]
    checks: tuple[dict[str, Any], ...]
    caller: Caller
    cause: Cause


@dataclass(frozen=True, slots=True)
class Publish:
    """How many places a provider has; kinds that are not named have none."""

    provider_id: str
    version: int
    places: tuple[dict[str, Any], ...]
    caller: Caller
    cause: Cause


@dataclass(frozen=True, slots=True)
class Told:
    """A provider with its checks and places."""

    provider: Provider
    checks: tuple[Check, ...]
    places: tuple[Place, ...]
    on: date


def say_provider(tx: Tx, provider: Provider, checks: Iterable[Check], cause: Cause) -> None:
    """A provider as it now is, with the newest check of each kind."""
    known, today = tuple(checks), day_of(tx.now)
    newest = (latest(known, kind, today) for kind in sorted({check.kind for check in known}))
    said = SaidProvider(
        name=provider.name, organisation_id=provider.organisation_id, kind=provider.kind, phases=provider.phases,
        needs=provider.needs, easting=provider.easting, northing=provider.northing, active=provider.active,
        checks=tuple(
            SaidCheck(kind=c.kind, outcome=c.outcome, checked_on=c.checked_on, valid_until=c.valid_until)
            for c in newest if c is not None
        ),
    )  # fmt: skip
    tx.emit(ProviderChanged(provider_id=provider.id, provider=said), cause)


async def keep_providers(tx: Tx, wanted: Sequence[Provider], cause: Cause, checks: Sequence[Check] = ()) -> list[str]:
    """Keep and say the providers that differ from what is known; what people said by hand of needs stays.

    Returns the ids of those that changed.
    """
    ids = sorted({provider.id for provider in wanted})
    await tx.lock_subjects(ids)
    known = await tx.providers.find(ids, lock=True)
    had = await tx.checks.grouped("provider_id", ids)
    new = [check for check in checks if check.id not in {one.id for one in had.get(check.provider_id, ())}]
    by_provider: defaultdict[str, list[Check]] = defaultdict(list)
    for check in new:
        by_provider[check.provider_id].append(check)
    changed = []
    for provider in {provider.id: provider for provider in wanted}.values():
        before = known.get(provider.id)
        now = replace(provider, version=before.version if before else 0)
        if before is not None and before.source == provider.source == Source.REGISTER:
            now = replace(now, needs=before.needs, phases=before.phases or now.phases)
        if before == now and not by_provider[provider.id]:
            continue
        now = replace(now, version=now.version + 1)
        changed.append(now)
        if before is not None and before.active and not now.active:
            await _look_at(tx, now.id, cause)
        say_provider(tx, now, [*had.get(now.id, ()), *by_provider[now.id]], cause)
    await tx.providers.save(changed)
    await _keep_checks(tx, new, cause)
    return [provider.id for provider in changed]


async def _keep_checks(tx: Tx, checks: Sequence[Check], cause: Cause) -> None:
    await tx.checks.save(checks)
    for check in checks:
        # Also for what is over or was not met: those who are placed there are looked at in a transaction of its own.
        over = check.valid_until is not None and check.valid_until < day_of(tx.now)
        now = over or check.outcome not in check_rules(day_of(tx.now)).passes
        due_at = tx.now if now or check.valid_until is None else start_of(check.valid_until + timedelta(days=1))
        if now or check.valid_until is not None:
            payload = {"provider": check.provider_id}
            await tx.set_deadline(CHECK_LAPSES, check.id, due_at, cause=cause, payload=payload)


async def _look_at(tx: Tx, provider_id: str, cause: Cause) -> None:
    """The provider takes nobody any more: look at who is placed there, in a transaction of its own."""
    await tx.set_deadline(
        CHECK_LAPSES, f"{provider_id}:closing", tx.now, cause=cause, payload={"provider": provider_id}
    )


async def describe_providers(commands: Sequence[Describe], tx: Tx) -> Sequence[Told | Refusal]:
    """Somebody tells of a provider, new or known."""
    ids = [command.provider_id for command in commands if command.provider_id is not None]
    await tx.lock_subjects(ids)
    known = await tx.providers.find(ids, lock=True)
    checks, places = await tx.checks.grouped("provider_id", ids), await tx.places.grouped("provider_id", ids)
    outcomes: list[Told | Refusal] = []
    changed: dict[str, Provider] = {}
    made: list[tuple[Check, Cause]] = []
    for command in commands:
        before = known.get(command.provider_id or "")
        try:
            provider = _described(command, before, changed, tx)
            new = [_check(provider.id, said, n, command.caller, tx) for n, said in enumerate(command.checks)]
        except Refusal as refusal:
            outcomes.append(refusal)
            continue
        if before is not None and before.active and not provider.active:
            await _look_at(tx, provider.id, command.cause)
        changed[provider.id] = provider
        made += [(check, command.cause) for check in new]
        held = {check.id: check for check in [*checks.get(provider.id, ()), *new]}
        say_provider(tx, provider, held.values(), command.cause)
        tx.audit(
            action="described", what="provider", what_id=provider.id, caller=command.caller,
            correlation_id=command.cause.correlation_id,
        )  # fmt: skip
        outcomes.append(Told(provider, tuple(held.values()), tuple(places.get(provider.id, ())), day_of(tx.now)))
    await tx.providers.save(changed.values())
    for check, cause in made:
        await _keep_checks(tx, [check], cause)
    return outcomes


def _described(command: Describe, before: Provider | None, changed: dict[str, Provider], tx: Tx) -> Provider:
    fields = dict(command.fields)
    _know_codes(fields, day_of(tx.now))
    if command.provider_id is None:
        if not at_the_desk(command.caller):
            raise Forbidden("Only the council's desk adds a provider.")
        return Provider(id=new_id(), source=Source.HAND, external_id=None, version=1, **fields)
    if before is None:
        raise NotFound
    if not keeps_provider(command.caller, before):
        raise Forbidden("Only the provider's own people or the council's desk may do this.")
    if before.version != command.version or before.id in changed:
        raise PreconditionFailed
    if not at_the_desk(command.caller) and ("organisation_id" in fields or command.checks):
        raise Forbidden("Only the council's desk says who owns a provider, and how its checks ended.")
    return replace(before, **fields, version=before.version + 1)


def _know_codes(fields: dict[str, Any], today: date) -> None:
    if "kind" in fields:
        coded("provider-kinds", fields["kind"], today, "/kind")
    for name, registry in (("phases", "provider-phases"), ("needs", "need-types")):
        for n, code in enumerate(fields.get(name, ())):
            coded(registry, code, today, f"/{name}/{n}")


def _check(provider_id: str, said: dict[str, Any], n: int, caller: Caller, tx: Tx) -> Check:
    today, at = day_of(tx.now), f"/checks/{n}"
    if not at_the_desk(caller):
        raise Forbidden("Only the council's desk says how checks ended.")
    kind = coded("provider-checks", said["kind"], today, f"{at}/kind")
    outcome = coded("check-outcomes", said["outcome"], today, f"{at}/outcome")
    on, until = said["checked_on"], said["valid_until"]
    if on > today or (until is not None and until < on):
        raise CheckInTheFuture("A check was made by today, and counts until a later day.", pointer=f"{at}/checked_on")
    return dated(provider_id, kind, outcome, on, until)


def dated(provider_id: str, kind: str, outcome: str, on: Any, until: Any) -> Check:
    """A check; without a last day it counts for as long as its kind does."""
    months = check_rules(on).months.get(kind)
    if until is None and months is not None:
        until = months_after(on, months)
    return Check(check_id(provider_id, kind, on), provider_id, kind, outcome, on, until)


async def keep_checks(tx: Tx, checks: Sequence[Check], cause: Cause) -> list[str]:
    """Keep checks of known providers, and say those providers. Returns their ids."""
    known = await tx.providers.find({check.provider_id for check in checks})
    await keep_providers(tx, list(known.values()), cause, [check for check in checks if check.provider_id in known])
    return sorted(known)


async def publish_places(commands: Sequence[Publish], tx: Tx) -> Sequence[Told | Refusal]:
    """How many places a provider has. Never fewer than are taken or kept."""
    desk = await Desk.open(tx, (), [command.provider_id for command in commands])
    outcomes: list[Told | Refusal] = []
    changed: dict[str, Provider] = {}
    for command in commands:
        provider = desk.providers.get(command.provider_id)
        try:
            if provider is None:
                raise NotFound
            if not keeps_provider(command.caller, provider):
                raise Forbidden("Only the provider's own people or the council's desk may do this.")
            if provider.version != command.version or provider.id in changed:
                raise PreconditionFailed
            places = _published(desk, command)
        except Refusal as refusal:
            outcomes.append(refusal)
            continue
        for place in places:
            desk.put_place(place, command.cause)
        changed[provider.id] = replace(provider, version=provider.version + 1)
        tx.audit(
            action="published-places", what="provider", what_id=provider.id, caller=command.caller,
            correlation_id=command.cause.correlation_id,
        )  # fmt: skip
        checks = tuple(desk.checks.get(provider.id, ()))
        outcomes.append(Told(changed[provider.id], checks, tuple(desk.places_of(provider.id)), desk.today))
    await tx.providers.save(changed.values())
    await desk.close()
    return outcomes


def _published(desk: Desk, command: Publish) -> list[Place]:
    """The provider's places as they will be. Raises the refusal, and then nothing has changed."""
    wanted: dict[str, tuple[int, dict[str, Any]]] = {}
    for n, said in enumerate(command.places):
        coded("provider-phases", said["phase"], desk.today, f"/places/{n}/phase")
        coded("place-sessions", said["session"], desk.today, f"/places/{n}/session")
        if said["need"]:
            coded("need-types", said["need"], desk.today, f"/places/{n}/need")
        id = place_id(command.provider_id, said["phase"], said["session"], said["need"])
        if id in wanted:
            raise PlacesNamedTwice("Places of this kind are named twice.", pointer=f"/places/{n}")
        wanted[id] = (n, said)
    found, wrong = [], []
    for id, (n, said) in wanted.items():
        known = desk.places.get(id) or Place(id, command.provider_id, said["phase"], said["session"], said["need"], 0)
        try:
            found.append(known.resized(said["places"]))
        except PlacesInUse as refusal:
            wrong.append(FieldError(f"/places/{n}/places", refusal.code, refusal.detail))
    for place in desk.places_of(command.provider_id):
        if place.id not in wanted:
            try:
                found.append(place.resized(0))
            except PlacesInUse as refusal:
                wrong.append(FieldError("/places", refusal.code, f"{place.phase}, {place.session}: {refusal.detail}"))
    if wrong:
        raise PlacesInUse("Some places are taken or kept; see errors. Nothing was changed.", errors=wrong)
    return found


async def check_lapses(due: Sequence[Due], tx: Tx) -> None:
    """A check counts no longer, or a provider closes: who is placed there is at risk."""
    providers = sorted({one.payload["provider"] for one in due})
    live = await tx.placements.where("provider_id = ANY($1::text[]) AND state IN ('accepted', 'started')", providers)
    desk = await Desk.open(tx, [one.id for one in live], providers)
    causes = {one.payload["provider"]: one.cause for one in due}
    rules = check_rules(desk.today)
    for placement in list(desk.placements.values()):
        provider, cause = desk.providers.get(str(placement.provider_id)), causes[str(placement.provider_id)]
        if placement.state not in PLACED or provider is None:
            continue
        now = say_at_risk(desk, placement, "provider-closing", cause) if not provider.active else placement
        if failings(desk.checks.get(provider.id, ()), rules, desk.today):
            say_at_risk(desk, now, "check-lapsed", cause)
    await desk.close()


async def set_places(tx: Tx, wanted: Sequence[dict[str, Any]], cause: Cause) -> list[str]:
    """So many places as a list says: provider, phase, session, need, places. Raises `PlacesInUse`."""
    desk = await Desk.open(tx, (), {each["provider"] for each in wanted})
    changed: set[str] = set()
    for said in wanted:
        id = place_id(said["provider"], said["phase"], said["session"], said["need"])
        known = desk.places.get(id) or Place(id, said["provider"], said["phase"], said["session"], said["need"], 0)
        now = known.resized(said["places"])
        if now != known or id not in desk.places:
            desk.put_place(now, cause)
            changed.add(said["provider"])
    await desk.close()
    return sorted(changed)
