"""consume: from Kafka through invoicing's own handlers into events, read rows and outbox, by one process."""

import asyncio
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg
import httpx
import orjson
import uvloop

from bench.measuring import Window, windows
from bench.options import Options, read_options
from bench.report import Bar, Report, Row
from bench.stand import Stand, example
from chassis.ids import TenantId, deterministic_id, kafka_key
from chassis.messaging.consumer import BATCH_MESSAGES_MAX
from chassis.messaging.kafka import KafkaSettings, start_producer
from contracts.envelope import Envelope

TENANTS: Final = 100
SERVICE: Final = "invoicing"
EXPECTED_PER_SECOND: Final = 5_500
"""So many messages lie ready for each second that is measured."""
DRAIN_SECONDS_MAX: Final = 120.0


@dataclass(frozen=True, slots=True)
class Prepared:
    """One message as it is sent."""

    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of message, and what handling one of them writes."""

    name: str
    topic: str
    writes: str


KINDS: Final = (
    Kind("InvoiceRequested", "deals", "a new stream with an event, a read row, a deadline as due work"),
    Kind("CounterpartyRejected", "counterparties", "two events on a known stream, a read row, a message in the outbox"),
)


def messages(kind: Kind, deals: int, run: str) -> Iterator[Prepared]:
    """One message for each deal, the tenants mixed."""
    body = example(f"{kind.topic}/{kind.name}.full")
    return (_message(kind.topic, kind.name, body, number, run) for number in range(deals))


def _message(topic: str, kind: str, body: dict[str, Any], number: int, run: str) -> Prepared:
    tenant, deal = TenantId(f"tenant-{number % TENANTS}"), f"{run}{number}"
    body["request_id"] = str(deterministic_id(tenant, deal))
    body.get("deal", body)["deal_id"] = deal
    envelope = Envelope(
        id=str(deterministic_id(tenant, deal, kind)),
        type=kind,
        type_version=1,
        source="bench",
        subject=f"deal-{deal}",
        time=datetime.now(UTC),
        tenant_id=tenant,
        traceparent="00-" + deterministic_id(tenant, deal).hex + "-00f067aa0ba902b7-00",
    )
    return Prepared(topic, kafka_key(tenant, deal).encode(), orjson.dumps(body), envelope.headers())


async def fill(kafka: KafkaSettings, prepared: Iterator[Prepared]) -> None:
    """Puts messages into their topics."""
    producer = await start_producer(kafka, "bench")
    under_way: set[asyncio.Future[Any]] = set()
    for message in prepared:
        sent = await producer.send(message.topic, message.value, message.key, headers=message.headers)
        under_way.add(sent)
        sent.add_done_callback(under_way.discard)
    await producer.stop()


async def measure(options: Options, stand: Stand) -> list[Window]:
    """Rates of handled messages, as the service's own metric counts them after their commit."""
    async with httpx.AsyncClient(base_url=stand.specs[SERVICE].url, trust_env=False) as client:

        async def handled() -> int:
            answer = await client.get("/metrics")
            return sum(
                int(float(line.rpartition(" ")[2]))
                for line in answer.text.splitlines()
                if line.startswith("sverka_consumed_messages_total{") and 'result="handled"' in line
            )

        return await windows(
            handled,
            root=os.getpid(),
            warmup=options.warmup,
            seconds=options.seconds,
            repeats=options.repeats,
        )


async def written(stand: Stand) -> dict[str, int]:
    """What the messages left in the database, as the administrator sees it."""
    url = stand.addresses.postgres_url.rpartition("/")[0] + f"/sverka_{SERVICE}"
    admin = await asyncpg.connect(url)
    try:
        tables = ("inbox", "events", "documents", "outbox", "dead_letters")
        return {table: await admin.fetchval(f"SELECT count(*) FROM {table}") for table in tables}  # noqa: S608
    finally:
        await admin.close()


async def drained(stand: Stand, expected: int) -> dict[str, int]:
    """Returns when all messages have been handled. Raises TimeoutError."""
    async with asyncio.timeout(DRAIN_SECONDS_MAX):
        while (left := await written(stand))["inbox"] < expected:  # noqa: ASYNC110 - the other side is a process
            await asyncio.sleep(0.2)
    return left


def main() -> int:
    """Runs the benchmark; the exit code says whether all bars are met."""
    options = read_options("consume", __doc__ or "", seconds=3, warmup=2, repeats=3, concurrency=1)
    report = Report("consume", options)
    with Stand() as stand:
        deals = int(EXPECTED_PER_SECOND * (options.seconds * options.repeats + options.warmup))
        report.set(
            postgres=stand.postgres_settings(stand.environment(SERVICE)["SVERKA_DATABASE_URL"]),
            role="application and delivery roles, row-level security in force",
            telemetry="traces sampled at the default ratio 0.1, no exporter address",
            relay="the service's own relay publishes meanwhile",
            messages_prepared_of_each_kind=deals,
        )
        handled = 0
        for kind in KINDS:
            row, handled = _row(options, stand, kind, deals, handled, report)
            report.add(row)
        if options.profile:
            for kind in KINDS:
                uvloop.run(fill(stand.kafka, messages(kind, deals // 4, "p")))
                stand.start(SERVICE, profile=True)
                handled += deals // 4
                uvloop.run(drained(stand, handled))
                stand.stop(SERVICE)
                report.profile([f"under cProfile, {kind.name}:", *stand.profile_of(SERVICE)])
    return report.finish()


def _row(
    options: Options, stand: Stand, kind: Kind, deals: int, handled_before: int, report: Report
) -> tuple[Row, int]:
    uvloop.run(fill(stand.kafka, messages(kind, deals, "m")))
    stand.start(SERVICE)
    found = uvloop.run(measure(options, stand))
    if uvloop.run(written(stand))["inbox"] >= handled_before + deals:
        report.note(f"all messages of {kind.name} were handled before the end: its last window is too low")
    left = uvloop.run(drained(stand, handled_before + deals))
    stand.stop(SERVICE)
    if left["dead_letters"] or left["inbox"] != handled_before + deals:
        raise RuntimeError(f"the messages were not handled as meant: {left}")
    settings = {
        "tenants": TENANTS,
        "batch_messages_max": BATCH_MESSAGES_MAX,
        "one_message_writes": kind.writes,
        "rows_afterwards": left,
    }
    bars = [Bar("median", at_least=5_000)]
    row = Row.of_windows(kind.name, "messages/s", found, product=[SERVICE], settings=settings, bars=bars)
    return row, left["inbox"]


if __name__ == "__main__":
    sys.exit(main())
