"""How the chassis talks to Kafka: one place for every client setting whose default could lose or double a message."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aiokafka import (  # type: ignore[import-untyped] # it ships no types
    AIOKafkaConsumer,
    AIOKafkaProducer,
    TopicPartition,
)
from aiokafka.abc import ConsumerRebalanceListener  # type: ignore[import-untyped]
from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # type: ignore[import-untyped]
from aiokafka.errors import (  # type: ignore[import-untyped]
    CommitFailedError,
    IllegalStateError,
    KafkaError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.partitioner import murmur2  # type: ignore[import-untyped]

REQUEST_TIMEOUT_MS = 20_000
METADATA_MAX_AGE_MS = 10_000
CONNECTION_IDLE_MS = 540_000
RETRY_BACKOFF_MS = 100
BATCH_BYTES_MAX = 900_000
REQUEST_BYTES_MAX = 1_000_000
WAIT_FIRST_SECONDS = 0.1
WAIT_SECONDS_MAX = 2.0
CONNECT_TIMEOUT_SECONDS = 5.0
READ_RECORD_SECONDS_MAX = 5.0

_log = logging.getLogger(__name__)


class Record(Protocol):
    """A message as Kafka gives it; ``timestamp`` is unix time in milliseconds."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """Where Kafka is.

    ``prefix`` stands before the names of topics and groups, so that installations and tests may share a broker; rows in
    the database carry the names without it.
    """

    bootstrap: str
    prefix: str = ""

    def group(self, service: str) -> str:
        """The consumer group of a service."""
        return self.prefix + service

    def client(self, client_id: str) -> dict[str, Any]:
        """The settings that all clients share."""
        return {
            "bootstrap_servers": self.bootstrap,
            "client_id": client_id,
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
            "retry_backoff_ms": RETRY_BACKOFF_MS,
            "metadata_max_age_ms": METADATA_MAX_AGE_MS,
            "connections_max_idle_ms": CONNECTION_IDLE_MS,
        }


async def wait_for_kafka(settings: KafkaSettings) -> None:
    """Returns when one of the bootstrap servers takes connections; waits without an end, saying so once."""
    delay = WAIT_FIRST_SECONDS
    while not await is_reachable(settings):
        if delay == WAIT_FIRST_SECONDS:
            _log.warning("Kafka at %s does not answer; waiting for it", settings.bootstrap)
        await asyncio.sleep(delay)
        delay = min(delay * 2, WAIT_SECONDS_MAX)


async def is_reachable(settings: KafkaSettings) -> bool:
    """Whether one of the bootstrap servers takes connections."""
    for address in settings.bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        except OSError:  # a timeout is one of them
            continue
        writer.close()
        with contextlib.suppress(OSError):  # it answered, which is all that was asked
            await writer.wait_closed()
        return True
    return False


async def start_producer(settings: KafkaSettings, client_id: str) -> AIOKafkaProducer:
    """A started idempotent producer that waits for all replicas. Raises KafkaError when Kafka is away."""
    producer = AIOKafkaProducer(
        **settings.client(client_id),
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        max_batch_size=BATCH_BYTES_MAX,
        max_request_size=REQUEST_BYTES_MAX,
        compression_type=None,
    )
    try:
        await producer.start()
    except BaseException:
        await producer.stop()
        raise
    return producer


class Inspector:
    """Looks at logs without belonging to a group: their ends, and single records. Used by one task at a time."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def topics(self) -> set[str]:
        """The topics that the broker has."""
        return set(await self._consumer.topics())

    async def beginnings(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """The first offset of each log."""
        return await self._consumer.beginning_offsets(list(partitions)) if partitions else {}

    async def ends(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """The offset after the last record of each log."""
        return await self._consumer.end_offsets(list(partitions)) if partitions else {}

    async def records(self, wanted: Mapping[TopicPartition, int]) -> dict[TopicPartition, Record]:
        """The first record at or after each offset; absent where none comes in READ_RECORD_SECONDS_MAX."""
        found: dict[TopicPartition, Record] = {}
        if not wanted:
            return found
        self._consumer.assign(list(wanted))
        for partition, offset in wanted.items():
            self._consumer.seek(partition, offset)
        deadline = asyncio.get_running_loop().time() + READ_RECORD_SECONDS_MAX
        while len(found) < len(wanted) and asyncio.get_running_loop().time() < deadline:
            rest = [partition for partition in wanted if partition not in found]
            taken = await self._consumer.getmany(*rest, timeout_ms=200, max_records=len(rest))
            for partition, records in taken.items():
                found.setdefault(partition, records[0])
                self._consumer.pause(partition)
        return found


@contextlib.asynccontextmanager
async def inspector(settings: KafkaSettings, client_id: str) -> AsyncIterator[Inspector]:
    """Opens an inspector. Raises KafkaError when Kafka is away."""
    consumer: AIOKafkaConsumer = AIOKafkaConsumer(
        **settings.client(client_id),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=REQUEST_BYTES_MAX,
        check_crcs=True,
        isolation_level="read_uncommitted",
    )
    try:
        await consumer.start()
        yield Inspector(consumer)
    finally:
        with contextlib.suppress(KafkaError):  # it held nothing
            await consumer.stop()


__all__ = [
    "AIOKafkaAdminClient",
    "AIOKafkaConsumer",
    "AIOKafkaProducer",
    "CommitFailedError",
    "ConsumerRebalanceListener",
    "IllegalStateError",
    "Inspector",
    "KafkaError",
    "KafkaSettings",
    "NewTopic",
    "Record",
    "TopicAlreadyExistsError",
    "TopicPartition",
    "UnknownTopicOrPartitionError",
    "for_code",
    "inspector",
    "is_reachable",
    "murmur2",
    "start_producer",
    "wait_for_kafka",
]
