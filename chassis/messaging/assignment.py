"""The partitions that a consumer owns at present: checked against the database, sought and committed with care."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence

from chassis import metrics
from chassis.crash_points import crash_point
from chassis.messaging import inbox
from chassis.messaging.codec import generation_of, sending_of
from chassis.messaging.inbox import Standing
from chassis.messaging.kafka import (
    AIOKafkaConsumer,
    ConsumerRebalanceListener,
    IllegalStateError,
    KafkaError,
    KafkaSettings,
    Record,
    TopicPartition,
    inspector,
)
from chassis.messaging.loss import Finding, Unread, compare
from chassis.messaging.metrics import COMMITS_FAILED, CONSUMER_MISSED
from chassis.postgres import Database

COMMIT_TIMEOUT_SECONDS = 10.0
POSITION_TIMEOUT_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Assignment(ConsumerRebalanceListener):  # type: ignore[misc] # the base class has no types
    """What the group gave this consumer.

    The database says where the consumer stands; an offset committed in Kafka may outlive the log, or run ahead of a
    database that was restored. So each partition is compared once after each assignment, before its first message is
    handled, and again from time to time. The listener's own methods never wait: a lock in them deadlocks with a poll.
    """

    def __init__(self, service: str, kafka: KafkaSettings, database: Database) -> None:
        self._service = service
        self._kafka = kafka
        self._database = database
        self._consumer: AIOKafkaConsumer | None = None
        self._checked: set[TopicPartition] = set()
        self._generations: dict[TopicPartition, int] = {}
        self._missed_up_to: dict[TopicPartition, int] = {}
        self._unread = Unread()
        self._round = 0
        self.changed = asyncio.Event()

    def follow(self, consumer: AIOKafkaConsumer) -> None:
        """Names the consumer whose partitions these are."""
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Forgets what was known of partitions that may go to another consumer."""
        self._forget()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Has the new partitions checked before anything of them is handled."""
        self._forget()
        metrics.CONSUMER_REBALANCES.inc()
        _log.info("%s was given %s partitions", self._service, len(assigned))
        self.changed.set()

    def _forget(self) -> None:
        self._round += 1
        self._checked.clear()
        self._generations.clear()
        self._unread = Unread()  # who owned them since may have read them: what was not given before says nothing

    def owned(self) -> set[TopicPartition]:
        """The partitions at present."""
        return set(self._consumer.assignment()) if self._consumer is not None else set()

    def topic(self, partition: TopicPartition | Record) -> str:
        """A topic's name without the broker's prefix."""
        return str(partition.topic.removeprefix(self._kafka.prefix))

    async def current(self, records: Sequence[Record]) -> list[Record]:
        """The records that may be handled: of owned and checked partitions, and not sought away from since the poll.

        Raises KafkaError and the infrastructure errors of Postgres.
        """
        firsts: dict[TopicPartition, int] = {}
        lasts: dict[TopicPartition, int] = {}
        for record in records:
            partition = TopicPartition(record.topic, record.partition)
            firsts.setdefault(partition, record.offset)
            lasts[partition] = record.offset
        owned = self.owned()
        new = {p: first for p, first in firsts.items() if p in owned and p not in self._checked}
        if new:
            await self._check(new)
        await self._notice_new_logs(records, firsts)
        usable = set()
        for partition, last in lasts.items():
            position = await self._position(partition) if partition in self._checked else None
            if position is not None and position > last:
                usable.add(partition)
        return [r for r in records if TopicPartition(r.topic, r.partition) in usable]

    async def check(self) -> int:
        """Compares all owned partitions with the database and the broker; the number of messages that lie before us.

        The caller keeps messages from being handled meanwhile. Raises KafkaError and Postgres' infrastructure errors.
        """
        starts: dict[TopicPartition, int | None] = {}
        for partition in self.owned():
            known = partition in self._checked
            starts[partition] = None if known else await self._position(partition)
        ends = await self._check(starts)
        lag = 0
        for partition, end in ends.items():
            position = await self._position(partition)
            behind = max(0, end - position) if position is not None else 0
            metrics.CONSUMER_LAG.labels(self.topic(partition), str(partition.partition)).set(behind)
            lag += behind
        return lag

    async def _check(self, starts: Mapping[TopicPartition, int | None]) -> dict[TopicPartition, int]:
        # ``starts``: the offset that would be handled first; None for a partition at work, where only a loss matters.
        begun_in = self._round
        places = {(self.topic(p), p.partition): p for p in starts}
        async with self._database.delivery_connection() as connection:
            found = await inbox.standings(connection, self._service, list(places))
        stored: dict[TopicPartition, Standing | None] = {p: found.get(place) for place, p in places.items()}
        async with inspector(self._kafka, f"{self._service}-inspector") as look:
            findings = await compare(look, stored, self._unread)
        for partition, finding in findings.items():
            start = starts[partition]
            if finding.missed:
                self._missed(partition, finding)
            if finding.lost:
                self._lost(partition)
                self._generations.pop(partition, None)
            if finding.lost or (start is not None and start > finding.resume):
                self._seek(partition, finding.resume)
        if begun_in == self._round:
            for partition in set(findings) - self._checked:
                if (standing := stored[partition]) is not None and not findings[partition].lost:
                    self._generations[partition] = generation_of(standing.last_sending)
            self._checked |= set(findings)
        return {partition: finding.end for partition, finding in findings.items()}

    async def _notice_new_logs(self, records: Sequence[Record], firsts: Mapping[TopicPartition, int]) -> None:
        """Begins a log anew whose messages are of a later generation than what was taken: while nobody looked it was
        lost and has grown past the place where this consumer reads."""
        newest: dict[TopicPartition, int] = {}
        for record in records:
            partition = TopicPartition(record.topic, record.partition)
            if partition in self._checked:
                newest[partition] = max(newest.get(partition, 0), generation_of(sending_of(record)))
        later = {p: number for p, number in newest.items() if number > self._generations.get(p, number)}
        begins: Mapping[TopicPartition, int] = {}
        if later:
            async with inspector(self._kafka, f"{self._service}-inspector") as look:
                begins = await look.beginnings(list(later))
        for partition, begin in begins.items():
            if firsts[partition] > begin:
                self._lost(partition)
                self._seek(partition, begin)
        self._generations.update({p: max(number, self._generations.get(p, 0)) for p, number in newest.items()})

    def _lost(self, partition: TopicPartition) -> None:
        metrics.CONSUMER_POSITIONS_LOST.labels(self.topic(partition)).inc()
        _log.warning("the log of %s is not the one that was read; reading it from its beginning", partition)

    def _missed(self, partition: TopicPartition, finding: Finding) -> None:
        """Said once: only the topic's writer can send them again, and it does not know."""
        if self._missed_up_to.get(partition) == finding.resume:
            return
        self._missed_up_to[partition] = finding.resume
        CONSUMER_MISSED.labels(self.topic(partition)).inc(finding.missed)
        _log.error("%s messages of %s were removed before they were taken", finding.missed, partition)

    async def _position(self, partition: TopicPartition) -> int | None:
        assert self._consumer is not None, "a started consumer"
        try:
            async with asyncio.timeout(POSITION_TIMEOUT_SECONDS):
                return int(await self._consumer.position(partition))
        except IllegalStateError:
            return None

    def seek_back(self, records: Sequence[Record]) -> None:
        """Has records handed out again: every partition of them goes back to its first, and is checked again."""
        firsts: dict[TopicPartition, int] = {}
        for record in records:
            partition = TopicPartition(record.topic, record.partition)
            firsts[partition] = min(record.offset, firsts.get(partition, record.offset))
        self._checked.difference_update(firsts)
        for partition, offset in firsts.items():
            self._seek(partition, offset)

    def doubt(self, records: Sequence[Record]) -> None:
        """Has the partitions of records compared with the database again before more of them is handled."""
        self._round += 1  # a comparison under way knew nothing of this
        self._checked.difference_update(TopicPartition(record.topic, record.partition) for record in records)

    def _seek(self, partition: TopicPartition, offset: int) -> None:
        assert self._consumer is not None, "a started consumer"
        try:
            self._consumer.seek(partition, offset)
        except IllegalStateError:
            _log.info("%s is another consumer's by now", partition)  # who reads it from the committed offset

    def hold(self) -> None:
        """Takes no more messages, but stays in the group."""
        assert self._consumer is not None, "a started consumer"
        self._consumer.pause(*self.owned())

    def release(self) -> None:
        """Takes messages again."""
        assert self._consumer is not None, "a started consumer"
        self._consumer.resume(*self.owned())

    async def commit(self, records: Sequence[Record]) -> None:
        """Acknowledges handled records. Losing a partition meanwhile is normal: the inbox knows what was handled."""
        assert self._consumer is not None, "a started consumer"
        owned = self.owned()
        offsets: dict[TopicPartition, int] = {}
        for record in records:
            partition = TopicPartition(record.topic, record.partition)
            if partition in owned:
                offsets[partition] = record.offset + 1
        if not offsets:
            return
        topics = {self.topic(partition) for partition in offsets}
        crash_point("offsets.before", *topics)
        try:
            async with asyncio.timeout(COMMIT_TIMEOUT_SECONDS):
                await self._consumer.commit(offsets)
        except (KafkaError, TimeoutError) as error:  # CommitFailedError and IllegalStateError are among them
            COMMITS_FAILED.labels(type(error).__name__).inc()
            _log.info("an acknowledgement failed (%s); the messages may come again", type(error).__name__)
        crash_point("offsets.after", *topics)

    def observe(self, records: Sequence[Record]) -> None:
        """Records how old the messages in hand are."""
        oldest: dict[str, int] = {}
        for record in records:
            topic = self.topic(record)
            oldest[topic] = min(record.timestamp, oldest.get(topic, record.timestamp))
        for topic, timestamp in oldest.items():
            metrics.CONSUMER_LAG_SECONDS.labels(topic).set(max(0.0, time.time() - timestamp / 1000))
