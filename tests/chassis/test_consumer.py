"""The consumer takes every message once in effect, whatever the message looks like and whoever dies meanwhile."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest
import uvloop
from aiokafka.conn import AIOKafkaConnection  # type: ignore[import-untyped] # it ships no types
from aiokafka.errors import KafkaConnectionError  # type: ignore[import-untyped]
from aiokafka.protocol.metadata import MetadataRequest  # type: ignore[import-untyped]

from chassis import metrics, telemetry
from chassis.engine import Engine
from chassis.messaging.consumer import BATCH_MESSAGES_MAX, BATCH_WAIT_MS, POLL_MS, _poll_until_messages
from chassis.messaging.intake import Intake
from chassis.messaging.kafka import KafkaSettings
from chassis.messaging.routing import Routed
from chassis.messaging.topics import TopicDiffers, ensure_topics
from contracts.envelope import BODY_BYTES_MAX, Envelope, Message
from tests.chassis.sample.domain import REFUSED, Add, Amount
from tests.chassis.sample.service import TOPIC, Sample
from tests.kit.kafka import Sent, TestTopic, committed, eventually, message, send


def amount(account: str, amount: int, partition: int = 0, **rest: Any) -> Sent:
    return message(Amount(accounts=(account,), amount=amount), account, partition=partition, **rest)


@pytest.mark.parametrize(
    ("first", "headers"),
    [
        (b'{"json": "without an envelope"}', []),
        (b"\x00\xff not JSON", [("content-type", b"application/json")]),
        (b"", []),
        (None, [("ce_id", b"\xff\xfe"), ("content-type", b"\xff")]),
        (b'"text"', [("reply_to", b"amounts"), ("correlation_id", b"1")]),
    ],
)
async def test_whatever_comes_first_in_a_batch_the_rest_is_handled(
    sample: Sample, first: bytes | None, headers: list[tuple[str, bytes]]
) -> None:
    """FastStream decodes headers and bodies that look like JSON; a failure there once lost the whole batch."""
    await send(sample.kafka, TOPIC, [Sent(b"x", first, headers), amount("a", 1), amount("a", 2)])
    async with sample.consumer():
        await eventually(sample.has("a", 1, 2))

        async def acknowledged() -> bool:
            return (await committed(sample.kafka, "sample")).get(0) == 3

        await eventually(acknowledged)
    assert await sample.ask("SELECT count(*) FROM dead_letters WHERE tenant_id = '' AND reason = 'content'") == 1


async def test_repetitions_have_one_effect(sample: Sample) -> None:
    same = amount("a", 1)
    await send(sample.kafka, TOPIC, [same, same, amount("a", 2), same])
    async with sample.consumer():
        await eventually(sample.has("a", 1, 2))
        await send(sample.kafka, TOPIC, [same, amount("a", 3)])
        await eventually(sample.has("a", 1, 2, 3))


async def test_one_message_may_concern_several_streams_and_a_refusal_is_no_failure(sample: Sample) -> None:
    both = message(Amount(accounts=("a", "b"), amount=4), "a")
    await send(sample.kafka, TOPIC, [amount("a", REFUSED), both, message(Amount(accounts=(), amount=1), "a")])
    async with sample.consumer():
        await eventually(sample.has("b", 4))
        assert await sample.amounts("a") == [4]
    assert await sample.ask("SELECT count(*) FROM dead_letters") == 0


async def test_unknown_types_and_versions_are_acknowledged(sample: Sample) -> None:
    class Later(Message, name="Amount", version=2):
        pass

    class Other(Message, name="Other"):
        pass

    await send(sample.kafka, TOPIC, [message(Later(), "a"), message(Other(), "a"), amount("a", 1)])
    async with sample.consumer():
        await eventually(sample.has("a", 1))
    assert await sample.ask("SELECT count(*) FROM dead_letters") == 0


async def test_a_message_under_another_tenants_key_is_dead_and_shown_to_neither(sample: Sample) -> None:
    foreign = message(Amount(accounts=("a",), amount=1), "a", "two")
    await send(sample.kafka, TOPIC, [Sent(b"one:a", foreign.value, foreign.headers), amount("a", 2)])
    async with sample.consumer():
        await eventually(sample.has("a", 2))
    assert await sample.amounts("a", "two") == []
    assert await sample.ask("SELECT tenant_id FROM dead_letters") == ""


async def test_a_body_over_the_limit_is_dead_and_blocks_its_key_alone(sample: Sample) -> None:
    large = amount("a", 1)
    padded = Sent(large.key, (large.value or b"") + b" " * BODY_BYTES_MAX, large.headers)
    await send(sample.kafka, TOPIC, [padded, amount("a", 2), amount("b", 3)])
    async with sample.consumer():
        await eventually(sample.has("b", 3))
    assert await sample.amounts("a") == []
    letters = await sample.ask("SELECT string_agg(tenant_id || ':' || reason, ' ' ORDER BY seq) FROM dead_letters")
    assert letters == "one:content one:follows"


async def test_tenants_of_one_batch_stay_apart(sample: Sample) -> None:
    body = Amount(accounts=("a",), amount=1)
    await send(sample.kafka, TOPIC, [message(body, "a", f"tenant-{n}") for n in range(50)])
    async with sample.consumer():

        async def all_there() -> bool:
            return bool(await sample.ask("SELECT count(*) = 50 FROM total WHERE sum = 1"))

        await eventually(all_there)


async def test_a_crash_between_commit_and_acknowledgement_repeats_without_effect(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_: Any) -> None:
        raise asyncio.CancelledError

    await send(sample.kafka, TOPIC, [amount("a", n) for n in range(5)])
    with monkeypatch.context() as patch:
        patch.setattr("chassis.messaging.assignment.Assignment.commit", crash)
        async with sample.consumer():
            await eventually(sample.has("a", *range(5)))
    assert await committed(sample.kafka, "sample") == {}
    await send(sample.kafka, TOPIC, [amount("a", 5)])
    async with sample.consumer():
        await eventually(sample.has("a", *range(6)))


async def test_after_a_failure_nothing_is_acknowledged_past_it(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not acknowledged is not handed out again by itself: the next success would commit past the failure."""
    fail_once = [ConnectionError("Postgres is away")]
    execute = Engine.execute

    async def flaky(self: Engine, *args: Any, **kwargs: Any) -> Any:
        if fail_once:
            raise fail_once.pop()
        return await execute(self, *args, **kwargs)

    monkeypatch.setattr(Engine, "execute", flaky)
    await send(sample.kafka, TOPIC, [amount("a", n, n % 3) for n in range(30)])
    async with sample.consumer(retry_seconds_max=0.0):
        for partition in range(3):

            async def all_of_it(partition: int = partition) -> bool:
                return {n for n in await sample.amounts("a") if n % 3 == partition} == set(range(partition, 30, 3))

            await eventually(all_of_it)
    assert len(await sample.amounts("a")) == 30
    assert not fail_once


