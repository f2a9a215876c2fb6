"""A tenant in mode app, its file, and what people do in its portal."""

from typing import Any

from chassis.domain import Problem
from chassis.work.handlers import TOKEN_REFUSED, Permit, PermitClass
from chassis.work.permits import TOKEN_MARK, PermitAnswer, PermitClient, token_mark
from tests.sandbox.running import Sandbox
from tests.services.ingest.running import Ingest, document, until

CRM = "bitrix24:vektor"


class Office:
    """Ingest with a tenant in mode app, and what people do in its portal."""

    def __init__(self, ingest: Ingest, sandbox: Sandbox, portal: dict[str, Any], client: PermitClient) -> None:
        self.ingest, self.sandbox, self.portal, self.client = ingest, sandbox, portal, client

    async def act(self, path: str, body: Any = None, method: str = "POST") -> Any:
        return await self.sandbox.control(f"/bitrix24/portals/vektor{path}", body, method)

    async def install(self) -> None:
        await self.act("/apps/install", {"install_url": self.ingest.hook, "handler_url": self.ingest.hook})
        await self.connected()

    async def connected(self) -> None:
        async def probe() -> bool:
            return bool((await self.row())["state"] == "connected")

        await until(probe, "the portal is connected")

    async def row(self) -> dict[str, Any]:
        (row,) = await self.ingest.rows("SELECT * FROM connections WHERE account = $1", CRM)
        return row

    async def asked(self) -> PermitAnswer:
        return await self.client.acquire(CRM, 1, PermitClass.INTERACTIVE)

    async def permit(self) -> Permit:
        answer = await self.asked()
        assert isinstance(answer, Permit), answer
        return answer

    async def spent(self, permit: Permit) -> None:
        problem = Problem(TOKEN_REFUSED, {TOKEN_MARK: token_mark(permit.access_token)})
        await self.client.report(CRM, problem, None)

    async def calls(self, operation: str) -> list[dict[str, Any]]:
        lines = await self.sandbox.lines(vendor="bitrix24", kind="request")
        return [line for line in lines if line["operation"] == operation]

    async def events(self) -> list[str]:
        rows = await self.ingest.rows("SELECT type FROM events WHERE stream = 'portal-config' ORDER BY version")
        return [row["type"] for row in rows]

    async def deal(self) -> str:
        company = await self.act("/companies", {"title": "ООО «Лотос»", "inn": "7709123453", "kpp": "770901001"})
        rows = [{"name": "Стеллаж", "price": "12500.00", "quantity": 2}]
        made = await self.act("/deals", {"title": "Поставка", "company": company["company"]["id"], "rows": rows})
        return str(made["deal"]["id"])

    async def invoice_asked(self, deal: str) -> None:
        await self.act(f"/deals/{deal}/move", {"stage": "PREPAYMENT_INVOICE"})

        async def probe() -> bool:
            found = await self.ingest.messages()
            return any(one["type"] == "InvoiceRequested" and one["deal"]["deal_id"] == deal for one in found)

        await until(probe, "an invoice was asked for")

    async def permits_given(self) -> Permit:
        async def probe() -> Permit | None:
            answer = await self.asked()
            return answer if isinstance(answer, Permit) else None

        found: Permit = await until(probe, "a permit is given again")
        return found


def app_file(sandbox: Sandbox, portal: dict[str, Any], account: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The tenant's file in mode app."""
    file = document(sandbox, portal, account)
    part = file["bitrix24"]
    del part["webhook_url"], part["application_token"]
    keys = {"mode": "app", **{name: portal[name] for name in ("client_id", "client_secret", "oauth_url")}}
    file["bitrix24"] = {**part, **keys, **changes}
    return file
