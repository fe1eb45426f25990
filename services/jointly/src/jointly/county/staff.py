"""Who works in the demo county, and which systems its agencies have: functions and codes, never a person."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

#: The school of the README's first request.
FIRST_SCHOOL: Final = "115482"
_DOMAINS: Final[Mapping[str, str]] = {
    "education": "schools.example",
    "health": "nhs.example",
    "social-care": "socialcare.example",
    "council": "council.example",
}


@dataclass(frozen=True, slots=True)
class DemoCluster:
    """A cluster, as far as its people need it."""

    id: str
    name: str
    lead_school_urn: str


@dataclass(frozen=True, slots=True)
class DemoProvider:
    """A school for alternative provision, as far as its people need it."""

    id: str
    name: str
    organisation: str
    urn: str


@dataclass(frozen=True, slots=True)
class Agency:
    """An organisation that is not a school."""

    id: str
    name: str
    sector: str
    kind: str


@dataclass(frozen=True, slots=True)
class Worker:
    """Somebody's function, for one cluster or for the whole county."""

    id: str
    name: str
    title: str
    roles: tuple[str, ...]
    organisation: str
    sector: str
    cluster: str | None

    @property
    def email(self) -> str:
        """A work address that cannot exist."""
        return f"{self.id}@{_DOMAINS[self.sector]}"


@cache
def _plan() -> Mapping[str, Any]:
    return tomllib.loads(files("jointly").joinpath("data/staff.toml").read_text(encoding="utf-8"))


def agencies() -> tuple[Agency, ...]:
    """The county's agencies."""
    return tuple(Agency(**row) for row in _plan()["organisations"])


def school_organisation(urn: str) -> str:
    """The organisation of a school."""
    return f"school-{urn}"


def workers(clusters: Sequence[DemoCluster], providers: Sequence[DemoProvider] = ()) -> list[Worker]:
    """Everybody's function: of the county, of each cluster, of each school that has a system, of each provider."""
    return [*_of_the_county(), *_of_clusters(clusters), *_of_schools(clusters), *_of_providers(providers)]


def sector_systems() -> str:
    """The county-wide systems of the sectors, by their organisations, as `JOINTLY_SECTOR_SYSTEMS` names them."""
    return ",".join(_plan()["sector_systems"])


def systems(clusters: Sequence[DemoCluster]) -> list[tuple[str, str]]:
    """(organisation, sector) of each agency's system: the README's school, the agencies, the lead schools."""
    schools = [(school_organisation(urn), "education") for urn in _schools(clusters)]
    return [schools[0], *((agency.id, agency.sector) for agency in agencies()), *schools[1:]]


def _of_the_county() -> Iterator[Worker]:
    sectors = {agency.id: agency.sector for agency in agencies()}
    for row in _plan()["county"]:
        title, at = row["title"], row["at"]
        yield Worker(_slug(title), title, title, tuple(row["roles"]), at, sectors[at], None)


def _of_clusters(clusters: Sequence[DemoCluster]) -> Iterator[Worker]:
    sectors = {agency.id: agency.sector for agency in agencies()}
    for cluster in clusters:
        for row in _plan()["per_cluster"]:
            at = row["at"]
            here = at == "lead-school"
            yield Worker(
                id=f"{_slug(row['title'])}-{cluster.id}",
                name=f"{row['title']}, {cluster.name}",
                title=row["title"],
                roles=tuple(row["roles"]),
                organisation=school_organisation(cluster.lead_school_urn) if here else at,
                sector="education" if here else sectors[at],
                cluster=cluster.id,
            )


def _of_schools(clusters: Sequence[DemoCluster]) -> Iterator[Worker]:
    for urn in _schools(clusters):
        for row in _plan()["per_school"]:
            yield Worker(
                id=f"{_slug(row['title'])}-{urn}",
                name=f"{row['title']}, school {urn}",
                title=row["title"],
                roles=tuple(row["roles"]),
                organisation=school_organisation(urn),
                sector="education",
                cluster=None,
            )


def _of_providers(providers: Sequence[DemoProvider]) -> Iterator[Worker]:
    for provider in providers:
        for row in _plan()["per_provider"]:
            yield Worker(
                id=f"{_slug(row['title'])}-{provider.urn}",
                name=f"{row['title']}, {provider.name}",
                title=row["title"],
                roles=tuple(row["roles"]),
                organisation=provider.organisation,
                sector="education",
                cluster=None,
            )


def _schools(clusters: Sequence[DemoCluster]) -> list[str]:
    return list(dict.fromkeys([FIRST_SCHOOL, *(cluster.lead_school_urn for cluster in clusters)]))


def _slug(title: str) -> str:
    return title.lower().replace(" ", "-")
