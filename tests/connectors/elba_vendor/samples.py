"""Cards of an invented account, as the vendor's description shows them."""

from datetime import date
from decimal import Decimal
from typing import Any

from chassis.work.handlers import Permit
from connectors.ports.accounting import ActDraft, CounterpartyDraft, InvoiceDraft
from tests.connectors.accounting.samples import lines, row
from tests.connectors.kit import NOW

__all__ = ["lines", "row"]

ENDPOINT = "https://elba-api.kontur.ru/v1"
ORGANIZATION = "9a1f6e0a-52b4-4e0a-9c58-0d6d2c1f7a10"
BASE = f"{ENDPOINT}/organizations/{ORGANIZATION}"
KEY = "5f0c2a77-1b1e-4d0e-9a0b-7f2f6e5f9c11"
BANK_ACCOUNT = "1d3c0a80-94d3-4d24-a1b6-1e9a0f6a1c22"
MARKER = "[b24:1042:invoice:1:7c1f09aa]"
ACT_MARKER = "[b24:1042:act:1:7c1f09aa]"
BUYER_ID = "5b0e6d1e-7a51-4a9d-8b54-0a4f7f0b5f11"
BILL_ID = "e1b2c6a1-58d6-4f4e-9b76-2f4f0c0f7d01"
LINK = "https://elba.kontur.ru/Documents/4c1d2e3f40516273849500a1b2c3d4e5"

PERMIT = Permit(
    "elba-1", ENDPOINT, KEY, 10, NOW,
    {"vendor": "elba", "profile": "vendor", "organization_id": ORGANIZATION, "bank_account_id": BANK_ACCOUNT},
)  # fmt: skip

CONTRACTOR: dict[str, Any] = {
    "id": BUYER_ID, "name": "Общество с ограниченной ответственностью \"Вектор\"", "shortName": "ООО \"Вектор\"",
    "inn": "7709123453", "kpp": "770901001", "ogrn": "1237700012340", "okpo": None,
    "address": "105062, г. Москва, ул. Примерная, д. 7", "postAddress": None,
    "contacts": [{"name": "Ирина Лапина", "post": "Бухгалтер", "phone": "+7 495 000-00-01",
                  "emails": ["buh@vector.example"], "comment": None}],
}  # fmt: skip
FOUND: dict[str, Any] = {
    name: CONTRACTOR[name] for name in ("id", "name", "shortName", "inn", "kpp", "address")
}  # fmt: skip

BILL: dict[str, Any] = {
    "id": BILL_ID, "number": "118", "date": "2026-03-10", "withNDS": False, "sumsWithNds": False, "withDiscount": False,
    "comment": f"Сделка №1042. Оплатить до 13.03.2026 {MARKER}", "bankAccountId": BANK_ACCOUNT,
    "contractorId": BUYER_ID, "status": "partiallyPaid", "templateId": None, "placeholderItems": [],
    "warehouseItems": [{"id": "w1", "productName": "Настройка CRM, час", "unitName": "ч", "quantity": 17, "price": 5000,
                        "sum": 85000, "ndsRate": "withoutNds", "discount": None}],
}  # fmt: skip

NEWS: dict[str, Any] = {
    "id": 13, "newsType": "billPaymentNews",
    "newsContent": {"billId": BILL_ID, "billStatus": "partiallyPaid", "relatedPaymentsSum": Decimal("40000.0"),
                    "billSum": Decimal("85000.0")},
}  # fmt: skip


def news(number: int, paid: float = 40000.0, bill: str = BILL_ID) -> dict[str, Any]:
    """A row of the news."""
    return NEWS | {"id": number, "newsContent": NEWS["newsContent"] | {
        "billId": bill, "relatedPaymentsSum": paid, "billSum": 85000.0}}  # fmt: skip


def invoice_draft(buyer: str = BUYER_ID, marker: str = MARKER) -> InvoiceDraft:
    return InvoiceDraft(
        date(2026, 3, 10), date(2026, 3, 13), buyer, lines(), "Сделка №1042. Оплатить до 13.03.2026", marker
    )


def act_draft(buyer: str = BUYER_ID) -> ActDraft:
    return ActDraft(date(2026, 3, 20), buyer, lines(), "Акт по сделке №1042", ACT_MARKER, BILL_ID)


def buyer_draft() -> CounterpartyDraft:
    return CounterpartyDraft(
        "company", "Общество с ограниченной ответственностью \"Вектор\"", "ООО \"Вектор\"", inn="7709123453",
        kpp="770901001", ogrn="1237700012340", address="105062, г. Москва, ул. Примерная, д. 7",
        email="buh@vector.example", phone="+7 495 000-00-01",
    )  # fmt: skip
