"""Cards of an invented account, as the contract of this project writes them."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

from chassis.work.handlers import Permit
from connectors.ports.accounting import ActDraft, CounterpartyDraft, InvoiceDraft
from tests.connectors.accounting.samples import lines, row
from tests.connectors.kit import NOW

__all__ = ["lines", "row"]

ENDPOINT = "https://api.kontur.ru/budget/v1"
ORGANIZATION = "9a1f6e0a-52b4-4e0a-9c58-0d6d2c1f7a10"
MARKER = "[b24:1042:invoice:1:7c1f09aa]"
ACT_MARKER = "[b24:1042:act:1:7c1f09aa]"
BUYER_ID = "7b2c6a1e-58d6-4f4e-9b76-2f4f0c0f7d01"
INVOICE_ID = "0d7d6a52-9d0c-4f6e-8b60-3b1f8a3b9f55"
OTHER_ID = "1e8e7b63-0e1d-4a7f-9c71-4c2f9b4c0a66"

OPTIONS = {"vendor": "kontur", "profile": "standard", "auth_mode": "oauth", "organization_id": ORGANIZATION}
PERMIT = Permit("kontur-1", ENDPOINT, "eyJtoken", 10, NOW, OPTIONS)
KEYED = Permit("kontur-1", ENDPOINT, "the-key", 10, NOW, {"auth_mode": "api_key"})

BUYER: dict[str, Any] = {
    "id": BUYER_ID, "version": 3, "type": "legal", "name": "ООО \"Вектор\"",
    "fullName": "Общество с ограниченной ответственностью \"Вектор\"", "inn": "7709123453", "kpp": "770901001",
    "ogrn": "1237700012340", "okpo": None, "legalAddress": "105062, г. Москва, ул. Примерная, д. 7",
    "actualAddress": None, "director": {"name": "Лапина Ирина Олеговна", "post": "Генеральный директор"},
    "bankAccounts": [{"accountNumber": "40702810600000012345", "bik": "044525999", "isDefault": True}],
    "contacts": [{"name": "Бухгалтерия", "phone": "+74950000001", "email": "buh@vector.example"}],
    "roles": ["customer"], "archived": False, "source": {"system": "egrul", "syncedAt": "2026-03-01T03:00:00.000Z"},
    "externalId": "b24:portal-42:company:1017", "createdAt": "2026-03-01T03:00:00.000Z",
    "updatedAt": "2026-03-01T03:00:00.000Z",
}  # fmt: skip

INVOICE: dict[str, Any] = {
    "id": INVOICE_ID, "number": "118", "version": 1, "date": "2026-03-10", "dueDate": "2026-03-13",
    "counterpartyId": BUYER_ID, "bankAccountId": None, "comment": "Сделка №1042", "pricesIncludeVat": True,
    "externalId": MARKER, "status": "issued",
    "items": [{"productId": None, "name": "Настройка CRM, час", "unit": {"okei": "356", "name": "ч"}, "quantity": 17,
               "price": 5000, "vatRate": "withoutVat", "vatSum": 0, "sum": 85000, "discountPercent": None}],
    "sum": 85000, "vatSum": 0, "paidSum": 0, "remainder": 85000, "payments": [],
    "viewUrl": "https://kontur.example/invoices/118", "createdAt": "2026-03-10T08:15:00.000Z",
    "updatedAt": "2026-03-12T10:01:44.120Z",
}  # fmt: skip

OPERATION: dict[str, Any] = {
    "id": "c0a8", "version": 2, "direction": "incoming", "date": "2026-03-12", "orderNumber": "451",
    "amount": 150000.00, "ownAccount": "40702810200000000001",
    "payer": {"name": "ООО \"Вектор\"", "inn": "7709123453", "kpp": "770901001",
              "accountNumber": "40702810600000012345", "bik": "044525999"},
    "purpose": "Оплата по счету 118 от 10.03.2026, в т.ч. НДС",
    "allocations": [{"invoiceId": INVOICE_ID, "amount": 58407.50}, {"invoiceId": OTHER_ID, "amount": 91592.50}],
    "unallocated": 0.00, "status": "posted", "updatedAt": "2026-03-12T10:01:44.000Z",
}  # fmt: skip

ACT: dict[str, Any] = {
    "id": "a1", "number": "9", "version": 1, "date": "2026-03-20", "counterpartyId": BUYER_ID,
    "invoiceId": INVOICE_ID, "items": [], "sum": 85000, "comment": "Акт", "externalId": ACT_MARKER,
    "status": "posted", "signatureStatus": "notSent", "updatedAt": "2026-03-20T10:00:00.000Z",
}  # fmt: skip

PRODUCT: dict[str, Any] = {
    "id": "p1", "version": 1, "type": "goods", "name": "Кабель UTP 5e, м", "article": "CAB-05",
    "unit": {"okei": "006", "name": "м"}, "price": 31.50, "priceIncludesVat": True, "vatRate": "vat22",
    "externalId": "550", "archived": False, "updatedAt": "2026-03-20T10:00:00.000Z",
}  # fmt: skip


def exact(card: dict[str, Any]) -> dict[str, Any]:
    """A card as it is read off the wire, with exact numbers; decimals of a test go as they are."""
    found: dict[str, Any] = json.loads(json.dumps(card, default=float), parse_float=Decimal)
    return found


def page(*rows: Any, following: str | None = None) -> dict[str, Any]:
    """A list's answer."""
    return {"items": list(rows), "nextCursor": following}


def invoice_draft(buyer: str = BUYER_ID, marker: str = MARKER) -> InvoiceDraft:
    return InvoiceDraft(date(2026, 3, 10), date(2026, 3, 13), buyer, lines(), "Сделка №1042", marker)


def act_draft(buyer: str = BUYER_ID, invoice: str | None = INVOICE_ID) -> ActDraft:
    return ActDraft(date(2026, 3, 20), buyer, lines(), "Акт", ACT_MARKER, invoice)


def buyer_draft() -> CounterpartyDraft:
    return CounterpartyDraft(
        "company", "Общество с ограниченной ответственностью \"Вектор\"", "ООО \"Вектор\"", inn="7709123453",
        kpp="770901001", ogrn="1237700012340", address="105062, г. Москва, ул. Примерная, д. 7",
        email="buh@vector.example", phone="+74950000001",
    )  # fmt: skip
