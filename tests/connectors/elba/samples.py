"""Cards of an invented account, as the API writes them."""

from datetime import date
from typing import Any

from connectors.ports.accounting import ActDraft, CounterpartyDraft, InvoiceDraft
from tests.connectors.accounting.samples import MARKER, lines

ENDPOINT = "https://api.e-kontur.ru/api/v1"
BUYER_ID = "5b0e6d1e-7a51-4a9d-8b54-0a4f7f0b5f11"
INVOICE_ID = "0d7d6a52-9d0c-4f6e-8b60-3b1f8a3b9f55"

BUYER: dict[str, Any] = {
    "id": BUYER_ID, "fullName": "Общество с ограниченной ответственностью \"Вектор\"", "shortName": "ООО \"Вектор\"",
    "inn": "7709123453", "kpp": "770901001", "ogrn": "1237700012340", "address": "105062, г. Москва",
    "email": "buh@vector.example", "phone": None, "type": "legal", "updatedAt": "2026-03-10T08:15:00Z",
}  # fmt: skip

INVOICE: dict[str, Any] = {
    "id": INVOICE_ID, "number": "B24-1042", "date": "2026-03-10", "paymentDueDate": "2026-03-13",
    "counterpartyId": BUYER_ID, "comment": f"Сделка №1042 {MARKER}",
    "items": [{"name": "Настройка CRM, час", "count": 17, "price": 5000, "unit": "ч", "ndsRate": "NoNds",
               "sum": 85000}],
    "sum": 85000, "ndsSum": 0, "paidSum": 0, "status": "Issued", "createdAt": "2026-03-10T08:15:00Z",
    "updatedAt": "2026-03-12T10:01:44Z", "url": "https://elba.kontur.ru/Documents/9f0e",
}  # fmt: skip

PAYMENT: dict[str, Any] = {
    "id": "77d0", "invoiceId": INVOICE_ID, "ownAccount": "40702810200000000001", "amount": 85000,
    "date": "2026-03-12", "paymentOrderNumber": "451", "payer": {"name": "ООО \"Вектор\"", "inn": "7709123453"},
    "purpose": "Оплата по счету", "updatedAt": "2026-03-12T10:01:44Z", "removed": False,
}  # fmt: skip

ACT: dict[str, Any] = {
    "id": "a1", "number": "9", "date": "2026-03-20", "counterpartyId": BUYER_ID, "invoiceId": INVOICE_ID, "items": [],
    "sum": 85000, "comment": "Акт", "status": "Created",
}  # fmt: skip


def invoice_draft(buyer: str = BUYER_ID, number: str = "B24-1042") -> InvoiceDraft:
    return InvoiceDraft(date(2026, 3, 10), date(2026, 3, 13), buyer, lines(), "Сделка №1042", MARKER, number)


def act_draft(buyer: str = BUYER_ID, invoice: str | None = INVOICE_ID) -> ActDraft:
    return ActDraft(date(2026, 3, 20), buyer, lines(), "Акт по сделке №1042", MARKER, invoice)


def buyer_draft() -> CounterpartyDraft:
    return CounterpartyDraft("company", "ООО «Вектор»", inn="7709123453", kpp="770901001", email="buh@vector.example")
