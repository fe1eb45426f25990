"""The directory as a value."""

from typing import Final

from chassis.service import Service

from directory.api import organisations, people, schools
from directory.store import Tx
from directory.tables import chassis, metadata

SERVICE: Final = Service(
    name="directory",
    package="directory",
    summary="Organisations, schools, people, their roles and who is on duty.",
    metadata=metadata,
    tables=chassis,
    tx=Tx,
    paths=("/v1/organisations", "/v1/schools", "/v1/people"),
    routers=(organisations.router, schools.router, people.router),
)
