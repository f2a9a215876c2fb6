"""A topic can be rebuilt from the events at any time: the same ids, the order of each key, beside live appends."""

import asyncio
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from chassis.engine import Command, Engine
from chassis.ids import TenantId, tenant_id
from chassis.messaging.republish import republish
from chassis.postgres import Database
from tests.chassis.sample.domain import MIGRATIONS, Add, engine
from tests.kit.database import Databases, OwnDatabase

ONE = tenant_id("one")
TWO = tenant_id("two")
START = datetime(2026, 8, 20, 12, tzinfo=UTC)


@pytest.fixture
async def own_database(databases: Databases) -> OwnDatabase:
    return await databases("sample", MIGRATIONS)


async def add(
    database: Database,
    account: str,
    amount: int,
    *,
    tenant: TenantId = ONE,
    now: datetime = START,
    made: Engine | None = None,
) -> None:
    async with database.transaction([tenant]) as connection:
        command = Command(tenant, f"account-{account}", Add(amount), f"{account}:{amount}")
        await (made or engine()).execute(connection, [command], now)


async def rows(database: Database, only_unsent: bool = False) -> list[tuple[str, str, int]]:
    """(message id, key, amount) in the order of sending."""
    async with database.delivery_connection() as connection:
        found = await connection.fetch(
            "SELECT message_id::text, key, body FROM outbox WHERE NOT $1 OR published_at IS NULL ORDER BY seq",
            only_unsent,
        )
    return [(row["message_id"], row["key"], orjson.loads(row["body"])["amount"]) for row in found]


async def all_sent(database: Database) -> None:
    async with database.delivery_connection() as connection:
        await connection.execute("UPDATE outbox SET published_at = now()")


async def test_all_messages_come_again_under_their_ids_in_the_order_of_their_keys(database: Database) -> None:
    """``k.1`` and ``k.2`` are two streams of one key: their messages interleave as they were committed."""
    for amount, account in enumerate(["k.1", "k.2", "k.1", "b", "k.2", "k.1"]):
        await add(database, account, amount)
    await add(database, "a", 9, tenant=TWO)
    first = await rows(database)
    await all_sent(database)

    assert await republish(database, engine(), "totals") == 7
    again = await rows(database, only_unsent=True)
    assert sorted(again) == sorted(first)
    for key in ("one:k", "one:b", "two:a"):
        assert [row for row in again if row[1] == key] == [row for row in first if row[1] == key]
    assert await republish(database, engine(), "elsewhere") == 0


async def test_what_waits_in_the_outbox_is_sent_behind_its_predecessors_and_once(database: Database) -> None:
    await add(database, "a", 1)
    await all_sent(database)
    await add(database, "a", 2)
    await republish(database, engine(), "totals")
    assert [amount for _, _, amount in await rows(database, only_unsent=True)] == [1, 2]


async def test_since_leaves_older_events_out(database: Database) -> None:
    for hours in range(5):
        await add(database, "a", hours, now=START + timedelta(hours=hours))
    await all_sent(database)
    assert await republish(database, engine(), "totals", START + timedelta(hours=3)) == 2
    assert [amount for _, _, amount in await rows(database, only_unsent=True)] == [3, 4]


async def test_beside_live_appends_every_key_keeps_its_order(database: Database) -> None:
    made = engine()
    for amount in range(10):
        for account in ("a", "b", "c"):
            await add(database, account, amount)
    await all_sent(database)

    async def live(account: str) -> None:
        for amount in range(10, 40):
            await add(database, account, amount, made=made)

    await asyncio.gather(live("a"), live("b"), live("c"), republish(database, made, "totals"))
    unsent = await rows(database, only_unsent=True)
    for account in ("a", "b", "c"):
        amounts = [amount for _, key, amount in unsent if key == f"one:{account}"]
        firsts = sorted(set(amounts), key=amounts.index)
        assert firsts == list(range(40)), "a message never comes before its predecessor"
