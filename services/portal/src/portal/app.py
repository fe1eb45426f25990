"""The service as a value."""

from typing import Final

from chassis.service import Service

from portal.api import (
    acts,
    assets,
    board,
    bulk,
    cases,
    data_protection,
    family,
    insights,
    integrators,
    live,
    looking,
    lost,
    money,
    parts,
    places,
    preferences,
    queues,
    referrals,
    search,
    sign_in,
    work,
)
from portal.settings import Settings
from portal.store import Tx
from portal.tables import chassis, metadata

SERVICE: Final = Service(
    name="portal",
    package="portal",
    summary="The caseworkers' web pages.",
    metadata=metadata,
    tables=chassis,
    tx=Tx,
    # "/" is the first page and no more; everything unknown stays the host's.
    paths=(
        "/",
        "/assets",
        "/sign-in",
        "/signed-in",
        "/sign-out",
        "/signed-out",
        "/news",
        "/do",
        "/cases",
        "/board",
        "/queues",
        "/search",
        "/bulk",
        "/live",
        "/money",
        "/places",
        "/insights",
        "/integrators",
        "/data-protection",
        "/family",
        "/preferences",
    ),
    routers=(
        parts.router,
        assets.router,
        sign_in.router,
        work.router,
        looking.router,
        cases.router,
        referrals.router,
        acts.router,
        board.router,
        queues.router,
        search.router,
        bulk.router,
        live.router,
        money.router,
        places.router,
        insights.router,
        integrators.router,
        data_protection.router,
        family.router,
        preferences.router,
        lost.router,
    ),
    settings=Settings,
)
