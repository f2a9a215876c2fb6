"""A commit wakes whoever waits for it, here and in other processes; a lost wake-up costs half a second at most."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg
import pytest

from chassis.ids import tenant_id
from chassis.postgres import Database, wake_after_commit
from chassis.wakeups import OUTBOX, POLL_SECONDS_MAX, WORK, Wakeups
from tests.kit.database import OwnDatabase
from tests.kit.kafka import eventually

ONE = tenant_id("one")
LISTENER = "SELECT pid FROM pg_stat_activity WHERE application_name = 'sverka-wakeups' AND datname = current_database()"


@contextlib.asynccontextmanager
async def running(database: Database) -> AsyncIterator[Wakeups]:
    wakeups = Wakeups(database)
    task = asyncio.create_task(wakeups.run())
    yield wakeups
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def commit(database: Database, channel: str = OUTBOX) -> None:
    async with database.transaction([ONE]):
        wake_after_commit(channel)


async def listening(admin: "asyncpg.Connection[asyncpg.Record]", count: int) -> None:
    async def probe() -> bool:
        rows = await admin.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sverka-wakeups' "
            "AND datname = current_database() AND query LIKE 'LISTEN%' AND state = 'idle'"
        )
        return bool(rows == count)

    await eventually(probe)


async def test_a_commit_wakes_waiters_of_its_channel_in_both_processes(
    database: Database, own_database: OwnDatabase
) -> None:
    other = await own_database.open()
    admin = await asyncpg.connect(own_database.admin_url)
    async with running(database) as here, running(other) as there:
        waiters = [here.waiter(OUTBOX), there.waiter(OUTBOX)]
        deaf = there.waiter(WORK)
        await listening(admin, 2)
        for waiter in (*waiters, deaf):
            await waiter.wait(0)
        await commit(database)
        assert await waiters[0].wait(0.0), "at once in its own process"
        assert await waiters[1].wait(10.0)
        assert not await deaf.wait(0.0)
    await admin.close()
    await other.close()


async def test_a_rollback_wakes_nobody(database: Database) -> None:
    async with running(database) as wakeups:
        waiter = wakeups.waiter(OUTBOX)
        await waiter.wait(POLL_SECONDS_MAX)

        async def fail() -> None:
            async with database.transaction([ONE]):
                wake_after_commit(OUTBOX)
                raise ArithmeticError

        with pytest.raises(ArithmeticError):
            await fail()
        assert not await waiter.wait(0.0)


async def test_many_commits_are_told_in_few_notifications(database: Database, own_database: OwnDatabase) -> None:
    admin = await asyncpg.connect(own_database.admin_url)
    heard: list[str] = []
    async with running(database):
        await listening(admin, 1)
        await admin.add_listener(OUTBOX, lambda *_: heard.append("outbox"))
        await asyncio.gather(*(commit(database) for _ in range(200)))

        async def something() -> bool:
            await admin.fetchval("SELECT 1")
            return bool(heard)

        await eventually(something)
    await admin.close()
    assert len(heard) < 100


async def test_a_lost_connection_is_made_again(database: Database, own_database: OwnDatabase) -> None:
    admin = await asyncpg.connect(own_database.admin_url)
    async with running(database):
        await listening(admin, 1)
        pid = await admin.fetchval(LISTENER)
        assert await admin.fetchval("SELECT pg_terminate_backend($1, 5000)", pid), "it is gone when this answers"
        await listening(admin, 1)
    await admin.close()
