"""Kafka and Postgres die with -9, and even lose all they had, under an outbox, a relay and a consumer at work."""

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import pytest

from chassis import metrics
from chassis.engine import Command
from chassis.ids import tenant_id
from chassis.messaging.codec import MessageCodec
from chassis.messaging.kafka import KafkaSettings
from chassis.messaging.relay import Relay
from chassis.messaging.republish import republish
from chassis.messaging.routing import Routed
from chassis.messaging.topics import ensure_topics
from chassis.migrate import Names, migrate
from chassis.postgres import Database, is_infrastructure
from chassis.wakeups import Wakeups
from contracts.envelope import Envelope, Message
from deploy.local.kafka import Kafka
from deploy.local.postgres import Postgres
from tests.chassis.sample.domain import MIGRATIONS, Add, Total, engine
from tests.chassis.sample.service import Sample, now
from tests.kit.database import PASSWORDS, Databases, OwnDatabase
from tests.kit.kafka import TestTopic, eventually
from tests.kit.mortal import Mortal

ONE = tenant_id("one")
TOPIC = TestTopic("totals")
ACCOUNTS = ("a", "b", "c", "d", "e")

HASTY = {"session_timeout_ms": 3_000, "retry_seconds_max": 3.0}
AS_IN_PRODUCTION: dict[str, Any] = {}
POSTGRES_AWAY_SECONDS = 20.0
KAFKA_AWAY_SECONDS = 30.0

pytestmark = pytest.mark.timeout(240)


def copy(message: Message, envelope: Envelope) -> Sequence[Routed]:
    """The reader keeps a copy of each account: it must have the same amounts in the same order."""
    assert isinstance(message, Total)
    return [Routed(f"account-copy.{message.account}", Add(message.amount))]


@contextlib.asynccontextmanager
async def at_work(
    writer: Database, reader: OwnDatabase, reading: Database, kafka: KafkaSettings, settings: Mapping[str, Any] = HASTY
) -> AsyncIterator[Sample]:
    """A relay of the writer's outbox, and the reader's consumer."""
    made = engine()
    wakeups = Wakeups(writer)
    relay = Relay(writer, kafka, [TOPIC], wakeups, lambda topic: republish(writer, made, topic), check_ends_seconds=0.5)
    tasks = [asyncio.create_task(wakeups.run()), asyncio.create_task(relay.run())]
    sample = Sample(reader, reading, kafka, route=copy, codec=MessageCodec([Total]), topic=TOPIC.name)
    try:
        async with sample.consumer(**settings):
            yield sample
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def write(database: Database, amounts: Sequence[int]) -> None:
    """Adds the amounts to every account, one append each, again after an outage: the command id makes it once."""
    made = engine()
    for amount in amounts:
        for account in ACCOUNTS:
            command = Command(ONE, f"account-{account}", Add(amount), f"{account}:{amount}")

            async def append(command: Command = command) -> bool:
                try:
                    async with database.transaction([ONE]) as connection:
                        await made.execute(connection, [command], now())
                except Exception as error:
                    if not is_infrastructure(error):
                        raise
                    return False
                return True

            await eventually(append, 60)


async def copies_are(sample: Sample, amounts: Sequence[int]) -> None:
    async def probe() -> bool:
        return all([await sample.amounts(f"copy.{account}") == list(amounts) for account in ACCOUNTS])

    await eventually(probe, 90, "every copy complete, once and in order")


@pytest.mark.expects_errors("the broker lost totals")
@pytest.mark.parametrize("with_its_data", [False, True], ids=["keeps its data", "loses all"])
async def test_kafka_dies_and_comes_back(
    databases: Databases, mortal_kafka: Mortal[Kafka], with_its_data: bool
) -> None:
    kafka = KafkaSettings(mortal_kafka.part.bootstrap)
    await mortal_kafka.ready()
    await ensure_topics(kafka, [TOPIC])
    own = [await databases("sample", MIGRATIONS), await databases("sample", MIGRATIONS)]
    writer, reading = [await each.open() for each in own]
    async with at_work(writer, own[1], reading, kafka) as sample:
        await write(writer, range(1, 21))
        await copies_are(sample, range(1, 21))
        writing = asyncio.create_task(write(writer, range(21, 61)))
        mortal_kafka.kill()
        if with_its_data:
            shutil.rmtree(mortal_kafka.part._folder / "data")
            mortal_kafka.part.prepare()
        await writing
        await mortal_kafka.start()
        if with_its_data:
            await ensure_topics(kafka, [TOPIC])
        await write(writer, range(61, 71))
        await copies_are(sample, range(1, 71))
    assert await sample.ask("SELECT count(*) FROM dead_letters") == 0
    await writer.close()
    await reading.close()


