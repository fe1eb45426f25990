"""The service as a value."""

from typing import Final

from chassis.service import Service

from portal.store import Tx
from portal.tables import chassis, metadata

SERVICE: Final = Service(
    name="portal",
    package="portal",
    summary="The caseworkers' web pages.",
    metadata=metadata,
    tables=chassis,
    tx=Tx,
    paths=("/portal",),
)
