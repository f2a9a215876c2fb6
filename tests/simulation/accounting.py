"""The accounting service in memory: records, invoices, acts and payments of every account as plain dictionaries.

It keeps no idempotency keys: what is sent twice is there twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from chassis.domain import Problem
from chassis.outcomes import Deferred, Ok, Outcome, Rejected, Retryable
from chassis.values.lines import DocumentLine
from chassis.work.handlers import Permit
from connectors.ports.accounting import (
    AccessToken,
    ActCard,
    ActDraft,
    CounterpartiesPage,
    Counterparty,
    CounterpartyDraft,
    FeedCursor,
    InvoiceCard,
    InvoiceDraft,
    InvoiceLookup,
    InvoicesPage,
    InvoiceStatus,
    PaymentRow,
    PaymentsPage,
    PdfFile,
    TokenRequest,
)
from connectors.ports.refusing import Refusing
from tests.simulation.vendor import Vendor

PAGE_ROWS = 5
FORBIDDEN = "Запрещённый товар"
"""A line of this name is refused by the vendor."""


@dataclass(slots=True)
class Books:
    """One account. Lists show a document from ``seen`` on."""

    counterparties: dict[str, Counterparty] = field(default_factory=dict)
    invoices: dict[str, InvoiceCard] = field(default_factory=dict)
    acts: dict[str, ActCard] = field(default_factory=dict)
    payments: dict[str, PaymentRow] = field(default_factory=dict)
    seen: dict[str, datetime] = field(default_factory=dict)
    on_their_way: list[str] = field(default_factory=list)


class MemoryAccounting(Vendor, Refusing):
    """The port over all accounts; what Elba cannot do is refused."""

    name = vendor = "elba"

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.accounts: dict[str, Books] = {}

    def books(self, account: str) -> Books:
        """What an account holds."""
        found = self.accounts.get(account)
        if found is None:
            found = self.accounts[account] = Books()
        return found

    # Buyers

    def add_counterparty(self, account: str, name: str, inn: str, kpp: str, email: str = "") -> Counterparty:
        """A record; its id says whose it is, so that runs can be compared."""
        books = self.books(account)
        same = sum((one.inn, one.kpp, one.email) == (inn, kpp, email) for one in books.counterparties.values())
        made = Counterparty(
            f"cp:{inn or email}:{kpp}:{same + 1}",
            None,
            name,
            inn=inn,
            kpp=kpp,
            email=email,
            updated_at=self.moment(),
        )
        books.counterparties[made.counterparty_id] = made
        books.seen[made.counterparty_id] = self.seen_from()
        return made

    async def find_counterparty(self, permit: Permit, inn: str) -> Outcome[tuple[Counterparty, ...]]:
        failure = self.read(permit.account, "find_counterparty")
        if failure is not None:
            return failure
        books = self.books(permit.account)
        found = tuple(one for one in self.shown(books, books.counterparties) if one.inn == inn)
        self.looked(permit.account, "find_counterparty", inn, len(found))
        return Ok(found)

    async def create_counterparty(self, permit: Permit, draft: CounterpartyDraft, *, key: str) -> Outcome[Counterparty]:
        inn, kpp = draft.inn or "", draft.kpp or ""
        held = self.books(permit.account).counterparties.values()
        taken = bool(inn) and any((one.inn, one.kpp) == (inn, kpp) for one in held)
        refused = Problem("already_exists", {}) if taken else None
        return self.change(
            permit.account,
            "create_counterparty",
            f"{inn or draft.email}:{kpp}",
            lambda: self._commit_counterparty(permit.account, draft.name, inn, kpp, draft.email),
            key=key,
            refused=refused,
        )

    def _commit_counterparty(self, account: str, name: str, inn: str, kpp: str, email: str) -> Counterparty:
        held = self.books(account).counterparties.values()
        there = next((one for one in held if inn and (one.inn, one.kpp) == (inn, kpp)), None)
        return there or self.add_counterparty(account, name, inn, kpp, email)

    async def counterparty_changes(self, permit: Permit, cursor: FeedCursor) -> Outcome[CounterpartiesPage]:
        failure = self.read(permit.account, "counterparty_changes")
        if failure is not None:
            return failure
        books = self.books(permit.account)
        listed = [
            one for one in self.shown(books, books.counterparties) if one.updated_at and one.updated_at >= cursor.since
        ]
        self.looked(permit.account, "counterparty_changes", "", len(listed))
        return Ok(CounterpartiesPage(tuple(listed), None))

    # Invoices

    async def create_invoice(self, permit: Permit, draft: InvoiceDraft, *, key: str) -> Outcome[InvoiceCard]:
        return self.change(
            permit.account,
            "create_invoice",
            draft.marker,
            lambda: self._add_invoice(permit.account, draft),
            key=key,
            refused=_refusal(draft.lines),
        )

    def _add_invoice(self, account: str, draft: InvoiceDraft) -> InvoiceCard:
        books = self.books(account)
        number = sum(draft.marker in one.comment for one in books.invoices.values()) + 1
        total = sum(line.amount_kopecks for line in draft.lines)
        made = InvoiceCard(
            invoice_id=f"{draft.marker[1:-1]}#{number}",
            number=draft.number or "",
            issued_on=draft.issued_on,
            due_on=draft.due_on,
            counterparty_id=draft.counterparty_id,
            comment=f"{draft.comment} {draft.marker}",
            lines=(),
            total_kopecks=total,
            vat_kopecks=sum(line.vat_kopecks for line in draft.lines),
            paid_kopecks=0,
            status=InvoiceStatus.ISSUED,
            vendor_status="issued",
            url=f"https://elba.example/{draft.marker[1:-1]}",
            updated_at=self.moment(),
        )
        books.invoices[made.invoice_id] = made
        books.seen[made.invoice_id] = self.seen_from()
        return made

    async def find_invoice(
        self,
        permit: Permit,
        *,
        number: str,
        issued_on: date,
        marker: str,
        since: datetime | None = None,
        counterparty_id: str = "",
    ) -> Outcome[InvoiceLookup]:
        failure = self.read(permit.account, "find_invoice")
        if failure is not None:
            return failure
        books = self.books(permit.account)
        same = [
            one
            for one in self.shown(books, books.invoices)
            if (one.number, one.issued_on) == (number, issued_on) or (since is not None and marker in one.comment)
        ]
        matches = tuple(one for one in same if marker in one.comment)
        others = tuple(one for one in same if marker not in one.comment)
        self.looked(permit.account, "find_invoice", marker, len(matches))
        return Ok(InvoiceLookup(matches, others))

    async def read_invoice(self, permit: Permit, invoice_id: str) -> Outcome[InvoiceCard]:
        failure = self.read(permit.account, "read_invoice")
        if failure is not None:
            return failure
        found = self.books(permit.account).invoices.get(invoice_id)
        return Rejected(Problem("document_not_found")) if found is None else Ok(found)

    async def invoice_changes(self, permit: Permit, cursor: FeedCursor) -> Outcome[InvoicesPage]:
        books = self.books(permit.account)
        return Ok(InvoicesPage(tuple(self.shown(books, books.invoices)), None))

    async def invoice_pdf(self, permit: Permit, invoice_id: str) -> Outcome[PdfFile]:
        return self._pdf(permit, self.books(permit.account).invoices, invoice_id)

    async def cancel_invoice(self, permit: Permit, invoice_id: str, *, key: str) -> Outcome[InvoiceCard]:
        books = self.books(permit.account)
        paid = any(row.invoice_id == invoice_id and not row.removed for row in books.payments.values())
        refused = Problem("invoice_already_paid", {}) if paid else None
        return self.change(
            permit.account,
            "cancel_invoice",
            invoice_id,
            lambda: self._cancel(books, invoice_id),
            key=key,
            refused=refused,
        )

    def _cancel(self, books: Books, invoice_id: str) -> InvoiceCard:
        books.invoices[invoice_id] = replace(
            books.invoices[invoice_id], status=InvoiceStatus.CANCELLED, updated_at=self.moment()
        )
        return books.invoices[invoice_id]

    # Acts

    async def create_act(self, permit: Permit, draft: ActDraft, *, key: str) -> Outcome[ActCard]:
        return self.change(
            permit.account,
            "create_act",
            draft.marker,
            lambda: self._add_act(permit.account, draft),
            key=key,
            refused=_refusal(draft.lines),
        )

    def _add_act(self, account: str, draft: ActDraft) -> ActCard:
        books = self.books(account)
        number = sum(draft.marker in one.comment for one in books.acts.values()) + 1
        made = ActCard(
            act_id=f"{draft.marker[1:-1]}#{number}",
            number=f"A-{draft.marker[5:-1]}-{number}",
            issued_on=draft.issued_on,
            counterparty_id=draft.counterparty_id,
            invoice_id=draft.invoice_id,
            comment=f"{draft.comment} {draft.marker}",
            total_kopecks=sum(line.amount_kopecks for line in draft.lines),
            vendor_status="issued",
        )
        books.acts[made.act_id] = made
        return made

    async def read_act(self, permit: Permit, act_id: str) -> Outcome[ActCard]:
        found = self.books(permit.account).acts.get(act_id)
        return Rejected(Problem("document_not_found")) if found is None else Ok(found)

    async def act_pdf(self, permit: Permit, act_id: str) -> Outcome[PdfFile]:
        return self._pdf(permit, self.books(permit.account).acts, act_id)

    def _pdf(self, permit: Permit, documents: dict[str, Any], document_id: str) -> Outcome[PdfFile]:
        failure = self.read(permit.account, "pdf")
        if failure is not None:
            return failure
        if document_id not in documents:
            return Rejected(Problem("document_not_found"))
        if self._chance.happens(self.rates.seen_late):
            return Deferred(Problem("pdf_rendering", {"vendor": self.name}), of_account=False)
        if self._chance.happens(self.rates.read_fails):
            return Retryable(Problem("pdf_invalid", {"vendor": self.name}), outage=False)
        return Ok(PdfFile(f"%PDF- {document_id}".encode()))

    # Payments

    def put_payment(self, account: str, row: PaymentRow) -> None:
        """A row of the bank as it is from now on; the feed may show it later than it says."""
        books = self.books(account)
        books.payments[row.payment_id] = replace(row, updated_at=self.moment())
        books.seen[row.payment_id] = self.seen_from()
        self._trace.add(f"elba {account} bank row {row.payment_id} {row.amount_kopecks} {row.invoice_id} {row.removed}")

    async def payments_changed(self, permit: Permit, cursor: FeedCursor) -> Outcome[PaymentsPage]:
        failure = self.read(permit.account, "payments")
        if failure is not None:
            return failure
        books = self.books(permit.account)
        rows = sorted(
            (row for row in self.shown(books, books.payments) if row.updated_at >= cursor.since),
            key=lambda row: (row.updated_at, row.payment_id),
        )[cursor.offset : cursor.offset + PAGE_ROWS]
        following = None
        if len(rows) == PAGE_ROWS:
            last = rows[-1].updated_at
            moved = last > cursor.since
            following = FeedCursor(last) if moved else FeedCursor(cursor.since, cursor.offset + PAGE_ROWS - 1)
        return Ok(PaymentsPage(tuple(rows), following))

    async def payments_of_invoice(self, permit: Permit, invoice_id: str) -> Outcome[tuple[PaymentRow, ...]]:
        failure = self.read(permit.account, "invoice_payments")
        if failure is not None:
            return failure
        books = self.books(permit.account)
        return Ok(tuple(row for row in self.shown(books, books.payments) if row.invoice_id == invoice_id))

    # The account

    async def ping(self, permit: Permit) -> Outcome[None]:
        return self.read(permit.account, "ping") or Ok(None)

    async def obtain_token(self, request: TokenRequest) -> Outcome[AccessToken]:
        raise NotImplementedError("permits bring tokens along")

    def shown(self, books: Books, rows: dict[str, Any]) -> Iterator[Any]:
        """Those that a search would find by now."""
        now = self._clock.now()
        return (row for name, row in rows.items() if books.seen.get(name, now) <= now)


def _refusal(lines: tuple[DocumentLine, ...]) -> Problem | None:
    if any(line.name == FORBIDDEN for line in lines):
        return Problem("accounting_refused", {"vendor": "elba", "status": 400, "text": "нет такого товара"})
    return None
