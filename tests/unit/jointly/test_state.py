"""The state folder keeps its files private and whole."""

from pathlib import Path

import pytest
from jointly.state import StateFolder


def test_the_folder_and_its_files_belong_to_their_owner_alone(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "state")
    folder.prepare()
    file = folder.write("deep/inside.txt", b"x")
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    first = folder.secret("roles")
    assert StateFolder(tmp_path).secret("roles") == first
    assert folder.secret("cursors") != first
    assert folder.file("secrets.json").stat().st_mode & 0o777 == 0o600


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    folder.write("kept.json", b"{}")
    with pytest.raises(TypeError):
        folder.write("kept.json", "not bytes")  # type: ignore[arg-type]
    assert [file.name for file in tmp_path.iterdir()] == ["kept.json"]
    assert folder.read_json("kept.json") == {}
