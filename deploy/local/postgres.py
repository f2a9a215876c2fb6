"""One PostgreSQL cluster in one data folder, reachable on 127.0.0.1 with a password."""

import os
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Final
from urllib.parse import quote

from deploy.local import processes
from deploy.local.cache import cache_folder, exclusive
from deploy.local.child import Child, leashed
from deploy.local.folder import write_private
from deploy.local.kafka_jars import Say, to_stderr
from deploy.local.ports import HOST
from deploy.local.postgres_binaries import Placement, find_binaries, place
from deploy.local.refusal import Refusal

USER: Final = "sverka"
DATABASE: Final = "postgres"
STOP_SECONDS_MAX: Final = 30
ORPHAN_SECONDS_MAX: Final = 10
INIT_SECONDS_MAX: Final = 120
SETTINGS: Final = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "200",
    "max_locks_per_transaction": "256",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}
OF_A_COPY: Final = {
    # A server that is killed leaves its shared memory where it is; here that goes with the folder.
    "dynamic_shared_memory_type": "mmap",
}
READY_LINE: Final = 8  # of postmaster.pid


class Postgres:
    """The cluster of one data folder. `spawn` starts it (again), always on the same port."""

    name: Final = "postgres"
    title: Final = "PostgreSQL"
    ready_seconds_max: Final = 300  # after a kill it first replays its log

    def __init__(
        self,
        data: Path,
        log: Path,
        password_file: Path,
        *,
        port: int,
        say: Say = to_stderr,
        from_template: bool = False,
    ) -> None:
        """`data` becomes PGDATA. With `from_template` a new cluster is a copy of one made before (for tests)."""
        self._data = data
        self._log = log
        self._password_file = password_file
        self._port = port
        self._say = say
        self._from_template = from_template
        self._placement: Placement | None = None

    @property
    def url(self) -> str:
        """The administrator's address, with the password."""
        password = quote(self._password_file.read_text().strip(), safe="")
        return f"postgresql://{USER}:{password}@{HOST}:{self._port}/{DATABASE}"

    @property
    def settings(self) -> dict[str, str]:
        """What the server is told at its start."""
        return SETTINGS | (OF_A_COPY if self._from_template else {})

    def prepare(self) -> None:
        """Find the programs and make the cluster if the folder has none."""
        placement = place(find_binaries(), self._data)
        if not (placement.data / "PG_VERSION").exists():
            self._create(placement)
        self._check(placement)
        self._placement = placement

    def spawn(self) -> Child:
        """Start the server; it is of use once `is_ready`. Waits first until what a killed one left behind has ended."""
        if self._placement is None:
            self.prepare()
        placement = self._placement
        assert placement is not None
        self.wait_for_orphans()
        settings = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        return Child.start(
            self.name,
            [placement.binaries.program("postgres"), "-D", str(placement.data), "-p", str(self._port), *settings],
            log=self._log,
            env=_environment(placement.data),
            identity=placement.identity,
            on_parent_death=signal.SIGQUIT,  # the postmaster takes its own children with it, and recovers next time
            cwd=Path("/"),
        )

    def is_ready(self, child: Child) -> bool:
        """Whether this very process says in its lock file that it takes connections."""
        assert self._placement is not None
        lines = _lock_lines(self._placement.data)
        return len(lines) >= READY_LINE and lines[0].strip() == str(child.pid) and lines[7].strip() == "ready"

    def ask_to_end(self, child: Child) -> None:
        """Begin the end in order: sessions are cut, everything is written."""
        child.send(signal.SIGINT)

    def finish(self, child: Child) -> None:
        """Wait for that end; by force if it takes too long, which the next start repairs."""
        child.finish(STOP_SECONDS_MAX)
        self.wait_for_orphans()

    def wait_for_orphans(self) -> None:
        """Wait until no process of a server works in the data folder."""
        wait_for_orphans(self._data)

    def _check(self, placement: Placement) -> None:
        major = (placement.data / "PG_VERSION").read_text().strip()
        if major != str(placement.binaries.major):
            raise Refusal(
                f"{self._data} was made by PostgreSQL {major}, but {placement.binaries.folder} is version "
                f"{placement.binaries.version}. Set SVERKA_POSTGRES_BIN to the programs of version {major}."
            )
        if not self._password_file.exists():
            raise Refusal(
                f"{self._password_file} with the password of {self._data} is missing. Put it back from a backup, or "
                f"choose another data folder."
            )
        if placement.data.stat().st_uid != placement.uid:
            for path in (placement.data, *placement.data.rglob("*")):
                os.chown(path, placement.uid, -1, follow_symlinks=False)

    def _create(self, placement: Placement) -> None:
        self._password_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self._from_template:
            self._create_at(placement, placement.data, self._password_file, sync=True)
            return
        template = cache_folder() / f"postgres-template-{placement.binaries.major}"
        with exclusive(template.with_suffix(".lock")):
            if not template.exists():
                self._say(f"Making a template of a PostgreSQL {placement.binaries.major} cluster, kept in {template}")
                self._create_at(placement, placement.data, template.with_suffix(".password"), sync=False)
                unfinished = template.with_suffix(".new")
                shutil.rmtree(unfinished, ignore_errors=True)
                shutil.copytree(placement.data, unfinished)
                shutil.rmtree(placement.data)
                unfinished.replace(template)
        shutil.copytree(template, placement.data)
        shutil.copyfile(template.with_suffix(".password"), self._password_file)
        self._password_file.chmod(0o600)

    def _create_at(self, placement: Placement, data: Path, password_file: Path, *, sync: bool) -> None:
        # Made beside its place and moved there, so that a kill in between leaves nothing half done.
        unfinished = data.with_name(data.name + ".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True, mode=0o700)
        os.chown(unfinished, placement.uid, -1)
        write_private(password_file, secrets.token_urlsafe(24) + "\n")
        for_initdb = unfinished.with_suffix(".password")  # its own reader may be `nobody`
        write_private(for_initdb, password_file.read_text())
        os.chown(for_initdb, placement.uid, -1)
        try:
            output = _initdb(placement, unfinished, for_initdb, sync=sync)
        finally:
            for_initdb.unlink()
        if output is not None:
            raise Refusal(f"The PostgreSQL cluster in {data} could not be made:\n{output}")
        unfinished.replace(data)


def _initdb(placement: Placement, data: Path, password_file: Path, *, sync: bool) -> str | None:
    """Run initdb with the best of the locales that this build and machine offer; its output if none works."""
    builtin = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
    choices = [
        # Character classes of the operating system besides, since pg_trgm and text search go by them.
        (*builtin, "--lc-ctype=C.UTF-8"),
        builtin,
    ]
    if placement.binaries.major < 17:  # no builtin provider yet
        choices = [("--locale-provider=icu", "--icu-locale=ru", "--locale=C.UTF-8"), ("--locale=C.UTF-8",)]
    output = ""
    for locale in choices:
        done = subprocess.run(  # noqa: S603 - a command of ours
            leashed(
                [
                    placement.binaries.program("initdb"),
                    f"--pgdata={data}",
                    f"--username={USER}",
                    f"--pwfile={password_file}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    *locale,
                    *([] if sync else ["--no-sync"]),
                ],
                placement.identity,
            ),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=INIT_SECONDS_MAX,
            check=False,
            cwd="/",
            env={**os.environ, "LC_ALL": "C"},
        )
        if done.returncode == 0:
            return None
        output = (done.stdout + done.stderr).strip()
    return output


def _lock_lines(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _environment(data: Path) -> dict[str, str]:
    """The environment for the server.

    Its lock file, left by a kill, names a process id; if another program has that id by now, the server would take it
    for a living postmaster and refuse to start. It makes an exception for the id in PG_GRANDPARENT_PID (as pg_ctl uses
    it), and still looks for itself whether the old shared memory is in use.
    """
    environment = {**os.environ, "LC_ALL": "C"}
    lines = _lock_lines(data)
    if lines and lines[0].strip().isdigit() and not servers_of(data):
        environment["PG_GRANDPARENT_PID"] = lines[0].strip()
    return environment


def servers_of(data: Path) -> list[int]:
    """The ids of all processes of a server that works in this data folder."""
    home = data.resolve()
    return [
        pid
        for pid in processes.all_pids()
        if processes.working_folder(pid) == home and processes.program(pid) == "postgres"
    ]


def wait_for_orphans(data: Path) -> None:
    """Wait for processes of a killed server to end by themselves; after ORPHAN_SECONDS_MAX end them."""
    deadline = time.monotonic() + ORPHAN_SECONDS_MAX
    while servers := servers_of(data):
        if time.monotonic() > deadline:
            for pid in servers:
                processes.kill(pid)
            deadline = time.monotonic() + ORPHAN_SECONDS_MAX
        time.sleep(0.02)
