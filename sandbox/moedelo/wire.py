"""Records as MoeDelo writes them: PascalCase, roubles as numbers, VAT rates as whole numbers, naive times in UTC."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from sandbox.accounting.checks import ApiError
from sandbox.accounting.records import Record, vat_inside
from sandbox.core.wire import Reply

NDS_TYPES = {
    "NoNds": -1, "Nds0": 0, "Nds5": 5, "Nds7": 7, "Nds10": 10, "Nds20": 20, "Nds22": 22,
}  # fmt: skip
NDS_WORDS = {number: word for word, number in NDS_TYPES.items()}
CALCULATED = {100 + number: word for word, number in NDS_TYPES.items() if number > 0}
OPERATION_IDS = 900_000
"""Where the registry's numbers of operations begin."""
UPD_RATES = {1: "NoNds", 5: "Nds20"}
"""Ordinals in place of rates; no others are known."""
UPD_ORDINALS = {word: number for number, word in UPD_RATES.items()}
STOCK_ID = 7_701
NOT_PAID, PARTLY_PAID, PAID = 4, 5, 6
FORMS = {"legal": 1, "entrepreneur": 2, "individual": 3}
KINDS = {number: word for word, number in FORMS.items()}


def roubles(kopecks: int) -> int | float:
    """Kopecks as a JSON number of roubles; the shortest form of the float is exact to the kopeck."""
    return kopecks / 100


def plain_number(count: str) -> int | float:
    return float(count) if "." in count else int(count)


def kontragent(record: Record) -> dict[str, Any]:
    return {
        "Id": int(record["id"]),
        "Inn": record["inn"] or "",
        "Ogrn": record["ogrn"] or "",
        "Okpo": "",
        "Kpp": record["kpp"] or "",
        "Name": record["full_name"],
        "ShortName": record["short_name"] or record["full_name"],
        "Type": 2,
        "Form": FORMS[record["type"]],
        "IsArchived": bool(record.get("archived")),
        "LegalAddress": record["address"] or "",
        "ActualAddress": record["address"] or "",
        "RegistrationAddress": "",
        "Fio": "",
        "Tags": [],
    }


def items(record: Record) -> list[dict[str, Any]]:
    return [_item(line, place) for place, line in enumerate(record["items"], 1)]


def _item(line: dict[str, Any], place: int) -> dict[str, Any]:
    nds_kopecks = line.get("nds_kopecks", vat_inside(line["sum_kopecks"], line["vat"]))
    return {
        "Id": place,
        "StockProductId": line.get("product_id", 0),
        "Name": line["name"],
        "Count": plain_number(line["count"]),
        "Unit": line["unit"],
        "Type": line.get("kind", 2),
        "Price": roubles(line["price_kopecks"]),
        "NdsType": NDS_TYPES[line["vat"]],
        "DiscountRate": line.get("discount", 0),
        "SumWithoutNds": roubles(line["sum_kopecks"] - nds_kopecks),
        "NdsSum": roubles(nds_kopecks),
        "SumWithNds": roubles(line["sum_kopecks"]),
        "ActivityAccountCode": None,
        "Country": "",
        "CountryIso": "",
    }


def bill_row(record: Record, *, paid_kopecks: int) -> dict[str, Any]:
    """A bill as lists show it."""
    paid = paid_kopecks >= record["sum_kopecks"] and paid_kopecks > 0
    return {
        "Id": int(record["id"]),
        "Number": record["number"],
        "DocDate": f"{record['date']}T00:00:00",
        "Type": record.get("bill_type", 1),
        "Status": PAID if paid else PARTLY_PAID if paid_kopecks > 0 else NOT_PAID,
        "KontragentId": int(record["counterparty_id"]),
        "ProjectId": None,
        "DeadLine": f"{record['due_date']}T00:00:00" if record["due_date"] else None,
        "Sum": roubles(record["sum_kopecks"]),
        "PaidSum": roubles(paid_kopecks),
    }


