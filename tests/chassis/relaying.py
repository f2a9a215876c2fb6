"""A running relay over a topic of its own, and probes of what has arrived."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import orjson

from chassis.engine import Command, Engine
from chassis.ids import tenant_id
from chassis.messaging.kafka import KafkaSettings
from chassis.messaging.relay import Relay
from chassis.messaging.republish import republish
from chassis.postgres import Database
from chassis.wakeups import Wakeups
from tests.chassis.sample.domain import Add, engine
from tests.chassis.sample.service import now
from tests.kit.kafka import TestTopic, read_all

ONE = tenant_id("one")
TOPIC = TestTopic("totals")


@contextlib.asynccontextmanager
async def relaying(database: Database, kafka: KafkaSettings, check_ends_seconds: float = 0.3) -> AsyncIterator[Relay]:
    """A running relay with its wake-ups, as one process has them."""
    made = engine()
    wakeups = Wakeups(database)

    async def republished(topic: str) -> int:
        assert relay.problem == f"the broker lost {topic}; its messages are published again"
        return await republish(database, made, topic)

    relay = Relay(database, kafka, [TOPIC], wakeups, republished, check_ends_seconds=check_ends_seconds)
    tasks = [asyncio.create_task(wakeups.run()), asyncio.create_task(relay.run())]
    try:
        yield relay
        relay.stop()
        await asyncio.wait_for(tasks[1], 20)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def add(database: Database, account: str, *amounts: int, made: Engine | None = None) -> None:
    async with database.transaction([ONE]) as connection:
        commands = [Command(ONE, f"account-{account}", Add(amount), f"{account}:{amount}") for amount in amounts]
        await (made or engine()).execute(connection, commands, now())


async def in_kafka(kafka: KafkaSettings) -> dict[str, list[int]]:
    """The amounts of every key, in the order of its log."""
    found: dict[str, list[int]] = {}
    for record in await read_all(kafka, TOPIC.name):
        assert record.key is not None
        assert record.value is not None
        found.setdefault(record.key.decode(), []).append(orjson.loads(record.value)["amount"])
    return found


def arrived(kafka: KafkaSettings, **amounts: Sequence[int]) -> Callable[[], Awaitable[bool]]:
    async def probe() -> bool:
        return await in_kafka(kafka) == {f"one:{key}": list(values) for key, values in amounts.items()}

    return probe


async def unsent(database: Database) -> int:
    async with database.delivery_connection() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL"))
