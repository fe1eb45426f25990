"""What casework needs before anybody can work: money for each cluster, and places where a child could go."""

import asyncio
import csv
import io
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from chassis.service import Runtime
from directory import commands as directory
from funding.commands import import_budgets
from placements.commands import import_checks, import_places
from schemas.days import financial_year

from jointly import house
from jointly.county import synthetic
from jointly.county.staff import DemoCluster, DemoProvider
from jointly.terminal import Terminal

_LOOK_AGAIN: Final = 0.05
_PATIENCE_SECONDS: Final = 60.0
_YEAR: Final = timedelta(days=365)
_COLUMNS: Final = (
    "URN", "LA (code)", "EstablishmentName", "TypeOfEstablishment (name)", "EstablishmentStatus (name)", "OpenDate",
    "PhaseOfEducation (name)", "StatutoryLowAge", "StatutoryHighAge", "Easting", "Northing",
)  # fmt: skip


@cache
def plan() -> Mapping[str, Any]:
    """Budgets, checks, places and providers."""
    return tomllib.loads(files("jointly").joinpath("data/casework.toml").read_text(encoding="utf-8"))


def register(reference: Path | None) -> bytes:
    """The county's schools for alternative provision as an extract of the register."""
    rows = [
        (one["urn"], one["name"], one["type"], one["easting"], one["northing"]) for one in plan()["providers"]
    ] + list(_real(reference) if reference is not None else ())
    return _sheet(
        _COLUMNS,
        [
            (urn, 916, name, kind, "Open", "01-09-2010", "Not applicable", 5, 16, easting, northing)
            for urn, name, kind, easting, northing in rows
        ],
    )


def _real(reference: Path) -> Iterator[tuple[str, str, str, str, str]]:
    wanted = plan()["reference"]
    with (reference / wanted["file"]).open(encoding="utf-8-sig", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["SCHOOLTYPE"] == wanted["type"] and row["status"] == "Open":
                yield row["urn"], row["name"], row["SCHOOLTYPE"], row["easting"], row["northing"]


def budgets(clusters: Sequence[DemoCluster], today: date) -> bytes:
    """Money for each cluster, this financial year and the next."""
    pounds, ahead = plan()["budgets"]["pounds"], plan()["budgets"]["years_ahead"]
    years = [financial_year(today + n * _YEAR) for n in range(ahead + 1)]
    return _sheet(
        ("cluster_id", "financial_year", "amount"),
        [(cluster.id, year, f"{pounds[n % len(pounds)]}.00") for year in years for n, cluster in enumerate(clusters)],
    )


def checks(providers: Sequence[DemoProvider], today: date) -> bytes:
    """Each provider was looked at, and may be used."""
    said = plan()["checks"]
    on = today - timedelta(days=said["made_days_ago"])
    return _sheet(
        ("provider", "kind", "outcome", "checked_on", "valid_until"),
        [(one.id, kind, said["outcome"], on.isoformat(), "") for one in providers for kind in said["kinds"]],
    )


def places(providers: Sequence[DemoProvider]) -> bytes:
    """How many places each provider has."""
    kinds = [(kind["phase"], kind["session"], kind["places"], "") for kind in plan()["places"]]
    return _sheet(
        ("provider", "phase", "session", "places", "need"), [(one.id, *kind) for one in providers for kind in kinds]
    )


async def bring_in_schools(parts: house.House, terminal: Terminal) -> None:
    """Schools for alternative provision, by the directory: they become providers by themselves."""
    with terminal.step("Alternative provision"):
        reference = parts.settings.reference_data
        as_of = plan()["reference"]["as_of"] if reference is not None else synthetic.as_of()
        await directory.import_schools(parts.runtime("directory"), register(reference), as_of=as_of)
        urns = {one["urn"] for one in plan()["providers"]}
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not urns <= {one.urn for one in await known_providers(parts.runtime("placements"))}:  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_AGAIN)


async def bring_in(parts: house.House, clusters: Sequence[DemoCluster], terminal: Terminal) -> None:
    """Checks and places of the providers, and a budget for each cluster."""
    today = parts.clock.now().date()
    with terminal.step("Places in alternative provision"):
        providers = await known_providers(parts.runtime("placements"))
        await import_checks(parts.runtime("placements"), checks(providers, today))
        await import_places(parts.runtime("placements"), places(providers))
    with terminal.step("Budgets"):
        await import_budgets(parts.runtime("funding"), budgets(clusters, today))


async def known_providers(placements: Runtime) -> list[DemoProvider]:
    """Every provider that is a school of the register and works, by id."""
    async with placements.transaction() as tx:
        known = await tx.providers.where("active AND external_id IS NOT NULL ORDER BY id")
    return [DemoProvider(one.id, one.name, one.organisation_id, one.external_id) for one in known]


def _sheet(header: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([header, *rows])
    return out.getvalue().encode()
