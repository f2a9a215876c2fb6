"""What the broker holds: the ids of all messages of every topic, as anybody could read them."""

import asyncio
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped] # it ships no types

from contracts import topics

READ_SECONDS_MAX: Final = 20.0
POLL_MS: Final = 200
AT_ONCE: Final = 2_000
ID: Final = "ce_id"

Logs = dict[str, list[tuple[str, str]]]
"""By topic, each message's key and id, in the order of its partition."""


async def read_logs(bootstrap: str) -> Logs:
    """Everything that the topics hold now. Raises KafkaError, TimeoutError."""
    consumer: Any = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False)
    places = [TopicPartition(topic.name, number) for topic in topics.TOPICS for number in range(topic.partitions)]
    found: Logs = {topic.name: [] for topic in topics.TOPICS}
    async with asyncio.timeout(READ_SECONDS_MAX):
        await consumer.start()
        try:
            begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
            left = {place for place in places if begins[place] < ends[place]}
            consumer.assign(list(left) or places)
            for place in left:
                consumer.seek(place, begins[place])
            while left:
                for place, records in (await consumer.getmany(*left, timeout_ms=POLL_MS, max_records=AT_ONCE)).items():
                    found[place.topic] += [((record.key or b"").decode(), _id(record)) for record in records]
                left = {place for place in left if await consumer.position(place) < ends[place]}
        finally:
            await consumer.stop()
    return found


def _id(record: Any) -> str:
    return next((value.decode() for name, value in record.headers if name == ID), "")
