"""The text of the files of invoices and acts."""

from __future__ import annotations

from sandbox.accounting import pdf
from sandbox.accounting.book import Book
from sandbox.accounting.records import Account, Record
from sandbox.core.pages import rub


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
