"""Bringing the demo county in, by the services' own imports: once into an empty house, the same way as an operator.

A house that was seeded by an older edition is given what has been added since.
"""

import asyncio
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from chassis.event_log.interface import EventLog
from chassis.service import Runtime
from chassis.transaction import Transaction
from cluster_router.commands import default_clusters
from directory import commands as directory
from directory.domain.report import Report
from referral_api.clients import bundled_postcodes
from referral_api.commands import import_postcodes

from jointly import house
from jointly.county import casework, synthetic
from jointly.county.credentials import keep_credentials
from jointly.county.staff import DemoCluster, DemoProvider, agencies, workers
from jointly.settings import Settings
from jointly.terminal import Terminal
from jointly.welcome import EDITION, PROGRESS

_LOOK_AGAIN: Final = 0.05
_PATIENCE_SECONDS: Final = 60.0
_KILOMETRE: Final = 1_000


class NotTaken(Exception):
    """A service did not take a part of the county."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a county comes from."""

    #: The day from which on its clusters and roles exist.
    as_of: date
    schools: bytes
    links: bytes | None
    links_as_of: date
    #: Code-Point files; none means the bundled postcodes.
    postcodes: tuple[Path, ...]


def source(settings: Settings) -> Source:
    """The real reference data where the setting names it, otherwise the synthetic county."""
    if settings.reference_data is None:
        places = [
            synthetic.Place(postcode, east * _KILOMETRE, north * _KILOMETRE)
            for postcode, east, north in bundled_postcodes()
        ]
        made = synthetic.as_register(synthetic.schools(places))
        return Source(synthetic.as_of(), made, None, synthetic.as_of(), ())
    real, folder = synthetic.plan()["reference"], settings.reference_data
    return Source(
        real["as_of"],
        (folder / real["schools"]).read_bytes(),
        (folder / real["links"]).read_bytes(),
        real["links_as_of"],
        tuple(folder / name for name in real["postcodes"]),
    )


async def bring_in(settings: Settings, terminal: Terminal) -> None:
    """Seed an empty house; in any case, bring `credentials.json` up to date."""
    async with house.opened(settings) as parts:
        known = parts.state.read_json(PROGRESS)
        if await _is_wanted(parts, known):
            known = {"county": "begun"}
            parts.state.write_json(PROGRESS, known)
            await _seed(parts, source(settings), terminal)
        clusters = await known_clusters(parts.runtime("cluster-router"))
        if clusters and known.get("edition") != EDITION:
            await _add(parts, clusters, source(settings).as_of, terminal)
        providers = await casework.known_providers(parts.runtime("placements"))
        keep_credentials(parts.state, clusters, providers, token_url=f"{settings.believed_issuer}/oauth/token")
        parts.state.write_json(PROGRESS, {"county": "done", "edition": EDITION})


async def _is_wanted(parts: house.House, known: dict[str, Any]) -> bool:
    if known.get("county") == "begun":
        return True
    async with parts.runtime("directory").transaction() as tx:
        (row,) = await tx.rows("SELECT EXISTS (SELECT FROM subject_head) AS spoken")
    return not row["spoken"]


async def _seed(parts: house.House, county: Source, terminal: Terminal) -> None:
    home = parts.runtime("directory")
    with terminal.step("Postcodes"):
        await import_postcodes(parts.runtime("referral-api"), county.postcodes)
    with terminal.step("Schools and agencies"):
        _tell(await directory.import_schools(home, county.schools, as_of=county.as_of), "schools", terminal)
        if county.links is not None:
            _tell(await directory.import_school_links(home, county.links, as_of=county.links_as_of), "links", terminal)
        _tell(await directory.import_organisations(home, _agencies()), "organisations", terminal)
    with terminal.step("Term dates"):
        _tell(await directory.import_calendar(home, _calendar()), "calendars", terminal)
    with terminal.step("Clusters"):
        await heard(parts, speaker="directory", hearer="cluster-router")
        await default_clusters(parts.runtime("cluster-router"), since=county.as_of)


async def _add(parts: house.House, clusters: Sequence[DemoCluster], since: date, terminal: Terminal) -> None:
    """What came after the county's first edition: casework and its people. Again is harmless."""
    home = parts.runtime("directory")
    await directory.import_organisations(home, _agencies())
    await casework.bring_in_schools(parts, terminal)
    providers = await casework.known_providers(parts.runtime("placements"))
    with terminal.step("People"):
        _tell(await directory.import_people(home, _people(clusters, providers, since)), "people", terminal)
    with terminal.step("Every service has heard of it"):
        for runtime in parts.runtimes:
            for speaker in ("directory", "cluster-router"):
                await heard(parts, speaker=speaker, hearer=runtime.service.name)
    await casework.bring_in(parts, clusters, terminal)


def _tell(report: Report, what: str, terminal: Terminal) -> None:
    """The sum of an import; the rows that were not taken are worth an operator's look. Raises `NotTaken` for none."""
    summary, *details = report.lines(dry_run=False)
    if report.nothing_read:
        raise NotTaken(f"No {what} were taken: {summary} {'; '.join(details)}")
    terminal.say(f"   {what}: {summary}")


def _calendar() -> bytes:
    """The demo county's own term dates, made after the usual pattern; a real county brings its own."""
    return files("jointly").joinpath("data/demo_calendar.csv").read_bytes()


def _agencies() -> bytes:
    rows = [(agency.id, agency.name, agency.sector, agency.kind) for agency in agencies()]
    return _sheet(("id", "name", "sector", "kind"), rows)


def _people(clusters: Sequence[DemoCluster], providers: Sequence[DemoProvider], since: date) -> bytes:
    rows = [
        (who.id, who.organisation, who.name, who.title, who.email, role, who.cluster or "", since.isoformat())
        for who in workers(clusters, providers)
        for role in who.roles
    ]
    return _sheet(("person", "organisation", "name", "title", "email", "role", "cluster", "since"), rows)


def _sheet(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([header, *rows])
    return out.getvalue().encode()


async def heard(parts: house.House, *, speaker: str, hearer: str) -> None:
    """Wait until a service has taken everything that another has said so far. Raises `TimeoutError`."""
    listening = parts.runtime(hearer).consumer
    if listening is None:
        return
    topics = sorted({topic.name for topic in parts.runtime(speaker).service.topics} & set(listening.topics))
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not await _published(parts.runtime(speaker)):  # noqa: ASYNC110  another process does it
            await asyncio.sleep(_LOOK_AGAIN)
        while not await _reached(parts.event_log, listening.name, topics):  # noqa: ASYNC110  another process does it
            await asyncio.sleep(_LOOK_AGAIN)


async def _published(runtime: Runtime) -> bool:
    async with runtime.database.transaction(Transaction) as tx:
        (row,) = await tx.rows(
            "SELECT coalesce((SELECT max(id) FROM outbox), 0)"
            " <= coalesce((SELECT last_id FROM relay_cursor WHERE name = $1), 0) AS all_out",
            runtime.service.name,
        )
    return bool(row["all_out"])


async def _reached(log: EventLog, group: str, topics: Sequence[str]) -> bool:
    ends: Any = await log.end_offsets(topics)
    reached = await log.group_offsets(group, topics)
    return all(reached.get(partition, 0) >= end for partition, end in ends.items() if end)


async def known_clusters(router: Runtime) -> list[DemoCluster]:
    """Every cluster, by id."""
    async with router.transaction() as tx:
        known = await tx.county.clusters()
    return [DemoCluster(id, known[id].name, known[id].lead_school_urn) for id in sorted(known)]