async def test_postgres_dies_and_comes_back(kafka: KafkaSettings, mortal_postgres: Mortal[Postgres]) -> None:
    await mortal_postgres.ready()
    await ensure_topics(kafka, [TOPIC])
    admin = mortal_postgres.part.url
    own = [await migrated(admin, service) for service in ("writer", "reader")]
    writer, reading = [await each.open() for each in own]
    async with at_work(writer, own[1], reading, kafka) as sample:
        await write(writer, range(1, 11))
        for round_ in range(1, 4):
            writing = asyncio.create_task(write(writer, range(round_ * 10 + 1, round_ * 10 + 11)))
            await eventually(_some(writer, round_ * 10 + 3), 30)
            mortal_postgres.kill()
            await mortal_postgres.start()
            await writing
        await copies_are(sample, range(1, 41))
    assert await sample.ask("SELECT count(*) FROM dead_letters") == 0
    await writer.close()
    await reading.close()


async def migrated(admin: str, service: str) -> OwnDatabase:
    names = Names.of(service)
    urls = await migrate(admin, service, [MIGRATIONS], PASSWORDS)
    return OwnDatabase(names, urls, f"{admin.rpartition('/')[0]}/{names.database}")


@pytest.mark.slow
async def test_postgres_is_away_for_20_seconds(
    databases: Databases, kafka: KafkaSettings, mortal_postgres: Mortal[Postgres]
) -> None:
    """The reader's alone, so that messages go on coming while they cannot be taken."""
    await mortal_postgres.ready()
    await ensure_topics(kafka, [TOPIC])
    own = [await databases("sample", MIGRATIONS), await migrated(mortal_postgres.part.url, "reader")]
    writer, reading = [await each.open() for each in own]
    async with at_work(writer, own[1], reading, kafka, AS_IN_PRODUCTION) as sample:
        await write(writer, range(1, 11))
        await copies_are(sample, range(1, 11))
        mortal_postgres.kill()
        gone_at, tries = time.monotonic(), retries()
        await write(writer, range(11, 31))

        async def away_long_enough() -> bool:
            return time.monotonic() - gone_at >= POSTGRES_AWAY_SECONDS and retries() >= tries + 5

        await eventually(away_long_enough, POSTGRES_AWAY_SECONDS + 30)
        await mortal_postgres.start()
        await copies_are(sample, range(1, 31))
    assert await sample.ask("SELECT count(*) FROM dead_letters") == 0
    await writer.close()
    await reading.close()


@pytest.mark.slow
async def test_kafka_is_away_at_the_start_and_for_30_seconds(
    databases: Databases, mortal_kafka: Mortal[Kafka], caplog: pytest.LogCaptureFixture
) -> None:
    """Away at the start it is not there; later it is frozen, so that connections stay open and nobody answers."""
    kafka = KafkaSettings(mortal_kafka.part.bootstrap)
    await mortal_kafka.ready()
    await ensure_topics(kafka, [TOPIC])
    mortal_kafka.kill()
    own = [await databases("sample", MIGRATIONS), await databases("sample", MIGRATIONS)]
    writer, reading = [await each.open() for each in own]
    await write(writer, range(1, 11))
    working = contextlib.AsyncExitStack()
    starting = asyncio.create_task(
        working.enter_async_context(at_work(writer, own[1], reading, kafka, AS_IN_PRODUCTION))
    )

    async def both_wait() -> bool:
        return caplog.text.count("does not answer; waiting for it") >= 2

    await eventually(both_wait)
    await mortal_kafka.start()
    sample = await starting
    async with working:
        await copies_are(sample, range(1, 11))
        mortal_kafka.freeze()
        frozen_at = time.monotonic()
        await write(writer, range(11, 31))

        async def away_long_enough() -> bool:
            return time.monotonic() - frozen_at >= KAFKA_AWAY_SECONDS

        await eventually(away_long_enough, KAFKA_AWAY_SECONDS + 10)
        assert await sample.amounts("copy.a") == list(range(1, 11))
        mortal_kafka.thaw()
        await copies_are(sample, range(1, 31))
    assert await sample.ask("SELECT count(*) FROM dead_letters") == 0
    await writer.close()
    await reading.close()


def retries() -> float:
    return float(metrics.CONSUME_RETRIES.labels("infrastructure")._value.get())


def _some(database: Database, amount: int) -> Callable[[], Awaitable[bool]]:
    async def probe() -> bool:
        try:
            async with database.transaction([ONE]) as connection:
                version, _ = await engine().state(connection, ONE, "account-a")
        except Exception as error:
            if not is_infrastructure(error):
                raise
            return False
        return version >= amount

    return probe
