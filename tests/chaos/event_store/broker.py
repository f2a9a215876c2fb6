"""A broker in memory behind the real relay: what it acknowledges it keeps, in the order in which it came. Now and then
the relay dies while a batch is on its way."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Iterator
from typing import Any, NoReturn
from unittest import mock

import asyncpg
import orjson

from chassis.messaging import sending
from chassis.messaging.kafka import KafkaSettings
from chassis.messaging.relay import LOCK
from chassis.messaging.sending import Sending
from chassis.postgres import INFRASTRUCTURE_ERRORS
from chassis.wakeups import Waiter
from tests.chaos.event_store.domain import TOPIC
from tests.chaos.event_store.history import History, Sent
from tests.kit.kafka import TestTopic

PARTITIONS = 4
PAUSE_SECONDS = 0.05
TAKES_SECONDS = 0.005
DEATHS = 0.02
SURELY_DIES_AT = 10
"""A batch at which the relay dies whatever the coin says: a short run may have too few for it to fall once."""


class Batch:
    """What a producer's batch is to the relay."""

    def __init__(self) -> None:
        self.records: list[tuple[bytes, bytes, list[tuple[str, bytes]]]] = []

    def append(self, *, key: bytes, value: bytes, timestamp: int, headers: list[tuple[str, bytes]]) -> object:
        """Takes one more record."""
        self.records.append((key, value, headers))
        return self

    def close(self) -> None:
        """Takes no more."""


class Broker:
    """Keeps what is sent in the history; also the producer and the inspector that the relay asks for."""

    def __init__(self, history: History, seed: int) -> None:
        self._history = history
        self._chance = random.Random(f"{seed}/broker")  # noqa: S311 - a seed makes it repeatable
        self.relay_died = asyncio.Event()
        self.deaths = 0
        self._batches = 0
        self._ends: dict[int, int] = {}

    def create_batch(self) -> Batch:
        """A batch."""
        return Batch()

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> "asyncio.Future[Any]":
        """Acknowledges a batch after as long as a broker takes; whoever gives up before has sent nothing. Of a relay
        that dies here by a coin nothing has come, or all, and nobody hears of it."""
        await asyncio.sleep(TAKES_SECONDS)
        self._batches += 1
        dies = self._chance.random() < DEATHS or self._batches == SURELY_DIES_AT
        if dies and self._chance.random() < 0.5:
            await self._death()
        first = self._ends.get(partition, 0)
        self._ends[partition] = first + len(batch.records)
        for key, value, headers in batch.records:
            said = orjson.loads(value)
            name = dict(headers)["ce_id"].decode()
            message = Sent(name, said["stream"], said["version"], said["value"])
            self._history.sent.setdefault(key.decode(), []).append(message)
        if dies:
            await self._death()
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        done.set_result(mock.Mock(offset=first))
        return done

    async def _death(self) -> NoReturn:
        self.deaths += 1
        self.relay_died.set()
        await asyncio.Event().wait()  # until the relay is gone
        raise AssertionError("nobody sets it")

    async def topics(self) -> set[str]:
        """What there is."""
        return {TOPIC}

    async def beginnings(self, partitions: list[Any]) -> dict[Any, int]:
        """Nothing is ever dropped."""
        return dict.fromkeys(partitions, 0)

    async def records(self, wanted: dict[Any, int]) -> dict[Any, Any]:
        """None is shown: no log is ever lost here, so that there is nothing to be compared."""
        return {}

    async def ends(self, places: list[Any]) -> dict[Any, int]:
        """Where each log ends."""
        return {place: self._ends.get(place.partition, 0) for place in places}

    @contextlib.contextmanager
    def in_place_of_kafka(self) -> Iterator[None]:
        """The relay's sending meets this broker."""

        async def producer(*_: object) -> Broker:
            return self

        @contextlib.asynccontextmanager
        async def inspector(*_: object) -> AsyncIterator[Broker]:
            yield self

        async def put_away(*_: object) -> None:
            """Nothing is held back."""

        with (
            mock.patch.object(sending, "start_producer", producer),
            mock.patch.object(sending, "inspector", inspector),
            mock.patch.object(sending, "_put_away", put_away),
        ):
            yield


async def relay(url: str, broker: Broker, wanted: asyncio.Event) -> None:
    """Leads, as the relay does, again and again until ``wanted`` is cleared."""
    topics = {TOPIC: TestTopic(TOPIC, PARTITIONS)}
    while wanted.is_set():
        with contextlib.suppress(*INFRASTRUCTURE_ERRORS):
            connection = await asyncpg.connect(url, timeout=5.0, command_timeout=20.0)
            try:
                await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
                async with Sending(KafkaSettings("memory"), topics, connection, Waiter()) as leading:
                    await _lead(leading, broker, wanted)
            finally:
                connection.terminate()
        await asyncio.sleep(PAUSE_SECONDS)


async def _lead(leading: Sending, broker: Broker, wanted: asyncio.Event) -> None:
    broker.relay_died.clear()
    going = asyncio.create_task(leading.go_on(until=lambda: not wanted.is_set()))
    death = asyncio.create_task(broker.relay_died.wait())
    try:
        await asyncio.wait({going, death}, return_when=asyncio.FIRST_COMPLETED)
        if going.done():
            going.result()
    finally:
        for task in (going, death):
            task.cancel()
        await asyncio.gather(going, death, return_exceptions=True)
