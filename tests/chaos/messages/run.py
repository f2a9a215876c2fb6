"""One run: a broker and a database of its own, the sample service as their consumer, messages of several keys in waves,
and transactions that fail before they begin, at their commit, or after it, at drawn moments."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import dataclass
from typing import Final, Literal

import asyncpg

from chassis.ids import TenantId
from chassis.messaging.kafka import KafkaSettings, start_producer
from chassis.messaging.topics import ensure_topics
from chassis.migrate import Names, migrate
from chassis.postgres import Connection, Database
from deploy.local.kafka import Kafka
from deploy.local.postgres import Postgres
from tests.chaos.messages.checks import anomalies
from tests.chaos.messages.history import Acknowledged, History, Sent
from tests.chassis.sample.domain import MIGRATIONS, Amount
from tests.chassis.sample.service import TOPIC, Sample
from tests.kit.database import PASSWORDS, OwnDatabase
from tests.kit.kafka import TestTopic, committed, message
from tests.kit.mortal import Mortal

SERVICE: Final = "sample"
PARTITIONS: Final = 3
KEYS: Final = tuple(f"key{number}" for number in range(2 * PARTITIONS))
MESSAGES: Final = 300
WAVE_MAX: Final = 12
WAVE_SECONDS_MAX: Final = 0.15
FAILS: Final = 0.25
LOOK_SECONDS: Final = 0.2
STANDSTILL_SECONDS_MAX: Final = 15.0

When = Literal["before", "at commit", "after"]
WHENS: Final[tuple[When, ...]] = ("before", "at commit", "after")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to. ``failures`` counts transactions by where they failed, ``looks`` those at the offsets."""

    anomalies: list[str]
    sent: int
    decided: int
    failures: dict[str, int]
    looks: int
    seconds: float


class FailingDatabase(Database):
    """A database to which the way is lost now and then; what was committed before that stays."""

    chance: random.Random
    failures: Counter[str]
    fails = True

    @contextlib.asynccontextmanager
    async def transaction(
        self, tenants: Collection[TenantId], locks: Iterable[int] = (), what: Collection[str] = (), first: str = ""
    ) -> AsyncIterator[Connection]:
        """As the product's, or a ConnectionError."""
        when = self.chance.choice(WHENS) if self.fails and self.chance.random() < FAILS else None
        self._fail(when, "before")
        async with super().transaction(tenants, locks, what, first) as connection:
            yield connection
            self._fail(when, "at commit")
        self._fail(when, "after")

    def _fail(self, when: When | None, now: When) -> None:
        if when == now:
            self.failures[now] += 1
            raise ConnectionError(f"the way to the database was lost {now}")


async def run(server: Mortal[Postgres], broker: Mortal[Kafka], seed: int, *, messages: int = MESSAGES) -> Outcome:
    """Sends all, waits until all are decided or nothing moves any more, and judges."""
    await server.ready()
    await broker.ready()
    began = time.monotonic()
    urls = await migrate(server.part.url, SERVICE, [MIGRATIONS], PASSWORDS)
    names = Names.of(SERVICE)
    own = OwnDatabase(names, urls, f"{server.part.url.rpartition('/')[0]}/{names.database}")
    kafka = KafkaSettings(broker.part.bootstrap, prefix="rig.")
    await ensure_topics(kafka, [TestTopic(TOPIC, PARTITIONS)])
    database = await FailingDatabase.open(urls.app, urls.delivery)
    database.chance, database.failures = random.Random(f"{seed}/database"), Counter()  # noqa: S311 - a seed repeats it
    history = History()
    admin = await asyncpg.connect(own.admin_url)
    try:
        async with Sample(own, database, kafka).consumer(retry_seconds_max=0.0):
            looking = asyncio.create_task(_look(admin, kafka, history))
            await _send(kafka, history, messages, random.Random(f"{seed}/sender"))  # noqa: S311 - as above
            await _rest(history, messages)
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
        history.decided = {key: list(numbers) for key, numbers in (await _decided(admin)).items()}
    finally:
        await admin.close()
        await database.close()
    return Outcome(
        anomalies=anomalies(history),
        sent=len(history.sent),
        decided=sum(map(len, history.decided.values())),
        failures=dict(database.failures),
        looks=len(history.acknowledged),
        seconds=time.monotonic() - began,
    )


async def _send(kafka: KafkaSettings, history: History, messages: int, chance: random.Random) -> None:
    """In waves, so that a batch is fetched while the one before it fails."""
    numbers: Counter[str] = Counter()
    producer = await start_producer(kafka, "rig")
    try:
        while len(history.sent) < messages:
            for _ in range(min(chance.randint(1, WAVE_MAX), messages - len(history.sent))):
                place = chance.randrange(len(KEYS))
                key, partition = KEYS[place], place % PARTITIONS
                numbers[key] += 1
                one = message(Amount(accounts=(key,), amount=numbers[key]), key, partition=partition)
                topic = kafka.prefix + TOPIC
                future = await producer.send(topic, one.value, one.key, partition=partition, headers=one.headers)
                stored = await future
                history.sent.append(Sent(key, numbers[key], partition, stored.offset))
            await asyncio.sleep(chance.uniform(0.0, WAVE_SECONDS_MAX))
    finally:
        await producer.stop()


async def _look(admin: "asyncpg.Connection[asyncpg.Record]", kafka: KafkaSettings, history: History) -> None:
    """Asks the broker first: what is decided after that only grows."""
    while True:
        offsets = await committed(kafka, SERVICE)
        decided = await _decided(admin)
        history.acknowledged.append(Acknowledged(offsets, {key: frozenset(found) for key, found in decided.items()}))
        await asyncio.sleep(LOOK_SECONDS)


async def _decided(admin: "asyncpg.Connection[asyncpg.Record]") -> dict[str, list[int]]:
    rows = await admin.fetch(
        "SELECT stream, (data->>'amount')::int AS amount FROM events WHERE stream LIKE 'account-%' "
        "ORDER BY stream, version"
    )
    found: dict[str, list[int]] = {}
    for row in rows:
        found.setdefault(row["stream"].removeprefix("account-"), []).append(row["amount"])
    return found


async def _rest(history: History, messages: int) -> None:
    """Until all are decided and acknowledged, or for as long as anything moves."""
    last: tuple[int, int] = (0, 0)
    moved_at = time.monotonic()
    while time.monotonic() - moved_at < STANDSTILL_SECONDS_MAX:
        moment = history.acknowledged[-1] if history.acknowledged else Acknowledged({}, {})
        now = (sum(map(len, moment.decided.values())), sum(moment.offsets.values()))
        if min(now) >= messages:
            return
        if now != last:
            last, moved_at = now, time.monotonic()
        await asyncio.sleep(LOOK_SECONDS)
