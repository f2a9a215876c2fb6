"""Topics of its own for every test, and what tests say to a broker and ask it."""

import asyncio
import secrets
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

import pytest
from aiokafka.admin import RecordsToDelete  # type: ignore[import-untyped]

from chassis.ids import deterministic_id
from chassis.messaging.kafka import (
    AIOKafkaAdminClient,
    KafkaSettings,
    Record,
    TopicPartition,
    inspector,
    start_producer,
)
from contracts.envelope import Envelope, Message

PROBE_SECONDS_MAX = 30.0
PROBE_EVERY_SECONDS = 0.02

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TestTopic:
    """A topic with few partitions, as tests use them."""

    __test__ = False

    name: str
    partitions: int = 3
    compacted: bool = False
    retention_seconds: int = 14 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as a test puts it into a topic."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    partition: int = 0


def message(body: Message, key: str, tenant: str = "one", *, event_id: str | None = None, partition: int = 0) -> Sent:
    """A proper message; without ``event_id`` its id is made from its content."""
    value = body.model_dump_json().encode()
    envelope = Envelope(
        id=event_id or str(deterministic_id(tenant, key, value.decode())),
        type=body.NAME,
        type_version=body.VERSION,
        source="test",
        subject=key,
        time=datetime(2026, 8, 20, tzinfo=UTC),
        tenant_id=tenant,
        traceparent=f"00-{uuid.uuid4().hex}-{secrets.token_hex(8)}-01",
    )
    return Sent(f"{tenant}:{key}".encode(), value, envelope.headers(), partition)


async def send(kafka: KafkaSettings, topic: str, messages: Sequence[Sent]) -> None:
    """Sends messages in their order and waits until the broker has them."""
    producer = await start_producer(kafka, "test")
    try:
        futures = [
            await producer.send(kafka.prefix + topic, m.value, m.key, partition=m.partition, headers=m.headers)
            for m in messages
        ]
        await asyncio.gather(*futures)
    finally:
        await producer.stop()


async def read_all(kafka: KafkaSettings, topic: str, partitions: int = 3) -> list[Record]:
    """Everything that a topic holds, partition by partition."""
    where = [TopicPartition(kafka.prefix + topic, number) for number in range(partitions)]
    found: list[Record] = []
    async with inspector(kafka, "test") as look:
        begins, ends = await look.beginnings(where), await look.ends(where)
        for partition in where:
            offset = begins[partition]
            while offset < ends[partition]:
                record = (await look.records({partition: offset}))[partition]
                found.append(record)
                offset = record.offset + 1
    return found


async def remove_records(kafka: KafkaSettings, topic: str, *, before: int) -> None:
    """Removes what lies before an offset of a topic's first partition, as retention does."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(kafka.prefix + topic, 0): RecordsToDelete(before_offset=before)})
    finally:
        await admin.close()


async def delete_topic(kafka: KafkaSettings, topic: str) -> None:
    """Deletes a topic and waits until the broker has forgotten it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([kafka.prefix + topic])

        async def gone() -> bool:
            (described,) = await admin.describe_topics([kafka.prefix + topic])
            return bool(described["error_code"])

        await eventually(gone)
    finally:
        await admin.close()


async def committed(kafka: KafkaSettings, service: str) -> dict[int, int]:
    """The offsets that a group has acknowledged, by partition (of its only topic)."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(kafka.group(service))
    finally:
        await admin.close()
    return {partition.partition: offset.offset for partition, offset in offsets.items()}


async def eventually(
    probe: Callable[[], Awaitable[T]], seconds_max: float = PROBE_SECONDS_MAX, what: str = "what the test waits for"
) -> T:
    """Asks until the answer is truthy. Fails after ``seconds_max`` with the last answer."""
    answer: T | None = None
    try:
        async with asyncio.timeout(seconds_max):
            while not (answer := await probe()):  # noqa: ASYNC110 - the other side is another process
                await asyncio.sleep(PROBE_EVERY_SECONDS)
    except TimeoutError:
        pytest.fail(f"{what} did not come in {seconds_max} s; last seen: {answer!r}")
    return answer


@pytest.fixture
def kafka(kafka_bootstrap: str) -> KafkaSettings:
    """The run's broker under a prefix of the test's own."""
    return KafkaSettings(kafka_bootstrap, prefix=f"t{secrets.token_hex(4)}.")
