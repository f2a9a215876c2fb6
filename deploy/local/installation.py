"""One installation: PostgreSQL, Apache Kafka and the processes over them, from start to end in order."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from deploy.local import processes
from deploy.local.child import limit_log
from deploy.local.folder import (
    DataFolder,
    KafkaRun,
    LauncherRun,
    PortBook,
    PostgresRun,
    Run,
    SandboxRun,
    ServiceRun,
)
from deploy.local.kafka import Kafka
from deploy.local.kafka_jars import to_stderr
from deploy.local.postgres import Postgres, wait_for_orphans
from deploy.local.service import ProcessSpec, Service
from deploy.local.supervisor import Say, Stopped, Supervisor

LOOK_SECONDS: Final = 0.1
LIMIT_LOGS_SECONDS: Final = 5.0
LEFTOVER_SECONDS_MAX: Final = 10.0
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Addresses:
    """What the processes of an installation need to know of it."""

    folder: Path
    secrets: Path
    token_file: Path
    postgres_url: str
    """An administrator's address."""
    kafka_bootstrap: str
    port: Callable[[str], int]
    """The port for a process, by its name: the same at every start while it is free."""


SpecsFactory = Callable[[Addresses], Sequence[ProcessSpec]]
"""Called once PostgreSQL and Kafka are ready; may migrate. What it raises ends the installation in order."""


class Installation:
    """Runs one data folder. One `run` at a time, in the main thread of its process."""

    def __init__(
        self,
        folder: Path,
        specs_factory: SpecsFactory,
        *,
        version: str,
        port_base: int | None = None,
        say: Say = to_stderr,
        on_ready: Callable[[Run], None] = lambda _: None,
    ) -> None:
        """`on_ready` is called once everything is ready and `run.json` is written."""
        self._folder = DataFolder(folder)
        self._specs_factory = specs_factory
        self._version = version
        self._port_base = port_base
        self._say = say
        self._on_ready = on_ready
        self._stop_asked = False
        self._may_raise = False
        self._ready = False
        self._supervisor = Supervisor(say, stop_asked=lambda: self._stop_asked, changed=self._pids_changed)
        self._postgres: Postgres | None = None
        self._kafka: Kafka | None = None
        self._addresses: Addresses | None = None
        self._specs: Sequence[ProcessSpec] = ()

    def stop(self) -> None:
        """Ask `run` to end everything in order and return; from any thread or a signal handler."""
        self._stop_asked = True

    def run(self) -> None:
        """Start everything, keep it alive, and return when SIGTERM, SIGINT, SIGHUP or `stop` has ended it in order.

        Refusal if the folder is held, a prerequisite is missing, or a part does not start.
        """
        with self._folder.hold(), self._folder.mark(), self._signals():
            self._end_leftovers()
            with contextlib.suppress(Stopped):
                try:
                    self._start()
                    self._keep()
                finally:
                    self._end()

    def _start(self) -> None:
        book = PortBook(self._folder, self._port_base)
        postgres_url, kafka_bootstrap = os.environ.get("DATABASE_URL", ""), os.environ.get("KAFKA_BOOTSTRAP", "")
        postgres_port = book.take("postgres", listens=not postgres_url)
        kafka_port = book.take("kafka", listens=not kafka_bootstrap)
        controller_port = book.take("controller", listens=not kafka_bootstrap)
        if not postgres_url:
            self._postgres = Postgres(
                self._folder.postgres,
                self._folder.logs / "postgres.log",
                self._folder.secrets / "postgres",
                port=postgres_port,
                say=self._say,
            )
        if not kafka_bootstrap:
            self._kafka = Kafka(
                self._folder.kafka,
                self._folder.logs / "kafka.log",
                port=kafka_port,
                controller_port=controller_port,
                say=self._say,
            )
        parts = [part for part in (self._postgres, self._kafka) if part is not None]
        with self._interruptible():
            for part in parts:
                part.prepare()
        self._supervisor.start(parts)
        self._addresses = Addresses(
            folder=self._folder.path,
            secrets=self._folder.secrets,
            token_file=self._folder.token_file,
            postgres_url=self._postgres.url if self._postgres else postgres_url,
            kafka_bootstrap=self._kafka.bootstrap if self._kafka else kafka_bootstrap,
            port=book.take,
        )
        with self._interruptible():
            self._specs = tuple(self._specs_factory(self._addresses))
        for role in ("sandbox", "service"):
            self._supervisor.start([Service(spec, self._folder) for spec in self._specs if spec.role == role])
        run = self._describe()
        self._folder.write_run(run)
        self._ready = True
        self._on_ready(run)

    def _keep(self) -> None:
        limit_logs_at = 0.0
        while not self._stop_asked:
            self._supervisor.tick()
            now = time.monotonic()
            if now >= limit_logs_at:
                limit_logs_at = now + LIMIT_LOGS_SECONDS
                for log in self._folder.logs.glob("*.log"):
                    limit_log(log)
            time.sleep(LOOK_SECONDS)

    def _end(self) -> None:
        for role in ("service", "sandbox"):
            self._supervisor.stop([spec.name for spec in self._specs if spec.role == role])
        self._supervisor.stop([Kafka.name])
        self._supervisor.stop([Postgres.name])
        self._end_leftovers()

    def _pids_changed(self) -> None:
        if self._ready:
            self._folder.write_run(self._describe())

    def _describe(self) -> Run:
        assert self._addresses is not None
        return Run(
            version=self._version,
            postgres=PostgresRun(self._addresses.postgres_url, self._supervisor.pid(Postgres.name)),
            kafka=KafkaRun(self._addresses.kafka_bootstrap, self._supervisor.pid(Kafka.name)),
            token_file=str(self._folder.token_file),
            launcher=LauncherRun(os.getpid()),
            services={
                spec.name: ServiceRun(spec.url, pid)
                for spec in self._specs
                if spec.role == "service" and (pid := self._supervisor.pid(spec.name)) is not None
            },
            sandbox=next(
                (
                    SandboxRun(spec.url, spec.control_url, pid)
                    for spec in self._specs
                    if spec.role == "sandbox" and (pid := self._supervisor.pid(spec.name)) is not None
                ),
                None,
            ),
        )

    def _end_leftovers(self) -> None:
        """End what a killed launcher or a killed service left behind: they would write beside the new ones."""
        deadline = time.monotonic() + LEFTOVER_SECONDS_MAX
        while leftovers := self._folder.leftovers():
            for pid in leftovers:
                processes.kill(pid)
            if time.monotonic() > deadline:
                self._say(f"Processes {leftovers} of an earlier run do not end, not even by SIGKILL; going on.")
                break
            time.sleep(0.02)
        wait_for_orphans(self._folder.postgres)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        heeded = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]  # nohup is heeded too
        before = {number: signal.signal(number, self._on_signal) for number in heeded}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if not self._stop_asked:
            self._say(f"{signal.Signals(number).name}: ending in order ...")
        self._stop_asked = True
        if self._may_raise:
            raise Stopped

    @contextlib.contextmanager
    def _interruptible(self) -> Iterator[None]:
        """In the block, which starts no part, a signal is not merely noted but ends the block at once."""
        if self._stop_asked:
            raise Stopped
        self._may_raise = True
        try:
            yield
        finally:
            self._may_raise = False
