"""Who the issuer knows: systems with their secrets and keys, and the people of the demo county.

It is the file `credentials.json`, read again whenever it changes: taking a system out of it disables it at
once, and its last token five minutes later.
"""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from jointly.issuer.keys import public_jwk
from jointly.state import CREDENTIALS, StateFolder


@dataclass(frozen=True, slots=True)
class System:
    """An agency's system, which speaks for its whole organisation."""

    client_id: str
    organisation: str
    sector: str
    secret: str = field(repr=False)
    roles: tuple[str, ...] = ("agency-system",)
    clusters: tuple[str, ...] = ()
    #: JSON Web Keys of its `private_key_jwt`, public parts only.
    keys: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)

    def has_secret(self, offered: str) -> bool:
        """Whether this is its secret, in a time that says nothing about it."""
        return hmac.compare_digest(self.secret.encode(), offered.encode())


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the demo county, by the title of what they do."""

    sub: str
    name: str
    title: str
    roles: tuple[str, ...]
    organisation: str
    sector: str
    clusters: tuple[str, ...] = ()

    def answers_to(self, wanted: str) -> bool:
        """Whether a role, a name, a title or an id means this person."""
        words = wanted.casefold().strip()
        return words in self.roles or words in {
            self.sub.casefold(),
            self.name.casefold(),
            self.title.casefold(),
        }


class Registry:
    """The people and systems of one state folder."""

    def __init__(self, state: StateFolder) -> None:
        self._state = state
        self._read_at: tuple[int, int] | None = None
        self._systems: dict[str, System] = {}
        self._people: dict[str, Person] = {}

    def system(self, client_id: str) -> System | None:
        """The system that has this client id."""
        self._refresh()
        return self._systems.get(client_id)

    def systems(self) -> tuple[System, ...]:
        """All of them, in the file's order."""
        self._refresh()
        return tuple(self._systems.values())

    def person(self, sub: str) -> Person | None:
        """The person with this subject."""
        self._refresh()
        return self._people.get(sub)

    def people(self) -> tuple[Person, ...]:
        """All of them, in the file's order."""
        self._refresh()
        return tuple(self._people.values())

    def _refresh(self) -> None:
        file = self._state.file(CREDENTIALS)
        try:
            stat = file.stat()
        except FileNotFoundError:
            self._read_at, self._systems, self._people = None, {}, {}
            return
        seen = (stat.st_mtime_ns, stat.st_ino)
        if seen == self._read_at:
            return
        kept = self._state.read_json(CREDENTIALS)
        self._systems = {row["client_id"]: _system(row, self._state.path) for row in kept.get("systems", ())}
        self._people = {row["sub"]: _person(row) for row in kept.get("people", ())}
        self._read_at = seen


def _system(row: Mapping[str, Any], folder: Path) -> System:
    return System(
        client_id=row["client_id"],
        organisation=row["organisation"],
        sector=row["sector"],
        secret=row["client_secret"],
        roles=_words(row.get("roles", ("agency-system",))),
        clusters=_words(row.get("clusters", ())),
        keys=_keys(folder, row.get("private_key")),
    )


def _person(row: Mapping[str, Any]) -> Person:
    return Person(
        sub=row["sub"],
        name=row["name"],
        title=row["title"],
        roles=_words(row["roles"]),
        organisation=row["organisation"],
        sector=row["sector"],
        clusters=_words(row.get("clusters", ())),
    )


def _words(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


def _keys(folder: Path, name: str | None) -> tuple[Mapping[str, Any], ...]:
    if name is None:
        return ()
    key = serialization.load_pem_private_key((folder / name).read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{name} is not an elliptic-curve key.")
    return (public_jwk(key.public_key()),)
