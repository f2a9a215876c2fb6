"""Records as Elba writes them: member names, roubles as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.accounting.records import Item, Record, invoice_status


def roubles(kopecks: int) -> int | float:
    """Kopecks as a JSON number of roubles; the shortest form of the float is exact to the kopeck."""
    return kopecks / 100


def plain_number(count: str) -> int | float:
    return float(count) if "." in count else int(count)


def items(lines: Sequence[Item]) -> list[dict[str, Any]]:
    return [
        {
            "name": line["name"],
            "count": plain_number(line["count"]),
            "price": roubles(line["price_kopecks"]),
            "unit": line["unit"],
            "ndsRate": line["vat"],
            "sum": roubles(line["sum_kopecks"]),
        }
        for line in lines
    ]


def counterparty(record: Record) -> dict[str, Any]:
    return {
        "id": record["id"],
        "fullName": record["full_name"],
        "shortName": record["short_name"],
        "inn": record["inn"],
        "kpp": record["kpp"],
        "ogrn": record["ogrn"],
        "address": record["address"],
        "email": record["email"],
        "phone": record["phone"],
        "type": record["type"],
        "updatedAt": record["updated_at"],
    }


def invoice(record: Record, *, paid_kopecks: int, today: str, base_url: str) -> dict[str, Any]:
    return {
        "id": record["id"],
        "number": record["number"],
        "date": record["date"],
        "paymentDueDate": record["due_date"],
        "counterpartyId": record["counterparty_id"],
        "comment": record["comment"],
        "items": items(record["items"]),
        "sum": roubles(record["sum_kopecks"]),
        "ndsSum": roubles(record["vat_kopecks"]),
        "paidSum": roubles(paid_kopecks),
        "status": invoice_status(record, paid_kopecks, today),
        "createdAt": record["created_at"],
        "updatedAt": record["updated_at"],
        "url": f"{base_url}/pages/elba/documents/{record['document_token']}",
    }


def payment(record: Record) -> dict[str, Any]:
    return {
        "id": record["id"],
        "invoiceId": record["invoice_id"],
        "ownAccount": record["own_account"],
        "amount": roubles(record["amount_kopecks"]),
        "date": record["date"],
        "paymentOrderNumber": record["payment_order_number"],
        "payer": record["payer"],
        "purpose": record["purpose"],
        "updatedAt": record["updated_at"],
        "removed": record["removed"],
    }


def act(record: Record) -> dict[str, Any]:
    return {
        "id": record["id"],
        "number": record["number"],
        "date": record["date"],
        "counterpartyId": record["counterparty_id"],
        "invoiceId": record["invoice_id"],
        "items": items(record["items"]),
        "sum": roubles(record["sum_kopecks"]),
        "comment": record["comment"],
        "status": record["status"],
    }


def product(record: Record) -> dict[str, Any]:
    return {
        "id": record["id"],
        "name": record["name"],
        "article": record["article"],
        "unit": record["unit"],
        "price": None if record["price_kopecks"] is None else roubles(record["price_kopecks"]),
        "ndsRate": record["vat"],
        "updatedAt": record["updated_at"],
    }
