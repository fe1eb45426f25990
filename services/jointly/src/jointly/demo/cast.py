"""Everybody who acts in the demo's term: the agencies' systems and the county's people, each with their own token."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx

from jointly.demo.agency import Agency, Caller, NothingRuns, Person, client
from jointly.settings import Settings
from jointly.state import CREDENTIALS, StateFolder

COUNCIL: Final = "county-council"
_CONNECTIONS: Final = 24
#: Who answers for an organisation that was asked for advice, by title; of a cluster where there is one.
_ADVISERS: Final = {
    "county-council": "Educational psychologist",
    "nhs-trust": "Speech and language therapist",
    "social-care": "Early help adviser",
}


class Cast:
    """Callers by what they do. Each is made when first needed, and then stays."""

    def __init__(self, http: httpx.AsyncClient, origin: str, credentials: dict[str, Any]) -> None:
        self._http = http
        self._people = {row["name"]: row for row in credentials["people"]}
        self._rows: Sequence[dict[str, Any]] = credentials["people"]
        self._persons: dict[str, Person] = {}
        self.systems = {row["organisation"]: Agency(origin, row, http=http) for row in credentials["systems"]}
        self.clusters: dict[str, dict[str, Any]] = {}

    async def meet_clusters(self) -> None:
        """Know what clusters there are."""
        self.clusters = {row["id"]: row async for row in self.officer.items("/v1/clusters")}

    def _named(self, name: str) -> Person:
        if name not in self._persons:
            self._persons[name] = Person(self._http, self._people[name])
        return self._persons[name]

    @property
    def officer(self) -> Person:
        """The intake desk."""
        return self._named("Intake officer")

    @property
    def finance(self) -> Person:
        """The council's finance officer."""
        return self._named("Finance officer")

    def lead(self, cluster: str) -> Person:
        """The lead of a cluster."""
        return self._named(f"Cluster lead, {self.clusters[cluster]['name']}")

    def caseworker(self, cluster: str) -> Person:
        """Who works a cluster's cases."""
        return self._named(f"Inclusion caseworker, {self.clusters[cluster]['name']}")

    def adviser(self, organisation: str | None, cluster: str) -> Caller:
        """Who gives an organisation's advice; where nobody of it has an account, the caseworker writes it down."""
        if organisation in self.systems and organisation not in _ADVISERS:
            return self.systems[organisation]
        title = _ADVISERS.get(organisation or "", "")
        here = f"{title}, {self.clusters[cluster]['name']}"
        if here in self._people:
            return self._named(here)
        return self._named(title) if title in self._people else self.caseworker(cluster)

    def manager(self, provider: str) -> Person | None:
        """Who speaks for a provider of alternative provision."""
        found = (row for row in self._rows if row["organisation"] == provider and "provider-staff" in row["roles"])
        row = next(found, None)
        return None if row is None else self._named(row["name"])

    def sender(self, sector: str) -> Agency:
        """The first system of a sector."""
        return next(each for each in self.systems.values() if each.sector == sector)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Cast]:
    """Everybody of the house that runs here. Raises `NothingRuns`."""
    kept = StateFolder(settings.state_folder).read_json(CREDENTIALS)
    if not kept.get("people"):
        raise NothingRuns(f"There is nobody in {settings.state_folder}. `make run` first, in another terminal.")
    async with client(settings.audience, connections=_CONNECTIONS) as http:
        yield Cast(http, settings.audience, kept)
