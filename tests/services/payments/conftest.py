"""A payments service on a database of its own, its work done by a real runner; no Kafka and no accounting."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from chassis.blobs import BlobRef, Blobs
from chassis.clock import ManualClock
from chassis.domain import Refused
from chassis.engine import Command, Engine
from chassis.objects import ObjectFolder
from chassis.postgres import Database
from chassis.service.spec import no_probe
from chassis.tenants import STREAM as TENANT_STREAM
from chassis.tenants import SeeTenant, TenantDirectory, tenant_rules
from chassis.work.handlers import TaskHandler
from chassis.work.runner import WorkRunner
from chassis.work.settings import WorkSettings
from services.payments.app import SPEC
from services.payments.domain import commands as c
from services.payments.domain import statement
from services.payments.store import PaymentStore
from services.payments.store.bank import BankStore
from services.payments.workers import matching
from services.payments.workers.statements import LoadStatement
from services.payments.workers.waiting import MatchWaiting
from tests.chassis.work.toy import OpenHand
from tests.kit.database import Databases
from tests.kit.statements import OUR_INN, THEIR_INN
from tests.services.streams import NOW, TENANT

DEADLINE_SECONDS = 15.0
ACCOUNT = "elba:vektor:main"


@dataclass
class Bank:
    """The running service."""

    database: Database
    engine: Engine
    clock: ManualClock
    blobs: Blobs
    store: BankStore

    async def do(self, stream: str, body: Any, command_id: str) -> Any:
        """One command, which must not be refused."""
        command = Command(TENANT, stream, body, command_id)
        async with self.database.transaction([TENANT]) as connection:
            (executed,) = await self.engine.execute(connection, [command], self.clock.now())
        assert not isinstance(executed.refused, Refused), executed.refused
        return executed

    async def configure(self, payments_from: str | None = "statement", version: int = 1, inn: str = OUR_INN) -> None:
        """The tenant with one seller."""
        seller = {"seller_id": "main", "inn": inn, "connection": {"account": ACCOUNT}}
        settings = {"timezone": "Europe/Moscow", "sellers": [{**seller, "payments_from": payments_from}]}
        await self.do(TENANT_STREAM, SeeTenant("active", version, settings), f"tenant:{version}")

    async def issue(self, number: str, total_kopecks: int, **fields: Any) -> str:
        """An invoice to them; returns its id."""
        invoice_id = f"00000000-0000-4000-8000-{abs(hash(number)) % 10**12:012d}"
        given: dict[str, Any] = {
            "invoice_id": invoice_id,
            "deal_id": "15",
            "number": number,
            "remote_id": f"remote-{number}",
            "account": ACCOUNT,
            "total_kopecks": total_kopecks,
            "due_date": NOW.date() + timedelta(days=30),
            "issued_on": NOW.date(),
            "buyer_inn": THEIR_INN,
            "vat_kopecks": 0,
        }
        await self.do("deal-15", c.KnowInvoice(**(given | fields)), f"know:{number}")
        return invoice_id

    async def hand_in(self, blob: BlobRef, name: str) -> None:
        """A statement file."""
        seen = statement.SeeStatement(name, str(blob), f"{name}.txt", blob.size, self.clock.now())
        await self.do(f"{statement.PREFIX}-{name}", seen, f"see:{name}")

    async def send(self, data: bytes, name: str) -> dict[str, Any]:
        """A statement file, read to its end: its row of the list."""
        return await self.told(await self.blobs.put(TENANT, data), name)

    async def told(self, blob: BlobRef, name: str) -> dict[str, Any]:
        """What reading a statement file comes to: its row of the list."""
        await self.hand_in(blob, name)

        async def read() -> dict[str, Any] | None:
            found = [one for one in await self.store.statements(TENANT, 100) if one["statement_id"] == name]
            return found[0] if found and found[0]["status"] != "waiting" else None

        found = await until(read, f"{name} is read")
        await until(self.quiet, "nothing is to be done")
        assert isinstance(found, dict)
        return found

    async def quiet(self) -> bool:
        """Whether no work is due."""
        async with self.database.delivery_connection() as connection:
            open_work = await connection.fetchval(
                "SELECT count(*) FROM work WHERE kind NOT IN ('poll-payments', 'look-at-standing') AND "
                "(queue IN ('ready', 'taken') OR (queue = 'waiting' AND due_at <= $1))",
                self.clock.now(),
            )
        return not open_work

    async def invoice(self, number: str) -> dict[str, Any]:
        """An invoice's row."""
        async with self.database.transaction([TENANT]) as connection:
            row = await connection.fetchrow(
                "SELECT * FROM invoices WHERE tenant_id = $1 AND number = $2", TENANT, number
            )
        assert row is not None
        return dict(row)

    async def messages(self, kind: str) -> list[dict[str, Any]]:
        """Public messages of a kind."""
        async with self.database.delivery_connection() as connection:
            rows = await connection.fetch("SELECT headers, body FROM outbox ORDER BY seq")
        found = [(dict(orjson.loads(row["headers"]))["ce_type"], orjson.loads(row["body"])) for row in rows]
        return [body for name, body in found if name == kind]


async def until(probe: Callable[[], Awaitable[Any]], what: str) -> Any:
    """The probe's first true answer; fails after the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        if found := await probe():
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(f"not within {DEADLINE_SECONDS} s: {what}")


@pytest.fixture
async def bank(databases: Databases, tmp_path: Path) -> AsyncIterator[Bank]:
    """The service, without tenants."""
    own = await databases("payments", *SPEC.migration_folders()[1:])
    database, engine, clock = await own.open(), Engine(SPEC.name, SPEC.stream_kinds()), ManualClock(NOW)
    store, directory = BankStore(database, engine), TenantDirectory(database)
    blobs = Blobs(ObjectFolder(tmp_path / "blobs"))
    waiting = MatchWaiting(PaymentStore(database), matching.Finder(store, directory, clock), clock)
    tasks: tuple[TaskHandler, ...] = (
        LoadStatement(store, blobs, directory, clock),
        waiting,
        *matching.handlers(store, directory, clock),
    )
    runner = WorkRunner(
        database,
        engine,
        clock,
        OpenHand(clock.now),
        effects=(),
        tasks=tasks,
        probe_account=no_probe,
        settings=WorkSettings(poll_seconds=0.02, housekeeping_seconds=0.02, gauges_seconds=3600),
        tenant_rules=tenant_rules,
    )
    await runner.start()
    try:
        yield Bank(database, engine, clock, blobs, store)
    finally:
        await runner.abort()
        await database.close()
