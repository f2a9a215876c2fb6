"""append: events into the event store, each with its outbox row, by 16 writers under row-level security."""

import asyncio
import itertools
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import orjson
import uvloop

from bench.measuring import Window, between, cpu_seconds
from bench.options import Options, read_options
from bench.profiling import profiled
from bench.report import Bar, Report, Row
from bench.stand import Stand, example
from chassis.aggregate import Lane
from chassis.event_store import StoredEvent, StreamAppend
from chassis.ids import TenantId, deterministic_id, kafka_key, lock_number
from chassis.outbox import OutboxRow, append_with_messages
from chassis.postgres import APP_POOL_SIZE_MAX, Database, wake_after_commit
from chassis.wakeups import OUTBOX, Wakeups
from contracts.envelope import Envelope

TENANTS: Final = 100
BATCH_EVENTS: Final = 50
NAMES: Final = "one event a transaction", "batches of 50 events"


@dataclass(frozen=True, slots=True)
class Payload:
    """What is appended: an event of the size of an issued invoice, and the public message about it."""

    data: str
    body: bytes

    @classmethod
    def of_an_invoice(cls) -> "Payload":
        """From the contracts' example."""
        body = orjson.dumps(example("documents/InvoiceIssued.full"))
        return cls(body.decode(), body)


class Writers:
    """Writers that append as fast as they can, each transaction to a new stream of one tenant."""

    def __init__(self, database: Database, payload: Payload, run: str) -> None:
        self._database = database
        self._payload = payload
        self._run = run
        self._numbers: Iterator[int] = itertools.count()
        self.done = 0
        self.latencies_ms: list[float] = []

    async def write(self, events: int) -> None:
        """Until it is cancelled."""
        while True:
            number = next(self._numbers)
            started = time.perf_counter()
            await self._append(number, events)
            self.latencies_ms.append(1000 * (time.perf_counter() - started))
            self.done += events

    async def _append(self, number: int, events: int) -> None:
        tenant = TenantId(f"tenant-{number % TENANTS}")
        stream = f"deal-{self._run}-{number}"
        key = kafka_key(tenant, stream.partition("-")[2])
        now = datetime.now(UTC)
        new = [StoredEvent("InvoiceIssued", 1, self._payload.data) for _ in range(events)]
        change = StreamAppend(tenant, stream, 0, new, f"{self._run}:{number}", {"cause": self._run})
        rows = [
            OutboxRow(tenant, "documents", key, self._envelope(tenant, stream, n, now), self._payload.body, Lane(0))
            for n in range(events)
        ]
        async with self._database.transaction([tenant], [lock_number(key)]) as connection:
            await append_with_messages(connection, [change], rows, now)
            wake_after_commit(OUTBOX)

    def _envelope(self, tenant: TenantId, stream: str, number: int, now: datetime) -> Envelope:
        return Envelope(
            id=str(deterministic_id(tenant, stream, str(number))),
            type="InvoiceIssued",
            type_version=1,
            source="bench",
            subject=stream,
            time=now,
            tenant_id=tenant,
        )


async def measure(options: Options, stand: Stand, events: int) -> tuple[list[Window], list[float]]:
    """The windows and the latencies of transactions."""
    env = stand.environment("invoicing")
    database = await Database.open(env["SVERKA_DATABASE_URL"], env["SVERKA_DELIVERY_DATABASE_URL"])
    wakeups = asyncio.create_task(Wakeups(database).run())
    writers = Writers(database, Payload.of_an_invoice(), f"{events}-{time.time_ns()}")
    tasks = [asyncio.create_task(writers.write(events)) for _ in range(options.concurrency)]
    windows = []
    await asyncio.sleep(options.warmup)
    writers.latencies_ms.clear()
    for _ in range(options.repeats):
        cpu, started, first = cpu_seconds(os.getpid()), time.perf_counter(), writers.done
        await asyncio.sleep(options.seconds)
        last, ended = writers.done, time.perf_counter()
        windows.append(Window(last - first, ended - started, between(cpu, cpu_seconds(os.getpid()))))
    for task in (*tasks, wakeups):
        task.cancel()
    for end in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(end, Exception):
            raise end
    await database.close()
    return windows, writers.latencies_ms


def main() -> int:
    """Runs the benchmark; the exit code says whether all bars are met."""
    options = read_options("append", __doc__ or "", seconds=5, warmup=2, repeats=5, concurrency=16)
    report = Report("append", options)
    with Stand() as stand:
        url = stand.environment("invoicing")["SVERKA_DATABASE_URL"]
        report.set(
            postgres=stand.postgres_settings(url),
            role="the application role, row-level security in force",
            pool=f"{APP_POOL_SIZE_MAX} connections, the default",
            payload="example InvoiceIssued.full as event and as message",
            tenants=TENANTS,
        )
        bars = Bar("median", at_least=2_500), Bar("median", at_least=15_000)
        for name, unit, events, bar in zip(NAMES, ("tx/s", "events/s"), (1, BATCH_EVENTS), bars, strict=True):
            windows, latencies = uvloop.run(measure(options, stand, events))
            settings = {"writers": options.concurrency, "events_in_a_transaction": events}
            row = Row.of_windows(
                name, unit, windows, product=["load"], latencies_ms=latencies, settings=settings, bars=[bar]
            )
            report.add(row)
        if options.profile:
            report.profile(profiled(lambda: uvloop.run(measure(options, stand, 1))))
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
