"""The one consumer of a service: batches from Kafka through the inbox, acknowledged only when they are committed."""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar

from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka import KafkaMessage as BatchMessage
from faststream.kafka.annotations import KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from chassis import metrics, telemetry
from chassis.aggregate import NewerBuildError
from chassis.cancelling import cancel_all
from chassis.messaging.ahead import Ahead, Place
from chassis.messaging.assignment import Assignment
from chassis.messaging.intake import Intake, Outcome, Taken, fault_of
from chassis.messaging.kafka import (
    REQUEST_BYTES_MAX,
    AIOKafkaConsumer,
    KafkaError,
    KafkaSecurity,
    KafkaSettings,
    Record,
    TopicPartition,
    wait_for_kafka,
)
from chassis.messaging.letters import CONTENT
from chassis.postgres import is_infrastructure

BATCH_MESSAGES_MAX = 200
BATCH_WAIT_MS = 10
POLL_MS = 1_000
RETRY_SECONDS_MAX = 60.0
RETRY_FIRST_SECONDS = 0.1
RETRY_PAUSE_SECONDS_MAX = 2.0
UNKNOWN_ATTEMPTS_MAX = 3
CHECK_SECONDS = 30.0
STUCK_SECONDS_MAX = 120.0
SESSION_TIMEOUT_MS = 10_000
HEARTBEAT_MS = 3_000
MAX_POLL_INTERVAL_MS = 300_000
STOP_SECONDS_MAX = 20.0
LEAVE_SECONDS_MAX = 5.0
START_PAUSE_SECONDS = 1.0

_log = logging.getLogger(__name__)
_faststream_log = logging.getLogger(f"{__name__}.faststream")
_faststream_log.setLevel(logging.ERROR)  # it warns at every start that topics are not made by themselves

T = TypeVar("T")


class _GaveUp(Exception):  # noqa: N818 - it never leaves this module
    """Infrastructure stayed away for as long as one call may take; the same messages come again."""


