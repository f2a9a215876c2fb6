"""The inbox remembers each message of a tenant once for each consumer, and where a consumer stands."""

import uuid
from typing import Final

import asyncpg
import pytest

from chassis.ids import tenant_id
from chassis.messaging import inbox
from chassis.messaging.inbox import RETENTION_DAYS, Identity, Standing
from chassis.postgres import Database

ONE, TWO = tenant_id("one"), tenant_id("two")
FIRST, SECOND = uuid.UUID(int=1), uuid.UUID(int=2)
A: Final[Identity] = (ONE, FIRST)
B: Final[Identity] = (ONE, SECOND)
C: Final[Identity] = (TWO, FIRST)


async def test_a_message_is_accepted_once_for_each_consumer_and_tenant(database: Database) -> None:
    async with database.transaction([ONE, TWO]) as connection:
        assert await inbox.accept(connection, "shop", [A, B]) == {A, B}
    async with database.transaction([ONE, TWO]) as connection:
        assert await inbox.accept(connection, "shop", [A, C, B]) == {C}, "the same event of another tenant is another"
        assert await inbox.accept(connection, "other", [A]) == {A}
        assert await inbox.accept(connection, "shop", [A, B, C]) == set()
        assert await inbox.accept(connection, "shop", []) == set()


async def accepted_and_failed(database: Database) -> None:
    """A message is accepted, and the work with it fails in the same transaction."""
    async with database.transaction([ONE]) as connection:
        await inbox.accept(connection, "shop", [A])
        await connection.execute("SELECT 1 FROM nowhere")


async def test_what_was_rolled_back_was_not_accepted(database: Database) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        await accepted_and_failed(database)
    async with database.transaction([ONE]) as connection:
        assert await inbox.handled(connection, "shop", [A]) == set()


async def test_what_was_handled_is_known_again(database: Database) -> None:
    async with database.transaction([ONE, TWO]) as connection:
        await inbox.accept(connection, "shop", [A, C])
        assert await inbox.handled(connection, "shop", [A, B, C]) == {A, C}
        assert await inbox.handled(connection, "other", [A, B, C]) == set()
        assert await inbox.handled(connection, "shop", []) == set()
    async with database.delivery() as connection:
        assert await inbox.handled(connection, "shop", [A, B]) == {A}


async def test_a_consumer_stands_where_it_was_last_said_to(database: Database) -> None:
    first = {("deals", 0): Standing(5, FIRST, "s1"), ("deals", 1): Standing(7, SECOND, "s2")}
    async with database.transaction([ONE]) as connection:
        await inbox.advance(connection, "shop", first)
        await inbox.advance(connection, "other", {("deals", 0): Standing(90, SECOND)})
    async with database.delivery() as connection:
        moved = {("deals", 1): Standing(9, FIRST, "s3"), ("payments", 0): Standing(1, SECOND)}
        await inbox.advance(connection, "shop", moved)
        places = [("deals", 0), ("deals", 1), ("deals", 2), ("payments", 0)]
        found = await inbox.standings(connection, "shop", places)
        assert found == {**first, **moved}
        assert await inbox.standings(connection, "shop", places[:1]) == {places[0]: first[places[0]]}
        assert await inbox.standings(connection, "nobody", places) == {}


async def test_old_messages_are_forgotten_so_many_at_once(database: Database) -> None:
    async with database.delivery() as connection:
        await connection.execute(
            "INSERT INTO inbox (tenant_id, consumer, event_id, received_at) "
            "SELECT 'one', 'shop', gen_random_uuid(), now() - make_interval(days => $1) FROM generate_series(1, $2)",
            RETENTION_DAYS + 1,
            inbox.PRUNE_ROWS_MAX + 3,
        )
        await inbox.accept(connection, "shop", [A])
        assert await inbox.prune(connection) == inbox.PRUNE_ROWS_MAX
        assert await inbox.prune(connection) == 3
        assert await inbox.prune(connection) == 0
        assert await inbox.handled(connection, "shop", [A]) == {A}
