"""Records as the contract writes them: member names, words, roubles as numbers, moments with milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox.accounting.records import Item, Record, invoice_status, vat_inside

VAT_WORDS = {"NoNds": "withoutVat", "Nds0": "vat0", "Nds5": "vat5", "Nds7": "vat7", "Nds10": "vat10", "Nds20": "vat20",
             "Nds22": "vat22"}  # fmt: skip
STATUSES = {"Issued": "issued", "PartiallyPaid": "partiallyPaid", "Paid": "paid", "Overdue": "overdue",
            "Cancelled": "cancelled"}  # fmt: skip
ACT_STATUSES = {"Created": "posted", "Sent": "posted", "Signed": "posted"}
SIGNATURES = {"Created": "notSent", "Sent": "waitingForRecipient", "Signed": "signedByBoth"}


def roubles(kopecks: int) -> float:
    """Kopecks as a JSON number of roubles; the shortest form of the float is exact to the kopeck."""
    return kopecks / 100


def moment(unix: float) -> str:
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def changed(record: Record) -> str:
    """The `updatedAt` of a record; books keep whole seconds."""
    return f"{record['updated_at'][:-1]}.000Z"


def items(lines: Sequence[Item | Record]) -> list[dict[str, Any]]:
    return [_item(dict(line)) for line in lines]


def _item(line: Record) -> dict[str, Any]:
    count = line["count"]
    vat = line.get("vat_kopecks")
    return {
        "productId": line.get("product_id"),
        "name": line["name"],
        "unit": {"okei": line.get("okei"), "name": line["unit"]},
        "quantity": float(count) if "." in count else int(count),
        "price": roubles(line["price_kopecks"]),
        "vatRate": VAT_WORDS[line["vat"]],
        "vatSum": roubles(vat_inside(line["sum_kopecks"], line["vat"]) if vat is None else vat),
        "sum": roubles(line["sum_kopecks"]),
        "discountPercent": None,
    }


def counterparty(record: Record) -> dict[str, Any]:
    contact = {"name": None, "phone": record["phone"], "email": record["email"]}
    source = record.get("source")
    return {
        "id": record["id"],
        "version": record["version"],
        "type": record["type"],
        "name": record["short_name"] or record["full_name"],
        "fullName": record["full_name"],
        "inn": record["inn"],
        "kpp": record["kpp"],
        "ogrn": record["ogrn"],
        "okpo": None,
        "legalAddress": record["address"],
        "actualAddress": None,
        "director": record.get("director"),
        "bankAccounts": [],
        "contacts": [contact] if record["phone"] or record["email"] else [],
        "roles": ["customer"],
        "archived": False,
        "source": {"system": source, "syncedAt": changed(record)} if source else None,
        "externalId": record.get("external_id"),
        "updatedAt": changed(record),
    }


def invoice(record: Record, payments: Sequence[Record], *, today: str, base_url: str) -> dict[str, Any]:
    live = [payment for payment in payments if not payment["removed"]]
    paid = sum(payment["amount_kopecks"] for payment in live)
    return {
        "id": record["id"],
        "version": record["version"],
        "number": record["number"],
        "date": record["date"],
        "dueDate": record["due_date"],
        "counterpartyId": record["counterparty_id"],
        "bankAccountId": None,
        "comment": record["comment"],
        "pricesIncludeVat": True,
        "externalId": record.get("external_id"),
        "items": items(record["items"]),
        "status": STATUSES[invoice_status(record, paid, today)],
        "sum": roubles(record["sum_kopecks"]),
        "vatSum": roubles(record["vat_kopecks"]),
        "paidSum": roubles(paid),
        "remainder": roubles(max(record["sum_kopecks"] - paid, 0)),
        "payments": [
            {
                "id": payment["id"],
                "date": payment["date"],
                "orderNumber": payment["payment_order_number"],
                "amount": roubles(payment["amount_kopecks"]),
            }
            for payment in live
        ],
        "viewUrl": f"{base_url}/pages/kontur/documents/{record['document_token']}",
        "createdAt": f"{record['created_at'][:-1]}.000Z",
        "updatedAt": changed(record),
    }


def operation(record: Record) -> dict[str, Any]:
    """A bank operation, which pays one invoice here; an outgoing one is a refund."""
    amount = abs(record["amount_kopecks"])
    return {
        "id": record["id"],
        "version": record["version"],
        "direction": "incoming" if record["amount_kopecks"] >= 0 else "outgoing",
        "date": record["date"],
        "orderNumber": record["payment_order_number"],
        "amount": roubles(amount),
        "ownAccount": record["own_account"],
        "payer": {**record["payer"], "kpp": None, "accountNumber": None, "bik": None},
        "purpose": record["purpose"],
        "allocations": [{"invoiceId": record["invoice_id"], "amount": roubles(amount)}],
        "unallocated": 0,
        "status": "reversed" if record["removed"] else "posted",
        "updatedAt": changed(record),
    }


def act(record: Record) -> dict[str, Any]:
    return {
        "id": record["id"],
        "version": record["version"],
        "number": record["number"],
        "date": record["date"],
        "counterpartyId": record["counterparty_id"],
        "invoiceId": record["invoice_id"],
        "items": items(record["items"]),
        "sum": roubles(record["sum_kopecks"]),
        "comment": record["comment"],
        "externalId": record.get("external_id"),
        **({"function": record["function"]} if record["form"] == "upd" else {}),
        "status": ACT_STATUSES[record["status"]],
        "signatureStatus": SIGNATURES[record["status"]],
        "edo": None,
        "updatedAt": changed(record),
    }


def product(record: Record) -> dict[str, Any]:
    return {
        "id": record["id"],
        "version": record["version"],
        "type": record["type"],
        "name": record["name"],
        "article": record["article"],
        "unit": {"okei": record["okei"], "name": record["unit"]},
        "price": None if record["price_kopecks"] is None else roubles(record["price_kopecks"]),
        "priceIncludesVat": True,
        "vatRate": None if record["vat"] is None else VAT_WORDS[record["vat"]],
        "externalId": record["external_id"],
        "archived": False,
        "updatedAt": changed(record),
    }
