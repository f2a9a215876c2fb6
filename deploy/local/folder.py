"""The data folder of one installation: who holds it, where things lie in it, what runs in it."""

import contextlib
import fcntl
import json
import os
import secrets
import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from deploy.local import ports, processes
from deploy.local.refusal import Refusal

PRIVATE: Final = 0o700
NAME_SECONDS_MAX: Final = 2
DYING_SECONDS_MAX: Final = 1
LOOK_SECONDS: Final = 0.01
MARK: Final = "SVERKA_INSTALLATION"
"""In the environment of every process of an installation: the path of its folder."""


FLOCK: Final = struct.Struct("hhqqi")  # struct flock of fcntl(2)


def _whole_file(kind: int) -> bytes:
    return FLOCK.pack(kind, os.SEEK_SET, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds a folder."""

    pid: int
    started: int | None
    """In clock ticks since boot."""
    command: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command})"


@dataclass(frozen=True, slots=True)
class PostgresRun:
    """The database server; no `pid` if it is not ours."""

    url: str
    pid: int | None


@dataclass(frozen=True, slots=True)
class KafkaRun:
    """The broker; no `pid` if it is not ours."""

    bootstrap: str
    pid: int | None


@dataclass(frozen=True, slots=True)
class ServiceRun:
    """One service."""

    url: str
    pid: int


@dataclass(frozen=True, slots=True)
class SandboxRun:
    """The simulated vendors."""

    url: str
    control_url: str
    pid: int


@dataclass(frozen=True, slots=True)
class LauncherRun:
    """The process that supervises the others."""

    pid: int


@dataclass(frozen=True, slots=True)
class Run:
    """What runs, as `run.json` says it. Holds a password: readable by its owner only."""

    version: str
    postgres: PostgresRun
    kafka: KafkaRun
    token_file: str
    launcher: LauncherRun
    services: dict[str, ServiceRun] = field(default_factory=dict)
    sandbox: SandboxRun | None = None

    @classmethod
    def parse(cls, text: str) -> "Run":
        """Read what `text` wrote; keys that a newer version added are left alone."""
        data: dict[str, Any] = json.loads(text)
        sandbox = data["sandbox"]
        return cls(
            version=data["version"],
            postgres=PostgresRun(data["postgres"]["url"], data["postgres"]["pid"]),
            kafka=KafkaRun(data["kafka"]["bootstrap"], data["kafka"]["pid"]),
            token_file=data["token_file"],
            launcher=LauncherRun(data["launcher"]["pid"]),
            services={name: ServiceRun(entry["url"], entry["pid"]) for name, entry in data["services"].items()},
            sandbox=None if sandbox is None else SandboxRun(sandbox["url"], sandbox["control_url"], sandbox["pid"]),
        )

    def text(self) -> str:
        """The content of `run.json`."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=2) + "\n"


class DataFolder:
    """One folder with all that an installation keeps."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.logs = self.path / "logs"
        self.secrets = self.path / "secrets"
        self.postgres = self.path / "postgres"
        self.kafka = self.path / "kafka"
        self.token_file = self.secrets / "api-token"
        self._lock = self.path / "lock"
        self._run = self.path / "run.json"

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the folder while the block runs. Refusal if it is held; the kernel lets go if this process dies."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = os.fdopen(os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600), "r+")
        except OSError as error:
            raise Refusal(f"The data folder {self.path} cannot be used: {error.strerror}.") from error
        with lock:
            self.require_unheld()
            try:
                fcntl.fcntl(lock, fcntl.F_OFD_SETLK, _whole_file(fcntl.F_WRLCK))
            except BlockingIOError:  # somebody was quicker
                self.require_unheld()
                raise
            lock.truncate(0)
            me = Holder(os.getpid(), processes.start_ticks(os.getpid()), " ".join(sys.orig_argv))
            lock.write(json.dumps(asdict(me)))
            lock.flush()
            self._prepare()
            try:
                yield
            finally:
                self._run.unlink(missing_ok=True)

    def require_unheld(self) -> None:
        """Refusal that names the holder, if one keeps the folder for longer than a killed process takes to end."""
        deadline = time.monotonic() + DYING_SECONDS_MAX
        while holder := self.holder():
            if time.monotonic() > deadline:
                raise Refusal(
                    f"The data folder {self.path} is in use by {holder}. "
                    f"Stop that with: sverka down --data {self.path}, or choose another folder with --data."
                )
            time.sleep(LOOK_SECONDS)

    def holder(self) -> Holder | None:
        """Who holds the folder now; None if nobody does."""
        deadline = time.monotonic() + NAME_SECONDS_MAX
        while self._is_locked():
            with contextlib.suppress(ValueError, TypeError):
                holder = Holder(**json.loads(self._lock.read_text()))
                # What an earlier holder wrote is not believed, however its id is in use by now.
                if holder.started is not None and processes.start_ticks(holder.pid) == holder.started:
                    return holder
            if time.monotonic() > deadline:
                raise Refusal(f"The data folder {self.path} is in use by a process that does not tell its name.")
            time.sleep(LOOK_SECONDS)
        return None

    def _is_locked(self) -> bool:
        try:
            lock = self._lock.open("rb")
        except FileNotFoundError:
            return False
        with lock:  # only asks: taking it, however shortly, could refuse a process that wants to hold it
            answer = fcntl.fcntl(lock, fcntl.F_OFD_GETLK, _whole_file(fcntl.F_WRLCK))
        return bool(FLOCK.unpack(answer)[0] != fcntl.F_UNLCK)

    def write_run(self, run: Run) -> None:
        """Replace `run.json` at once."""
        write_private(self._run, run.text())

    def running(self) -> Run | None:
        """What runs in the folder and is ready; None if nothing is, also when a `run.json` was left by a kill."""
        holder = self.holder()
        if holder is None:
            return None
        try:
            run = Run.parse(self._run.read_text())
        except FileNotFoundError:
            return None
        return run if run.launcher.pid == holder.pid else None

    @contextlib.contextmanager
    def mark(self) -> Iterator[None]:
        """While the block runs, every process that this one starts carries the mark of the folder, and so theirs."""
        before = os.environ.get(MARK)
        os.environ[MARK] = str(self.path)
        try:
            yield
        finally:
            del os.environ[MARK]
            if before is not None:
                os.environ[MARK] = before

    def leftovers(self) -> list[int]:
        """Processes of the installation that run now, except this one."""
        mark = str(self.path)
        return [
            pid
            for pid in processes.all_pids()
            if pid != os.getpid()
            and processes.environment(pid).get(MARK) == mark
            and processes.start_ticks(pid) is not None
        ]

    def _prepare(self) -> None:
        self._run.unlink(missing_ok=True)
        for folder in (self.logs, self.secrets, self.kafka):
            folder.mkdir(mode=PRIVATE, exist_ok=True)
        for unfinished in (*self.path.glob("*.new"), *self.secrets.glob("*.new")):
            if unfinished.is_file():  # its writer was killed; whoever holds the folder is the only writer
                unfinished.unlink()
        if not self.token_file.exists():
            write_private(self.token_file, secrets.token_urlsafe(32) + "\n")


class PortBook:
    """The ports of an installation: the same at every start while they are free, or all from a given base."""

    def __init__(self, folder: DataFolder, base: int | None) -> None:
        self._file = folder.path / "ports.json"
        self._base = base
        self._taken: dict[str, int] = {}
        self._known: dict[str, int] = json.loads(self._file.read_text()) if self._file.exists() else {}

    def take(self, name: str, *, listens: bool = True) -> int:
        """The port for `name`, always the same one. With a base: the next one, Refusal if it is taken.

        With `listens` false nothing of ours will use it; it only keeps the numbering.
        """
        if name in self._taken:
            return self._taken[name]
        if self._base is not None:
            port = self._base + len(self._taken)
            if listens:
                ports.require_free(port, name)
        else:
            taken = frozenset(self._taken.values())
            port = self._known.get(name, 0)
            if not port or port in taken or not ports.is_free(port):
                port = ports.free_port(taken | frozenset(self._known.values()))
        self._taken[name] = self._known[name] = port
        write_private(self._file, json.dumps(self._known, indent=2) + "\n")
        return port


def write_private(file: Path, text: str) -> None:
    """Write a file whole or not at all; only its owner may read it."""
    unfinished = file.with_name(f"{file.name}.{os.getpid()}.new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as output:
        output.write(text)
        output.flush()
        os.fsync(output.fileno())
    unfinished.replace(file)
