"""What runs beside the API: a first look at the map, so that a clone alone knows some homes."""

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
