"""Commands become events, read rows, outbox and due work in one transaction, once each."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import orjson
import pytest

from chassis import event_store
from chassis.engine import Command, Engine, MessageTooLarge
from chassis.ids import TenantId, kafka_key, lock_number, tenant_id
from chassis.postgres import Database
from tests.chassis.sample.domain import MIGRATIONS, REFUSED, Add, AmountAdded, Poison, engine
from tests.kit.database import Databases, OwnDatabase

ONE = tenant_id("one")
TWO = tenant_id("two")
NOW = datetime(2026, 8, 20, 9, 30, tzinfo=UTC)


@pytest.fixture
async def own_database(databases: Databases) -> OwnDatabase:
    return await databases("sample", MIGRATIONS)


@pytest.fixture
async def admin(own_database: OwnDatabase) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    connection = await asyncpg.connect(own_database.admin_url)
    yield connection
    await connection.close()


def add(stream: str, amount: int, command_id: str, tenant: TenantId = ONE) -> Command:
    return Command(tenant, stream, Add(amount), command_id, {"traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01"})


async def run(database: Database, engine: Engine, *commands: Command) -> list[str]:
    async with database.transaction({c.tenant for c in commands}) as connection:
        executed = await engine.execute(connection, commands, NOW)
    return ["refused" if e.refused else "repeated" if e.repeated else str(len(e.recorded)) for e in executed]


async def test_commands_of_one_stream_fold_in_memory_and_write_everything(
    database: Database, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    done = await run(database, engine(), add("account-a", 1, "1"), add("account-b", 5, "2"), add("account-a", 2, "3"))
    assert done == ["1", "1", "1"]
    rows = await admin.fetch("SELECT account, sum FROM total ORDER BY account")
    assert [tuple(row) for row in rows] == [("a", 3), ("b", 5)]
    outbox = await admin.fetch("SELECT topic, key, body, headers FROM outbox ORDER BY seq")
    assert [(row["key"], orjson.loads(row["body"])["sum"]) for row in outbox] == [
        ("one:a", 1),
        ("one:b", 5),
        ("one:a", 3),
    ]
    headers = dict(orjson.loads(outbox[0]["headers"]))
    assert headers["ce_type"] == "Total"
    assert headers["traceparent"].startswith("00-1111")


async def test_a_repeated_command_gives_its_first_result(database: Database) -> None:
    assert await run(database, engine(), add("account-a", 1, "1")) == ["1"]
    assert await run(database, engine(), add("account-a", 1, "1"), add("account-a", 1, "1")) == ["repeated", "repeated"]
    async with database.transaction([ONE]) as connection:
        executed = await engine().execute(connection, [add("account-a", 99, "1")], NOW)
        version, state = await engine().state(connection, ONE, "account-a")
    assert [recorded.event for recorded in executed[0].recorded] == [AmountAdded(amount=1)]
    assert (version, state.amounts) == (1, (1,))


async def test_a_refusal_is_a_value_and_writes_nothing(
    database: Database, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    assert await run(database, engine(), add("account-a", REFUSED, "1"), add("account-a", 1, "2")) == ["refused", "1"]
    assert await admin.fetchval("SELECT count(*) FROM events") == 1


async def test_an_error_in_one_command_undoes_all(
    database: Database, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    poison = Poison()
    poison.amounts.add(7)
    with pytest.raises(ArithmeticError):
        await run(database, engine(poison), add("account-a", 1, "1"), add("account-a", 7, "2"))
    assert await admin.fetchval("SELECT count(*) FROM events") == 0
    assert await admin.fetchval("SELECT count(*) FROM outbox") == 0


async def test_ids_of_messages_are_the_same_for_ever(
    database: Database, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    made = engine()
    await run(database, made, add("account-a", 1, "1"), add("account-a", 2, "2"))
    sent = await admin.fetch("SELECT message_id::text, body FROM outbox ORDER BY seq")
    async with database.transaction([ONE]) as connection:
        stored = (await event_store.load(connection, [(ONE, "account-a")]))[(ONE, "account-a")]
    again = [m for recorded, state in made.replayed("account-a", stored) for m in made.messages(recorded, state)]
    assert [(envelope.id, body) for _, envelope, body in again] == [(row["message_id"], row["body"]) for row in sent]


async def test_writers_of_one_key_wait_for_each_other(database: Database) -> None:
    """Two streams under one Kafka key would reorder their messages if they were appended side by side."""
    made = engine()
    entered = asyncio.Event()
    leave = asyncio.Event()

    async def first() -> None:
        async with database.transaction([ONE]) as connection:
            await made.execute(connection, [add("account-k.1", 1, "1")], NOW)
            entered.set()
            await leave.wait()

    holder = asyncio.create_task(first())
    await entered.wait()
    other = asyncio.create_task(run(database, made, add("account-other", 1, "3")))
    assert await other == ["1"], "another key is free"
    waiter = asyncio.create_task(run(database, made, add("account-k.2", 2, "2")))
    async with database.delivery_connection() as connection:
        async with asyncio.timeout(10):
            while not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"):
                assert not waiter.done()
    leave.set()
    await holder
    assert await waiter == ["1"]


async def test_a_message_over_the_limit_is_refused_at_append(
    database: Database, monkeypatch: pytest.MonkeyPatch, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    monkeypatch.setattr("chassis.engine.BODY_BYTES_MAX", 10)
    with pytest.raises(MessageTooLarge):
        await run(database, engine(), add("account-a", 1, "1"))
    assert await admin.fetchval("SELECT count(*) FROM events") == 0


async def test_rows_of_several_tenants_are_written_for_each_alone(database: Database) -> None:
    await run(database, engine(), add("account-a", 1, "1", ONE), add("account-a", 2, "1", TWO))
    for tenant, total in ((ONE, 1), (TWO, 2)):
        async with database.transaction([tenant]) as connection:
            rows = await connection.fetch("SELECT tenant_id, sum FROM total")
            assert [tuple(row) for row in rows] == [(tenant, total)]


def test_lock_numbers_are_stable() -> None:
    assert lock_number(kafka_key(ONE, "a")) == lock_number("one:a")
    assert -(2**63) <= lock_number("one:a") < 2**63
