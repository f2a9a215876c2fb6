"""relay: from the commit of an outbox row to the message being readable in Kafka, at 500 messages a second."""

import asyncio
import os
import sys
import time
from datetime import UTC, datetime
from typing import Any, Final

import uvloop

from bench.append import Payload
from bench.measuring import Window, between, cpu_seconds
from bench.options import Options, read_options
from bench.report import Bar, Report, Row
from bench.stand import Stand
from chassis.aggregate import Lane
from chassis.event_store import StoredEvent, StreamAppend
from chassis.ids import TenantId, deterministic_id, kafka_key, lock_number
from chassis.messaging.kafka import AIOKafkaConsumer, KafkaSettings, TopicPartition
from chassis.outbox import OutboxRow, append_with_messages
from chassis.postgres import Database, wake_after_commit
from chassis.wakeups import OUTBOX, Wakeups
from contracts.envelope import Envelope
from contracts.topics import DOCUMENTS, PARTITIONS

SERVICE: Final = "invoicing"
PER_SECOND: Final = 500
TENANTS: Final = 100
ARRIVE_SECONDS_MAX: Final = 15.0


class Journey:
    """Commits rows at an even rate and notes when each is committed and when it is read back."""

    def __init__(self, database: Database, payload: Payload) -> None:
        self._database = database
        self._payload = payload
        self._run = str(time.time_ns())
        self._number = 0
        self.committed: dict[str, float] = {}
        self.read: dict[str, float] = {}

    async def commit(self, per_second: int, seconds: float, writers: int) -> None:
        """Rows at their planned moments; a writer that is late goes on at once."""
        began = time.perf_counter()

        async def write(first: int) -> None:
            for number in range(first, int(per_second * seconds), writers):
                await asyncio.sleep(max(0.0, began + number / per_second - time.perf_counter()))
                await self._one()

        await asyncio.gather(*(write(first) for first in range(writers)))

    async def _one(self) -> None:
        self._number += 1
        tenant, deal = TenantId(f"tenant-{self._number % TENANTS}"), f"{self._run}-{self._number}"
        key, now = kafka_key(tenant, deal), datetime.now(UTC)
        message_id = str(deterministic_id(tenant, deal))
        envelope = Envelope(message_id, "InvoiceIssued", 1, SERVICE, f"deal-{deal}", now, tenant)
        change = StreamAppend(tenant, f"deal-{deal}", 0, [StoredEvent("Made", 1, self._payload.data)], message_id)
        row = OutboxRow(tenant, DOCUMENTS, key, envelope, self._payload.body, Lane.INTERACTIVE)
        async with self._database.transaction([tenant], [lock_number(key)]) as connection:
            await append_with_messages(connection, [change], [row], now)
            wake_after_commit(OUTBOX)
        self.committed[message_id] = time.perf_counter()

    async def follow(self, consumer: Any) -> None:
        """Notes each message when it is read; until it is cancelled."""
        async for record in consumer:
            now = time.perf_counter()
            name = dict(record.headers)["ce_id"].decode()
            self.read.setdefault(name, now)

    def latencies_ms(self) -> list[float]:
        """From commit to read; a message may be read before its writer hears of its commit."""
        return [1000 * max(0.0, self.read[name] - at) for name, at in self.committed.items()]

    async def all_read(self) -> None:
        """Returns when every committed row was read. Raises TimeoutError."""
        async with asyncio.timeout(ARRIVE_SECONDS_MAX):
            while not self.committed.keys() <= self.read.keys():  # noqa: ASYNC110 - the broker has no event for it
                await asyncio.sleep(0.05)


async def reader(kafka: KafkaSettings) -> Any:
    """A consumer at the end of the topic."""
    consumer = AIOKafkaConsumer(**kafka.client("bench"), group_id=None, enable_auto_commit=False)
    await consumer.start()
    consumer.assign([TopicPartition(kafka.prefix + DOCUMENTS, number) for number in range(PARTITIONS)])
    await consumer.seek_to_end()
    return consumer


async def measure(options: Options, stand: Stand) -> tuple[list[Window], list[float]]:
    """Windows and latencies of all repeats."""
    env = stand.environment(SERVICE)
    database = await Database.open(env["SVERKA_DATABASE_URL"], env["SVERKA_DELIVERY_DATABASE_URL"])
    wakeups = asyncio.create_task(Wakeups(database).run())
    consumer = await reader(stand.kafka)
    found, latencies = [], []
    for repeat in range(options.repeats + 1):
        journey = Journey(database, Payload.of_an_invoice())
        following = asyncio.create_task(journey.follow(consumer))
        cpu, started = cpu_seconds(os.getpid()), time.perf_counter()
        await journey.commit(PER_SECOND, options.seconds if repeat else options.warmup, options.concurrency)
        ended = time.perf_counter()
        await journey.all_read()
        following.cancel()
        if repeat:  # the first is the warm-up
            used = between(cpu, cpu_seconds(os.getpid()))
            found.append(Window(len(journey.committed), ended - started, used))
            latencies += journey.latencies_ms()
    wakeups.cancel()
    await consumer.stop()
    await database.close()
    return found, latencies


def main() -> int:
    """Runs the benchmark; the exit code says whether all bars are met."""
    options = read_options("relay", __doc__ or "", seconds=10, warmup=3, repeats=3, concurrency=8)
    report = Report("relay", options)
    with Stand() as stand:
        stand.start(SERVICE)
        report.set(
            postgres=stand.postgres_settings(stand.environment(SERVICE)["SVERKA_DATABASE_URL"]),
            role="application role commits, the relay of a running service sends on its delivery connection",
            broker="acks=all, idempotent producer, one broker",
            payload="example InvoiceIssued.full",
        )
        windows, latencies = uvloop.run(measure(options, stand))
        settings = {"per_second": PER_SECOND, "writers": options.concurrency, "tenants": TENANTS, "topic": DOCUMENTS}
        row = Row.of_windows(
            "commit to readable in Kafka",
            "messages/s",
            windows,
            product=[SERVICE],
            latencies_ms=latencies,
            settings=settings,
            bars=[Bar("p99_ms", at_most=100)],
        )
        report.add(row)
        stand.stop(SERVICE)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
