"""What an operator imports at a terminal: providers from Open Referral and the register, their checks and places.

The host mounts `app` and gives the context's `obj`: a function that opens the parts of a service by its name. The same
imports can be called with a runtime at hand, as the demo county does. What schools the directory has told of become
providers by themselves.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from chassis.cause import Cause
from chassis.errors import Refusal, TryAgain
from chassis.service import Runtime
from schemas.codes import registry
from schemas.directory import SchoolChanged

from placements import clients
from placements.domain import openref, register
from placements.domain.days import day_of
from placements.domain.places import ANY, PlacesInUse
from placements.domain.providers import Check, Provider
from placements.handlers.providers import dated, keep_checks, keep_providers, set_places
from placements.policy import NoSuchCode, coded, open_referral_rules, phase_rules, register_rules
from placements.store import Tx

Opens = Callable[[str], AbstractAsyncContextManager[Runtime]]

#: Providers of one transaction.
BATCH: Final = 200


@dataclass(slots=True)
class Report:
    """What an import did."""

    rows: int = 0
    changed: list[str] = field(default_factory=list)
    unchanged: int = 0
    #: Rows that were not taken, by why not.
    passed_over: Counter[str] = field(default_factory=Counter)

    def lines(self) -> list[str]:
        """For whoever started it."""
        found = [f"{self.rows} read, {len(self.changed)} changed, {self.unchanged} as they were."]
        return found + [f"{count} passed over: {why}" for why, count in sorted(self.passed_over.items())]


async def import_open_referral(runtime: Runtime, data: bytes, *, postcodes: bytes | None = None) -> Report:
    """Services of Open Referral UK: one, a list, or a page of one. Raises `Unreadable` when there are none.

    `postcodes` is a file of postcodes in metres: the services themselves have degrees at best.
    """
    try:
        services = openref.services_in(clients.document_of(data))
    except openref.NotAProvider as none:
        raise clients.Unreadable("The file has no services of Open Referral.") from none
    places = clients.postcodes_of(postcodes) if postcodes is not None else {}
    report = Report(rows=len(services))
    async with runtime.transaction() as tx:
        rules = open_referral_rules(day_of(tx.now))
        owners = {one.name.casefold(): one.id for one in await tx.organisations.where("active")}
    found: dict[str, Provider] = {}
    checks: list[Check] = []
    for service in services:
        try:
            provider = openref.provider_of(service, rules, organisations=owners)
        except openref.NotAProvider as why:
            report.passed_over[str(why)] += 1
            continue
        if provider.id in found:
            report.passed_over["named-twice"] += 1
            continue
        where = places.get(openref.postcode_of(service) or "")
        if provider.easting is None and where is not None:
            provider = replace(provider, easting=where[0], northing=where[1])
        found[provider.id] = provider
        assured = openref.assurance_of(service, provider.id)
        checks += [assured] if assured is not None else []
    await _keep(runtime, report, list(found.values()), checks)
    return report


async def import_register(runtime: Runtime, data: bytes, *, as_of: date) -> Report:
    """Schools for alternative provision of an extract of the register. Raises `Unreadable` when it is none."""
    rows = clients.rows_of(data, needs=[clients.register_columns(name) for name in ("urn", "name", "type_name")])
    report = Report(rows=len(rows))
    rules, phases = register_rules(as_of), phase_rules(as_of)
    found: dict[str, Provider] = {}
    for row in rows:
        school = _school(row, as_of)
        provider = register.provider_of(school, rules, phases) if school is not None else None
        if provider is None:
            report.passed_over["no-alternative-provision"] += 1
        else:
            found[provider.id] = provider
    await _keep(runtime, report, list(found.values()), [])
    return report


def _school(row: Mapping[str, str], as_of: date) -> SchoolChanged | None:
    urn, name = clients.cell(row, "urn"), clients.cell(row, "name")
    type_code = _code(row, "type", "establishment-types", width=2)
    if urn is None or name is None or type_code is None or not (urn.isdigit() and len(urn) == 6):  # noqa: PLR2004
        return None
    return SchoolChanged(
        school_urn=urn, organisation_id=clients.SCHOOL_PREFIX + urn, name=name[:200],
        phase=int(_code(row, "phase", "register-phases") or 0), establishment_type=type_code,
        status=int(_code(row, "status", "register-statuses") or 2),
        low_age=_number(clients.cell(row, "low_age")), high_age=_number(clients.cell(row, "high_age")),
        easting=_number(clients.cell(row, "easting")), northing=_number(clients.cell(row, "northing")), as_of=as_of,
    )  # fmt: skip


def _code(row: Mapping[str, str], name: str, known: str, *, width: int = 1) -> str | None:
    """A code of the register: as it is, or from its name."""
    code, label = clients.cell(row, f"{name}_code"), clients.cell(row, f"{name}_name")
    if code is not None:
        return code.zfill(width)
    wanted = (label or "").casefold()
    return next((entry.code for entry in registry(known).entries if entry.label.casefold() == wanted), None)


def _number(text: str | None) -> int | None:
    try:
        return None if text is None else int(float(text))
    except (ValueError, OverflowError):
        return None


async def _keep(runtime: Runtime, report: Report, providers: Sequence[Provider], checks: Sequence[Check]) -> None:
    cause = Cause.fresh()
    for batch in (providers[n : n + BATCH] for n in range(0, len(providers), BATCH)):
        ids = {provider.id for provider in batch}
        async with runtime.transaction() as tx:
            changed = await keep_providers(tx, batch, cause, [check for check in checks if check.provider_id in ids])
        report.changed += changed
        report.unchanged += len(batch) - len(changed)


async def import_checks(runtime: Runtime, data: bytes) -> Report:
    """Checks of providers: provider, kind, outcome, checked_on, valid_until (may be blank)."""
    rows = clients.rows_of(data, needs=[("provider",), ("kind",), ("outcome",), ("checked_on",)])
    report = Report(rows=len(rows))
    found: dict[str, Check] = {}
    async with runtime.transaction() as tx:
        known = await tx.providers.find({row["provider"] for row in rows})
        for row in rows:
            check = _check(row, day_of(tx.now)) if row["provider"] in known else "unknown-provider"
            if isinstance(check, str):
                report.passed_over[check] += 1
            else:
                found[check.id] = check
        report.changed = await keep_checks(tx, list(found.values()), Cause.fresh())
    return report


def _check(row: Mapping[str, str], today: date) -> Check | str:
    try:
        coded("provider-checks", row["kind"], today, "/kind")
        coded("check-outcomes", row["outcome"], today, "/outcome")
        on = date.fromisoformat(row["checked_on"])
        until = date.fromisoformat(row["valid_until"]) if row.get("valid_until") else None
    except NoSuchCode:
        return "unknown-code"
    except ValueError:
        return "not-a-day"
    return "not-yet-made" if on > today else dated(row["provider"], row["kind"], row["outcome"], on, until)


async def import_places(runtime: Runtime, data: bytes) -> Report:
    """Places of providers: provider, phase, session, places, need (may be blank). A kind that is not named stays."""
    rows = clients.rows_of(data, needs=[("provider",), ("phase",), ("session",), ("places",)])
    report = Report(rows=len(rows))
    wanted: list[dict[str, Any]] = []
    async with runtime.transaction() as tx:
        known = await tx.providers.find({row["provider"] for row in rows})
        for row in rows:
            why = _wrong(row, known, day_of(tx.now))
            if why is not None:
                report.passed_over[why] += 1
                continue
            wanted.append({**row, "need": row.get("need") or ANY, "places": int(row["places"])})
        report.changed = await _set(tx, wanted, report)
    return report


async def _set(tx: Tx, wanted: Sequence[dict[str, Any]], report: Report) -> list[str]:
    try:
        return await set_places(tx, wanted, Cause.fresh())
    except PlacesInUse:
        report.passed_over["places-in-use"] += len(wanted)
        return []


def _wrong(row: Mapping[str, str], known: Mapping[str, Provider], today: date) -> str | None:
    if row["provider"] not in known:
        return "unknown-provider"
    if not row["places"].isdigit() or int(row["places"]) > 10_000:  # noqa: PLR2004  as the event allows
        return "not-a-number"
    codes = [("provider-phases", row["phase"]), ("place-sessions", row["session"])]
    codes += [("need-types", row["need"])] if row.get("need") else []
    return None if all(registry(name).valid(code, on=today) for name, code in codes) else "unknown-code"


app: Final = typer.Typer(add_completion=False, no_args_is_help=True, help="Read providers, their checks and places.")

_File = Annotated[Path, typer.Argument(metavar="FILE", help="A file.")]


@app.command("open-referral")
def open_referral_command(
    ctx: typer.Context,
    file: _File,
    postcodes: Annotated[Path | None, typer.Option(help="Postcodes with eastings and northings.")] = None,
) -> None:
    """Providers, from services of Open Referral UK."""

    async def work(runtime: Runtime, data: bytes) -> Report:
        codes = clients.read_bytes(postcodes) if postcodes is not None else None
        return await import_open_referral(runtime, data, postcodes=codes)

    _run(ctx, file, work)


@app.command("register")
def register_command(
    ctx: typer.Context, file: _File, as_of: Annotated[str, typer.Option(help="The day of the extract.")]
) -> None:
    """Providers, from an extract of the register of schools."""

    async def work(runtime: Runtime, data: bytes) -> Report:
        return await import_register(runtime, data, as_of=date.fromisoformat(as_of))

    _run(ctx, file, work)


@app.command("checks")
def checks_command(ctx: typer.Context, file: _File) -> None:
    """How checks of providers ended: provider, kind, outcome, checked_on, valid_until."""
    _run(ctx, file, import_checks)


@app.command("places")
def places_command(ctx: typer.Context, file: _File) -> None:
    """How many places providers have: provider, phase, session, places, need."""
    _run(ctx, file, import_places)


def _run(ctx: typer.Context, file: Path, work: Callable[[Runtime, bytes], Awaitable[Report]]) -> None:
    """Do it, print what it did; exit with 1 when the file gave nothing."""
    opens: Opens = ctx.find_root().obj

    async def go() -> Report:
        data = clients.read_bytes(file)
        async with opens("placements") as runtime:
            return await work(runtime, data)

    try:
        report = asyncio.run(go())
    except Refusal as refusal:
        typer.echo(refusal.detail, err=True)
        raise typer.Exit(1) from refusal
    except TryAgain as away:
        typer.echo("The database is away or busy. Run it again: what is done already is not done twice.", err=True)
        raise typer.Exit(1) from away
    for line in report.lines():
        typer.echo(line)
    if not report.changed and not report.unchanged:
        raise typer.Exit(1)
