"""Budgets from files, how they stand, the marks they pass, and a ledger that is only ever added to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from chassis.clock import BusinessClock, new_id
from chassis.service import Runtime
from funding.app import SERVICE
from funding.commands import app, import_budgets
from integration.funding.steps import (
    FINANCE,
    NORTH,
    SCHOOL,
    SOUTH,
    STRANGER,
    THIS_YEAR,
    a_case,
    act,
    adds_up,
    awarded,
    budgets,
    get,
    later,
    position,
)
from schemas.funding import BudgetChanged, BudgetLow
from support.database import Copy
from support.service import Served, serving
from typer.testing import CliRunner


async def test_an_import_says_what_changed_and_a_second_one_nothing(funding: Served) -> None:
    summary = await budgets(funding, ("north", THIS_YEAR, "120000.50"), ("south", THIS_YEAR, "50000.00"))
    assert summary.lines() == [
        "2 rows: 0 new, 1 changed, 1 unchanged, 0 rejected.",
        "  north 2026-27: 120000.50 (was 100000.00)",
    ]
    assert len(await funding.said(BudgetChanged)) == 3
    again = await budgets(funding, ("north", THIS_YEAR, '"£120,000.50"'))
    assert again.lines() == ["1 rows: 0 new, 0 changed, 1 unchanged, 0 rejected."]
    await adds_up(funding)


async def test_a_dry_run_changes_nothing(funding: Served) -> None:
    for _ in range(2):
        summary = await budgets(funding, ("north", "2027-28", "1.00"), dry_run=True)
        assert summary.changed == [("north", "2027-28", None, 100)]
    assert (await get(funding, "budgets", year="2027-28")).json()["items"] == []


async def test_a_budget_is_never_cut_below_what_is_committed_or_paid(funding: Served) -> None:
    case = await a_case(funding)
    [award] = await awarded(funding, case, amount_pence=150_000)
    assert (await act(funding, f"awards/{award['id']}", "payments", body={"instalment": 1})).is_success
    await awarded(funding, case, amount_pence=100_000)
    summary = await budgets(funding, ("south", THIS_YEAR, "1.00"), ("north", THIS_YEAR, "2499.99"))
    assert summary.lines()[-1] == "  line 3: below-what-is-committed-or-paid (amount)"
    assert (await position(funding))["budget"] == 10_000_000
    assert (await position(funding, "south"))["budget"] == 100
    assert (await budgets(funding, ("north", THIS_YEAR, "2500.00"))).rejections == []
    assert (await position(funding))["remaining"] == 0
    await adds_up(funding)


async def test_a_cluster_that_nobody_told_of_has_its_budget_and_is_named(funding: Served) -> None:
    summary = await budgets(funding, ("west", THIS_YEAR, "10.00"))
    assert summary.unknown_clusters == ["west"]
    assert (await position(funding, "west"))["budget"] == 1000


async def test_marks_are_said_once_as_they_are_passed_and_again_only_after_the_rest_rose(funding: Served) -> None:
    await budgets(funding, ("north", THIS_YEAR, "10000.00"))
    case = await a_case(funding)

    async def said() -> list[tuple[int, int]]:
        lows = await funding.said(BudgetLow)
        return [(low.mark_percent, low.remaining_pence) for low in lows]  # type: ignore[attr-defined]

    [first] = await awarded(funding, case, amount_pence=740_000)
    assert await said() == []
    await awarded(funding, case, amount_pence=10_000)
    assert await said() == [(25, 250_000)]
    await awarded(funding, case, amount_pence=10_000)
    assert await said() == [(25, 250_000)], "once"
    [second] = await awarded(funding, case, amount_pence=150_000)
    assert await said() == [(25, 250_000), (10, 90_000)]
    await act(funding, f"awards/{second['id']}", "end", body={"reason": "need-met"})
    [third] = await awarded(funding, case, amount_pence=150_000)
    assert (await said())[2:] == [(10, 90_000)], "it rose above 10 percent, not above 25"
    for award in (first, third):
        await act(funding, f"awards/{award['id']}", "end", body={"reason": "need-met"})
    await awarded(funding, case, amount_pence=950_000)
    assert (await said())[3:] == [(25, 30_000), (10, 30_000)]


async def test_a_position_shows_its_months_what_waits_and_where_it_is_going(
    funding: Served, clock: BusinessClock
) -> None:
    case = await a_case(funding)
    [award] = await awarded(funding, case, amount_pence=91_000)
    later(clock, days=10)
    assert (await act(funding, f"awards/{award['id']}", "payments", body={"instalment": 1})).is_success
    await budgets(funding, ("north", THIS_YEAR, "910.00"))
    waiting = await a_case(funding, requested=("early-funding",))
    body = (await get(funding, "position", NORTH, cluster="north", year=THIS_YEAR)).json()
    names = ("month", "budget_pence", "committed_pence", "paid_pence", "clawed_back_pence")
    assert [tuple(month[name] for name in names) for month in body["months"]] == [
        ("2026-11", 10_000_000, 91_000, 0, 0),
        ("2026-12", -9_909_000, -91_000, 91_000, 0),
    ]
    assert (body["waiting_requests"], body["waiting_pence"], body["remaining_pence"]) == (1, 120_000, 0)
    # 118 days are left, and 91,000 pence were granted in the last 91.
    assert body["forecast_pence"] == 91_000 + 118 * 1_000
    assert body["forecast_explanation"].startswith("What is paid and set aside, and for the 118 days that are left")
    assert body["rules_version"] == "2026-04"
    assert waiting


async def test_budgets_are_seen_by_their_cluster_and_by_finance(funding: Served) -> None:
    items = (await get(funding, "budgets", NORTH)).json()["items"]
    assert [one["cluster_id"] for one in items] == ["north"]
    path = f"budgets/{items[0]['id']}"
    assert (await get(funding, path, NORTH)).json() == items[0]
    assert (await get(funding, path, SOUTH)).status_code == 404
    assert (await get(funding, "position", SOUTH, cluster="north", year=THIS_YEAR)).status_code == 404
    for who in (SCHOOL, STRANGER):
        assert (await get(funding, "budgets", who)).status_code == 403
    first = (await get(funding, "budgets", FINANCE, limit="1")).json()
    second = (await get(funding, "budgets", FINANCE, limit="1", cursor=first["next"])).json()
    assert [page["items"][0]["cluster_id"] for page in (first, second)] == ["north", "south"]
    assert second["next"] is None


async def test_files_that_are_hostile_change_nothing(funding: Served) -> None:
    text = (
        "cluster_id,financial_year,amount\n"
        "north,2026-27,=HYPERLINK(1)\n"
        "north; DROP TABLE budget,2026-27,5.00\n"
        "north,2026-27,99999999999999999999.00\n"
        "north,2026-27,-0.01\n"
        "north,2026-27,1e5\n"
        "south,2026-29,1.00\n"
    )
    summary = await import_budgets(funding.runtime, text.encode())
    assert [(one.line, one.field) for one in summary.rejections] == [
        (2, "amount"), (3, "cluster_id"), (4, "amount"), (5, "amount"), (6, "amount"), (7, "financial_year"),
    ]  # fmt: skip
    assert (await position(funding))["budget"] == 10_000_000


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET amount_pence = 1",
        "DELETE FROM entry",
        "UPDATE posting SET day = '2020-01-01'",
        "DELETE FROM posting",
        "TRUNCATE entry",
    ],
)
@pytest.mark.parametrize("role", ["funding", None])
async def test_the_ledger_is_only_added_to_whoever_tries(
    funding: Served, database: Copy, statement: str, role: str | None
) -> None:
    connection = await asyncpg.connect(database.dsn(role))
    try:
        await connection.execute("SET search_path = funding")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize(
    "entries",
    [
        [("free", -1), ("committed", 2)],
        [("free", -1)],
        [],
        [("free", -10_000_001), ("committed", 10_000_001)],
        [("committed", -1), ("free", 1)],
        [("clawed-back", -1), ("free", 1)],
    ],
    ids=["does not add up", "one-sided", "empty", "overspends", "releases nothing", "takes back nothing"],
)
async def test_the_database_itself_refuses_what_cannot_be(
    funding: Served, database: Copy, entries: list[tuple[str, int]]
) -> None:
    [budget] = (await get(funding, "budgets", NORTH)).json()["items"]
    connection = await asyncpg.connect(database.dsn("funding"))
    try:
        with pytest.raises(asyncpg.CheckViolationError):
            async with connection.transaction():
                await connection.execute("SET search_path = funding")
                await connection.execute(
                    "INSERT INTO posting (id, budget_id, kind, at, day) VALUES ($1, $2, 'award', now(), now()::date)",
                    id := new_id(),
                    budget["id"],
                )
                for account, pence in entries:
                    await connection.execute(
                        "INSERT INTO entry (posting_id, budget_id, account, amount_pence) VALUES ($1, $2, $3, $4)",
                        id, budget["id"], account, pence,
                    )  # fmt: skip
    finally:
        await connection.close()
    await adds_up(funding)


async def test_a_posting_that_was_made_cannot_be_added_to(funding: Served, database: Copy) -> None:
    [made] = await funding.rows("SELECT id, budget_id FROM posting LIMIT 1")
    connection = await asyncpg.connect(database.dsn("funding"))
    try:
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(
                "INSERT INTO funding.entry (posting_id, budget_id, account, amount_pence) VALUES ($1, $2, 'free', 5)",
                made["id"],
                made["budget_id"],
            )
    finally:
        await connection.close()


def test_an_operator_imports_and_checks_at_a_terminal(database: Copy, tmp_path: Path) -> None:
    @asynccontextmanager
    async def opens(service: str) -> AsyncIterator[Runtime]:
        assert service == "funding"
        async with serving(SERVICE, database) as served:
            yield served.runtime

    file = tmp_path / "budgets.csv"
    file.write_text("cluster_id,financial_year,amount\nnorth,2026-27,5.00\n")
    told = CliRunner().invoke(app, ["budgets", str(file)], obj=opens)
    assert (told.exit_code, told.stdout.splitlines()[0]) == (0, "1 rows: 1 new, 0 changed, 0 unchanged, 0 rejected.")
    file.write_text("cluster_id,financial_year,amount\nnorth,2026-27,five\n")
    told = CliRunner().invoke(app, ["budgets", str(file)], obj=opens)
    assert (told.exit_code, told.stdout.splitlines()[1]) == (1, "  line 2: not-an-amount (amount)")
    file.write_text("nothing")
    told = CliRunner().invoke(app, ["budgets", str(file)], obj=opens)
    assert told.exit_code == 1
    assert "columns" in told.stderr
    checked = CliRunner().invoke(app, ["check"], obj=opens)
    assert (checked.exit_code, checked.stdout) == (0, "The ledger adds up.\n")