def bill(
    record: Record, payments: list[Record], *, paid_kopecks: int, own_account: str, base_url: str
) -> dict[str, Any]:
    """A bill as its own address shows it, with its lines and its payments."""
    return {
        **bill_row(record, paid_kopecks=paid_kopecks),
        "SettlementAccount": {"AccountId": 3301, "AccountNumber": own_account},
        "StockId": None,
        "AdditionalInfo": record["comment"] or "",
        "ContractSubject": None,
        "NdsPositionType": record.get("nds_position", 3),
        "IsCovered": False,
        "UseStampAndSign": bool(record.get("stamp")),
        "Comment": None,
        "Online": f"{urlsplit(base_url).path}/pages/moedelo/documents/{record['document_token']}",
        "Items": items(record),
        "Payments": [
            {
                "Id": int(payment["id"]),
                "Number": payment["payment_order_number"] or "",
                "Date": f"{payment['date']}T00:00:00",
                "Sum": roubles(payment["amount_kopecks"]),
            }
            for payment in payments
        ],
        "Context": {
            "CreateDate": record["created_at"].rstrip("Z"),
            "ModifyDate": record["updated_at"].rstrip("Z"),
            "ModifyUser": "buh@vector.example",
        },
    }


def closing(record: Record) -> dict[str, Any]:
    """An act, a waybill or a УПД, which has other words: its date is `Date`, and its sum stands in its lines alone."""
    form, stock = record.get("form", "act"), record.get("stock_id")
    found: dict[str, Any] = {
        "Id": int(record["id"]),
        "Number": record["number"],
        "Date" if form == "upd" else "DocDate": f"{record['date']}T00:00:00",
        "KontragentId": int(record["counterparty_id"]),
        "BillId": int(record["invoice_id"]) if record["invoice_id"] else None,
        "NdsPositionType": record.get("nds_position", 3),
        "Items": items(record),
        "Context": {"ModifyDate": record["updated_at"].rstrip("Z")},
    }
    if form == "act":
        return found | {
            "ProjectId": None,
            "OnHands": "Да" if record["status"] == "Signed" else "Нет",
            "Sum": roubles(record["sum_kopecks"]),
        }
    found |= {"StockId": stock, "PayerId": None, "ReceiverId": None, "SenderId": None, "SupplierId": None}
    if form == "waybill":
        return found | {"Type": 1, "Sum": roubles(record["sum_kopecks"])}
    lines = [
        {**line, "NdsType": UPD_ORDINALS[held["vat"]]}
        for line, held in zip(found["Items"], record["items"], strict=True)
    ]
    return found | {"Status": record["status_code"], "TaxSystem": record["tax_system"], "Items": lines}


def good(record: Record) -> dict[str, Any]:
    """A card of the nomenclature."""
    return {
        "Id": int(record["id"]),
        "NomenclatureId": 11_780,
        "Name": record["name"],
        "Article": record["article"] or "",
        "UnitOfMeasurement": record["unit"],
        "Nds": record["nds"],
        "NdsPositionType": record["nds_position"],
        "SalePrice": None if record["price_kopecks"] is None else roubles(record["price_kopecks"]),
        "MinSalePrice": None,
        "Type": record["good_type"],
        "Producer": "",
        "ProductSubType": 0,
    }


def stock() -> dict[str, Any]:
    """The account's only stock."""
    return {"Id": STOCK_ID, "Name": "Основной склад", "IsMain": True, "StockType": 0}


def operation_type(record: Record) -> int:
    """The service's kind of an operation: money from a buyer, or a refund."""
    return 47 if record["amount_kopecks"] > 0 else 16


def receipt(record: Record, buyer: Record | None) -> dict[str, Any]:
    """A payment as the registry of money shows it."""
    payer = record["payer"]
    return {
        "DocumentBaseId": OPERATION_IDS + int(record["id"]),
        "Date": f"{record['date']}T00:00:00",
        "Number": record["payment_order_number"] or "",
        "Sum": roubles(abs(record["amount_kopecks"])),
        "Direction": 2 if record["amount_kopecks"] > 0 else 1,
        "OperationType": operation_type(record),
        "IsPaid": True,
        "Description": record["purpose"] or "",
        "Contractor": {"Id": buyer["id"] if buyer else "", "Name": payer["name"] or "", "Type": 1},
        "Source": {"Id": 3301, "Name": "Расчётный счёт", "Type": 1},
        "ModifyDate": record["updated_at"].rstrip("Z"),
    }


def refusal(error: ApiError) -> Reply:
    """`Message`, and what is wrong with which member."""
    wrong: dict[str, list[str]] = {}
    for target, text in error.details:
        wrong.setdefault(target, []).append(text)
    payload: dict[str, Any] = {"Message": "Запрос содержит ошибки" if wrong else error.message}
    if wrong:
        payload["ValidationErrors"] = wrong
    return Reply(status=error.status, payload=payload, headers=error.headers, error=error.code)