async def test_an_idle_consumer_waits_for_messages_instead_of_asking() -> None:
    """FastStream sleeps after each poll without messages; it is given none."""

    class Polled:
        def __init__(self) -> None:
            self.waits_ms: list[int] = []

        async def getmany(self, *_: Any, timeout_ms: int, max_records: int) -> dict[str, list[int]]:
            self.waits_ms.append(timeout_ms)
            return {"place": [1]} if len(self.waits_ms) == 3 else {}

    polled = Polled()
    _poll_until_messages(polled, lambda: None)
    assert await polled.getmany(timeout_ms=BATCH_WAIT_MS, max_records=1) == {"place": [1]}
    assert polled.waits_ms == [POLL_MS] * 3


@pytest.mark.expects_errors(
    "Unexpected error in coordinator routine", "Kafka error occurred", "another takes its place", "LeaveGroup request"
)
async def test_a_client_that_ended_by_itself_is_replaced(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    async def look_up(*_: Any) -> None:
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")

    async with sample.consumer() as consumer:
        await send(sample.kafka, TOPIC, [amount("a", 1)])
        await eventually(sample.has("a", 1))
        first: Any = consumer._assignment._consumer
        monkeypatch.setattr(first._client, "coordinator_lookup", look_up)
        first._coordinator.coordinator_dead()
        await send(sample.kafka, TOPIC, [amount("a", 2)])
        await eventually(sample.has("a", 1, 2))
        assert consumer._assignment._consumer is not first


async def test_a_connection_that_is_closed_under_a_write_is_a_lost_one(kafka: KafkaSettings) -> None:
    """uvloop, as services run on it, refuses such a write by an error that ends a client's routines for ever."""

    async def write_to_a_closed_connection() -> None:
        host, _, port = kafka.bootstrap.rpartition(":")
        connection = AIOKafkaConnection(host, int(port), request_timeout_ms=5_000)
        await connection.connect()
        connection._writer.transport.abort()
        await asyncio.sleep(0)  # the transport is closed by now, and nobody has read that yet
        with pytest.raises(KafkaConnectionError):
            await connection.send(MetadataRequest([]))
        assert not connection.connected()

    def on_uvloop() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(write_to_a_closed_connection())

    await asyncio.to_thread(on_uvloop)


@pytest.mark.expects_errors("a batch is given back: RuntimeError")
async def test_a_batch_that_cannot_be_read_at_all_comes_again(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was neither handled nor sought back, and the next one would have been committed past it."""
    fail_once = [RuntimeError("a defect")]
    extract = telemetry.extract

    def flaky(carrier: Any) -> Any:
        if fail_once:
            raise fail_once.pop()
        return extract(carrier)

    monkeypatch.setattr(telemetry, "extract", flaky)
    await send(sample.kafka, TOPIC, [amount("a", 1), amount("a", 2)])
    async with sample.consumer():
        await eventually(sample.has("a", 1, 2))
    assert not fail_once


async def test_a_batch_that_was_read_ahead_waits_for_the_one_before_it_and_falls_back_with_it(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches are read while the one before is committed; handled after its failure, they would overtake it."""
    read_ahead = asyncio.Event()
    failed: list[bool] = []
    read = []
    execute = Engine.execute
    really_read = Intake.read

    def reading(self: Intake, *args: Any, **kwargs: Any) -> Any:
        read.append(1)
        if len(read) > BATCH_MESSAGES_MAX:
            read_ahead.set()
        return really_read(self, *args, **kwargs)

    async def fails_once_the_next_is_read(self: Engine, *args: Any, **kwargs: Any) -> Any:
        if not failed:
            await read_ahead.wait()
            failed.append(True)
            raise ConnectionError("Postgres is away")
        return await execute(self, *args, **kwargs)

    monkeypatch.setattr(Intake, "read", reading)
    monkeypatch.setattr(Engine, "execute", fails_once_the_next_is_read)
    numbers = range(1, 3 * BATCH_MESSAGES_MAX)
    await send(sample.kafka, TOPIC, [amount("a", n) for n in numbers])
    async with sample.consumer(retry_seconds_max=0.0):
        await eventually(sample.has("a", *numbers))

        async def acknowledged() -> bool:
            return (await committed(sample.kafka, "sample")).get(0) == len(numbers)

        await eventually(acknowledged)
    assert failed


async def test_a_stop_ends_the_batch_in_hand_and_leaves_the_one_read_ahead(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_hand, leave = asyncio.Event(), asyncio.Event()
    execute = Engine.execute

    async def slow(self: Engine, *args: Any, **kwargs: Any) -> Any:
        in_hand.set()
        await leave.wait()
        return await execute(self, *args, **kwargs)

    monkeypatch.setattr(Engine, "execute", slow)
    numbers = range(1, 2 * BATCH_MESSAGES_MAX)
    await send(sample.kafka, TOPIC, [amount("a", n) for n in numbers])
    async with sample.consumer() as consumer:
        await in_hand.wait()
        stop = asyncio.create_task(consumer.stop())
        leave.set()
        await stop
    handled = await sample.amounts("a")
    assert handled == list(numbers[: len(handled)])
    assert 0 < len(handled) <= BATCH_MESSAGES_MAX
    assert (await committed(sample.kafka, "sample")) == {0: len(handled)}
    async with sample.consumer():
        await eventually(sample.has("a", *numbers))


async def test_a_rebalance_during_a_slow_handler_doubles_nothing(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rebalance does not wait for the running handler; the second owner meets the first one's locks and inbox."""
    entered = asyncio.Event()
    leave = asyncio.Event()
    execute = Engine.execute

    async def slow_once(self: Engine, *args: Any, **kwargs: Any) -> Any:
        if not entered.is_set():
            entered.set()
            await leave.wait()
        return await execute(self, *args, **kwargs)

    monkeypatch.setattr(Engine, "execute", slow_once)
    await send(sample.kafka, TOPIC, [amount(f"k{n % 7}", n, n % 3) for n in range(60)])
    second_database = await sample.own.open()
    async with sample.consumer() as first:
        await entered.wait()
        async with sample.consumer(second_database) as second:

            async def shared() -> bool:
                return len(first._assignment.owned()) in (1, 2) and len(second._assignment.owned()) in (1, 2)

            await eventually(shared)
            leave.set()

            async def everything() -> bool:
                return bool(await sample.ask("SELECT count(*) = 60 FROM events"))

            await eventually(everything)
            await send(sample.kafka, TOPIC, [amount(f"k{n}", 100, n % 3) for n in range(7)])

            async def more() -> bool:
                return bool(await sample.ask("SELECT count(*) = 67 FROM events"))

            await eventually(more)
    await second_database.close()
    assert await sample.ask("SELECT count(DISTINCT (stream, data)) FROM events") == 67


async def test_postgres_away_is_waited_for_and_is_no_poison(sample: Sample) -> None:
    await send(sample.kafka, TOPIC, [amount("a", 1)])
    admin = await asyncpg.connect(sample.own.admin_url.rpartition("/")[0] + "/postgres")
    names = sample.own.names
    async with sample.consumer(retry_seconds_max=1.0):
        await eventually(sample.has("a", 1))
        await admin.execute(f"ALTER ROLE {names.app} NOLOGIN")
        await admin.execute(f"ALTER ROLE {names.delivery} NOLOGIN")
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ANY($1)",
            [names.app, names.delivery],
        )
        await send(sample.kafka, TOPIC, [amount("a", 2), amount("a", 3)])
        # Long enough for several calls to give up and to be handed the batch again.
        await eventually(_gave_up(3))
        await admin.execute(f"ALTER ROLE {names.app} LOGIN")
        await admin.execute(f"ALTER ROLE {names.delivery} LOGIN")
        await eventually(sample.has("a", 1, 2, 3))
    await admin.close()
    assert await sample.ask("SELECT count(*) FROM dead_letters") == 0


async def test_a_full_disk_is_waited_for_and_is_no_poison(sample: Sample) -> None:
    """Postgres then refuses to write with SQLSTATE 53100, and answers all else."""
    await send(sample.kafka, TOPIC, [amount("a", 1)])
    async with sample.consumer(retry_seconds_max=0.3):
        await eventually(sample.has("a", 1))
        await sample.ask(
            "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END$$"
        )
        await sample.ask("CREATE TRIGGER full_disk BEFORE INSERT ON events EXECUTE FUNCTION no_room()")
        await send(sample.kafka, TOPIC, [amount("a", 2), amount("b", 3)])
        await eventually(_gave_up(3))
        assert (await committed(sample.kafka, "sample")).get(0) == 1
        await sample.ask("DROP TRIGGER full_disk ON events")
        await eventually(sample.has("a", 1, 2))
        await eventually(sample.has("b", 3))
    assert await sample.ask("SELECT count(*) FROM dead_letters") == 0


async def test_what_a_newer_build_wrote_is_left_to_it_and_is_no_poison(sample: Sample) -> None:
    """Side by side in an upgrade, the old build meets streams that the new one has carried on."""
    await send(sample.kafka, TOPIC, [amount("a", 1)])
    async with sample.consumer(retry_seconds_max=0.3):
        await eventually(sample.has("a", 1))
        await sample.ask("UPDATE events SET type_version = 2")
        await send(sample.kafka, TOPIC, [amount("a", 2)])
        await eventually(_gave_up(3, "newer_build"))
    await sample.ask("UPDATE events SET type_version = 1")  # now every build is the newer one
    async with sample.consumer():
        await eventually(sample.has("a", 1, 2))
    assert await sample.ask("SELECT count(*) FROM dead_letters") == 0


def _gave_up(times: int, cause: str = "infrastructure") -> Any:
    def count() -> float:
        return float(metrics.CONSUME_RETRIES.labels(cause)._value.get())

    before = count()

    async def probe() -> bool:
        return count() >= before + times

    return probe


async def test_topics_keep_their_number_of_partitions(kafka: KafkaSettings) -> None:
    await ensure_topics(kafka, [TestTopic("kept"), TestTopic("state", compacted=True)])
    await ensure_topics(kafka, [TestTopic("kept")])
    with pytest.raises(TopicDiffers, match="has 3 partitions, not 4"):
        await ensure_topics(kafka, [TestTopic("kept", partitions=4)])


async def test_routes_that_fail_make_letters(sample: Sample) -> None:
    def broken(message: Message, envelope: Envelope) -> Sequence[Routed]:
        assert isinstance(message, Amount)
        if message.amount == 2:
            raise KeyError("no such thing")
        return [Routed("account-a", Add(message.amount))]

    sample.route = broken
    await send(sample.kafka, TOPIC, [amount("b", 1), amount("a", 2), amount("c", 3)])
    async with sample.consumer():
        await eventually(sample.has("a", 1, 3))
    assert await sample.ask("SELECT error_class FROM dead_letters") == "KeyError"
