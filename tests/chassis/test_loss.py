"""Kafka is derived data: a consumer notices that a log is not the one it read, and that a database was put back."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from chassis import metrics
from chassis.messaging.assignment import Assignment
from chassis.messaging.codec import SENDING
from chassis.messaging.kafka import AIOKafkaConsumer, Inspector, KafkaSettings, TopicPartition
from chassis.messaging.loss import UNREAD_LOOKS_MIN, UNREAD_SECONDS_MAX, RecordAwayError
from chassis.messaging.metrics import CONSUMER_MISSED
from chassis.messaging.topics import ensure_topics
from tests.chassis.sample.domain import MIGRATIONS, Amount
from tests.chassis.sample.service import TOPIC, Sample
from tests.kit.database import Databases
from tests.kit.kafka import Sent, TestTopic, committed, delete_topic, eventually, message, remove_records, send

SPEC = TestTopic(TOPIC, partitions=1)


@pytest.fixture
async def sample(databases: Databases, kafka: KafkaSettings) -> AsyncIterator[Sample]:
    own = await databases("sample", MIGRATIONS)
    database = await own.open()
    await ensure_topics(kafka, [SPEC])
    yield Sample(own, database, kafka)
    await database.close()


def amounts(*numbers: int) -> list[Sent]:
    return [message(Amount(accounts=("a",), amount=number), "a") for number in numbers]


def sent_as(sending: str, *messages: Sent) -> list[Sent]:
    return [replace(one, headers=[*one.headers, (SENDING, sending.encode())]) for one in messages]


async def acknowledged(sample: Sample, offset: int) -> None:
    async def probe() -> Any:
        return (await committed(sample.kafka, "sample")).get(0) == offset

    await eventually(probe)


@pytest.mark.parametrize("new", [2, 3, 8], ids=["shorter", "as long", "longer"])
async def test_a_log_lost_while_nobody_read_is_read_from_its_beginning(sample: Sample, new: int) -> None:
    """The offsets of a group survive its log, and say nothing of what lies there now."""
    await send(sample.kafka, TOPIC, amounts(1, 2, 3))
    async with sample.consumer():
        await eventually(sample.has("a", 1, 2, 3))
        await acknowledged(sample, 3)
    kept = await committed(sample.kafka, "sample")
    await delete_topic(sample.kafka, TOPIC)
    await ensure_topics(sample.kafka, [SPEC])
    await send(sample.kafka, TOPIC, amounts(*range(10, 10 + new)))
    if not await committed(sample.kafka, "sample"):
        await _put_offsets_back(sample, kept)
    async with sample.consumer():
        await eventually(sample.has("a", 1, 2, 3, *range(10, 10 + new)))


async def test_an_event_that_lies_by_chance_where_it_lay_before_hides_no_loss(sample: Sample) -> None:
    """After a loss events are published again in another order, and new ones may lie before them."""
    one, two, new = amounts(1, 2, 10)
    await send(sample.kafka, TOPIC, sent_as("0.first", one, two))
    async with sample.consumer():
        await eventually(sample.has("a", 1, 2))
        await acknowledged(sample, 2)
    kept = await committed(sample.kafka, "sample")
    await delete_topic(sample.kafka, TOPIC)
    await ensure_topics(sample.kafka, [SPEC])
    await send(sample.kafka, TOPIC, sent_as("1700000000000.other", new, two, one))
    if not await committed(sample.kafka, "sample"):
        await _put_offsets_back(sample, kept)
    async with sample.consumer():
        await eventually(sample.has("a", 1, 2, 10))


async def test_a_message_of_a_later_generation_has_its_log_read_from_the_beginning(sample: Sample) -> None:
    """A log that was lost and grew past the place of a running consumer before that came for more looks unhurt."""
    repeated = metrics.CONSUMED.labels(TOPIC, "repeated")
    before = repeated._value.get()
    await send(sample.kafka, TOPIC, amounts(1, 2, 3))
    async with sample.consumer():
        await eventually(sample.has("a", 1, 2, 3))
        await acknowledged(sample, 3)
        await send(sample.kafka, TOPIC, sent_as("1700000000000.other", *amounts(4)))
        await eventually(sample.has("a", 1, 2, 3, 4))
        await send(sample.kafka, TOPIC, sent_as("1700000000000.third", *amounts(5)))
        await eventually(sample.has("a", 1, 2, 3, 4, 5))
    assert repeated._value.get() - before == 3, "once, however many messages the generation has"


async def test_a_log_lost_under_a_running_consumer_is_read_from_its_beginning(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.messaging.kafka.METADATA_MAX_AGE_MS", 500)
    await send(sample.kafka, TOPIC, amounts(1, 2, 3))
    async with sample.consumer():
        await eventually(sample.has("a", 1, 2, 3))
        await acknowledged(sample, 3)
        await delete_topic(sample.kafka, TOPIC)
        await ensure_topics(sample.kafka, [SPEC])
        await send(sample.kafka, TOPIC, amounts(*range(10, 20)))
        await eventually(sample.has("a", 1, 2, 3, *range(10, 20)))


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Looks at records end without one, as at a broker that is slow; one entry for each."""
    made: list[bool] = []

    async def nothing_came(*_: Any) -> dict[TopicPartition, Any]:
        made.append(True)
        return {}

    monkeypatch.setattr(Inspector, "records", nothing_came)
    return made


