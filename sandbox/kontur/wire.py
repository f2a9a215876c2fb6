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
SIGNATURE_WORDS = (
    "notRequired", "notSent", "waitingForSender", "waitingForRecipient", "signedByBoth", "rejectedByRecipient",
    "invalidSignature", "revoked",
)  # fmt: skip
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


def deleted(record: Record) -> dict[str, Any]:
    """A row of a list in place of what was deleted."""
    return {"id": record["of"], "deleted": True, "updatedAt": changed(record), "version": record["version_of"]}


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
                "id": payment.get("operation") or payment["id"],
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


def operation(rows: Sequence[Record]) -> dict[str, Any]:
    """A bank operation of one or several payments, one for each invoice that it pays; an outgoing one is a refund.
    What of it pays nothing is `unallocated`."""
    record = max(rows, key=lambda one: (one["updated_at"], one["order"]))
    reversed_whole = all(one["removed"] for one in rows)
    shares = [one for one in rows if one["invoice_id"] and (reversed_whole or not one["removed"])]
    allocated = sum(abs(one["amount_kopecks"]) for one in shares)
    amount = record.get("operation_kopecks") or allocated
    return {
        "id": record.get("operation") or record["id"],
        "version": sum(one["version"] for one in rows),
        "direction": "incoming" if record["amount_kopecks"] >= 0 else "outgoing",
        "date": record["date"],
        "orderNumber": record["payment_order_number"],
        "amount": roubles(amount),
        "ownAccount": record["own_account"],
        "payer": {**record["payer"], "kpp": None, "accountNumber": None, "bik": None},
        "purpose": record["purpose"],
        "allocations": [
            {"invoiceId": one["invoice_id"], "amount": roubles(abs(one["amount_kopecks"]))} for one in shares
        ],
        "unallocated": roubles(amount - allocated),
        "status": "reversed" if reversed_whole else "posted",
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
        "signatureStatus": record.get("signature") or SIGNATURES[record["status"]],
        "edo": record.get("edo"),
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
