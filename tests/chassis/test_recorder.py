# mypy: ignore-errors
# The library is no dependency of this project, so its types are unknown to it.
"""The recorder test suites that the ``eventsourcing`` library ships, run over the event store where it is installed."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("eventsourcing", reason="its suites are run where the library is installed")

from eventsourcing.tests import persistence as suites

from chassis.postgres import Database
from tests.chassis import recorder
from tests.chassis.recorder import StoreRecorder
from tests.kit.database import OwnDatabase


class _WithoutIds(StoreRecorder):
    """An aggregate recorder does not tell where it put its events."""

    def insert_events(self, stored_events: Any, **kwargs: Any) -> None:
        super().insert_events(stored_events, **kwargs)


class _OnOwnLoop:
    """The suites are synchronous and threaded: the store lives on a loop in a thread of its own."""

    INITIAL_VERSION = 0
    loop: asyncio.AbstractEventLoop
    database: Database

    @pytest.fixture(autouse=True)
    def _store(self, own_database: OwnDatabase) -> Iterator[None]:
        self.loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self.loop.run_forever)
        thread.start()
        self.database = asyncio.run_coroutine_threadsafe(own_database.open(), self.loop).result()
        yield
        asyncio.run_coroutine_threadsafe(self.database.close(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        thread.join()
        self.loop.close()


class TestAggregateRecorder(_OnOwnLoop, suites.AggregateRecorderTestCase):
    def create_recorder(self) -> Any:
        return _WithoutIds(self.database, self.loop)


class TestApplicationRecorder(_OnOwnLoop, suites.ApplicationRecorderTestCase[Any]):
    def create_recorder(self) -> Any:
        return StoreRecorder(self.database, self.loop)


def test_the_adapter_has_60_lines() -> None:
    assert len(Path(recorder.__file__).read_text(encoding="utf-8").splitlines()) <= 60
