"""How far a service is behind its topics at this moment: what the broker holds against what the database has taken."""

import asyncio
import contextlib
from collections.abc import Sequence

from chassis.messaging import inbox
from chassis.messaging.kafka import Inspector, KafkaSettings, TopicPartition, inspector
from chassis.messaging.topics import TopicSpec
from chassis.postgres import Database


class Lag:
    """Counts messages of all partitions, whichever process reads them. Keeps one connection to the broker."""

    def __init__(self, service: str, kafka: KafkaSettings, topics: Sequence[TopicSpec], database: Database) -> None:
        self._service = service
        self._kafka = kafka
        self._database = database
        self._places = {
            TopicPartition(kafka.prefix + topic.name, number): (topic.name, number)
            for topic in topics
            for number in range(topic.partitions)
        }
        self._one_at_a_time = asyncio.Lock()
        self._open = contextlib.AsyncExitStack()
        self._inspector: Inspector | None = None

    async def messages(self) -> int:
        """Messages in Kafka that are not yet committed here. Raises KafkaError and Postgres' infrastructure errors."""
        if not self._places:
            return 0
        async with self._one_at_a_time:
            try:
                return await self._count()
            except BaseException:
                await self.close()
                raise

    async def close(self) -> None:
        """Ends the connection; the next question opens a new one."""
        self._inspector = None
        await self._open.aclose()

    async def _count(self) -> int:
        # The broker first: what arrives between the two questions must not count as taken before it was there.
        if self._inspector is None:
            self._inspector = await self._open.enter_async_context(inspector(self._kafka, f"{self._service}-lag"))
        begins = await self._inspector.beginnings(list(self._places))
        ends = await self._inspector.ends(list(self._places))
        async with self._database.delivery_connection() as connection:
            standings = await inbox.standings(connection, self._service, list(self._places.values()))
        taken = {p: standings[place].next_offset for p, place in self._places.items() if place in standings}
        # A position beyond the end was taken meanwhile, or its log is lost, and all that lies there will be read anew.
        beyond = [partition for partition, offset in taken.items() if offset > ends[partition]]
        ends = {**ends, **await self._inspector.ends(beyond)}
        total = 0
        for partition in self._places:
            begin, end = begins[partition], ends[partition]
            position = max(begin, taken.get(partition, begin))
            total += end - (position if position <= end else begin)
        return total
