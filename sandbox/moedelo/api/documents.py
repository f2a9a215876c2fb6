"""What bills and acts share: the buyer that must exist, and their files."""

from __future__ import annotations

from typing import Any

from sandbox.accounting import documents
from sandbox.accounting.checks import ApiError, Problems
from sandbox.accounting.records import Record
from sandbox.core.wire import Reply
from sandbox.moedelo import checks
from sandbox.moedelo.gate import Call

OFFICE_TYPES = {"doc": "application/vnd.ms-word", "xls": "application/vnd.ms-excel"}


def known_kontragent(call: Call, body: dict[str, Any], problems: Problems) -> str:
    """The buyer's id; a problem when it is missing or unknown."""
    number = checks.whole(body, "KontragentId", problems)
    call.facts["counterparty"] = number
    if number is None:
        problems.add("KontragentId", "Поле обязательно")
    elif call.book.get(call.account, "counterparties", str(number)) is None:
        problems.add("KontragentId", "Контрагент не найден")
    return str(number or "")


def known_products(call: Call, lines: list[dict[str, Any]], problems: Problems) -> None:
    """A problem for each line whose product the nomenclature does not have."""
    for place, line in enumerate(lines):
        product = line["product_id"]
        if product and call.book.get(call.account, "products", str(product)) is None:
            problems.add(f"Items[{place}].StockProductId", "Товар не найден")


def file_of(call: Call, record: Record, kind: str) -> Reply:
    """The document as a file: `pdf`, `doc` or `xls`."""
    form = call.request.params["format"].lower()
    if form in OFFICE_TYPES:
        return Reply(body=b"\xd0\xcf\x11\xe0" + record["number"].encode(), content_type=OFFICE_TYPES[form])
    if form != "pdf":
        raise ApiError(404, "NotFound", f"Формат {form} не поддерживается")
    draw = documents.invoice_pdf if kind == "invoices" else documents.act_pdf
    return Reply(body=draw(call.book, call.account, record), content_type="application/pdf")
