"""Web pages of an account as its accountant sees it, and the public page of one document."""

from __future__ import annotations

from pathlib import Path

from sandbox.accounting import documents
from sandbox.accounting.book import Book
from sandbox.accounting.records import invoice_status
from sandbox.core.pages import environment
from sandbox.core.wire import Reply, Request, Route, html

STATUS_TEXT = {
    "Issued": ("Не оплачен", ""),
    "PartiallyPaid": ("Оплачен частично", "warn"),
    "Paid": ("Оплачен", "good"),
    "Overdue": ("Просрочен", "bad"),
    "Cancelled": ("Отменён", ""),
}
ACT_TEXT = {"Created": "Создан", "Sent": "Отправлен", "Signed": "Подписан"}


class Pages:
    """Pages under /pages/{vendor}; `title` is the vendor's name in its pages."""

    def __init__(self, book: Book, name: str, title: str) -> None:
        self._book, self._name, self._title = book, name, title
        folder = Path(__file__).parent / "templates"
        self._templates = environment({path.name: path.read_text("utf-8") for path in sorted(folder.glob("*.html"))})

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/documents/{token}/pdf", self._document_pdf),
            Route("GET", "/documents/{token}", self._document),
            Route("GET", "/{account}", self._account),
        ]

    async def _account(self, request: Request) -> Reply:
        account = self._book.accounts.get(request.params["account"])
        if account is None:
            return html("<p>Такого аккаунта нет.</p>", 404)
        book = self._book
        names = {record["id"]: record["full_name"] for record in account.records["counterparties"].values()}
        numbers = {record["id"]: record["number"] for record in account.records["invoices"].values()}
        invoices = []
        for record in reversed(book.select(account, "invoices")):
            paid = book.paid_kopecks(account, record["id"])
            status, colour = STATUS_TEXT[invoice_status(record, paid, book.today)]
            invoices.append({**record, "paid_kopecks": paid, "status": status, "colour": colour})
        text = self._templates.get_template("account.html").render(
            base=request.base_url,
            pages=f"{request.base_url}/pages/{self._name}",
            vendor=self._title,
            account=account,
            today=book.today,
            invoices=invoices,
            payments=list(reversed(book.select(account, "payments"))),
            counterparties=book.select(account, "counterparties"),
            acts=list(reversed(book.select(account, "acts"))),
            names=names,
            numbers=numbers,
            act_text=ACT_TEXT,
        )
        return html(text)

    async def _document(self, request: Request) -> Reply:
        account, invoice_id = self._book.by_document.get(request.params["token"], (None, ""))
        record = self._book.get(account, "invoices", invoice_id) if account is not None else None
        if account is None or record is None:
            return html("<p>Документ удалён или ссылка неверна.</p>", 404)
        buyer = account.records["counterparties"].get(record["counterparty_id"])
        paid = self._book.paid_kopecks(account, invoice_id)
        text = self._templates.get_template("document.html").render(
            base=request.base_url,
            pages=f"{request.base_url}/pages/{self._name}",
            vendor=self._title,
            account=account,
            invoice=record,
            buyer=buyer,
            status=STATUS_TEXT[invoice_status(record, paid, self._book.today)],
        )
        return html(text)

    async def _document_pdf(self, request: Request) -> Reply:
        account, invoice_id = self._book.by_document.get(request.params["token"], (None, ""))
        record = self._book.get(account, "invoices", invoice_id) if account is not None else None
        if account is None or record is None:
            return html("<p>Документ удалён или ссылка неверна.</p>", 404)
        return Reply(body=documents.invoice_pdf(self._book, account, record), content_type="application/pdf")
