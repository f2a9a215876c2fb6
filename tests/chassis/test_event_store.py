"""The event store keeps versions without gaps, refuses what is behind, and shows a tenant only its own."""

import asyncio
import contextlib
from datetime import UTC, datetime

import asyncpg
import pytest

from chassis import event_store
from chassis.event_store import StoredEvent, StreamAppend, StreamConflict
from chassis.ids import TenantId, tenant_id
from chassis.postgres import Database

ONE = tenant_id("one")
TWO = tenant_id("two")
NOW = datetime(2026, 8, 20, 9, 30, 0, 123456, tzinfo=UTC)


def change(stream: str, expected: int, *data: str, tenant: TenantId = ONE, command_id: str = "c") -> StreamAppend:
    events = [StoredEvent("Said", 1, f'{{"word": "{word}"}}') for word in data]
    return StreamAppend(tenant, stream, expected, events, command_id, {"cause": "test"})


async def words(database: Database, stream: str, tenant: TenantId = ONE) -> list[tuple[int, str]]:
    async with database.transaction([tenant]) as connection:
        loaded = await event_store.load(connection, [(tenant, stream)])
    return [(event.version, event.data) for event in loaded[(tenant, stream)]]


async def test_events_come_back_as_they_were(database: Database) -> None:
    async with database.transaction([ONE]) as connection:
        await event_store.append(connection, [change("deal-1", 0, "a", "b"), change("deal-2", 0, "c")], NOW)
    async with database.transaction([ONE]) as connection:
        loaded = await event_store.load(connection, [(ONE, "deal-1"), (ONE, "deal-3")])
        everything = [event async for event in event_store.read_all(connection)]
    first, second = loaded[(ONE, "deal-1")]
    assert (first.version, second.version) == (1, 2)
    assert (first.type, first.type_version, first.data) == ("Said", 1, '{"word": "a"}')
    assert (first.command_id, first.metadata, first.recorded_at) == ("c", {"cause": "test"}, NOW)
    assert loaded[(ONE, "deal-3")] == []
    assert [event.stream for event in everything] == ["deal-1", "deal-1", "deal-2"]
    assert [event.position for event in everything] == sorted(event.position for event in everything)


@pytest.mark.parametrize("expected", [0, 1, 3])
async def test_an_append_behind_or_beyond_the_end_is_a_conflict(database: Database, expected: int) -> None:
    async with database.transaction([ONE]) as connection:
        await event_store.append(connection, [change("deal-1", 0, "a", "b")], NOW)
    with pytest.raises(StreamConflict):
        async with database.transaction([ONE]) as connection:
            await event_store.append(connection, [change("deal-2", 0, "x"), change("deal-1", expected, "c")], NOW)
    assert await words(database, "deal-2") == [], "several streams change together or not at all"


async def test_of_concurrent_appends_at_one_version_one_wins(database: Database) -> None:
    async def attempt(word: str) -> bool:
        try:
            async with database.transaction([ONE]) as connection:
                await event_store.append(connection, [change("deal-1", 0, word)], NOW)
        except StreamConflict:
            return False
        return True

    won = await asyncio.gather(*(attempt(word) for word in "abcdefgh"))
    assert sum(won) == 1
    assert len(await words(database, "deal-1")) == 1


async def test_a_tenant_sees_and_writes_only_its_own_streams(database: Database) -> None:
    async with database.transaction([ONE, TWO]) as connection:
        await event_store.append(connection, [change("deal-1", 0, "one"), change("deal-1", 0, "two", tenant=TWO)], NOW)
    assert await words(database, "deal-1", ONE) == [(1, '{"word": "one"}')]
    assert await words(database, "deal-1", TWO) == [(1, '{"word": "two"}')]
    async with database.transaction([TWO]) as connection:
        assert (await event_store.load(connection, [(ONE, "deal-1")]))[(ONE, "deal-1")] == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with database.transaction([TWO]) as connection:
            await event_store.append(connection, [change("deal-9", 0, "x")], NOW)


async def test_events_are_never_changed(database: Database) -> None:
    for statement in ("UPDATE events SET type = 'x'", "DELETE FROM events", "TRUNCATE events"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with database.transaction([ONE]) as connection:
                await connection.execute(statement)


async def test_a_swallowed_error_does_not_pass_for_a_commit(database: Database) -> None:
    async def swallow() -> None:
        async with database.transaction([ONE]) as connection:
            with contextlib.suppress(asyncpg.DivisionByZeroError):
                await connection.execute("SELECT 1 / 0")

    with pytest.raises(RuntimeError, match="rolled back"):
        await swallow()
