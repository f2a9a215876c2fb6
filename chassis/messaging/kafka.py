"""How the chassis talks to Kafka: one place for every client setting whose default could lose or double a message."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from aiokafka import (  # type: ignore[import-untyped] # it ships no types
    AIOKafkaConsumer,
    AIOKafkaProducer,
    TopicPartition,
)
from aiokafka.abc import ConsumerRebalanceListener  # type: ignore[import-untyped]
from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # type: ignore[import-untyped]
from aiokafka.conn import AIOKafkaConnection, CloseReason  # type: ignore[import-untyped]
from aiokafka.errors import (  # type: ignore[import-untyped]
    CommitFailedError,
    IllegalStateError,
    KafkaConnectionError,
    KafkaError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.partitioner import murmur2  # type: ignore[import-untyped]

from chassis.settings import KafkaAccess, SettingsRefused

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


def _as_a_lost_connection(write: Callable[..., Any]) -> Callable[..., Any]:
    """uvloop refuses a write to a closed connection by RuntimeError, where asyncio's own loop is silent. aiokafka knows
    OSError alone: by anything else its routines end for ever (https://github.com/aio-libs/aiokafka/issues/1038)."""

    def written(connection: Any, *args: Any, **settings: Any) -> Any:
        try:
            return write(connection, *args, **settings)
        except RuntimeError as error:
            connection.close(reason=CloseReason.CONNECTION_BROKEN)
            raise KafkaConnectionError(f"the connection was closed: {error}") from error

    return written


AIOKafkaConnection.send = _as_a_lost_connection(AIOKafkaConnection.send)
AIOKafkaConnection._send_sasl_token = _as_a_lost_connection(AIOKafkaConnection._send_sasl_token)


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
class KafkaSecurity:
    """How connections to Kafka are kept from others' eyes (``ssl_context``), and who we say we are (``mechanism``)."""

    protocol: str = "PLAINTEXT"
    ssl_context: ssl.SSLContext | None = None
    mechanism: str = ""
    user: str = ""
    password: str = field(default="", repr=False)

    def client(self) -> dict[str, Any]:
        """The settings of aiokafka's clients."""
        found: dict[str, Any] = {"security_protocol": self.protocol, "ssl_context": self.ssl_context}
        if self.mechanism:
            found |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password,
            }
        return found


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """Where Kafka is.

    ``prefix`` stands before the names of topics and groups, so that installations and tests may share a broker; rows in
    the database carry the names without it.
    """

    bootstrap: str
    prefix: str = ""
    security: KafkaSecurity = KafkaSecurity()

    @classmethod
    def of(cls, access: KafkaAccess) -> Self:
        """From settings. Raises SettingsRefused when a file that they name cannot be used."""
        context = None
        if access.kafka_security_protocol in ("SSL", "SASL_SSL"):
            try:
                context = ssl.create_default_context(cafile=access.kafka_ca_file)
                if access.kafka_certificate_file is not None:
                    context.load_cert_chain(access.kafka_certificate_file, access.kafka_key_file)
            except OSError as error:  # ssl.SSLError is one of them
                names = [access.kafka_ca_file, access.kafka_certificate_file, access.kafka_key_file]
                files = ", ".join(str(name) for name in names if name is not None)
                raise SettingsRefused(f"the PEM files for Kafka ({files}) cannot be used: {error}") from error
        security = KafkaSecurity(
            protocol=access.kafka_security_protocol,
            ssl_context=context,
            mechanism=access.kafka_sasl_mechanism or "",
            user=access.kafka_user,
            password=access.kafka_password(),
        )
        return cls(access.kafka_bootstrap, access.topic_prefix, security)

    def group(self, service: str) -> str:
        """The consumer group of a service."""
        return self.prefix + service

    def client(self, client_id: str) -> dict[str, Any]:
        """The settings that all of aiokafka's clients share."""
        return {**self.connection(client_id), **self.security.client()}

    def connection(self, client_id: str) -> dict[str, Any]:
        """The same without their security, which FastStream takes in another form."""
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
    "KafkaSecurity",
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
