"""A toy service on a real database, with a clock that the test moves."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from chassis.clock import ManualClock
from chassis.engine import Command, Engine
from chassis.ids import TenantId
from chassis.outcomes import Ok, Outcome
from chassis.postgres import Database
from chassis.work.claims import Claimed, ClaimRequest, claim
from chassis.work.committer import AWAY
from chassis.work.handlers import EffectHandler, Permit, TaskHandler
from chassis.work.plans import effect_id
from chassis.work.rows import Row
from chassis.work.runner import WorkRunner
from chassis.work.settings import WorkSettings
from tests.chassis.work.toy import START, Chain, OpenHand, Vendor, toy_engine
from tests.kit.database import OwnDatabase

QUICK = WorkSettings(poll_seconds=0.02, housekeeping_seconds=0.02, gauges_seconds=3600)


@dataclass
class AccountCheck:
    """The cheap probe of an account, as the test wants it to end."""

    outcome: Outcome[Any] = field(default_factory=lambda: Ok(None))
    asked: list[str] = field(default_factory=list)

    async def __call__(self, tenant: TenantId, account: str, permit: Permit) -> Outcome[Any]:
        self.asked.append(account)
        return self.outcome


@dataclass
class World:
    """What a test of the runner works with."""

    database: Database
    admin_url: str
    engine: Engine
    clock: ManualClock
    permits: OpenHand
    check: AccountCheck
    runners: list[WorkRunner] = field(default_factory=list)

    async def start(
        self,
        *effects: EffectHandler,
        tasks: Sequence[TaskHandler] = (),
        settings: WorkSettings = QUICK,
        **more: Any,
    ) -> WorkRunner:
        """A running runner; all are dropped at the test's end."""
        runner = self.runner(*effects, tasks=tasks, settings=settings, **more)
        await runner.start()
        return runner

    def runner(
        self,
        *effects: EffectHandler,
        tasks: Sequence[TaskHandler] = (),
        settings: WorkSettings = QUICK,
        **more: Any,
    ) -> WorkRunner:
        """A runner of this service."""
        runner = WorkRunner(
            self.database,
            self.engine,
            self.clock,
            self.permits,
            effects=effects,
            tasks=tasks,
            probe_account=self.check,
            settings=settings,
            **more,
        )
        self.runners.append(runner)
        return runner

    async def execute(self, *commands: Command) -> None:
        """Runs commands in one transaction."""
        async with self.database.transaction({c.tenant for c in commands}) as connection:
            await self.engine.execute(connection, commands, self.clock.now())

    async def state(self, tenant: str, stream: str) -> Chain:
        """The state of a chain."""
        async with self.database.transaction([TenantId(tenant)]) as connection:
            found: Chain = (await self.engine.state(connection, TenantId(tenant), stream))[1]
        return found

    async def rows(self, where: str = "true", *values: Any) -> list[asyncpg.Record]:
        """Rows of the work table, in the order of their planning."""
        async with self.database.delivery_connection() as connection:
            return await connection.fetch(f"SELECT * FROM work WHERE {where} ORDER BY seq", *values)  # noqa: S608

    async def row(self, tenant: str, chain: str, step: int = 1, copy: int = 0) -> asyncpg.Record:
        """One effect's row."""
        key = (f"chain-{chain}", str(step), str(copy))
        (found,) = await self.rows("work_id = $1", effect_id(TenantId(tenant), "call", key))
        return found

    async def messages(self, kind: str) -> list[dict[str, Any]]:
        """The bodies of the outbox rows of one type, in order."""
        async with self.database.delivery_connection() as connection:
            rows = await connection.fetch("SELECT headers, body FROM outbox ORDER BY seq")
        return [orjson.loads(r["body"]) for r in rows if dict(orjson.loads(r["headers"]))["ce_type"] == kind]

    async def claim(self, vendor: Vendor, **fields: Any) -> list[Row]:
        """Claims as a process would; the rows alone."""
        return (await self.claimed(vendor, **fields)).rows

    async def claimed(self, vendor: Vendor, **fields: Any) -> Claimed:
        """Claims as a process would."""
        asked: dict[str, Any] = {
            "owner": "me",
            "limit": 50,
            "kinds": {vendor.kind: vendor.batch_max},
            "lease_seconds": 60.0,
            "in_flight_per_tenant_max": 50,
            **fields,
        }
        return await claim(self.database, ClaimRequest(**asked), self.clock.now)

    async def end_leases(self) -> None:
        """As if every holder had been silent for as long as its lease."""
        async with self.database.delivery_connection() as connection:
            await connection.execute(
                "UPDATE work SET lease_until = clock_timestamp() - interval '1 ms' WHERE queue = 'taken'"
            )

    async def settled(self, tenant: str, chain: str, *states: str, step: int = 1) -> asyncpg.Record:
        """Waits until an effect is in one of the states and in nobody's hands."""

        async def there() -> asyncpg.Record | None:
            found = await self.rows("key = $1", f"chain-{chain}/{step}/0")
            ours = [row for row in found if row["tenant_id"] == tenant]
            return next((row for row in ours if row["state"] in states and row["queue"] != "taken"), None)

        row: asyncpg.Record = await eventually(there)
        return row


async def eventually(check: Callable[[], Awaitable[Any]], seconds: float = 10.0) -> Any:
    """Asks until the answer is true, at most for real seconds."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = await check()
        except AWAY:
            found = None
        if found:
            return found
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.005)


@pytest.fixture
async def world(own_database: OwnDatabase, database: Database) -> AsyncIterator[World]:
    """A toy service on an empty database."""
    clock = ManualClock(START)
    made = World(database, own_database.admin_url, toy_engine(), clock, OpenHand(clock.now), AccountCheck())
    yield made
    for runner in made.runners:
        await runner.abort()


def ids(rows: Sequence[Row]) -> list[UUID]:
    """The ids of rows."""
    return [row.work_id for row in rows]