class Consumer:
    """Consumes ``topics`` (names without the broker's prefix) in the group of the service.

    ``stopped`` says why it takes no more messages ("" while it does): too many of them were dead; an operator mends the
    cause and restarts the process. ``stuck`` is true when messages wait and none was taken for STUCK_SECONDS_MAX.
    """

    def __init__(
        self,
        intake: Intake,
        kafka: KafkaSettings,
        topics: Sequence[str],
        *,
        retry_seconds_max: float = RETRY_SECONDS_MAX,
        check_seconds: float = CHECK_SECONDS,
        session_timeout_ms: int = SESSION_TIMEOUT_MS,
    ) -> None:
        self.stopped = ""
        self.stuck = False
        self._intake = intake
        self._kafka = kafka
        self._topics = [kafka.prefix + topic for topic in topics]
        self._retry_seconds_max = retry_seconds_max
        self._check_seconds = check_seconds
        self._session_timeout_ms = session_timeout_ms
        self._assignment = Assignment(intake.service, kafka, intake.database)
        self._one_at_a_time = asyncio.Lock()
        self._last_place: Place | None = None
        self._batches: set[asyncio.Task[None]] = set()
        self._progress_at = time.monotonic()
        self._stopping = False
        self._broker: KafkaBroker | None = None
        self._lost = asyncio.Event()
        self._own: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Waits for Kafka, then begins to consume. The topics must exist (``ensure_topics``)."""
        await self._connect()
        self._own = [
            asyncio.create_task(self._check_now_and_then(), name="consumer-checks"),
            asyncio.create_task(self._replace_when_lost(), name="consumer-replacement"),
        ]

    async def stop(self) -> None:
        """Lets the batch in hand end (at most STOP_SECONDS_MAX) and leaves the group (at most LEAVE_SECONDS_MAX)."""
        self._stopping = True
        await cancel_all(self._own)
        await self._leave()
        await cancel_all(self._batches)

    async def _connect(self) -> None:
        while True:
            await wait_for_kafka(self._kafka)
            broker, subscriber = self._wire()
            try:
                await broker.start()
            except (KafkaError, OSError) as error:
                _log.warning("Kafka went away while the consumer started (%s); trying again", type(error).__name__)
                await broker.stop()
                await asyncio.sleep(START_PAUSE_SECONDS)
                continue
            self._broker = broker
            assert subscriber.consumer is not None, "a started subscriber has its consumer"
            _poll_until_messages(subscriber.consumer, self._lost.set)
            self._assignment.follow(subscriber.consumer)
            return

    async def _leave(self) -> None:
        if self._batches:  # before the broker, since they acknowledge through it
            await asyncio.wait(set(self._batches), timeout=STOP_SECONDS_MAX)
        if self._broker is not None:
            with contextlib.suppress(TimeoutError):  # the broker finds out by itself that a member is gone
                async with asyncio.timeout(LEAVE_SECONDS_MAX):
                    await self._broker.stop()

    async def _replace_when_lost(self) -> None:
        """A client whose routines have ended never takes a message again, and looks well to everybody else."""
        while True:
            await self._lost.wait()
            _log.error("the client of Kafka ended by itself; another takes its place")
            try:
                await self._leave()
                await self._connect()
            except Exception:  # noqa: BLE001 - whatever keeps it from coming, it is tried again
                _log.exception("the client of Kafka cannot be replaced yet")
                await asyncio.sleep(START_PAUSE_SECONDS)
            else:
                self._lost.clear()

    def _wire(self) -> tuple[KafkaBroker, Any]:
        broker = KafkaBroker(
            **self._kafka.connection(self._intake.service),
            security=_security(self._kafka.security),
            graceful_timeout=STOP_SECONDS_MAX,
            allow_auto_create_topics=False,
            consumer_only=True,
            logger=_faststream_log,
            log_level=logging.DEBUG,
        )
        subscriber = broker.subscriber(
            *self._topics,
            batch=True,
            group_id=self._kafka.group(self._intake.service),
            ack_policy=AckPolicy.MANUAL,
            max_records=BATCH_MESSAGES_MAX,
            batch_timeout_ms=BATCH_WAIT_MS,
            auto_offset_reset="earliest",
            listener=self._assignment,
            session_timeout_ms=self._session_timeout_ms,
            heartbeat_interval_ms=min(HEARTBEAT_MS, self._session_timeout_ms // 3),
            max_poll_interval_ms=MAX_POLL_INTERVAL_MS,
            rebalance_timeout_ms=None,
            fetch_max_wait_ms=500,
            fetch_min_bytes=1,
            max_partition_fetch_bytes=REQUEST_BYTES_MAX,
            check_crcs=True,
            isolation_level="read_uncommitted",
            no_reply=True,
        )

        async def batch(message: KafkaMessage) -> None:
            await self._take(subscriber.consumer, message.raw_message)

        # FastStream decodes headers and bodies by their looks; what it cannot decode would be lost without a word.
        subscriber(batch, parser=_as_it_is, decoder=_undecoded)
        return broker, subscriber

    async def _take(self, consumer: AIOKafkaConsumer, records: Sequence[Record]) -> None:
        """Returns once the batch is in hand, so that the next one is fetched and read while this one is committed."""
        self._assignment.follow(consumer)
        in_hand = asyncio.Event()
        batch = asyncio.create_task(self._batch(records, in_hand), name="consumer-batch")
        self._batches.add(batch)
        batch.add_done_callback(self._batches.discard)
        await in_hand.wait()

    async def _batch(self, records: Sequence[Record], in_hand: asyncio.Event) -> None:
        try:
            with ExitStack() as spans:
                taken = self._read(records, spans)
                place, before = Place.of(taken), self._last_place
                self._last_place = place
                ahead = Ahead(self._intake, taken, place, before)
                try:
                    async with self._one_at_a_time:
                        await self._in_turn(records, taken, in_hand, ahead, place)
                finally:
                    place.leave()
                    await ahead.end()
        except _GaveUp:
            pass  # sought back, so they come again
        except Exception as error:  # noqa: BLE001 - nobody awaits this task
            _log.exception("a batch is given back: %s", type(error).__name__)
            self._assignment.doubt(records)  # the next one would commit past it
        finally:
            in_hand.set()

    async def _in_turn(
        self, records: Sequence[Record], taken: Sequence[Taken], in_hand: asyncio.Event, ahead: Ahead, place: Place
    ) -> None:
        """Handles a batch whose turn it is. No other is fetched before ``in_hand``: by then its place is certain."""
        if self.stopped or self._stopping:
            self._assignment.seek_back(records)
            if self.stopped:
                self._assignment.hold()
            return
        deadline = time.monotonic() + self._retry_seconds_max
        # The batch before may have been sought back meanwhile; then what follows it in a partition is not its turn.
        current = {id(record) for record in await self._current(records, deadline)}
        in_hand.set()
        if len(current) < len(records):
            await ahead.end()
        if current:
            mine = [message for message in taken if id(message.record) in current]
            await self._handle(mine, deadline, ahead, place)

    async def _current(self, records: Sequence[Record], deadline: float) -> Sequence[Record]:
        try:
            return await self._despite_outages(lambda: self._assignment.current(records), deadline)
        except BaseException:
            self._assignment.seek_back(records)
            raise

    async def _handle(self, taken: list[Taken], deadline: float, ahead: Ahead, place: Place) -> None:
        began = time.monotonic()
        records = [message.record for message in taken]
        metrics.CONSUME_BATCH_MESSAGES.observe(len(records))
        self._assignment.observe(records)
        done = 0
        try:
            async for outcome in self._outcomes(taken, deadline, ahead, place):
                done += outcome.taken
                self._report(outcome)
        finally:
            if done < len(records):
                self._assignment.seek_back(records[done:])
            if done:
                self._progress_at = time.monotonic()
                await self._assignment.commit(records[:done])
        if self.stopped:
            self._assignment.hold()
        metrics.CONSUME_BATCH_SECONDS.observe(time.monotonic() - began)

    def _read(self, records: Sequence[Record], spans: ExitStack) -> list[Taken]:
        taken = []
        scopes = []
        for record in records:
            topic = self._assignment.topic(record)
            carrier = {
                n: v.decode(errors="replace") for n, v in record.headers if n in ("traceparent", "tracestate") if v
            }
            context = telemetry.extract(carrier)
            if context is not None and not context.sampled:
                taken.append(self._intake.read(record, topic, carrier))  # nobody records it; it is only passed on
                continue
            scope = telemetry.process_span(
                topic, carrier, group=self._intake.service, partition=record.partition, offset=record.offset
            )
            scopes.append(spans.enter_context(scope))
            taken.append(self._intake.read(record, topic, telemetry.inject()))
        topics = sorted({message.topic for message in taken})
        links = [scope.context for scope in scopes]
        spans.enter_context(telemetry.poll_span(topics, links, group=self._intake.service, count=len(records)))
        return taken

    async def _outcomes(self, messages: list[Taken], deadline: float, ahead: Ahead, place: Place) -> Any:
        """All at once; if that fails for a reason of their own, one by one. Ends early when the consumer must stop."""
        if (outcome := await ahead.outcome()) is not None:
            yield outcome
            return
        try:
            yield await self._despite_outages(lambda: self._intake.run(messages, held=place.held.set), deadline)
        except _GaveUp:
            raise
        except Exception as error:  # noqa: BLE001 - which message it was is found out one by one
            metrics.CONSUME_RETRIES.labels(fault_of(error, 1).reason).inc()
            _log.warning("a batch of %s is taken message by message: %s", len(messages), type(error).__name__)
        else:
            return
        for message in messages:
            outcome = await self._one(message, deadline)
            yield outcome
            if outcome.stop:
                return

    async def _one(self, message: Taken, deadline: float) -> Outcome:
        attempts = 0
        while True:
            try:
                return await self._despite_outages(lambda: self._intake.run([message]), deadline)
            except _GaveUp:
                raise
            except Exception as error:
                if message.fault is not None:
                    raise  # even its letter cannot be written; it comes again with the next poll
                attempts += 1
                fault = fault_of(error, attempts)
                if fault.reason == CONTENT or attempts >= UNKNOWN_ATTEMPTS_MAX:
                    if fault.reason != CONTENT:
                        _log.exception("a message of %s cannot be handled", message.topic)
                    message.fault = fault
                    message.commands.clear()
                else:
                    await asyncio.sleep(random.uniform(0.5, 1.5) * RETRY_FIRST_SECONDS)  # noqa: S311 - jitter

    async def _despite_outages(self, work: Callable[[], Awaitable[T]], deadline: float) -> T:
        pause = RETRY_FIRST_SECONDS
        while True:
            try:
                return await work()
            except Exception as error:
                if not isinstance(error, (KafkaError, NewerBuildError)) and not is_infrastructure(error):
                    raise
                metrics.CONSUME_RETRIES.labels(_reason(error)).inc()
                if self._stopping or time.monotonic() + pause > deadline:
                    _log.warning("giving a batch back: %s", type(error).__name__)
                    raise _GaveUp from error
                _log.info("trying a batch again: %s", type(error).__name__)
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
            pause = min(pause * 2, RETRY_PAUSE_SECONDS_MAX)

    def _report(self, outcome: Outcome) -> None:
        for (topic, result), count in outcome.results.items():
            metrics.CONSUMED.labels(topic, result).inc(count)
        for message in outcome.dead:
            assert message.fault is not None, "dead for a reason"
            metrics.DEAD_LETTERS.labels(message.topic, message.fault.reason).inc()
            _log.warning("a %s became a dead letter: %s", message.type or "message", message.fault.error_class)
        if outcome.stop:
            self.stopped = outcome.stop
            metrics.CONSUMER_STOPPED.set(1)
            _log.error("the consumer of %s stops: %s", self._intake.service, outcome.stop)

    async def _check_now_and_then(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):  # the pause is over
                async with asyncio.timeout(self._check_seconds):
                    await self._assignment.changed.wait()
            self._assignment.changed.clear()
            try:
                async with self._one_at_a_time:
                    lag = await self._assignment.check()
            except Exception as error:  # noqa: BLE001 - the checks go on whatever one of them meets
                if isinstance(error, KafkaError) or is_infrastructure(error):
                    _log.info("partitions cannot be checked now: %s", type(error).__name__)
                else:
                    _log.exception("a check of partitions failed")
                continue
            idle = lag == 0 or bool(self.stopped)
            if idle:
                self._progress_at = time.monotonic()
            self.stuck = time.monotonic() - self._progress_at > STUCK_SECONDS_MAX


def _poll_until_messages(consumer: AIOKafkaConsumer, lost: Callable[[], None]) -> None:
    """FastStream sleeps after a poll without messages, and a message that comes meanwhile waits; so none ends without.
    ``lost`` is called when the consumer will never have any: one of its routines met what it did not expect.

    Two hundred wake-ups a second were a fifth of an idle service's CPU time. Seeks, new partitions and the end of the
    consumer are noticed inside a poll.
    """
    poll = consumer.getmany

    async def getmany(*partitions: TopicPartition, timeout_ms: int, max_records: int) -> dict[TopicPartition, Any]:
        found: dict[TopicPartition, Any] = {}
        while not found:
            try:
                found = await poll(*partitions, timeout_ms=max(timeout_ms, POLL_MS), max_records=max_records)
            except KafkaError as error:
                if type(error) is KafkaError:  # all that aiokafka expects has a class of its own
                    lost()
                    consumer._coordinator.check_errors()  # else the loop complains of an error that nobody looked at
                raise
        return found

    consumer.getmany = getmany


def _reason(error: Exception) -> str:
    return "newer_build" if isinstance(error, NewerBuildError) else "infrastructure"


def _security(security: KafkaSecurity) -> BaseSecurity:
    """As FastStream has it."""
    context, encrypted = security.ssl_context, security.protocol.endswith("SSL")
    if not security.mechanism:
        return BaseSecurity(context, encrypted)
    form = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}[security.mechanism]
    return form(security.user, security.password, context, encrypted)


async def _as_it_is(records: tuple[Record, ...]) -> BatchMessage:
    return BatchMessage(body=b"", raw_message=records, consumer=FAKE_CONSUMER)


async def _undecoded(message: BatchMessage) -> bytes:
    return bytes(message.body)
