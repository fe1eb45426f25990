"""Writes what readers in any language need: JSON Schemas, codes, topics and the AsyncAPI document.

    python -m schemas.export             write schemas/generated
    python -m schemas.export --check     say what is not fresh or would break a reader, and fail
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
from schemas.compatibility import Break, Contracts, breaks
from schemas.contracts import every_event, json_schema, leaves
from schemas.projection import projected_schema
from schemas.topics import TOPICS

#: The package's folder in the source tree; a wheel carries the package alone.
HOME: Final = Path(__file__).resolve().parents[2]
#: What an installed package carries of that folder.
_PACKED: Final = Path(__file__).parent / "packed"
RELEASED: Final = ("jsonschema/", "codes.json", "topics.json")


def documents(examples: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, str]:
    """Every generated file, by its path below `generated/`. The same for the same sources, always."""
    made: dict[str, Any] = {f"jsonschema/{name}.json": json_schema(kind) for name, kind in every_event().items()}
    made |= {f"feeds/{name}.json": projected_schema(kind) for name, kind in every_event().items() if leaves(kind)}
    made["codes.json"] = published_codes()
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


def examples_folder() -> Path:
    """Where the hand-written examples are: inside an installed package, or in the source tree."""
    return _PACKED / "examples" if _PACKED.is_dir() else HOME / "examples"


def released_types() -> frozenset[str]:
    """The types of the events that were released; of those, readers were told that they can rely on them."""
    folder = (_PACKED if _PACKED.is_dir() else HOME) / "released" / "jsonschema"
    return frozenset(path.stem for path in folder.glob("*.json"))


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


def published_codes() -> dict[str, Any]:
    """Every code registry, as `codes.json` has them."""
    return {
        each.name: {
            "title": each.title,
            "source": each.source,
            **({"groups": each.groups} if each.groups else {}),
            "codes": [entry.written() for entry in each.entries],
        }
        for each in registries().values()
    }


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
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if something is not fresh, or breaks a reader"
    )
    parser.add_argument("--release", action="store_true", help="release what is generated, if it breaks no reader")
    parser.add_argument("--home", type=Path, default=HOME, help="the folder that holds examples/ and generated/")
    wanted = parser.parse_args(arguments)
    home: Path = wanted.home
    if not (home / "examples").is_dir():
        sys.stderr.write(f"There is no {home / 'examples'}: run this in a source tree.\n")
        return 2
    fresh = documents(read_examples(home / "examples"))
    if wanted.check:
        return _check(fresh, home)
    write(fresh, home / "generated")
    return _release(fresh, home) if wanted.release else 0


def _check(fresh: Mapping[str, str], home: Path) -> int:
    old, broken = stale(fresh, home / "generated"), _broken(fresh, home)
    sys.stderr.writelines(f"{each}\n" for each in old)
    if old:
        sys.stderr.write("Run `python -m schemas.export` and commit what it writes.\n")
    sys.stderr.writelines(f"{each}\n" for each in broken)
    if broken:
        sys.stderr.write("Readers were promised otherwise: undo it, or make a new version of the event's type.\n")
    return 1 if old or broken else 0


def _release(fresh: Mapping[str, str], home: Path) -> int:
    found = _broken(fresh, home)
    sys.stderr.writelines(f"{each}\n" for each in found)
    if found:
        sys.stderr.write("Nothing is released: each of these needs a new version of its event's type.\n")
        return 1
    write({path: text for path, text in fresh.items() if path.startswith(RELEASED)}, home / "released")
    return 0


def _broken(fresh: Mapping[str, str], home: Path) -> tuple[Break, ...]:
    """What the sources say now and would break a reader of what was released."""
    if not (home / "released").is_dir():
        return ()
    folder = "jsonschema/"
    now = Contracts(
        events={
            path.removeprefix(folder).removesuffix(".json"): json.loads(text)
            for path, text in fresh.items()
            if path.startswith(folder)
        },
        codes=json.loads(fresh["codes.json"]),
        topics=json.loads(fresh["topics.json"]),
    )
    return breaks(read_contracts(home / "released"), now)


def _present(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


if __name__ == "__main__":
    sys.exit(main())
