"""A deal's act on the service's own database, its work done by a real runner, Diadoc simulated over HTTP."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from chassis.blobs import Blobs
from chassis.clock import ManualClock
from chassis.domain import Problem, Refused
from chassis.engine import Command, Engine
from chassis.objects import ObjectFolder
from chassis.postgres import Database
from chassis.service.spec import no_probe
from chassis.tenants import STREAM as TENANT_STREAM
from chassis.tenants import SeeTenant, tenant_rules
from chassis.work.handlers import Permit, PermitClass
from chassis.work.runner import WorkRunner
from chassis.work.settings import WorkSettings
from connectors.diadoc.client import Diadoc
from services.invoicing.app import SPEC
from services.invoicing.domain import edi
from services.invoicing.domain import edi_commands as ec
from services.invoicing.store import DocumentStore
from services.invoicing.workers import edi_handlers
from tests.connectors.diadoc.desk import Desk
from tests.connectors.kit_sandbox import sandboxed
from tests.kit.database import Databases
from tests.kit.kafka import eventually
from tests.services.invoicing.edi_parts import ACCOUNT, order
from tests.services.streams import NOW, TENANT

pytestmark = pytest.mark.parts

DEADLINE_SECONDS = 60.0
PARTNER = {"inn": "7736207543", "kpp": "773601001", "name": "ООО «Ромашка»"}


@dataclass
class Hand:
    """Gives permits of the box as long as they are asked for."""

    desk: Desk
    clock: ManualClock

    async def acquire(
        self, account: str, count: int, permit_class: PermitClass, *, least: int = 1, unused: int = 0
    ) -> Permit:
        ends = self.clock.now() + timedelta(days=365)
        return replace(self.desk.permit, account=account, count=count, expires_at=ends)

    async def report(self, account: str, problem: Problem, until: datetime | None) -> None:
        """Nobody counts."""


@dataclass
class Service:
    """The running service with a box."""

    database: Database
    engine: Engine
    clock: ManualClock
    desk: Desk

    async def do(self, stream: str, body: Any, command_id: str) -> None:
        command = Command(TENANT, stream, body, command_id)
        async with self.database.transaction([TENANT]) as connection:
            (executed,) = await self.engine.execute(connection, [command], self.clock.now())
        assert not isinstance(executed.refused, Refused), executed.refused

    async def configure(self) -> None:
        """The tenant with one seller and its box; the feed is taken where it is."""
        seller = {"seller_id": "main", "inn": "7709123453", "edi": {"account": ACCOUNT, "poll_seconds": 60.0}}
        await self.do(TENANT_STREAM, SeeTenant("active", 1, {"sellers": [seller]}), "tenant:1")
        await eventually(lambda: self.cursor(), DEADLINE_SECONDS, "the feed's place is known")

    async def cursor(self) -> bool:
        async with self.database.delivery_connection() as connection:
            found = await connection.fetchval("SELECT request ? 'cursor' FROM work WHERE kind = 'edi-poll'")
        return bool(found)

    async def row(self) -> dict[str, Any]:
        async with self.database.transaction([TENANT]) as connection:
            row = await connection.fetchrow("SELECT * FROM edi_documents WHERE tenant_id = $1", TENANT)
        return {} if row is None else dict(row)

    async def comes_to(self, **wanted: str) -> None:
        """Waits for the document's row; time goes on meanwhile, so that polls and repeats come due."""

        async def reached() -> bool:
            self.clock.advance(5)
            row = await self.row()
            return all(row.get(name) == value for name, value in wanted.items())

        await eventually(reached, DEADLINE_SECONDS, f"the document comes to {wanted}")

    async def messages(self, kind: str) -> list[dict[str, Any]]:
        async with self.database.delivery_connection() as connection:
            rows = await connection.fetch("SELECT headers, body FROM outbox ORDER BY seq")
        found = [(dict(orjson.loads(row["headers"]))["ce_type"], orjson.loads(row["body"])) for row in rows]
        return [body for name, body in found if name == kind]


@pytest.fixture
async def service(databases: Databases, tmp_path: Path) -> AsyncIterator[Service]:
    own = await databases("invoicing", *SPEC.migration_folders()[1:])
    database, engine, clock = await own.open(), Engine(SPEC.name, SPEC.stream_kinds()), ManualClock(NOW)
    async with sandboxed(tmp_path) as (sandbox, http):
        seller = {"title": "ООО «Вектор»", "inn": "7709123453", "kpp": "770901001"}
        desk = Desk(sandbox, http, await sandbox.control("/diadoc/accounts", seller))
        await desk.enter()
        effects, tasks = edi_handlers(
            Diadoc(http, clock), Blobs(ObjectFolder(tmp_path / "blobs")), DocumentStore(database, engine), clock
        )
        runner = WorkRunner(
            database,
            engine,
            clock,
            Hand(desk, clock),
            effects=effects,
            tasks=tasks,
            probe_account=no_probe,
            settings=WorkSettings(poll_seconds=0.02, housekeeping_seconds=0.02, gauges_seconds=3600),
            tenant_rules=tenant_rules,
        )
        await runner.start()
        try:
            yield Service(database, engine, clock, desk)
        finally:
            await runner.abort()
            await database.close()


async def begin(service: Service) -> None:
    await service.do(edi.stream_of("15"), ec.BeginEdi(order()), "begin")


async def test_an_act_is_prepared_signed_by_people_and_comes_back_by_the_feed(service: Service) -> None:
    await service.desk.act("/partners", PARTNER)
    await service.configure()
    await begin(service)
    await service.comes_to(phase="following", status="awaiting_own_signature")
    assert await service.desk.documents() == 1
    await service.desk.act("/documents/88/sign", {"by": "us"})
    await service.comes_to(status="awaiting_counterparty")
    await service.desk.act("/documents/88/sign", {"by": "partner"})
    await service.comes_to(status="signed")

    async def filed() -> list[dict[str, Any]]:
        service.clock.advance(5)
        return await service.messages("DocumentSigned")

    (signed,) = await eventually(filed, DEADLINE_SECONDS, "the signed files are told")
    assert signed["archive_name"] == "УПД подписан 88.zip"
    statuses = [one["status"] for one in await service.messages("EdiStatusChanged")]
    assert statuses == ["awaiting_own_signature", "awaiting_counterparty", "signed"]


async def test_a_lost_post_is_looked_up_and_there_is_one_document(service: Service) -> None:
    await service.desk.act("/partners", PARTNER)
    await service.configure()
    await service.desk.fault("post", "error_after")
    await begin(service)
    await service.comes_to(phase="following")
    assert await service.desk.documents() == 1


async def test_a_partner_without_a_box_becomes_a_card_that_a_person_takes(service: Service) -> None:
    await service.configure()
    await begin(service)
    await service.comes_to(phase="blocked")
    (card,) = await service.messages("DecisionNeeded")
    assert (card["kind"], card["deal_id"]) == ("edi_no_box", "15")
