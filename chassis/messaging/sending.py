"""What a leading relay does: reads rows, sends one batch at a time to each partition, marks what arrived."""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Collection, Coroutine, Mapping
from contextlib import ExitStack
from typing import Any, Self

from chassis import metrics, telemetry
from chassis.aggregate import Lane
from chassis.cancelling import cancel_all
from chassis.crash_points import crash_point, crash_point_soon
from chassis.messaging import outgoing
from chassis.messaging.codec import SENDING, event_id_of
from chassis.messaging.kafka import (
    AIOKafkaProducer,
    KafkaError,
    KafkaSettings,
    TopicPartition,
    UnknownTopicOrPartitionError,
    inspector,
    murmur2,
    start_producer,
)
from chassis.messaging.metrics import RELAY_STOPPED_PARTITIONS
from chassis.messaging.outgoing import Outgoing
from chassis.messaging.topics import TopicSpec
from chassis.messaging.windows import Floor, Window, seqs
from chassis.postgres import Connection
from chassis.wakeups import POLL_SECONDS_MAX, Waiter

READ_ROWS_MAX = 1_000
READ_PAUSE_SECONDS = 0.004
RESCAN_SECONDS = 5.0
FLOOR_SECONDS = 0.5
PASS_SECONDS = 0.02
CHECK_ENDS_SECONDS = 30.0
KEYS_REMEMBERED_MAX = 50_000
RETRY_FIRST_SECONDS = 0.5
RETRY_SECONDS_MAX = 30.0
PRODUCER_STOP_SECONDS_MAX = 30.0
PRODUCER_END_SECONDS_MAX = 1.0

_log = logging.getLogger(__name__)


class BrokerLostError(Exception):
    """The broker no longer has what it acknowledged, in these topics (names without its prefix)."""

    def __init__(self, topics: Collection[str]) -> None:
        super().__init__(f"the broker lost {', '.join(sorted(topics))}")
        self.topics = frozenset(topics)


