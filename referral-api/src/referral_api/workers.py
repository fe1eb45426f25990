"""What runs beside the API: a first look at the map, and the words that referrals of before are found by."""

import asyncio

import structlog
from chassis.service import Runtime

from referral_api.clients import bundled_postcodes

log = structlog.get_logger()


async def know_some_postcodes(runtime: Runtime, stop: asyncio.Event) -> None:
    """In development, where no postcode is known, know the synthetic county's."""
    if runtime.settings.env == "development":
        async with runtime.transaction() as tx:
            if await tx.places.empty():
                known = await tx.places.keep(bundled_postcodes(), replace=False)
                log.info("postcodes.bundled", known=known)
    await stop.wait()


async def know_search_words(runtime: Runtime, stop: asyncio.Event) -> None:
    """Referrals that came before children could be searched for get the words of their names, once."""
    after = ""
    while not stop.is_set():
        async with runtime.transaction() as tx:
            after = await tx.cases.fill_search_words(after, limit=500)
        if not after:
            break
    await stop.wait()
