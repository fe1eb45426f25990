"""Two processes of one house begin at once: they agree on every secret and key that neither of them had."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from jointly.issuer.keys import issuer_key
from jointly.state import StateFolder


def key_id(folder: str) -> str:
    """The issuer's key as a process of its own finds or makes it."""
    return issuer_key(StateFolder(Path(folder))).id


def two_secrets(folder: str) -> tuple[str, str]:
    """Two secrets, in the same way."""
    state = StateFolder(Path(folder))
    return state.secret("one"), state.secret("two")


def test_processes_that_begin_together_have_one_key_and_one_set_of_secrets(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("fork")) as processes:
        for attempt in range(25):
            folders = [str(tmp_path / str(attempt))] * 4
            assert len(set(processes.map(key_id, folders))) == 1
            assert len(set(processes.map(two_secrets, folders))) == 1
