"""The relay: takes outbox rows to Kafka in the order of each key, from one process at a time."""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import asyncpg

from chassis import metrics
from chassis.ids import lock_number
from chassis.messaging import inbox, letters, outgoing
from chassis.messaging.kafka import KafkaError, KafkaSettings, wait_for_kafka
from chassis.messaging.sending import CHECK_ENDS_SECONDS, BrokerLostError, Sending
from chassis.messaging.topics import TopicSpec, ensure_topics
from chassis.postgres import CONNECT_TIMEOUT_SECONDS, Connection, Database, is_infrastructure
from chassis.wakeups import OUTBOX, Waiter, Wakeups

LOCK = lock_number("relay")
LOCK_RETRY_SECONDS = 0.5
RESTART_SECONDS = 1.0
COMMAND_TIMEOUT_SECONDS = 20.0
STOP_SECONDS_MAX = 10.0

Republish = Callable[[str], Awaitable[int]]

_log = logging.getLogger(__name__)


class Relay:
    """The relay of one service's database. ``run`` until it is cancelled; any number of processes may run one.

    ``leading`` is true while this process holds the lock. ``problem`` says why messages do not leave because of a loss
    or a failure; it is "" when they do, and while an absent Kafka or Postgres is all that is wrong.
    ``republish(topic)`` writes a lost topic's messages into the outbox again.
    """

    def __init__(
        self,
        database: Database,
        kafka: KafkaSettings,
        topics: Sequence[TopicSpec],
        wakeups: Wakeups,
        republish: Republish,
        *,
        check_ends_seconds: float = CHECK_ENDS_SECONDS,
    ) -> None:
        self._check_ends_seconds = check_ends_seconds
        self.leading = False
        self.problem = ""
        self._database = database
        self._kafka = kafka
        self._topics = {spec.name: spec for spec in topics}
        self._waiter: Waiter = wakeups.waiter(OUTBOX)
        self._republish = republish
        self._stopping = False

    async def run(self) -> None:
        """Leads whenever it can, for ever; what goes wrong is logged and begun anew."""
        while not self._stopping:
            try:
                await self._lead()
            except Exception as error:  # noqa: BLE001 - a loop that must outlive whatever happens to it
                if not isinstance(error, (KafkaError, BrokerLostError)) and not is_infrastructure(error):
                    self.problem = f"the relay failed: {type(error).__name__}"
                    _log.exception("the relay failed and begins anew")
                else:
                    _log.warning("the relay begins anew: %s", type(error).__name__)
                await asyncio.sleep(RESTART_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311 - jitter

    def stop(self) -> None:
        """Has ``run`` send what it has in hand (at most STOP_SECONDS_MAX) and return."""
        self._stopping = True
        self._waiter.set()

    async def _lead(self) -> None:
        async with self._connection() as connection:
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
                if self._stopping:
                    return
                self.problem = ""
                await self._waiter.wait(LOCK_RETRY_SECONDS)
            self.leading = True
            metrics.RELAY_LEADING.set(1)
            _log.info("the relay leads")
            try:
                await wait_for_kafka(self._kafka)
                await ensure_topics(self._kafka, self._topics.values())
                await self._relay(connection)
            finally:
                self.leading = False
                metrics.RELAY_LEADING.set(0)

    async def _relay(self, connection: Connection) -> None:
        async with Sending(self._kafka, self._topics, connection, self._waiter, self._check_ends_seconds) as sending:
            while True:
                self.problem = ""
                try:
                    await sending.go_on(until=lambda: self._stopping)
                except BrokerLostError as lost:
                    await self._recover(sending, lost)
                else:
                    await sending.finish(STOP_SECONDS_MAX)
                    return

    async def _recover(self, sending: Sending, lost: BrokerLostError) -> None:
        self.problem = f"the broker lost {', '.join(sorted(lost.topics))}; its messages are published again"
        _log.error("%s", self.problem)
        for topic in lost.topics:
            metrics.BROKER_LOSSES.labels(topic).inc()
        await sending.finish(STOP_SECONDS_MAX)
        for topic in sorted(lost.topics):
            count = await self._republish(topic)
            _log.warning("%s messages of %s are published again", count, topic)
        await sending.begin_anew(lost.topics)

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        # Keepalives end the session of a process that vanished, and with it its lock.
        connection: Connection = await asyncpg.connect(
            self._database.delivery_url,
            timeout=CONNECT_TIMEOUT_SECONDS,
            command_timeout=COMMAND_TIMEOUT_SECONDS,
            server_settings={
                "application_name": "sverka-relay",
                "tcp_keepalives_idle": "5",
                "tcp_keepalives_interval": "2",
                "tcp_keepalives_count": "3",
                "statement_timeout": str(int(COMMAND_TIMEOUT_SECONDS * 1000)),
                "synchronous_commit": "on",
            },
        )
        try:
            yield connection
        finally:
            connection.terminate()


async def keep_house(database: Database) -> None:
    """Forgets what is old: inbox rows and settled letters. Run it a few times an hour: it may read the whole inbox."""
    async with database.delivery_connection() as connection:
        while True:
            if await inbox.prune(connection) < inbox.PRUNE_ROWS_MAX:
                break
        await letters.prune(connection)


async def count_letters(database: Database, service: str) -> None:
    """Sets the gauges of open letters. Run it now and then."""
    async with database.delivery_connection() as connection:
        count, oldest = await letters.open_summary(connection, service)
    metrics.DEAD_LETTERS_OPEN.set(count)
    metrics.DEAD_LETTERS_OLDEST.set(oldest)


async def count_outbox(database: Database) -> None:
    """Sets the gauges of unsent rows, also while no relay leads because Kafka is away. Run it now and then."""
    async with database.delivery_connection() as connection:
        rows, age = await outgoing.backlog(connection)
    metrics.OUTBOX_UNSENT.set(rows)
    metrics.OUTBOX_OLDEST.set(age)
