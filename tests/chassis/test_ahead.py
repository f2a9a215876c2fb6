"""A batch may be decided while the one before it is committed: it is written in its turn, or not at all."""

import asyncio
from typing import Any

import pytest

from chassis import metrics
from chassis.engine import Engine
from chassis.ids import TenantId, kafka_key, lock_number
from chassis.messaging.consumer import BATCH_MESSAGES_MAX
from chassis.messaging.kafka import KafkaSettings
from chassis.postgres import Connection
from tests.chassis.sample.domain import Amount
from tests.chassis.sample.service import TOPIC, Sample
from tests.kit.kafka import Sent, committed, eventually, message, send

FIRST = range(1, BATCH_MESSAGES_MAX + 1)
SECOND = range(BATCH_MESSAGES_MAX + 1, BATCH_MESSAGES_MAX + 21)


@pytest.fixture
async def two_batches(kafka: KafkaSettings, sample: Sample) -> None:
    await send(kafka, TOPIC, [*(_amount("a", n) for n in FIRST), *(_amount("b", n) for n in SECOND)])


def _amount(account: str, amount: int) -> Sent:
    return message(Amount(accounts=(account,), amount=amount), account, partition=0)


class Batches:
    """Stands between the consumer and the engine: which batch is handled, by the stream of its first command."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.second_was_decided = asyncio.Event()
        self.begun: list[str] = []
        self.sizes: list[int] = []
        """Of the first kind of batch."""
        self._execute = Engine.execute
        batches = self

        async def execute(engine: Engine, connection: Connection, commands: Any, *args: Any, **kwargs: Any) -> Any:
            its_turn = kwargs.pop("before_writes", None)

            async def before_writes() -> None:
                if commands[0].stream.endswith("b"):
                    batches.second_was_decided.set()
                if its_turn is not None:
                    await its_turn()

            if commands[0].stream.endswith("a"):
                batches.begun.append("first")
                batches.sizes.append(len(commands))
                await batches.before_the_first(connection)
            else:
                batches.begun.append("second")
            return await batches._execute(engine, connection, commands, *args, before_writes=before_writes, **kwargs)

        monkeypatch.setattr(Engine, "execute", execute)

    async def before_the_first(self, connection: Connection) -> None:
        """What the first batch does when its transaction holds its locks."""
        await self.second_was_decided.wait()


def _decided() -> dict[str, float]:
    """How many batches were decided in each way up to now."""
    ways = ("ahead", "undone", "alone", "shared")
    return {way: float(metrics.CONSUME_BATCHES.labels(way)._value.get()) for way in ways}


def _since(before: dict[str, float]) -> dict[str, float]:
    return {way: count - before[way] for way, count in _decided().items() if count > before[way]}


async def _all_is_there(sample: Sample) -> None:
    await eventually(sample.has("a", *FIRST))
    await eventually(sample.has("b", *SECOND))

    async def acknowledged() -> bool:
        return (await committed(sample.kafka, "sample")).get(0) == len(FIRST) + len(SECOND)

    await eventually(acknowledged)


@pytest.mark.usefixtures("two_batches")
async def test_a_batch_is_decided_while_the_one_before_it_is_not_yet_committed(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches, before = Batches(monkeypatch), _decided()
    async with sample.consumer():
        await _all_is_there(sample)
    assert set(batches.begun[:2]) == {"first", "second"}
    assert _since(before)["ahead"] >= 1


@pytest.mark.usefixtures("two_batches")
async def test_what_was_decided_ahead_is_undone_when_the_one_before_it_fails(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Committed alone, it would have moved the place where the consumer stands past the batch that failed."""

    class FailsOnce(Batches):
        seen: int | None = None

        async def before_the_first(self, connection: Connection) -> None:
            if self.begun.count("first") == 1:
                await super().before_the_first(connection)
                raise ConnectionError("Postgres is away")
            if self.seen is None:
                self.seen = len(await sample.amounts("b"))

    batches = FailsOnce(monkeypatch)
    async with sample.consumer(retry_seconds_max=0.0):
        await _all_is_there(sample)
    assert batches.seen == 0


@pytest.mark.usefixtures("two_batches")
async def test_two_batches_that_meet_in_postgres_do_not_wait_for_each_other_for_ever(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One waits in Postgres, the other for its turn in the process: nobody else would see that they do."""
    key = lock_number(kafka_key(TenantId("one"), "b"))

    class Meets(Batches):
        async def before_the_first(self, connection: Connection) -> None:
            await super().before_the_first(connection)
            await connection.execute("SELECT pg_advisory_xact_lock($1)", key)

    batches, before = Meets(monkeypatch), _decided()
    async with sample.consumer():
        await _all_is_there(sample)
    assert sorted(batches.begun) == ["first", "second", "second"]
    assert _since(before)["undone"] >= 1


async def test_batches_with_a_key_in_common_are_handled_one_after_the_other(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Looks(Batches):
        def __init__(self) -> None:
            super().__init__(monkeypatch)
            self.not_committed: list[int] = []

        async def before_the_first(self, connection: Connection) -> None:
            self.not_committed.append(sum(self.sizes[:-1]) - len(await sample.amounts("a")))

    numbers = range(1, 3 * BATCH_MESSAGES_MAX)
    await send(sample.kafka, TOPIC, [_amount("a", n) for n in numbers])
    batches, before = Looks(), _decided()
    async with sample.consumer():
        await eventually(sample.has("a", *numbers))
    assert len(batches.not_committed) >= 3
    assert "ahead" not in _since(before)
    assert _since(before)["shared"] >= 1
    assert set(batches.not_committed) == {0}
