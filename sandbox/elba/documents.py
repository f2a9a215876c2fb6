"""What invoices and acts share: the buyer that must exist, and the text of their files."""

from __future__ import annotations

from typing import Any

from sandbox.core.pages import rub
from sandbox.elba import checks, pdf
from sandbox.elba.book import Book
from sandbox.elba.checks import Problems
from sandbox.elba.gate import Call
from sandbox.elba.records import Account, Record


def known_counterparty(call: Call, body: dict[str, Any], problems: Problems) -> str:
    """The buyer's id; a problem when it is missing or unknown."""
    counterparty_id = checks.text(body, "counterpartyId", problems, longest=100, required=True)
    call.facts["counterparty"] = counterparty_id
    if counterparty_id is None:
        return ""
    if call.book.get(call.account, "counterparties", counterparty_id.lower()) is None:
        problems.add("counterpartyId", "Указанный контрагент не найден")
    return counterparty_id.lower()


def invoice_pdf(book: Book, account: Account, record: Record) -> bytes:
    due = f"Оплатить до {_day(record['due_date'])}" if record["due_date"] else ""
    cancelled = ["СЧЁТ ОТМЕНЁН"] if record["cancelled"] else []
    title = f"Счёт на оплату № {record['number']} от {_day(record['date'])}"
    return pdf.render(
        [title, *cancelled, "", *_body(book, account, record), due, record["comment"] or ""], account.dials.pdf_bytes
    )


def act_pdf(book: Book, account: Account, record: Record) -> bytes:
    title = f"Акт № {record['number']} от {_day(record['date'])}"
    return pdf.render([title, "", *_body(book, account, record), "", record["comment"] or ""], account.dials.pdf_bytes)


def _body(book: Book, account: Account, record: Record) -> list[str]:
    buyer = book.get(account, "counterparties", record["counterparty_id"]) or {"full_name": "", "inn": None}
    lines = [
        f"{place}. {item['name']}: {item['count'].replace('.', ',')} {item['unit']} x {rub(item['price_kopecks'])}"
        f" = {rub(item['sum_kopecks'])}"
        for place, item in enumerate(record["items"], 1)
    ]
    return [
        f"Продавец: {account.title}, ИНН {account.inn}",
        f"Покупатель: {buyer['full_name']}, ИНН {buyer['inn'] or 'нет'}",
        "",
        *lines,
        "",
        f"Итого: {rub(record['sum_kopecks'])} руб.",
    ]


def _day(iso: str) -> str:
    return ".".join(reversed(iso.split("-")))
