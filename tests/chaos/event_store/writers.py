"""Writers in the shapes that the product writes in: optimistic, inbox first, and several streams in one append."""

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import orjson

from chassis import event_store
from chassis.engine import Command, Engine, Executed
from chassis.event_store import StoredEvent, StreamAppend, StreamConflict
from chassis.ids import deterministic_id, kafka_key
from chassis.messaging.codec import MessageCodec
from chassis.messaging.intake import Intake
from chassis.postgres import Database, is_infrastructure
from contracts.envelope import Envelope
from tests.chaos.event_store.domain import KINDS, PREFIX, SERVICE, TENANT, Please, Said, Say, aggregate_of, route
from tests.chaos.event_store.history import Attempt, History, Read

Shape = Literal["optimistic", "inbox", "several"]
SHAPES: tuple[tuple[Shape, float], ...] = (("optimistic", 0.35), ("inbox", 0.4), ("several", 0.25))
EVENTS_PER_STREAM_MAX = 40
"""Streams are short in the product too; a full one is followed by the next of its place."""
SEVERAL_MAX = 3
DELIVERED_AGAIN = 0.1
PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Record:
    """A message as a consumer gets it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


@dataclass(slots=True)
class Store:
    """What all writers share: the places of streams, and the values that are left to be written."""

    database: Database
    history: History
    places: int
    appends: int
    generations: dict[int, int] = field(default_factory=dict)
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def stream(self, place: int) -> str:
        """The present stream of a place."""
        return f"{PREFIX}-{place}x{self.generations.get(place, 0)}"

    def seen(self, stream: str, version: int) -> None:
        """Goes on to the next stream of a place when one is full."""
        place, generation = map(int, stream.removeprefix(f"{PREFIX}-").split("x"))
        if version >= EVENTS_PER_STREAM_MAX and generation == self.generations.get(place, 0):
            self.generations[place] = generation + 1

    def next_value(self) -> str | None:
        """A value that nobody has written; None when all are."""
        number = next(self.numbers)
        return f"v{number}" if number < self.appends else None


Act = Callable[[Attempt], Awaitable[None]]


class Writer:
    """One of many. Each has a partition and a consumer's memory of its own."""

    def __init__(self, store: Store, number: int, seed: int) -> None:
        self._store = store
        self._number = number
        self._random = random.Random(f"{seed}/{number}")  # noqa: S311 - a seed makes it repeatable
        self._engine = Engine(SERVICE, KINDS)
        self._offset = 0
        self._intake = Intake(
            SERVICE,
            database=store.database,
            engine=self._engine,
            codec=MessageCodec((Please,)),
            route=route,
            now=_now,
        )

    async def run(self) -> None:
        """Writes until all values are written. A value that must get in is tried until somebody knows that it is."""
        shapes, weights = zip(*SHAPES, strict=True)
        while (value := self._store.next_value()) is not None:
            (shape,) = self._random.choices(shapes, weights)
            places = self._random.sample(range(self._store.places), min(SEVERAL_MAX, self._store.places))
            if shape == "optimistic":
                await self._once(self._optimistic, value, (self._store.stream(places[0]),))
                continue
            streams = tuple(self._store.stream(place) for place in (places if shape == "several" else places[:1]))
            self._store.history.telling.add(value)
            act = self._several if shape == "several" else self._consume
            self._offset += 1
            while await self._once(act, value, streams) in ("unknown", "conflict"):
                pass
            if self._random.random() < DELIVERED_AGAIN:
                await self._once(act, value, streams)

    async def _once(self, act: Act, value: str, streams: tuple[str, ...]) -> str:
        attempt = Attempt(value, streams, time.monotonic())
        self._store.history.attempts.append(attempt)
        try:
            await act(attempt)
        except StreamConflict:
            attempt.result = "conflict"
            await asyncio.sleep(0)
        except Exception as error:
            if not is_infrastructure(error):
                raise
            await asyncio.sleep(PAUSE_SECONDS)
        attempt.ended = time.monotonic()
        for stream, version in zip(streams, attempt.versions, strict=False):
            self._store.seen(stream, version)
        return attempt.result

    async def _optimistic(self, attempt: Attempt) -> None:
        """Looks at the version in one transaction and appends behind it in another."""
        (stream,) = attempt.streams
        database = self._store.database
        async with database.transaction([TENANT]) as connection:
            last = await event_store.versions(connection, [(TENANT, stream)])
        expected = last.get((TENANT, stream), 0)
        attempt.expected = (expected,)
        said = StoredEvent(Said.NAME, Said.VERSION, Said(value=attempt.value, told=False).model_dump_json())
        async with database.transaction([TENANT]) as connection:
            await event_store.append(connection, [StreamAppend(TENANT, stream, expected, [said])], _now())
        attempt.result, attempt.versions = "ok", (expected + 1,)

    async def _consume(self, attempt: Attempt) -> None:
        """A message through the consumer's own transaction: locks, inbox, load, append, outbox, position."""
        (stream,) = attempt.streams
        key = kafka_key(TENANT, aggregate_of(stream))
        body = Please(stream=stream, value=attempt.value)
        envelope = Envelope(
            id=str(deterministic_id("please", attempt.value)),
            type=Please.NAME,
            type_version=Please.VERSION,
            source="test",
            subject=stream,
            time=_now(),
            tenant_id=TENANT,
        )
        record = Record(
            "wishes",
            self._number,
            self._offset,
            0,
            key.encode(),
            body.model_dump_json().encode(),
            envelope.headers(),
        )
        outcome = await self._intake.run([self._intake.read(record, "wishes", {})])
        attempt.result = "ok" if outcome.results["wishes", "handled"] else "repeated"

    async def _several(self, attempt: Attempt) -> None:
        """One command for each of several streams, in one transaction, as a worker's outcome is written."""
        commands = [Command(TENANT, stream, Say(attempt.value), f"say:{attempt.value}") for stream in attempt.streams]
        async with self._store.database.transaction([TENANT]) as connection:
            executed: list[Executed] = await self._engine.execute(connection, commands, _now())
        repeated = {one.repeated for one in executed}
        assert len(repeated) == 1, "a command that is there in one stream is there in all"
        attempt.result = "repeated" if repeated.pop() else "ok"
        attempt.versions = tuple(one.recorded[0].version for one in executed)


async def read_streams(store: Store, seed: int, wanted: asyncio.Event) -> None:
    """Reads whole streams while they grow, until ``wanted`` is cleared."""
    chance = random.Random(f"{seed}/reader")  # noqa: S311 - as above
    while wanted.is_set():
        stream = store.stream(chance.randrange(store.places))
        began = time.monotonic()
        try:
            async with store.database.transaction([TENANT]) as connection:
                events = (await event_store.load(connection, [(TENANT, stream)]))[TENANT, stream]
        except Exception as error:
            if not is_infrastructure(error):
                raise
        else:
            store.history.reads.append(Read(stream, began, tuple(value_of(event) for event in events)))
        await asyncio.sleep(PAUSE_SECONDS)


def value_of(event: StoredEvent) -> str:
    """What a stored event says."""
    return str(orjson.loads(event.data)["value"])


def _now() -> datetime:
    return datetime.now(UTC)
