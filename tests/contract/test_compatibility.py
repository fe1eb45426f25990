"""What is generated keeps every promise of what was released."""

import pytest
from schemas.compatibility import breaks
from schemas.contracts import every_event
from schemas.export import HOME, read_contracts

RELEASED = read_contracts(HOME / "released")
GENERATED = read_contracts(HOME / "generated")


def test_nothing_that_was_released_is_broken() -> None:
    found = "\n".join(str(each) for each in breaks(RELEASED, GENERATED))
    assert not found, f"Give each a new version of its type instead:\n{found}"


def test_every_released_event_is_still_spoken() -> None:
    assert RELEASED.events.keys() <= every_event().keys()


def test_every_released_file_is_read() -> None:
    files = {
        path.relative_to(HOME / "released").as_posix() for path in (HOME / "released").rglob("*") if path.is_file()
    }
    assert files == {"codes.json", "topics.json", *(f"jsonschema/{name}.json" for name in RELEASED.events)}


@pytest.mark.parametrize("name", sorted(RELEASED.events))
def test_a_released_schema_is_filed_under_its_type(name: str) -> None:
    assert RELEASED.events[name]["x-type"] == name
