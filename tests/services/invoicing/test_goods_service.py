"""The mapping list on the service's own database and HTTP, its work done by a real runner, Kontur simulated."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from chassis.clock import Clock, ManualClock
from chassis.domain import Refused
from chassis.engine import Command, Engine
from chassis.outcomes import Ok
from chassis.postgres import Database
from chassis.service.spec import no_probe
from chassis.work.handlers import Permit
from chassis.work.runner import WorkRunner
from chassis.work.settings import WorkSettings
from connectors.kontur.client import Kontur
from connectors.ports.products import ProductDraft
from connectors.registry import KONTUR
from services.invoicing.api import GoodsApi
from services.invoicing.app import SPEC
from services.invoicing.domain import goods
from services.invoicing.domain.values import Deal
from services.invoicing.store import DocumentStore
from services.invoicing.workers import handlers
from tests.connectors.elba.samples import buyer_draft
from tests.connectors.kit_sandbox import sandboxed
from tests.kit.database import Databases
from tests.kit.kafka import eventually
from tests.sandbox.running import Sandbox
from tests.services.invoicing.parts import deal, linked, request, row
from tests.services.invoicing.test_late_calls import Blobs, Hand
from tests.services.streams import NOW, TENANT

pytestmark = pytest.mark.parts

ACCOUNT = "kontur:vektor:main"
SECONDS = 30.0


@dataclass
class Service:
    """The running service, an account that takes its nomenclature only, and its accountant."""

    database: Database
    engine: Engine
    kontur: Kontur
    permit: Permit
    sandbox: Sandbox
    account: str
    buyer: str
    api: httpx.AsyncClient

    async def ask(self, deal_id: str, *products: str) -> None:
        """A deal of products asks for an invoice, and its buyer is known."""
        rows = tuple(row(product_id=one, name=f"Товар {one}", unit_name="шт") for one in products)
        what: Deal = deal(rows=rows, deal_id=deal_id)
        asked = request(f"r{deal_id}", what=what, goods="list", account=ACCOUNT, vendor="kontur", number_template="")
        for body in (asked, linked(f"r{deal_id}", remote_id=self.buyer)):
            command = Command(TENANT, f"deal-{deal_id}", body, f"{type(body).__name__}:{deal_id}")
            async with self.database.transaction([TENANT]) as connection:
                (executed,) = await self.engine.execute(connection, [command], NOW)
            assert not isinstance(executed.refused, Refused), executed.refused

    async def item(self, name: str) -> str:
        """The accountant makes an item."""
        draft = ProductDraft("", name, "", "796", "шт", None, "none", is_service=False)
        made = await self.kontur.create_product(self.permit, draft, key=name)
        assert isinstance(made, Ok), made
        return made.value.product_id

    async def listed(self, state: str = "") -> list[dict[str, Any]]:
        answer = await self.api.get("/internal/goods", params={"tenant": TENANT, "state": state})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["goods"]
        return found

    async def map(self, product: str, item: str, **more: str) -> httpx.Response:
        body = {"tenant": TENANT, "product_id": product, "item_id": item, "by": "Анна", **more}
        return await self.api.post("/internal/goods/map", json=body)

    async def invoices(self) -> list[dict[str, Any]]:
        return list((await self.sandbox.state("kontur", self.account))["invoices"].values())

    async def comes_to(self, what: str, **wanted: Any) -> None:
        async def reached() -> bool:
            rows = await self.listed()
            return any(all(one[name] == value for name, value in wanted.items()) for one in rows)

        await eventually(reached, SECONDS, what)


@pytest.fixture
async def service(databases: Databases, tmp_path: Path) -> AsyncIterator[Service]:
    own = await databases("invoicing", *SPEC.migration_folders()[1:])
    database, engine, clock = await own.open(), Engine(SPEC.name, SPEC.stream_kinds()), ManualClock(NOW)
    async with sandboxed(tmp_path) as (sandbox, http):
        opened = await sandbox.control(
            "/kontur/accounts", {"title": "ООО", "inn": "500123456750", "dials": {"pdf_render_seconds": 0}}
        )
        options = {"auth_mode": "api_key", "unknown_goods": "list"}
        permit = Permit(ACCOUNT, opened["api_url"], opened["api_key"], 9, NOW + timedelta(days=9), options)
        kontur = Kontur(http, Clock())
        buyer = await kontur.create_counterparty(permit, buyer_draft(), key="buyer")
        assert isinstance(buyer, Ok)
        store = DocumentStore(database, engine)
        blobs: Any = Blobs()
        papers: Any = None  # this vendor gives its own
        effects, tasks = handlers(lambda account: KONTUR, kontur, blobs, papers, store, store, Hand(permit), clock)
        runner = WorkRunner(
            database,
            engine,
            clock,
            Hand(permit),
            effects=effects,
            tasks=tasks,
            probe_account=no_probe,
            settings=WorkSettings(poll_seconds=0.02, housekeeping_seconds=0.02, gauges_seconds=3600),
        )
        app = Starlette(routes=GoodsApi(database, engine, store, clock).routes())
        api = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://invoicing")
        await runner.start()
        try:
            yield Service(
                database, engine, kontur, permit, sandbox, opened["account"], buyer.value.counterparty_id, api
            )
        finally:
            await runner.abort()
            await api.aclose()
            await database.close()


async def test_a_product_is_mapped_once_and_the_next_deal_needs_nobody(service: Service) -> None:
    await service.ask("15", "550")
    await service.comes_to("the product is on the list", product_id="550", state="open", waiting=1, seller="main")
    assert await service.invoices() == []
    item = await service.item("Стол переговорный")
    assert (await service.map("550", item)).json() == {"changed": True}

    async def made(count: int) -> bool:
        return len(await service.invoices()) == count

    await eventually(lambda: made(1), SECONDS, "the invoice goes on by itself")
    await service.ask("16", "550")
    await eventually(lambda: made(2), SECONDS, "the second goes without a person")
    assert {one["product_id"] for invoice in await service.invoices() for one in invoice["items"]} == {item}
    (listed,) = await service.listed()
    assert (listed["state"], listed["item_id"], listed["mapped_by"], listed["waiting"]) == ("mapped", item, "Анна", 0)
    assert await service.listed("open,created") == []


async def test_a_mapping_that_cannot_be_is_refused_in_words(service: Service) -> None:
    await service.ask("15", "550")
    await service.comes_to("the product is on the list", product_id="550", waiting=1)
    assert (await service.map("551", "x")).status_code == 404
    assert (await service.map("550", "x", seller="other")).status_code == 404
    assert (await service.map("550", "x" * 101)).status_code == 400
    assert (await service.api.get("/internal/goods")).status_code == 400
    other = goods.Product(account="kontur:vektor:second", product_id="550", name="Стол")
    want = Command(TENANT, goods.stream_of(other.account, "550"), goods.WantGoods(other, "17", "d9"), "want")
    async with service.database.transaction([TENANT]) as connection:
        await service.engine.execute(connection, [want], NOW)
    unclear = await service.map("550", "x")
    assert (unclear.status_code, unclear.json()["error"]) == (409, "goods_of_several_sellers")
    assert (await service.map("550", "x", seller="second")).json() == {"changed": True}
