"""People at a portal that ingest reads, and what it said of their deals."""

from typing import Any

import pytest

from tests.sandbox.running import Sandbox
from tests.services.ingest.running import Ingest, document, until

PORTAL = "/bitrix24/portals/vektor"


class Portal:
    """What people do in the portal."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def send_webhooks_to(self, url: str) -> None:
        await self._sandbox.control(f"{PORTAL}/subscriptions/1", {"url": url}, method="PATCH")

    async def company(self, **fields: Any) -> int:
        whole = {"title": "ООО «Лотос»", "inn": "7709123453", "kpp": "770901001", **fields}
        return int((await self.act("/companies", whole))["company"]["id"])

    async def deal(self, **fields: Any) -> str:
        rows = [{"name": "Стеллаж", "price": "12500.00", "quantity": 2}]
        return str((await self.act("/deals", {"title": "Поставка", "rows": rows, **fields}))["deal"]["id"])

    async def move(self, deal: str, stage: str = "PREPAYMENT_INVOICE") -> None:
        await self._sandbox.control(f"{PORTAL}/deals/{deal}/move", {"stage": stage})

    async def act(self, path: str, body: Any = None, method: str = "POST") -> Any:
        return await self._sandbox.control(f"{PORTAL}{path}", body, method=method)


@pytest.fixture
async def people(sandbox: Sandbox, ingest: Ingest) -> Portal:
    """A portal whose webhooks arrive."""
    found = Portal(sandbox)
    await found.send_webhooks_to(ingest.hook)
    return found


@pytest.fixture
async def deaf(sandbox: Sandbox, bare: Ingest, portal: dict[str, Any], account: dict[str, Any]) -> Portal:
    """A portal whose webhooks go nowhere; it is swept every minute."""
    file = document(sandbox, portal, account)
    file["bitrix24"]["sweep_seconds"] = 60
    await bare.apply(file)
    await until(lambda: swept(bare), "the first sweep is over")
    return Portal(sandbox)


async def swept(ingest: Ingest) -> bool:
    rows = await ingest.rows("SELECT request FROM work WHERE kind = 'sweep' AND queue = 'waiting'")
    return bool(rows) and "newest" in rows[0]["request"]


async def said(ingest: Ingest, *types: str) -> list[dict[str, Any]]:
    """Messages about deals of the types, in order."""
    return [message for message in await ingest.messages() if message["type"] in types]


async def requested(ingest: Ingest, count: int = 1) -> list[dict[str, Any]]:
    async def enough() -> list[dict[str, Any]]:
        found = await said(ingest, "InvoiceRequested", "ActRequested")
        return found if len(found) >= count else []

    found: list[dict[str, Any]] = await until(enough, f"{count} requests")
    assert len(found) == count
    return found


async def quiet(ingest: Ingest) -> None:
    """No work that a fact caused is open."""

    async def closed() -> bool:
        return not await ingest.rows("SELECT 1 FROM work WHERE kind LIKE 'read-%' AND queue <> 'closed'")

    await until(closed, "all reads are done")
