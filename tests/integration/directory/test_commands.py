"""What an operator sees at a terminal."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from chassis.errors import TryAgain
from chassis.service import Runtime
from directory.app import SERVICE
from directory.commands import app
from support.database import Copy
from support.service import serving
from typer.testing import CliRunner, Result

HEADER = "urn,school_name,school_status,phase_type,number_of_pupils"
Import = Callable[..., Result]


@pytest.fixture
def imports(database: Copy, tmp_path: Path) -> Import:
    """Runs an import of a file with this text."""

    @asynccontextmanager
    async def opens(service: str) -> AsyncIterator[Runtime]:
        assert service == "directory"
        async with serving(SERVICE, database) as served:
            yield served.runtime

    def run(what: str, text: str, *options: str, opens: object = opens) -> Result:
        file = tmp_path / "file.csv"
        file.write_text(text)
        return CliRunner().invoke(app, [what, str(file), *options], obj=opens)

    return run


def test_an_import_tells_what_changed_and_what_was_rejected(imports: Import) -> None:
    text = (
        f"{HEADER}\n100001,North School,Open,Primary,210\n100002,South School,Open,Primary,many\n1,East,Open,Primary,\n"
    )
    first = imports("schools", text, "--as-of", "2024-10-01")
    assert (first.exit_code, first.stdout.splitlines()) == (
        0,
        [
            "3 rows: 2 new, 0 changed, 0 closed, 0 unchanged, 1 rejected.",
            "  line 3: not-a-number-in-range (pupils), the rest of the row was taken",
            "  line 4: not-a-urn (urn)",
        ],
    )
    later = text.replace("210", "220").replace("South School,Open", "South School,Closed")
    second = imports("schools", later, "--as-of", "2024-11-01")
    assert second.stdout.splitlines()[:3] == [
        "3 rows: 0 new, 1 changed, 1 closed, 0 unchanged, 1 rejected.",
        "  changed 100001: pupils",
        "  closed 100002: status",
    ]
    third = imports("schools", text, "--as-of", "2024-10-01")
    assert third.stdout.splitlines()[:2] == [
        "3 rows: 0 new, 0 changed, 0 closed, 2 unchanged, 1 rejected.",
        "2 were older than what is known; they filled in what nobody had said.",
    ]


def test_a_dry_run_changes_nothing(imports: Import) -> None:
    text = f"{HEADER}\n100001,North School,Open,Primary,210\n"
    for _ in range(2):
        told = imports("schools", text, "--as-of", "2024-10-01", "--dry-run")
        assert told.stdout.startswith("Nothing was changed; this is what would be. 1 rows: 1 new")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The file is empty"),
        ("name,town\nNorth,Stroud\n", "The file has no column named URN."),
        (f"{HEADER}\n1,North School,Open,Primary,210\n", ""),
        (f"{HEADER}\n", ""),
    ],
)
def test_a_file_that_gives_nothing_fails(imports: Import, text: str, message: str) -> None:
    told = imports("schools", text, "--as-of", "2024-10-01")
    assert told.exit_code == 1
    assert message in told.stderr


def test_a_file_that_is_not_there_and_a_day_that_is_not_said_fail(imports: Import, tmp_path: Path) -> None:
    gone = CliRunner().invoke(app, ["schools", str(tmp_path / "gone.csv"), "--as-of", "2024-10-01"])
    assert (gone.exit_code, gone.stderr) == (1, "The file cannot be opened: No such file or directory.\n")
    text = f"{HEADER}\n100001,North School,Open,Primary,210\n"
    assert imports("schools", text).exit_code == 2
    assert imports("schools", text, "--as-of", "01-10-2024").exit_code == 2


def test_an_extract_from_the_future_would_keep_out_all_others_and_is_refused(imports: Import) -> None:
    told = imports("schools", f"{HEADER}\n100001,North School,Open,Primary,210\n", "--as-of", "2924-10-01")
    assert told.exit_code == 2
    assert "after today" in told.stderr


def test_a_database_that_is_away_is_one_sentence(imports: Import) -> None:
    def away(_service: str) -> AbstractAsyncContextManager[Runtime]:
        raise TryAgain("database")

    told = imports("schools", f"{HEADER}\n", "--as-of", "2024-10-01", opens=away)
    assert told.exit_code == 1
    assert "Run it again" in told.stderr


def test_a_new_school_without_what_matters_is_rejected_with_its_line(imports: Import) -> None:
    told = imports("schools", "URN,school_name\n100001,North School\n", "--as-of", "2024-10-01")
    assert told.exit_code == 1
    assert told.stdout.splitlines()[1] == "  line 2: missing-for-a-new-school (status)"


def test_a_school_named_twice_is_taken_once(imports: Import) -> None:
    text = f"{HEADER}\n100001,North School,Open,Primary,210\n100001,North School,Open,Primary,211\n"
    told = imports("schools", text, "--as-of", "2024-10-01")
    assert told.stdout.splitlines() == [
        "2 rows: 1 new, 0 changed, 0 closed, 0 unchanged, 1 rejected.",
        "  line 3: named-twice (urn)",
    ]


def test_links_organisations_and_people_are_read(imports: Import) -> None:
    links = "URN,LinkURN,LinkType,LinkEstablishedDate\n100001,100002,Successor,01-09-2026\n100001,100003,Other,\n"
    told = imports("school-links", links, "--as-of", "2024-10-01")
    assert told.stdout.splitlines() == [
        "2 rows: 1 new, 0 changed, 0 closed, 0 unchanged, 0 rejected.",
        "1 were about something else and were passed over.",
    ]
    told = imports("organisations", "id,name,sector,kind\nnhs-trust,The trust,health,nhs-trust\n")
    assert told.stdout.startswith("1 rows: 1 new")
    people = "person,organisation,name,role,since\nnurse,nhs-trust,Nurse,caseworker,2026-01-01\nx,nobody,X,,\n"
    told = imports("people", people)
    assert told.stdout.splitlines() == [
        "2 rows: 1 new, 0 changed, 0 closed, 0 unchanged, 1 rejected.",
        "  line 3: organisation-unknown (organisation)",
    ]
