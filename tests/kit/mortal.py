"""A Kafka and a Postgres of a test's own, to be killed, frozen and started again."""

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import pytest

from deploy.local.child import Child
from deploy.local.kafka import Kafka
from deploy.local.ports import free_port
from deploy.local.postgres import Postgres
from tests.kit.kafka import eventually

START_SECONDS_MAX = 90.0

P = TypeVar("P", bound=Kafka | Postgres)


@dataclass(slots=True)
class Mortal(Generic[P]):
    """A part and its process. It always has the same port."""

    part: P
    child: Child

    def kill(self) -> None:
        """Ends it with -9."""
        self.child.kill()

    def freeze(self) -> None:
        """Stops its process: connections stay open, nobody answers. For Kafka, which is one process."""
        os.kill(self.child.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on."""
        os.kill(self.child.pid, signal.SIGCONT)

    async def start(self) -> None:
        """Starts it again, and returns when it can be used."""
        self.child = self.part.spawn()
        await self.ready()

    async def ready(self) -> None:
        """Returns when it can be used."""

        async def probe() -> bool:
            return self.part.is_ready(self.child)

        await eventually(probe, START_SECONDS_MAX, self.part.title)


@contextlib.contextmanager
def own_kafka(folder: Path) -> Iterator[Mortal[Kafka]]:
    """A broker that has been started, on ports of its own."""
    port = free_port()
    part = Kafka(
        folder / "kafka",
        folder / "kafka.log",
        port=port,
        controller_port=free_port(frozenset({port})),
        from_template=True,
    )
    mortal = Mortal(part, part.spawn())
    try:
        yield mortal
    finally:
        mortal.kill()


@pytest.fixture
def mortal_kafka(tmp_path: Path) -> Iterator[Mortal[Kafka]]:
    """A broker that has been started."""
    with own_kafka(tmp_path) as mortal:
        yield mortal


@contextlib.contextmanager
def own_postgres(folder: Path) -> Iterator[Mortal[Postgres]]:
    """A server that has been started, on a port of its own."""
    part = Postgres(
        folder / "postgres", folder / "postgres.log", folder / "secret", port=free_port(), from_template=True
    )
    mortal = Mortal(part, part.spawn())
    try:
        yield mortal
    finally:
        mortal.kill()
        part.wait_for_orphans()


@pytest.fixture
def mortal_postgres(tmp_path: Path) -> Iterator[Mortal[Postgres]]:
    """A server that has been started."""
    with own_postgres(tmp_path) as mortal:
        yield mortal
