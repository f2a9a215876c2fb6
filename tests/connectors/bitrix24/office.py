"""A portal of the sandbox with a connector to it, for tests over real HTTP."""

from datetime import UTC, date, datetime
from typing import Any

from chassis.clock import Clock
from chassis.outcomes import Ok, Outcome
from chassis.work.handlers import Permit
from connectors.bitrix24.client import Bitrix24
from connectors.ports.crm import (
    AddComment,
    ChatMessage,
    CrmCommand,
    DealSnapshot,
    MoneyValue,
    MoveStage,
    NotifyUser,
    PortalMoved,
    SetFields,
    UploadFile,
)
from tests.connectors.kit_sandbox import Impatient, add_fault
from tests.sandbox.running import Sandbox

PDF = b"%PDF-1.7 " + bytes(range(256)) * 200
MARKER = "[b24:1001:invoice:1:7c1f09aa]"
ROWS = [
    {"name": "Стеллаж СТ-200", "price": "12500.00", "quantity": 2, "vat": 22, "vat_included": True},
    {"name": "Кабель ВВГнг", "price": "148.50", "quantity": "33.5", "vat": 22, "vat_included": False, "measure": "м"},
    {"name": "Монтаж", "price": "3200.00", "quantity": 1, "vat": None, "measure": "ч"},
    {"name": "Вывоз", "price": "100.00", "quantity": 1, "vat": 0},
]
LOTOS = {
    "title": "ООО «Лотос»", "inn": "7709123453", "kpp": "770901001", "address": "ул. Лесная, 1",
    "bank": {"bank": "АО Пример Банк", "bik": "044525999", "account": "40702810600000000001"},
}  # fmt: skip


class Office:
    """A portal of the sandbox, a connector to it, and the manager's hand."""

    def __init__(self, sandbox: Sandbox, http: Impatient, portal: dict[str, Any]) -> None:
        self.sandbox, self.http, self.portal = sandbox, http, portal
        self.moved: list[PortalMoved] = []
        self.crm = Bitrix24(http, Clock(), self.moved.append)
        self.permit = Permit("portal-1", portal["webhook_url"], "", 10, datetime.now(UTC))
        self.slug = "vektor"

    async def act(self, path: str, body: Any = None, method: str = "POST") -> Any:
        return await self.sandbox.control(f"/bitrix24/portals/{self.slug}{path}", body, method)

    async def company(self, **changed: Any) -> Any:
        return await self.act("/companies", LOTOS | changed)

    async def deal(self, **members: Any) -> str:
        made = await self.act("/deals", {"title": "Поставка", "rows": ROWS} | members)
        return str(made["deal"]["id"])

    async def view(self, deal_id: str) -> Any:
        return await self.act(f"/deals/{deal_id}", method="GET")

    async def fault(self, operation: str, kind: str, **params: Any) -> None:
        await add_fault(self.sandbox, self.http, "bitrix24", operation, kind, **params)

    async def read(self, deal_id: str, **options: Any) -> DealSnapshot:
        found = taken(await self.crm.read_deal(self.permit, deal_id, **options))
        assert isinstance(found, DealSnapshot)
        return found


def taken(outcome: Outcome[Any]) -> Any:
    assert isinstance(outcome, Ok), outcome
    return outcome.value


async def open_office(sandbox: Sandbox, http: Impatient, **spec: Any) -> Office:
    wanted = {"slug": "vektor", "title": "ООО «Вектор»", "funnels": [{"name": "Общая"}, {"id": 2, "name": "Опт"}]}
    return Office(sandbox, http, await sandbox.control("/bitrix24/portals", wanted | spec))


def commands(deal_id: str) -> list[CrmCommand]:
    return [
        SetFields("deal", deal_id, {"UF_CRM_INVOICE_NUMBER": "B24-1", "UF_CRM_INVOICE_DATE": date(2026, 3, 10),
                  "UF_CRM_PAID": MoneyValue(12_960_050), "UF_CRM_OVERDUE_DAYS": 12}),
        MoveStage(deal_id, "EXECUTING"),
        UploadFile("deal", deal_id, "UF_CRM_INVOICE_PDF", "счёт B24-1.pdf", PDF),
        AddComment(deal_id, "Счёт [b]B24-1[/b] выставлен & отправлен", MARKER, "счёт.pdf", PDF),
        NotifyUser("7", "Оплата получена", "SVERKA|PAID|1", "sverka"),
        ChatMessage("7", "Сбой связи"),
    ]  # fmt: skip
