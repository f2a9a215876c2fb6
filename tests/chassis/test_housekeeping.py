"""What is old is forgotten, and nothing else; open letters are counted without it."""

from chassis import metrics
from chassis.messaging.inbox import RETENTION_DAYS
from chassis.messaging.relay import count_letters, keep_house
from chassis.postgres import Database

_RECEIVED = """
INSERT INTO inbox (tenant_id, consumer, event_id, received_at)
SELECT 'one', 'sample', gen_random_uuid(), now() - make_interval(days => days) FROM unnest($1::int[]) AS t(days)
"""
_LETTER = """
INSERT INTO dead_letters (tenant_id, consumer, event_id, topic, partition, "offset", key, type, headers, body, sent_at,
  reason, error_class, error, attempts, dead_at)
VALUES ('one', 'sample', gen_random_uuid(), 't', 0, 0, 'k', 'Amount', '{}', '', now(), 'content', 'E', 'e', 3,
  now() - interval '90 seconds')
"""


async def test_messages_are_remembered_for_as_long_as_they_may_come_again(database: Database) -> None:
    async with database.delivery_connection() as connection:
        await connection.execute(_RECEIVED, [0, RETENTION_DAYS - 1, RETENTION_DAYS + 1, RETENTION_DAYS + 9])
        await connection.execute(_LETTER)
    await keep_house(database)
    async with database.delivery_connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM inbox") == 2
        assert await connection.fetchval("SELECT count(*) FROM dead_letters") == 1


async def test_open_letters_are_counted_and_nothing_is_forgotten(database: Database) -> None:
    async with database.delivery_connection() as connection:
        await connection.execute(_RECEIVED, [RETENTION_DAYS + 1])
        await connection.execute(_LETTER)
    await count_letters(database, "sample")
    assert metrics.DEAD_LETTERS_OPEN._value.get() == 1
    assert metrics.DEAD_LETTERS_OLDEST._value.get() >= 90
    async with database.delivery_connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM inbox") == 1
