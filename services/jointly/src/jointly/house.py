"""The parts of the house in one process: which services, which database, which event log, whose tokens."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import jwt
from chassis import assembly
from chassis.auth import KeyFinder, refused
from chassis.business_time import ROLE as TIME_ROLE
from chassis.business_time import Simulation
from chassis.clock import BusinessClock
from chassis.event_log.interface import EventLog
from chassis.hints import Hints
from chassis.service import Runtime, Service, load

from jointly.county.staff import sector_systems
from jointly.issuer.app import Issuer
from jointly.postgres import EmbeddedPostgres
from jointly.settings import Settings
from jointly.state import StateFolder

#: Every service, by its folder's name, with the package it is in. The order is that of the public documents.
PACKAGES: Final = {
    "referral-api": "referral_api",
    "cluster-router": "cluster_router",
    "assessments": "assessments",
    "funding": "funding",
    "placements": "placements",
    "notifier": "notifier",
    "directory": "directory",
    "exchange": "exchange",
    "portal": "portal",
}


class NoSuchService(ValueError):
    """It is none of ours."""


class NotConfigured(Exception):
    """Something that production needs is missing."""


@dataclass(frozen=True)
class House:
    """What runs in this process."""

    settings: Settings
    state: StateFolder
    runtimes: tuple[Runtime, ...]
    event_log: EventLog
    hints: Hints
    #: Only where tokens are issued: development without an issuer of its own.
    issuer: Issuer | None
    clock: BusinessClock
    #: Whether business time may be simulated; in production it is always the wall's.
    simulation: Simulation | None

    async def keep_time(self, stop: asyncio.Event) -> None:
        """Follow simulated business time, where there may be one, until told to stop."""
        if self.simulation is not None:
            await self.simulation.follow(self.clock, stop)

    def runtime(self, service: str) -> Runtime:
        """The parts of one service."""
        return next(runtime for runtime in self.runtimes if runtime.service.name == service)


def known(names: Sequence[str]) -> None:
    """Raises `NoSuchService` unless all of these are services."""
    for name in names:
        if name not in PACKAGES:
            raise NoSuchService(f"There is no service {name}; there are {', '.join(PACKAGES)}.")


def services(names: Sequence[str] = ()) -> list[Service]:
    """These services, or all. Raises `NoSuchService`."""
    known(names)
    return [load(PACKAGES[name]) for name in PACKAGES if not names or name in names]


def check(settings: Settings) -> None:
    """Refuse to run half-configured. Raises `NotConfigured`."""
    if settings.env != "production":
        return
    missing = [
        f"JOINTLY_{name.upper()}"
        for name in ("database_url", "roles_secret", "issuer", "origin")
        if getattr(settings, name) is None
    ]
    if missing:
        raise NotConfigured(f"In production there are no defaults for {', '.join(missing)}.")


def database_url(settings: Settings, state: StateFolder) -> str:
    """An administrator's URL: the configured database, or the one embedded in the state folder."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return EmbeddedPostgres(state.path).admin_url()


def roles_secret(settings: Settings, state: StateFolder) -> str:
    """What every derived secret comes from."""
    if settings.roles_secret is not None:
        return settings.roles_secret.get_secret_value()
    return state.secret("roles")


def business_time(settings: Settings, state: StateFolder) -> Simulation | None:
    """The way to simulated business time; production has none."""
    if settings.env == "production":
        return None
    url, secret = database_url(settings, state), roles_secret(settings, state)
    return Simulation(assembly.role_url(url, TIME_ROLE, secret))


@asynccontextmanager
async def opened(
    settings: Settings, names: Sequence[str] = (), *, pool_size: int = assembly.HTTP_POOL
) -> AsyncIterator[House]:
    """The parts of these services, or of all; every connection is closed afterwards."""
    check(settings)
    state = StateFolder(settings.state_folder)
    state.prepare()
    url, secret = database_url(settings, state), roles_secret(settings, state)
    issuer = Issuer.of(settings, state)
    wanted = services(names)
    application = f"jointly {' '.join(names) or 'all'}"
    log = assembly.event_log(settings, database_url=url, secret=secret, application=application)
    hints = Hints(assembly.role_url(url, wanted[0].package, secret))
    clock = BusinessClock()
    simulation = business_time(settings, state)
    if simulation is not None:
        await simulation.apply(clock)
    authenticator = assembly.authenticator(settings, find_key=_keys_of(issuer))
    runtimes = tuple(
        assembly.assemble(
            service,
            settings=service.settings(**_given(settings, service.settings)),
            database_url=url,
            secret=secret,
            log=log,
            hints=hints,
            clock=clock,
            authenticator=authenticator,
            pool_size=pool_size,
        )
        for service in wanted
    )
    try:
        yield House(settings, state, runtimes, log, hints, issuer, clock, simulation)
    finally:
        await log.close()
        for runtime in runtimes:
            await runtime.database.close()


def _given(settings: Settings, kind: type[Any]) -> dict[str, Any]:
    """What the host knows better than the environment: the folder and the port may come from its command.

    Where nobody has named the sectors' county-wide systems, they are the demo county's.
    """
    known = {name: getattr(settings, name) for name in ("state", "port") if name in kind.model_fields}
    if "sector_systems" in kind.model_fields and settings.issues_tokens and "JOINTLY_SECTOR_SYSTEMS" not in os.environ:
        known["sector_systems"] = sector_systems()
    return known


def _keys_of(issuer: Issuer | None) -> KeyFinder | None:
    """The development issuer's own key is at hand: nobody asks this process over HTTP for it."""
    if issuer is None:
        return None
    known = {issuer.key.id: jwt.PyJWK(dict(issuer.key.public_jwk)).key}

    async def find(kid: str) -> Any:
        key = known.get(kid)
        if key is None:
            raise refused()
        return key

    return find
