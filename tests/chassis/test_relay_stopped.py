"""A partition that the broker takes nothing for, with a backlog that is longer than what the relay reads at once."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from itertools import count
from typing import Any

import pytest

from chassis.aggregate import Lane
from chassis.messaging import outgoing, sending
from chassis.messaging.kafka import KafkaError, KafkaSettings, murmur2
from chassis.messaging.outgoing import Outgoing
from chassis.messaging.sending import Sending
from chassis.wakeups import Waiter
from tests.kit.kafka import TestTopic

TOPIC = TestTopic("totals")
STUCK = 300


def partition_of(key: str) -> int:
    return int((murmur2(key.encode()) & 0x7FFFFFFF) % TOPIC.partitions)


def row(seq: int, key: str) -> Outgoing:
    return Outgoing(
        seq,
        date(2026, 1, 1),
        datetime(2026, 1, 1, tzinfo=UTC),
        Lane.INTERACTIVE,
        TOPIC.name,
        key,
        "id",
        "[]",
        b"%d" % seq,
    )


class Outbox:
    """The rows that are not marked, as the relay asks for them; nobody else writes."""

    def __init__(self, rows: Sequence[Outgoing]) -> None:
        self.rows = {row.seq: row for row in rows}
        self._transactions = count(1)

    async def read(self, _: object, after: tuple[int, int], in_hand: Sequence[int], limit: int) -> list[Outgoing]:
        taken = set(in_hand)
        return [self.rows[seq] for seq in sorted(self.rows) if seq > after[0] and seq not in taken][:limit]

    async def mark(self, _: object, rows: Sequence[Outgoing], last_offsets: Mapping[Any, int]) -> None:
        for one in rows:
            del self.rows[one.seq]

    async def transactions(self, _: object) -> tuple[int, int]:
        newest = next(self._transactions)
        return newest, newest


class Batch:
    def __init__(self) -> None:
        self.values: list[bytes] = []

    def append(self, **record: Any) -> bool:
        self.values.append(record["value"])
        return True

    def close(self) -> None:
        return None


class Broker:
    """A producer whose broker takes nothing for one partition while that has no leader."""

    _sender = type("Sender", (), {"sender_task": None})

    def __init__(self, without_leader: int) -> None:
        self.without_leader: int | None = without_leader
        self.logs: dict[int, list[int]] = {}

    def create_batch(self) -> Batch:
        return Batch()

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> Any:
        if partition == self.without_leader:
            raise KafkaError("no leader")
        log = self.logs.setdefault(partition, [])
        delivered = asyncio.get_running_loop().create_future()
        delivered.set_result(type("Metadata", (), {"offset": len(log)}))
        log += map(int, batch.values)
        return delivered

    async def stop(self) -> None:
        return None

    def has(self, partition: int, seq: int) -> bool:
        return seq in self.logs.get(partition, [])


async def nothing(*_: object) -> dict[Any, Any]:
    return {}


async def until(relay: Sending, what: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        await relay.go_on(until=what)


async def test_however_much_waits_for_a_stopped_partition_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    other = next(f"one:{name}" for name in "abcdefgh" if partition_of(f"one:{name}") != partition_of("one:stuck"))
    outbox = Outbox([row(seq, "one:stuck") for seq in range(1, STUCK + 1)])
    broker = Broker(partition_of("one:stuck"))

    async def producer(*_: object) -> Broker:
        return broker

    for name in ("read", "mark", "transactions"):
        monkeypatch.setattr(outgoing, name, getattr(outbox, name))
    for name in ("positions", "generations", "roll"):
        monkeypatch.setattr(outgoing, name, nothing)
    monkeypatch.setattr(sending, "start_producer", producer)
    monkeypatch.setattr(sending, "READ_ROWS_MAX", 20)
    monkeypatch.setattr("chassis.messaging.windows.ROWS_MAX", 10)
    for name in ("RESCAN_SECONDS", "FLOOR_SECONDS", "POLL_SECONDS_MAX", "RETRY_SECONDS_MAX"):
        monkeypatch.setattr(sending, name, getattr(sending, name) / 20)  # the relation between them is what counts
    connection: Any = None
    async with Sending(KafkaSettings(""), {TOPIC.name: TOPIC}, connection, Waiter()) as relay:
        for seq in (STUCK + 1, STUCK + 2):  # also what comes after the whole backlog was read once
            outbox.rows[seq] = row(seq, other)
            await until(relay, partial(broker.has, partition_of(other), seq))
        assert broker.logs == {partition_of(other): [STUCK + 1, STUCK + 2]}
        broker.without_leader = None
        await until(relay, lambda: not outbox.rows)
    assert broker.logs[partition_of("one:stuck")] == list(range(1, STUCK + 1))
