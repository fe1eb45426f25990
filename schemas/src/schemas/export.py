"""Writes what readers in any language need: JSON Schemas, codes, topics and the AsyncAPI document.

    python -m schemas.export             write schemas/generated
    python -m schemas.export --check     say what is not fresh, and fail
    python -m schemas.export --release   make schemas/released what is generated, unless that breaks a reader

`generated/` is committed and never edited; `released/` is what readers were last told they can rely on.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from schemas.asyncapi import asyncapi
from schemas.codes import registries
from schemas.compatibility import Contracts, breaks
from schemas.contracts import every_event, json_schema, leaves
from schemas.projection import projected_schema
from schemas.topics import TOPICS

#: The package's folder in the source tree; a wheel carries the package alone.
HOME: Final = Path(__file__).resolve().parents[2]
RELEASED: Final = ("jsonschema/", "codes.json", "topics.json")


def documents(examples: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, str]:
    """Every generated file, by its path below `generated/`. The same for the same sources, always."""
    made: dict[str, Any] = {f"jsonschema/{name}.json": json_schema(kind) for name, kind in every_event().items()}
    made |= {f"feeds/{name}.json": projected_schema(kind) for name, kind in every_event().items() if leaves(kind)}
    made["codes.json"] = _codes()
    made["topics.json"] = {topic.name: asdict(topic) for topic in TOPICS.values()}
    made["asyncapi.json"] = asyncapi(examples=examples)
    return {path: json.dumps(document, indent=2, ensure_ascii=False) + "\n" for path, document in made.items()}


def read_examples(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The hand-written examples by event type, in order of their files' names."""
    return {
        kind.name: [json.loads(path.read_text(encoding="utf-8")) for path in sorted(kind.glob("*.json"))]
        for kind in sorted(folder.iterdir())
        if kind.is_dir()
    }


def read_contracts(folder: Path) -> Contracts:
    """What was generated or released there, to be compared."""
    return Contracts(
        events={
            path.stem: json.loads(path.read_text(encoding="utf-8"))
            for path in sorted((folder / "jsonschema").glob("*.json"))
        },
        codes=json.loads((folder / "codes.json").read_text(encoding="utf-8")),
        topics=json.loads((folder / "topics.json").read_text(encoding="utf-8")),
    )


def write(fresh: Mapping[str, str], folder: Path) -> None:
    """Make the folder hold these files and no other."""
    for path in _present(folder) - fresh.keys():
        (folder / path).unlink()
    for path, text in fresh.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def stale(fresh: Mapping[str, str], folder: Path) -> list[str]:
    """What is missing, left over or different in the folder, one sentence each."""
    present = _present(folder)
    return [
        *(f"{path} is missing" for path in sorted(fresh.keys() - present)),
        *(f"{path} is left over" for path in sorted(present - fresh.keys())),
        *(
            f"{path} is not what the sources say"
            for path in sorted(fresh.keys() & present)
            if (folder / path).read_text(encoding="utf-8") != fresh[path]
        ),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 done or fresh, 1 not, 2 no source tree to write to."""
    parser = argparse.ArgumentParser(prog="python -m schemas.export", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if something is not fresh")
    parser.add_argument("--release", action="store_true", help="release what is generated, if it breaks no reader")
    parser.add_argument("--home", type=Path, default=HOME, help="the folder that holds examples/ and generated/")
    wanted = parser.parse_args(arguments)
    home: Path = wanted.home
    if not (home / "examples").is_dir():
        sys.stderr.write(f"There is no {home / 'examples'}: run this in a source tree.\n")
        return 2
    fresh = documents(read_examples(home / "examples"))
    if wanted.check:
        found = stale(fresh, home / "generated")
        sys.stderr.writelines(f"{each}\n" for each in found)
        if found:
            sys.stderr.write("Run `python -m schemas.export` and commit what it writes.\n")
        return 1 if found else 0
    write(fresh, home / "generated")
    return _release(fresh, home) if wanted.release else 0


def _release(fresh: Mapping[str, str], home: Path) -> int:
    if (home / "released").is_dir():
        found = breaks(read_contracts(home / "released"), read_contracts(home / "generated"))
        sys.stderr.writelines(f"{each}\n" for each in found)
        if found:
            sys.stderr.write("Nothing is released: each of these needs a new version of its event's type.\n")
            return 1
    write({path: text for path, text in fresh.items() if path.startswith(RELEASED)}, home / "released")
    return 0


def _codes() -> dict[str, Any]:
    return {
        each.name: {
            "title": each.title,
            "source": each.source,
            **({"groups": each.groups} if each.groups else {}),
            "codes": [entry.written() for entry in each.entries],
        }
        for each in registries().values()
    }


def _present(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


if __name__ == "__main__":
    sys.exit(main())