class Sending:
    """One leadership. Used as a context manager on the connection that holds the relay's lock."""

    def __init__(
        self,
        kafka: KafkaSettings,
        topics: Mapping[str, TopicSpec],
        connection: Connection,
        waiter: Waiter,
        check_ends_seconds: float = CHECK_ENDS_SECONDS,
    ) -> None:
        self._check_ends_seconds = check_ends_seconds
        self._kafka = kafka
        self._topics = topics
        self._connection = connection
        self._waiter = waiter
        self._windows: dict[tuple[str, int], Window] = {}
        self._floors = (Floor(), Floor())
        self._positions: dict[tuple[str, int], int] = {}
        self._generations: dict[str, int] = {}
        self._arrived: list[tuple[str, int, list[Outgoing], int]] = []
        self._lost: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._partitions: dict[str, dict[str, int]] = {}
        self._strangers: set[str] = set()
        self._failure: Exception | None = None
        self._producer: AIOKafkaProducer | None = None
        self._suspect = False
        self._passing = False
        self._rescan_at = 0.0
        self._floor_at = 0.0
        self._read_at = 0.0
        self._roll_at = 0.0

    async def __aenter__(self) -> Self:
        self._positions = await outgoing.positions(self._connection)
        self._generations = await outgoing.generations(self._connection)
        await self._compare_records()
        await self._compare_ends(self._known())  # before anything is sent: it would come before what was lost
        self._producer = await start_producer(self._kafka, "relay")
        self._start(self._watch_ends())
        return self

    async def __aexit__(self, *_: object) -> None:
        await cancel_all(self._tasks)
        if self._producer is not None:
            await _put_away(self._producer, PRODUCER_END_SECONDS_MAX)  # ``finish`` has waited for what was under way

    async def go_on(self, until: Callable[[], bool]) -> None:
        """Relays until ``until()``. Raises BrokerLostError, KafkaError and the infrastructure errors of Postgres."""
        while True:
            await self._mark()
            if self._lost:
                await outgoing.distrust_positions(self._connection, self._lost)
                raise BrokerLostError(self._lost)
            if self._failure is not None:
                raise self._failure
            if until():
                return
            await self._now_and_then()
            await self._gather()
            more = await self._read()
            await self._send_what_waits()
            if not more and not self._arrived:
                await self._waiter.wait(PASS_SECONDS if self._passing else POLL_SECONDS_MAX)

    async def finish(self, seconds_max: float) -> None:
        """Waits for the acknowledgement of what is under way, and marks it."""
        with contextlib.suppress(TimeoutError):  # what is not marked is sent again, and recognised
            async with asyncio.timeout(seconds_max):
                while any(window.under_way for window in self._windows.values()):
                    await self._waiter.wait()
        await self._mark()

    async def begin_anew(self, topics: Collection[str]) -> None:
        """Goes on after topics whose logs were lost have been written into the outbox again.

        What was in hand for them is read again, since its place now is behind what was written before it.
        """
        self._generations = await outgoing.generations(self._connection)
        await outgoing.forget_positions(self._connection, topics)
        self._windows = {place: window for place, window in self._windows.items() if place[0] not in topics}
        for topic, partition in list(self._positions):
            if topic in topics:
                del self._positions[topic, partition]
        self._arrived = [arrived for arrived in self._arrived if arrived[0] not in topics]
        self._lost -= set(topics)
        self._rescan()

    async def _mark(self) -> None:
        arrived, self._arrived = self._arrived, []
        last: dict[tuple[str, int], int] = {}
        rows: list[Outgoing] = []
        for topic, partition, sent, first_offset in arrived:
            rows += sent
            if topic in self._lost or first_offset < 0:  # the broker may not say where a repeated batch lies
                continue
            if first_offset <= self._positions.get((topic, partition), -1):
                self._lost.add(topic)
                continue
            last[topic, partition] = self._positions[topic, partition] = first_offset + len(sent) - 1
        if rows:
            topics = {row.topic for row in rows}
            crash_point("mark.before", *topics)
            # In the same statement, since what is marked now lies in another log than what was marked before it.
            lost = {place: outgoing.LOST_OFFSET for place in self._positions if place[0] in self._lost}
            await outgoing.mark(self._connection, rows, {**last, **lost})
            crash_point("mark.after", *topics)
            now = time.time()
            for row in rows:
                metrics.OUTBOX_SECONDS.observe(max(0.0, now - row.created_at.timestamp()))

    async def _now_and_then(self) -> None:
        now = time.monotonic()
        if now >= self._roll_at:
            self._roll_at = now + await outgoing.keep_days(self._connection)
        if now >= self._rescan_at and not self._passing:  # begun again and again it would never come to the end
            self._rescan()
            self._rescan_at = now + RESCAN_SECONDS

    async def _gather(self) -> None:
        """Lets rows gather for a moment when they come thick and fast; a row after a pause goes at once."""
        wait = self._read_at + READ_PAUSE_SECONDS - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        self._read_at = time.monotonic()

    def _rescan(self) -> None:
        for floor in self._floors:
            floor.lower(1)

    async def _read(self) -> bool:
        """Takes unsent rows in hand; whether more may be read at once."""
        for window in self._windows.values():
            if (left_from := window.room()) is not None:
                for floor in self._floors:
                    floor.lower(left_from)
        in_hand = seqs(self._windows.values()) + [row.seq for _, _, rows, _ in self._arrived for row in rows]
        after = (self._floors[Lane.INTERACTIVE].seq, self._floors[Lane.BULK].seq)
        oldest = await self._oldest_writer()  # asked before the read, which so sees all that ended before it
        rows = await outgoing.read(self._connection, after, in_hand, READ_ROWS_MAX)
        interactive = [row for row in rows if row.lane == Lane.INTERACTIVE]
        promoted = {row.key for row in interactive}
        full = len(interactive) >= READ_ROWS_MAX
        horizon = interactive[-1].seq if full else None
        taken = 0
        for row in rows:
            if row.lane == Lane.BULK and row.key not in promoted:
                if horizon is not None and row.seq > horizon:
                    continue  # an interactive row of its key may not have been read yet
                self._floors[Lane.BULK].saw(row.seq)
            elif row.lane == Lane.INTERACTIVE:
                self._floors[Lane.INTERACTIVE].saw(row.seq)
            theirs = self._window(row)
            if theirs is not None and theirs.offer(row, promoted=row.key in promoted):
                taken += 1
        if oldest is not None:
            bulk = [row.seq for row in rows if row.lane == Lane.BULK]
            read_to = [*bulk[READ_ROWS_MAX - 1 : READ_ROWS_MAX], *([] if horizon is None else [horizon])]
            self._floors[Lane.INTERACTIVE].rise(oldest, horizon)
            self._floors[Lane.BULK].rise(oldest, min(read_to, default=None))
        limited = full or len(rows) - len(interactive) >= READ_ROWS_MAX
        # What a stopped partition left fills what is read, and the others' rows lie behind it.
        self._passing = limited and any(w.failures and w.left_from is not None for w in self._windows.values())
        return taken > 0 and limited

    async def _oldest_writer(self) -> int | None:
        """Now and then, while the floors lie lower than what was read: the oldest transaction that may bring rows."""
        now = time.monotonic()
        if (now < self._floor_at and not self._passing) or not any(floor.follows for floor in self._floors):
            return None
        self._floor_at = now + FLOOR_SECONDS
        newest, oldest = await outgoing.transactions(self._connection)
        for floor in self._floors:
            floor.bound(newest)
        return oldest

    def _window(self, row: Outgoing) -> Window | None:
        spec = self._topics.get(row.topic)
        if spec is None:
            if row.topic not in self._strangers:
                self._strangers.add(row.topic)
                _log.error("the outbox has rows for %s, a topic that this service does not write", row.topic)
            return None
        known = self._partitions.setdefault(row.topic, {})
        partition = known.get(row.key)
        if partition is None:
            if len(known) >= KEYS_REMEMBERED_MAX:
                known.clear()
            # As every Kafka client does by default, so that tools find a key where they expect it.
            partition = known[row.key] = (murmur2(row.key.encode()) & 0x7FFFFFFF) % spec.partitions
        return self._windows.setdefault((row.topic, partition), Window())

    async def _send_what_waits(self) -> None:
        if self._suspect:
            # After a failed batch the broker waits for its sequence number; only another producer can go on.
            self._suspect = False
            assert self._producer is not None, "entered"
            old, self._producer = self._producer, await start_producer(self._kafka, "relay")
            self._start(_put_away(old, PRODUCER_STOP_SECONDS_MAX))
        now = time.monotonic()
        for (topic, partition), window in self._windows.items():
            if not window.under_way and len(window) and now >= window.retry_at:
                self._start(self._send(topic, partition, window, self._producer))
        RELAY_STOPPED_PARTITIONS.set(sum(window.failures > 0 for window in self._windows.values()))

    async def _send(self, topic: str, partition: int, window: Window, producer: Any) -> None:
        rows: list[Outgoing] = []
        with ExitStack() as spans:
            batch = producer.create_batch()
            count = 0
            sending = (SENDING, f"{self._generations.get(topic, 0)}.{secrets.token_hex(4)}".encode())
            now = time.time()
            for row in window.next_rows():
                headers = [*_traced(row, spans), sending]
                # The broker refuses what is far ahead of it, as rows are that were written before a clock was set back.
                timestamp = int(min(row.created_at.timestamp(), now) * 1000)
                if batch.append(key=row.key.encode(), value=row.body, timestamp=timestamp, headers=headers) is None:
                    break
                count += 1
            batch.close()
            rows = list(window.begin(count))
            crash_point("send.before", topic)
            try:
                delivered = await producer.send_batch(batch, self._kafka.prefix + topic, partition=partition)
                crash_point_soon("send.after", topic)
                metadata = await delivered
                crash_point("acknowledgement.after", topic)
            except KafkaError as error:
                if isinstance(error, UnknownTopicOrPartitionError):
                    self._failure = error  # the next leadership makes it again
                window.put_back()
                window.failures += 1
                pause = min(RETRY_FIRST_SECONDS * 2 ** (window.failures - 1), RETRY_SECONDS_MAX)
                window.retry_at = time.monotonic() + pause
                self._suspect = True
                _log.warning("%s rows for %s/%s were not taken: %s", len(rows), topic, partition, type(error).__name__)
            else:
                self._arrived.append((topic, partition, rows, metadata.offset))
                window.finish()
                metrics.OUTBOX_SENT.labels(topic).inc(len(rows))
        self._waiter.set()

    async def _compare_records(self) -> None:
        """Finds logs that were lost and have grown again past the position that was known of the old ones.

        The record at a position was marked as sent with it. One that is not is of another log: a leader before us sent
        it there and died before it had marked it.
        """
        known = {
            TopicPartition(self._kafka.prefix + topic, number): (topic, number)
            for topic, number in self._positions
            if topic in self._topics
        }
        if not known:
            return
        async with inspector(self._kafka, "relay-inspector") as look:
            there = await look.topics()  # asked first: leaders of topics that nobody follows are not known before
            known = {partition: place for partition, place in known.items() if partition.topic in there}
            begins, ends = await look.beginnings(list(known)), await look.ends(list(known))
            last = {partition: self._positions[place] for partition, place in known.items()}
            asked = {partition: at for partition, at in last.items() if begins[partition] <= at < ends[partition]}
            records = await look.records(asked)
        ids = {event_id_of(record): known[p][0] for p, record in records.items() if record.offset == asked[p]}
        self._lost |= {ids[message] for message in await outgoing.never_sent(self._connection, list(ids))}

    async def _watch_ends(self) -> None:
        """Finds lost logs that nothing is being sent to, and topics that are gone altogether."""
        while True:
            await asyncio.sleep(self._check_ends_seconds)
            try:
                await self._compare_ends(self._known())
            except UnknownTopicOrPartitionError:
                raise  # the next leadership makes it again, and finds its log lost
            except KafkaError as error:
                _log.info("the ends of topics cannot be read: %s", type(error).__name__)

    def _known(self) -> dict[tuple[str, int], int]:
        return {place: last for place, last in self._positions.items() if place[0] in self._topics}

    async def _compare_ends(self, known: Mapping[tuple[str, int], int]) -> None:
        if not known:
            return
        async with inspector(self._kafka, "relay-inspector") as look:
            gone = {self._kafka.prefix + topic for topic, _ in known} - await look.topics()
            if gone:
                raise UnknownTopicOrPartitionError(", ".join(sorted(gone)))
            places = {TopicPartition(self._kafka.prefix + topic, number): (topic, number) for topic, number in known}
            ends = await look.ends(list(places))
        for partition, end in ends.items():
            place = places[partition]
            if end <= known[place] and self._positions.get(place) == known[place]:
                self._lost.add(place[0])
                self._waiter.set()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = error if isinstance(error, Exception) else RuntimeError(repr(error))
            self._waiter.set()


def _traced(row: Outgoing, spans: ExitStack) -> list[tuple[str, bytes]]:
    headers = row.kafka_headers()
    carrier = {name: value.decode() for name, value in headers if name in ("traceparent", "tracestate")}
    context = telemetry.extract(carrier)
    if context is None or not context.sampled:
        return headers
    # The span lasts until the batch is acknowledged; the receiver's span is its child.
    spans.enter_context(telemetry.send_span(row.topic, carrier, row.message_id))
    here = telemetry.inject()
    return [(name, here.get(name, value.decode()).encode()) for name, value in headers]


async def _put_away(producer: AIOKafkaProducer, seconds_max: float) -> None:
    sender = producer._sender  # it has no public way to end without sending all that it holds
    try:
        async with asyncio.timeout(seconds_max):
            await producer.stop()
    except (KafkaError, TimeoutError):
        pass  # what it could not send is sent by another
    finally:
        if sender.sender_task is not None and not sender.sender_task.done():
            sender.sender_task.cancel()
            await producer.client.close()
