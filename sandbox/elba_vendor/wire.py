"""Records as the published description writes them: member names, words, roubles as numbers."""

from __future__ import annotations

from typing import Any

from sandbox.accounting.records import Record, invoice_status

VAT_WORDS = {"NoNds": "withoutNds", "Nds0": "nds0", "Nds5": "nds5", "Nds10": "nds10", "Nds20": "nds20",
             "Nds22": "nds22"}  # fmt: skip
STATUSES = {"Issued": "notPaid", "PartiallyPaid": "partiallyPaid", "Paid": "paid", "Overdue": "overdue",
            "Cancelled": "rejected"}  # fmt: skip


def roubles(kopecks: int) -> float:
    """Kopecks as a JSON number of roubles; the shortest form of the float is exact to the kopeck."""
    return kopecks / 100


def found_contractor(record: Record) -> dict[str, Any]:
    """A row of a search."""
    return {
        "id": record["id"],
        "name": record["full_name"],
        "shortName": record["short_name"],
        "inn": record["inn"],
        "kpp": record["kpp"],
        "address": record["address"],
    }


def contractor(record: Record) -> dict[str, Any]:
    emails = [record["email"]] if record["email"] else []
    contact = {"name": None, "post": None, "phone": record["phone"], "emails": emails, "comment": None}
    return {
        **found_contractor(record),
        "ogrn": record["ogrn"],
        "okpo": None,
        "postAddress": None,
        "contacts": [contact] if emails or record["phone"] else [],
    }


def status(record: Record, paid_kopecks: int, today: str) -> str:
    return STATUSES[invoice_status(record, paid_kopecks, today)]


def bill(record: Record, paid_kopecks: int, today: str) -> dict[str, Any]:
    """A card without sums of its own; `sumsWithNds` is written otherwise than it is asked for."""
    with_vat = any(line["vat"] != "NoNds" for line in record["items"])
    return {
        "id": record["id"],
        "number": record["number"],
        "date": record["date"],
        "withNDS": with_vat,
        "sumsWithNds": with_vat and record.get("nds_inside", True),
        "withDiscount": record.get("with_discount", False),
        "comment": record["comment"],
        "bankAccountId": record.get("bank_account_id"),
        "contractorId": record["counterparty_id"],
        "status": status(record, paid_kopecks, today),
        "templateId": record.get("template_id"),
        "placeholderItems": [],
        "warehouseItems": [
            {
                "id": f"{record['id']}-{place}",
                "productName": line["name"],
                "unitName": line["unit"],
                "quantity": float(line["count"]) if "." in line["count"] else int(line["count"]),
                "price": roubles(line["price_kopecks"]),
                "sum": roubles(line["sum_kopecks"]),
                "ndsRate": VAT_WORDS[line["vat"]],
                "discount": line.get("discount"),
            }
            for place, line in enumerate(record["items"], 1)
        ],
    }


def news(record: Record) -> dict[str, Any]:
    return {
        "id": int(record["id"]),
        "newsType": "billPaymentNews",
        "newsContent": {
            "billId": record["invoice_id"],
            "billStatus": record["status"],
            "relatedPaymentsSum": roubles(record["paid_kopecks"]),
            "billSum": roubles(record["sum_kopecks"]),
        },
    }
