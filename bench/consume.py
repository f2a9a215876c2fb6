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
EXPECTED_PER_SECOND: Final = 7_000
"""So many messages lie ready for each second that is measured."""
MIX: Final = (
    "per deal InvoiceRequested (an event, a read row, a deadline) and, 1000 deals later, CounterpartyRejected "
    "(two events, a read row, a message in the outbox)"
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """One message as it is sent."""

    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


def messages(deals: int, run: str) -> Iterator[Prepared]:
    """Requests of many tenants mixed, each followed by the refusal of its buyer."""
    request, rejection = example("deals/InvoiceRequested.full"), example("counterparties/CounterpartyRejected.full")
    behind = 1_000
    for number in range(deals + behind):
        if number < deals:
            yield _message("deals", "InvoiceRequested", request, number, run)
        if number >= behind:
            yield _message("counterparties", "CounterpartyRejected", rejection, number - behind, run)


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


async def fill(kafka: KafkaSettings, deals: int, run: str) -> int:
    """Puts the messages into their topics; how many."""
    producer = await start_producer(kafka, "bench")
    under_way: set[asyncio.Future[Any]] = set()
    count = 0
    for message in messages(deals, run):
        sent = await producer.send(message.topic, message.value, message.key, headers=message.headers)
        under_way.add(sent)
        sent.add_done_callback(under_way.discard)
        count += 1
    await producer.stop()
    return count


async def measure(options: Options, stand: Stand, load_pid: int) -> list[Window]:
    """Rates of handled messages, as the service's own metric counts them after their commit."""
    async with httpx.AsyncClient(base_url=stand.specs[SERVICE].url, trust_env=False) as client:

        async def handled() -> int:
            answer = await client.get("/metrics")
            return sum(
                int(float(line.rpartition(" ")[2]))
                for line in answer.text.splitlines()
                if line.startswith("sverka_consumed_total{") and 'result="handled"' in line
            )

        return await windows(
            handled,
            root=load_pid,
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


def main() -> int:
    """Runs the benchmark; the exit code says whether all bars are met."""
    options = read_options("consume", __doc__ or "", seconds=5, warmup=4, repeats=3, concurrency=1)
    report = Report("consume", options)
    with Stand() as stand:
        deals = int(EXPECTED_PER_SECOND * (options.seconds * options.repeats + options.warmup) / 2)
        prepared = uvloop.run(fill(stand.kafka, deals, "m"))
        stand.start(SERVICE)
        found = uvloop.run(measure(options, stand, os.getpid()))
        left = uvloop.run(written(stand))
        report.set(
            postgres=stand.postgres_settings(stand.environment(SERVICE)["SVERKA_DATABASE_URL"]),
            role="application and delivery roles, row-level security in force",
            telemetry="traces sampled at the default ratio 0.1, no exporter address",
            relay="the service's own relay publishes meanwhile",
            messages_prepared=prepared,
            left_in_the_database=left,
        )
        if left["dead_letters"] or not left["outbox"]:
            raise RuntimeError(f"the messages were not handled as meant: {left}")
        settings = {"tenants": TENANTS, "batch_messages_max": BATCH_MESSAGES_MAX, "mix": MIX}
        bar = Bar("median", at_least=5_000)
        row = Row.of_windows("messages handled", "messages/s", found, product=[SERVICE], settings=settings, bars=[bar])
        report.add(row)
        if left["inbox"] >= prepared:
            report.note("all prepared messages were handled before the end: the last window is too low")
        stand.stop(SERVICE)
        if options.profile:
            uvloop.run(fill(stand.kafka, deals // 2, "p"))
            stand.start(SERVICE, profile=True)
            uvloop.run(measure(options, stand, os.getpid()))
            stand.stop(SERVICE)
            report.profile(stand.profile_of(SERVICE))
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
