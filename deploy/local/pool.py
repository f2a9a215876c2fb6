"""One PostgreSQL and one Apache Kafka for a whole run of tests or benchmarks: quick to start, gone with the process."""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final, Self

from deploy.local.kafka import Kafka
from deploy.local.ports import free_port
from deploy.local.postgres import Postgres
from deploy.local.supervisor import Supervisor

PREFIX: Final = "sverka-pool-"


class Pool:
    """Starts each part when it is first asked for. Use as a context manager, from a thread that lives as long."""

    def __init__(self) -> None:
        _sweep()
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        unheld = self.folder / "unheld"
        self._lock = unheld.open("wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        unheld.rename(self.folder / "lock")  # held before another pool's start can see it
        self._supervisor = Supervisor(lambda _: None, stop_asked=lambda: False)
        self._postgres: Postgres | None = None
        self._kafka: Kafka | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def postgres_url(self) -> str:
        """The administrator's address: DATABASE_URL if it is set, else that of a server of our own."""
        if given := os.environ.get("DATABASE_URL"):
            return given
        if self._postgres is None:
            server = Postgres(
                self.folder / "postgres",
                self.folder / "logs" / "postgres.log",
                self.folder / "secrets" / "postgres",
                port=free_port(),
                from_template=True,
            )
            self._supervisor.start([server])
            self._postgres = server
        return self._postgres.url

    def kafka_bootstrap(self) -> str:
        """host:port of the broker: KAFKA_BOOTSTRAP if it is set, else that of a broker of our own."""
        if given := os.environ.get("KAFKA_BOOTSTRAP"):
            return given
        if self._kafka is None:
            port = free_port()
            broker = Kafka(
                self.folder / "kafka",
                self.folder / "logs" / "kafka.log",
                port=port,
                controller_port=free_port(frozenset({port})),
                from_template=True,
            )
            self._supervisor.start([broker])
            self._kafka = broker
        return self._kafka.bootstrap

    def close(self) -> None:
        """End the parts at once (nothing of theirs is kept) and remove the folder."""
        self._supervisor.kill()
        self._kafka = self._postgres = None
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()


def _sweep() -> None:
    """Remove the folders of pools whose process was killed: nobody holds their lock."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            with (folder / "lock").open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # in use, half made, or another user's
