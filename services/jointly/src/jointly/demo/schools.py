"""The schools that children of the demo go to, as the house itself lists them."""

from collections.abc import Collection

from jointly.demo.agency import Caller
from jointly.demo.referrals import DemoSchool


async def schools_of(caller: Caller, systems: Collection[str]) -> list[DemoSchool]:
    """Every open school with a postcode, and the organisation whose system posts for it where there is one."""
    return [
        DemoSchool(
            row["urn"],
            row["phase"],
            row["postcode"],
            row["organisation_id"] if row["organisation_id"] in systems else None,
        )
        async for row in caller.items("/v1/schools")
        if row.get("postcode") and row["status"] == 1
    ]