async def test_a_record_that_does_not_come_in_time_is_no_loss(
    sample: Sample, looks: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, repeated = metrics.CONSUMER_POSITIONS_LOST.labels(TOPIC), metrics.CONSUMED.labels(TOPIC, "repeated")
    before = lost._value.get(), repeated._value.get()

    async def looked() -> bool:
        return len(looks) >= 3

    await send(sample.kafka, TOPIC, amounts(1, 2, 3))
    async with sample.consumer(check_seconds=600.0):
        await eventually(sample.has("a", 1, 2, 3))
        await acknowledged(sample, 3)
    looks.clear()
    await send(sample.kafka, TOPIC, amounts(4))
    async with sample.consumer(check_seconds=0.1):
        await eventually(looked)
        assert await sample.amounts("a") == [1, 2, 3], "nothing is handled before its place is certain"
        monkeypatch.undo()
        await eventually(sample.has("a", 1, 2, 3, 4))
    assert (lost._value.get(), repeated._value.get()) == before


async def test_a_record_that_can_never_be_read_holds_a_log_up_for_a_while_and_not_for_ever(
    sample: Sample, looks: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.messaging.loss.UNREAD_SECONDS_MAX", 1.0)
    lost = metrics.CONSUMER_POSITIONS_LOST.labels(TOPIC)
    before = lost._value.get()
    await send(sample.kafka, TOPIC, amounts(1, 2, 3))
    async with sample.consumer(check_seconds=600.0):
        await eventually(sample.has("a", 1, 2, 3))
        await acknowledged(sample, 3)
    looks.clear()
    await send(sample.kafka, TOPIC, amounts(4))
    async with sample.consumer(check_seconds=600.0):
        await eventually(sample.has("a", 1, 2, 3, 4))
    assert (lost._value.get() - before, len(looks) >= UNREAD_LOOKS_MIN) == (1, True)


async def test_looks_before_a_partition_was_given_anew_count_no_more(
    sample: Sample, looks: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One slow look in the morning and a few in the evening are no three minutes in which a record never came."""
    now, lost = 0.0, metrics.CONSUMER_POSITIONS_LOST.labels(TOPIC)
    before = lost._value.get()
    await send(sample.kafka, TOPIC, amounts(1, 2, 3))
    async with sample.consumer(check_seconds=600.0):
        await eventually(sample.has("a", 1, 2, 3))
    monkeypatch.setattr("chassis.messaging.loss.time", SimpleNamespace(monotonic=lambda: now))
    async with owner(sample) as (assignment, partitions):
        with pytest.raises(RecordAwayError):
            await assignment.check()
        await assignment.on_partitions_revoked(partitions)
        await assignment.on_partitions_assigned(partitions)
        now = 8 * 3600.0
        for _ in range(UNREAD_LOOKS_MIN):
            with pytest.raises(RecordAwayError):
                await assignment.check()
        now += UNREAD_SECONDS_MAX
        await assignment.check()
    assert lost._value.get() - before == 1


async def test_a_database_put_back_to_an_earlier_time_reads_again(sample: Sample) -> None:
    """A fail-over to a stand-by may lose commits whose messages were acknowledged."""
    await send(sample.kafka, TOPIC, amounts(1, 2, 3))
    async with sample.consumer():
        await eventually(sample.has("a", 1, 2, 3))
        await acknowledged(sample, 3)
    ids = await sample.ask("SELECT array_agg(last_event_id) FROM consumer_positions")
    assert len(ids) == 1
    await sample.ask("DELETE FROM events WHERE version > 1")
    await sample.ask("TRUNCATE consumer_positions, inbox")
    async with sample.consumer():
        await eventually(sample.has("a", 1, 2, 3))


@pytest.mark.expects_errors("were removed before they were taken")
async def test_messages_that_retention_removed_before_they_were_taken_are_told(
    sample: Sample, caplog: pytest.LogCaptureFixture
) -> None:
    await send(sample.kafka, TOPIC, amounts(1, 2))
    async with sample.consumer():
        await eventually(sample.has("a", 1, 2))
        await acknowledged(sample, 2)
    await send(sample.kafka, TOPIC, amounts(3, 4, 5, 6))
    await remove_records(sample.kafka, TOPIC, before=5)
    missed = CONSUMER_MISSED.labels(TOPIC)
    before = missed._value.get()
    async with sample.consumer():
        await eventually(sample.has("a", 1, 2, 6))
    assert missed._value.get() - before == 3
    assert "3 messages of" in caplog.text


@contextlib.asynccontextmanager
async def owner(sample: Sample) -> AsyncIterator[tuple[Assignment, set[TopicPartition]]]:
    """What a consumer that was given the topic owns, without anything that takes its messages."""
    consumer = AIOKafkaConsumer(bootstrap_servers=sample.kafka.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = {TopicPartition(sample.kafka.prefix + TOPIC, 0)}
        consumer.assign(list(partitions))
        assignment = Assignment("sample", sample.kafka, sample.database)
        assignment.follow(consumer)
        yield assignment, partitions
    finally:
        await consumer.stop()


async def _put_offsets_back(sample: Sample, offsets: dict[int, int]) -> None:
    """Kafka's own tools delete a topic's offsets with it; the loss of a disk does not."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=sample.kafka.bootstrap, group_id=sample.kafka.group("sample"), enable_auto_commit=False
    )
    await consumer.start()
    try:
        partitions = {TopicPartition(sample.kafka.prefix + TOPIC, number): at for number, at in offsets.items()}
        consumer.assign(list(partitions))
        await consumer.commit(partitions)
    finally:
        await consumer.stop()
