"""Read rows can be rebuilt while the service works; readers see the old table until the new one is whole."""

import asyncio

import asyncpg
import pytest

from chassis import rebuild as rebuilding
from chassis.engine import Command, Engine
from chassis.ids import TenantId, tenant_id
from chassis.postgres import Connection, Database
from chassis.read_rows import write_rows
from chassis.rebuild import rebuild
from tests.chassis.sample.domain import MIGRATIONS, Add, engine
from tests.chassis.sample.service import now
from tests.kit.database import Databases, OwnDatabase

ONE = tenant_id("one")
TWO = tenant_id("two")


@pytest.fixture
async def own_database(databases: Databases) -> OwnDatabase:
    return await databases("sample", MIGRATIONS)


async def add(
    database: Database, account: str, amount: int, tenant: TenantId = ONE, made: Engine | None = None
) -> None:
    async with database.transaction([tenant]) as connection:
        command = Command(tenant, f"account-{account}", Add(amount), f"{account}:{amount}")
        await (made or engine()).execute(connection, [command], now())


async def sums(database: Database, table: str = "total") -> dict[tuple[str, str], int]:
    async with database.transaction([ONE, TWO]) as connection:
        rows = await connection.fetch(f"SELECT tenant_id, account, sum FROM {table}")  # noqa: S608 - a test's constant
    return {(row["tenant_id"], row["account"]): row["sum"] for row in rows}


async def spoil(database: Database) -> None:
    """As an older build might have left the table: a wrong sum, a row too many, a row too few."""
    async with database.transaction([ONE, TWO]) as connection:
        await connection.execute("UPDATE total SET sum = -1 WHERE account = 'a'")
        await connection.execute("DELETE FROM total WHERE account = 'b'")
        await connection.execute("INSERT INTO total VALUES ('one', 'ghost', '[]', 7)")


async def test_the_rebuilt_table_is_the_fold_of_the_events(database: Database, own_database: OwnDatabase) -> None:
    for account in ("a", "b", "c"):
        for amount in (1, 2):
            await add(database, account, amount)
            await add(database, account, amount * 10, TWO)
    right = await sums(database)
    await spoil(database)
    assert await sums(database) != right

    done: list[int] = []
    assert await rebuild(database, engine(), ["total"], done.append) == {"total": 6}
    assert await sums(database) == right
    assert done[-1] == 6
    async with database.transaction([ONE]) as connection:
        assert await connection.fetchval("SELECT count(*) FROM total") == 3, "the policies are as before"
    await add(database, "a", 3)
    assert (await sums(database))[("one", "a")] == 6
    admin = await asyncpg.connect(own_database.admin_url)
    left = await admin.fetch(
        "SELECT relname FROM pg_class WHERE relname LIKE '%\\_\\_next%' OR relname LIKE 'write_next%'"
    )
    forced = await admin.fetchval("SELECT relforcerowsecurity FROM pg_class WHERE relname = 'total'")
    await admin.close()
    assert left == []
    assert forced
    assert await own_outbox(database) == 13, "no message and no work follows from a rebuild"


async def own_outbox(database: Database) -> int:
    async with database.delivery_connection() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM outbox"))


async def test_live_appends_write_both_tables_until_the_switch(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for account in ("a", "b"):
        await add(database, account, 1)
    await spoil(database)
    filled = asyncio.Event()
    go_on = asyncio.Event()

    async def slow(connection: Connection, rows: list[object]) -> None:
        await write_rows(connection, rows)  # type: ignore[arg-type]
        filled.set()

    async def switch(database: Database, tables: list[str]) -> dict[str, int]:
        await go_on.wait()
        return await finish(database, tables)

    finish = rebuilding._switch
    monkeypatch.setattr(rebuilding, "write_rows", slow)
    monkeypatch.setattr(rebuilding, "_switch", switch)
    running = asyncio.create_task(rebuild(database, engine(), ["total"]))
    await filled.wait()
    await add(database, "a", 5)
    await add(database, "new", 7)
    before = await sums(database)
    assert before[("one", "a")] == 6
    assert before[("one", "ghost")] == 7, "readers see the old table, with what is appended now"
    go_on.set()
    await running
    assert await sums(database) == {("one", "a"): 6, ("one", "b"): 1, ("one", "new"): 7}


async def test_a_rebuild_beside_many_writers_loses_nothing(database: Database) -> None:
    made = engine()
    accounts = [f"x{number}" for number in range(20)]
    for account in accounts:
        await add(database, account, 1, made=made)

    async def live(account: str) -> None:
        for amount in range(2, 8):
            await add(database, account, amount, made=made)

    await asyncio.gather(rebuild(database, made, ["total"]), *(live(account) for account in accounts))
    assert set((await sums(database)).values()) == {sum(range(1, 8))}


async def test_a_failed_rebuild_leaves_the_old_table_alone(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await add(database, "a", 1)
    before = await sums(database)

    async def fail(*_: object) -> None:
        raise ArithmeticError("a projection is broken")

    monkeypatch.setattr(rebuilding, "write_rows", fail)
    with pytest.raises(ArithmeticError):
        await rebuild(database, engine(), ["total"])
    assert await sums(database) == before
    with pytest.raises(asyncpg.UndefinedTableError):
        await sums(database, "total__next")
    await add(database, "a", 2)
