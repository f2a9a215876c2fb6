"""One run: a server of its own, writers, readers and the relay over it, and kills until all is written."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from chassis import event_store
from chassis.ids import kafka_key, lock_number
from chassis.migrate import migrate
from chassis.postgres import INFRASTRUCTURE_ERRORS, Database
from deploy.local.postgres import Postgres
from tests.chaos.event_store.broker import Broker, relay
from tests.chaos.event_store.checks import anomalies
from tests.chaos.event_store.domain import SERVICE, TENANT, aggregate_of
from tests.chaos.event_store.history import Final, History
from tests.chaos.event_store.writers import Store, Writer, read_streams, value_of
from tests.kit.database import PASSWORDS
from tests.kit.kafka import PROBE_EVERY_SECONDS
from tests.kit.mortal import Mortal

QUIET_SECONDS_MAX = 30.0
READERS = 2
CUT_EVERY_ATTEMPTS = 100
CUT_AT_ONCE_MAX = 3
SLEEPS_SECONDS = 2.0
"""How long a transaction that has written stands still under the lock of its stream."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much of it. Kills are spread evenly over the appends."""

    appends: int
    kills: int
    writers: int = 16
    streams: int = 8


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to. ``results`` counts attempts by their outcome, ``seconds`` are those of writing."""

    anomalies: list[str]
    results: dict[str, int]
    events: int
    messages: int
    repeated_messages: int
    reads: int
    kills: int
    cuts: int
    relay_deaths: int
    seconds: float


async def run(server: Mortal[Postgres], size: Size, seed: int) -> Outcome:
    """Writes everything, with kills and cuts on the way, waits until the relay has caught up, and judges."""
    await server.ready()
    urls = await migrate(server.part.url, SERVICE, (), PASSWORDS)
    database = await Database.open(urls.app, urls.delivery, app_pool_size_max=size.writers + READERS + 2)
    history = History()
    store = Store(database, history, size.streams, size.appends)
    broker = Broker(history, seed)
    wanted, relayed = asyncio.Event(), asyncio.Event()
    wanted.set()
    relayed.set()
    began = time.monotonic()
    with broker.in_place_of_kafka():
        async with asyncio.TaskGroup() as others:
            others.create_task(relay(urls.delivery, broker, relayed))
            for number in range(READERS):
                others.create_task(read_streams(store, seed + number, wanted))
            others.create_task(_sleep_in_transactions(store, wanted))
            trouble = others.create_task(_trouble(server, store, size, seed, wanted))
            async with asyncio.TaskGroup() as writers:
                for number in range(size.writers):
                    writers.create_task(Writer(store, number, seed).run())
            seconds = time.monotonic() - began
            wanted.clear()
            await _drain(database)
            relayed.clear()
    kills, cuts = trouble.result()
    final = await _final(database)
    history.outbox = await _outbox(database)
    await database.close()
    sent = [message for log in history.sent.values() for message in log]
    return Outcome(
        anomalies=anomalies(history, final),
        results=dict(Counter(attempt.result for attempt in history.attempts)),
        events=sum(map(len, final.values())),
        messages=len(sent),
        repeated_messages=len(sent) - len({message.message_id for message in sent}),
        reads=len(history.reads),
        kills=kills,
        cuts=cuts,
        relay_deaths=broker.deaths,
        seconds=seconds,
    )


async def _trouble(
    server: Mortal[Postgres], store: Store, size: Size, seed: int, wanted: asyncio.Event
) -> tuple[int, int]:
    """Kills the server at some moments of the run, and cuts busy connections in between."""
    chance = random.Random(f"{seed}/trouble")  # noqa: S311 - a seed makes it repeatable
    kills, cuts, cut_at = 0, 0, CUT_EVERY_ATTEMPTS
    kill_at = sorted(chance.randrange(size.appends) for _ in range(size.kills))
    while wanted.is_set():
        written = len(store.history.attempts)
        if kills < len(kill_at) and written >= kill_at[kills]:
            server.kill()
            await server.start()
            kills += 1
        elif written >= cut_at:
            cut_at = written + CUT_EVERY_ATTEMPTS
            cuts += await cut(server.part.url, CUT_AT_ONCE_MAX)
        await asyncio.sleep(0.01)
    return kills, cuts


async def cut(url: str, at_once_max: int) -> int:
    """Ends some sessions of services that are in the middle of something, a COMMIT among others; says how many."""
    with contextlib.suppress(*INFRASTRUCTURE_ERRORS):
        admin = await asyncpg.connect(url, timeout=5.0)
        try:
            ended = await admin.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND application_name = 'sverka' AND state <> 'idle' "
                "ORDER BY random() LIMIT $1",
                at_once_max,
            )
            return len(ended)
        finally:
            admin.terminate()
    return 0


async def _sleep_in_transactions(store: Store, wanted: asyncio.Event) -> None:
    """Stands still in a transaction that has written and holds a stream's lock; then gives it up."""
    while wanted.is_set():
        stream = "log-999x0"
        locks = [lock_number(kafka_key(TENANT, aggregate_of(stream)))]
        with contextlib.suppress(*INFRASTRUCTURE_ERRORS, _GivenUp):
            async with store.database.transaction([TENANT], locks) as connection:
                said = event_store.StoredEvent("Said", 1, '{"value":"never","told":false}')
                await event_store.append(
                    connection, [event_store.StreamAppend(TENANT, stream, 0, [said])], datetime.now(UTC)
                )
                await asyncio.sleep(SLEEPS_SECONDS)
                raise _GivenUp
        await asyncio.sleep(0.01)


class _GivenUp(Exception):  # noqa: N818 - what happens
    """A transaction is rolled back."""


async def _drain(database: Database) -> None:
    """Until the outbox is empty, or for so long that what is still there counts as never sent."""
    for _ in range(int(QUIET_SECONDS_MAX / PROBE_EVERY_SECONDS)):
        if await _all_sent(database):
            return
        await asyncio.sleep(PROBE_EVERY_SECONDS)


async def _all_sent(database: Database) -> bool:
    with contextlib.suppress(*INFRASTRUCTURE_ERRORS):
        async with database.delivery_connection() as connection:
            return not await connection.fetchval("SELECT EXISTS (SELECT FROM outbox WHERE published_at IS NULL)")
    return False


async def _outbox(database: Database) -> dict[str, int]:
    async with database.delivery_connection() as connection:
        rows = await connection.fetch("SELECT message_id, seq FROM outbox")
    return {str(row["message_id"]): row["seq"] for row in rows}


async def _final(database: Database) -> Final:
    final: Final = {}
    async with database.transaction([TENANT]) as connection:
        async for event in event_store.read_all(connection):
            final.setdefault(event.stream, []).append((event.version, value_of(event)))
    for events in final.values():
        events.sort()
    return final
