"""The present lag: what the broker holds against what the database has taken, also when the broker was away."""

import uuid

import pytest

from chassis.lag import Lag
from chassis.messaging import inbox
from chassis.messaging.inbox import Standing
from chassis.messaging.kafka import KafkaError, KafkaSettings
from chassis.messaging.topics import ensure_topics
from chassis.postgres import Database
from tests.kit.kafka import Sent, TestTopic, send

TOPIC = TestTopic("orders")


async def test_lag_is_what_is_not_yet_taken(database: Database, kafka: KafkaSettings) -> None:
    await ensure_topics(kafka, [TOPIC])
    lag = Lag("shop", kafka, [TOPIC], database)
    try:
        assert await lag.messages() == 0
        await send(kafka, "orders", [Sent(b"one:1", b"{}", partition=number % 2) for number in range(5)])
        assert await lag.messages() == 5
        async with database.delivery_connection() as connection:
            await inbox.advance(connection, "shop", {("orders", 0): Standing(2, uuid.uuid4())})
        assert await lag.messages() == 3
        async with database.delivery_connection() as connection:
            await inbox.advance(connection, "other", {("orders", 1): Standing(2, uuid.uuid4())})
        assert await lag.messages() == 3, "another service's position is not ours"
    finally:
        await lag.close()


async def test_a_log_that_is_lost_lies_before_us_again(database: Database, kafka: KafkaSettings) -> None:
    """Its position is beyond what was published anew, which nobody has read yet."""
    await ensure_topics(kafka, [TOPIC])
    await send(kafka, "orders", [Sent(b"one:1", b"{}") for _ in range(3)])
    async with database.delivery_connection() as connection:
        await inbox.advance(connection, "shop", {("orders", 0): Standing(7, uuid.uuid4())})
    lag = Lag("shop", kafka, [TOPIC], database)
    try:
        assert await lag.messages() == 3
    finally:
        await lag.close()


async def test_nothing_read_is_never_behind(database: Database) -> None:
    assert await Lag("shop", KafkaSettings("127.0.0.1:1"), [], database).messages() == 0


async def test_a_broker_that_is_away_is_said(database: Database) -> None:
    lag = Lag("shop", KafkaSettings("127.0.0.1:1"), [TOPIC], database)
    for _ in range(2):
        with pytest.raises((KafkaError, OSError)):
            await lag.messages()
