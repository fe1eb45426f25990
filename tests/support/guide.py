"""The commands of a page for people, run as they stand: its files are written, its sh blocks go through one shell."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
GUIDE: Final = ROOT / "services" / "exchange" / "INTEGRATORS.md"
#: What the page calls the house, and its webhook's port.
ORIGIN, PORT = "http://127.0.0.1:8000", "8787"
_BLOCK: Final = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<body>.*?)^```$|^## (?P<title>[^\n]+)$", re.MULTILINE | re.DOTALL)
_BEGINS: Final = re.compile(r"[\[{]")
_MARK: Final = "=== {} ==="
_END: Final = "END OF THE FILE"
_PATIENCE: Final = 600.0


@dataclass(frozen=True)
class Block:
    """A fenced block: under which heading, `sh` or a language, and for which reader or file."""

    heading: str
    language: str
    name: str
    body: str


@dataclass
class Ran:
    """What came of it."""

    code: int
    errors: str
    #: Heading -> what its commands printed.
    printed: Mapping[str, str] = field(default_factory=dict)


def blocks(text: str) -> Iterator[Block]:
    """Every fenced block, in order."""
    heading = ""
    for found in _BLOCK.finditer(text):
        if found["title"] is not None:
            heading = found["title"]
            continue
        language, _, name = found["kind"].partition(" ")
        yield Block(heading, language, name, found["body"])


def run(text: str, *, readers: Collection[str], environment: Mapping[str, str], headings: Collection[str] = ()) -> Ran:
    """Run the sh blocks that are for everybody or for one of these readers; of these headings, or of all.

    The first block chooses the folder; the files that the page has one save are written after it.
    """
    chosen = [one for one in blocks(text) if not headings or one.heading in headings]
    script = ["set -eu"]
    for number, one in enumerate(chosen):
        if one.language == "sh" and (not one.name or one.name in readers):
            script += [f"printf '\\n%s\\n' '{_MARK.format(number)}'", one.body]
        elif one.language != "sh" and one.name:
            script.append(f"cat >{one.name} <<'{_END}'\n{one.body}{_END}")
    # A shell of its own session: what its commands leave running ends with it.
    process = subprocess.Popen(
        ["sh", "-s"],  # noqa: S607
        cwd=ROOT,
        env={**environment, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        out, errors = process.communicate("\n".join(script), timeout=_PATIENCE)
    finally:
        _end(process.pid)
    printed: dict[str, str] = {}
    for piece in out.split("\n=== ")[1:]:
        mark, _, said = piece.partition(" ===\n")
        heading = chosen[int(mark)].heading
        printed[heading] = printed.get(heading, "") + said
    return Ran(process.returncode, errors, printed)


def documents(printed: str) -> list[Any]:
    """The JSON documents that were printed one after the other, wherever lines end; what is none is passed over."""
    found: list[Any] = []
    place = 0
    decoder = json.JSONDecoder()
    while (begins := _BEGINS.search(printed, place)) is not None:
        try:
            document, place = decoder.raw_decode(printed, begins.start())
            found.append(document)
        except json.JSONDecodeError:
            place = begins.end()
    return found


def _end(group: int) -> None:
    try:
        os.killpg(group, 9)
    except ProcessLookupError:
        return
