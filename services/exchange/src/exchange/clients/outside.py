"""What a process needs to deal with the outside: which addresses it may post to, and what opens its keys."""

from chassis.service import Runtime

from exchange.clients.signing import Safe
from exchange.domain.addresses import Guard
from exchange.domain.days import day_of
from exchange.policy import webhooks_of
from exchange.settings import Settings


def settings_of(runtime: Runtime) -> Settings:
    """This service's settings, whatever the host started with."""
    known = runtime.settings
    return known if isinstance(known, Settings) else Settings(**known.model_dump(exclude_unset=True))


def guard_of(runtime: Runtime) -> Guard:
    """Which addresses webhooks may go to from here."""
    return Guard(development=settings_of(runtime).inside, ports=webhooks_of(day_of(runtime.clock.now())).ports)


def safe_of(runtime: Runtime) -> Safe:
    """What seals keys of webhooks."""
    return Safe(runtime.secret_for("signing-keys"))
