"""The example consumers as processes of their own: started, listened to, told to stop."""

import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

EXAMPLES: Final = Path(__file__).parents[3] / "schemas" / "kit" / "examples"
_PATIENCE: Final = 90.0
_GOODBYE: Final = 30.0


class Running:
    """A process that writes one JSON line for each event that is new to it."""

    def __init__(self, command: Sequence[str | Path], folder: Path, settings: Mapping[str, str]) -> None:
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "JAVA_HOME") if name in os.environ}
        self._process = subprocess.Popen(  # noqa: S603  the examples of this tree
            command,
            cwd=folder,
            env={**inherited, "PYTHONDONTWRITEBYTECODE": "1", **settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: queue.Queue[dict[str, Any]] = queue.Queue()
        self.errors: list[str] = []
        self._threads = [threading.Thread(target=each) for each in (self._listen, self._complaints)]
        for thread in self._threads:
            thread.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.put(json.loads(line))

    def _complaints(self) -> None:
        assert self._process.stderr is not None
        self.errors.extend(self._process.stderr)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def heard_until(self, ids: set[str]) -> list[dict[str, Any]]:
        """What it hears until it has heard all of these."""
        heard: list[dict[str, Any]] = []
        while not ids <= {line["id"] for line in heard}:
            try:
                heard.append(self.lines.get(timeout=_PATIENCE))
            except queue.Empty:
                self.kill()
                raise AssertionError(f"It heard {len(heard)} and no more.\n{''.join(self.errors)}") from None
        return heard

    def ended(self) -> int:
        """Its exit code, once it has ended by itself."""
        try:
            code = self._process.wait(_PATIENCE)
        finally:
            self.kill()
        return code

    def stop(self) -> tuple[int, list[dict[str, Any]]]:
        """Ask it to end; its exit code, and what it heard besides."""
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(_GOODBYE)
        finally:
            self.kill()
        left = []
        while not self.lines.empty():
            left.append(self.lines.get())
        return code, left

    def kill(self) -> None:
        """End it, whatever it does."""
        if self.alive:
            self._process.kill()
        self._process.wait()
        for thread in self._threads:
            thread.join()
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()
