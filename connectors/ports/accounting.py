"""What an accounting service can do for us, in our own words: DTOs and one Protocol per capability."""

import enum
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Protocol

from chassis.domain import Problem
from chassis.outcomes import Outcome
from chassis.values.lines import DocumentLine
from chassis.work.handlers import Permit
from connectors.ports.products import UsedItem

CounterpartyKind = Literal["company", "entrepreneur", "person"]
ClosingForm = Literal["act", "waybill", "upd", "sale"]
"""What a closing document is: an act, a waybill (накладная), a universal transfer document (УПД), or one of which the
accountant prints whichever he needs."""


@dataclass(frozen=True, slots=True)
class CounterpartyDraft:
    """A buyer to be created. ``inn`` and ``kpp`` are checked and clean; a person may have neither (R11)."""

    kind: CounterpartyKind
    name: str
    short_name: str = ""
    inn: str | None = None
    kpp: str | None = None
    ogrn: str | None = None
    address: str = ""
    email: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Counterparty:
    """A buyer as the accounting service holds it; texts are as stored there, ``""`` when empty. ``from_register``: the
    service keeps the card by the state register."""

    counterparty_id: str
    kind: CounterpartyKind | None
    name: str
    short_name: str = ""
    inn: str = ""
    kpp: str = ""
    ogrn: str = ""
    address: str = ""
    email: str = ""
    phone: str = ""
    updated_at: datetime | None = None
    director: str = ""
    from_register: bool = False


@dataclass(frozen=True, slots=True)
class InvoiceDraft:
    """An invoice to be created. ``number`` only where the vendor does not number (R7); ``marker`` goes where the vendor
    keeps our key (a comment or an external id), never into the number."""

    issued_on: date
    due_on: date | None
    counterparty_id: str
    lines: tuple[DocumentLine, ...]
    comment: str
    marker: str
    number: str | None = None


@dataclass(frozen=True, slots=True)
class ActDraft:
    """A closing document to be created; the period of its services stands in ``comment`` as text, and is told to
    nobody where the vendor's document has no comment. Its form is the account's setting."""

    issued_on: date
    counterparty_id: str
    lines: tuple[DocumentLine, ...]
    comment: str
    marker: str
    invoice_id: str | None = None


class InvoiceStatus(enum.StrEnum):
    """How far an invoice is, as the vendor tells it. DRAFT is written and awaits the accountant's posting; UNKNOWN is a
    word we do not know: information, never a state."""

    DRAFT = "draft"
    ISSUED = "issued"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CardLine:
    """A line as the vendor holds it: ``price`` in roubles per unit, ``vat_rate`` canonical or the vendor's raw word."""

    name: str
    quantity: Decimal
    unit: str
    price: Decimal
    vat_rate: str
    amount_kopecks: int | None


@dataclass(frozen=True, slots=True)
class InvoiceCard:
    """An invoice as the vendor holds it, for read-back and comparison.

    ``vendor_status`` is the vendor's own word (its "overdue" is information only, R15); sums are None where the vendor
    did not give them. ``goods`` are told by the creation alone, where lines refer to a nomenclature.
    """

    invoice_id: str
    number: str
    issued_on: date
    due_on: date | None
    counterparty_id: str
    comment: str
    lines: tuple[CardLine, ...]
    total_kopecks: int
    vat_kopecks: int | None
    paid_kopecks: int | None
    status: InvoiceStatus
    vendor_status: str
    url: str
    updated_at: datetime | None
    goods: tuple[UsedItem, ...] = ()


@dataclass(frozen=True, slots=True)
class InvoiceLookup:
    """What a look-up saw: ``matches`` carry our marker (more than one is a duplicate), ``others`` have the number and
    the date but not the marker: somebody else's document, or one whose comment was edited by hand."""

    matches: tuple[InvoiceCard, ...]
    others: tuple[InvoiceCard, ...]


@dataclass(frozen=True, slots=True)
class ActCard:
    """A closing document as the vendor holds it; ``url`` is its public page where it has one, ``goods`` as an
    invoice's."""

    act_id: str
    number: str
    issued_on: date
    counterparty_id: str
    invoice_id: str | None
    comment: str
    total_kopecks: int
    vendor_status: str
    form: ClosingForm = "act"
    url: str = ""
    goods: tuple[UsedItem, ...] = ()


@dataclass(frozen=True, slots=True)
class PdfFile:
    """A rendered document; it begins with ``%PDF-`` and is not over the size limit."""

    content: bytes


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """A payment that the accounting service ties to an invoice.

    ``amount_kopecks`` is signed as the vendor gives it; ``removed`` rows were unlinked or deleted there.
    ``payment_id`` is the vendor's operation id; identity is decided by R20, not by it alone. Where one bank operation
    may pay several invoices, a row is its share for one of them, ``share_of`` the operation; its shares come together,
    and a share that no longer comes is gone; an operation that has none left comes as one removed row.
    """

    payment_id: str
    invoice_id: str | None
    own_account: str
    amount_kopecks: int
    paid_on: date
    order_number: str
    payer_name: str
    payer_inn: str
    purpose: str
    updated_at: datetime
    removed: bool
    share_of: str = ""


@dataclass(frozen=True, slots=True)
class FeedCursor:
    """A place in a list ascending by change time: everything changed at or after ``since``, past ``offset`` rows of
    it, or past the place that the vendor calls ``token``."""

    since: datetime
    offset: int = 0
    token: str = ""


@dataclass(frozen=True, slots=True)
class PaymentsPage:
    """One page of payments; ``next`` is None on the last. Pages meet at a moment, so a row may come twice."""

    payments: tuple[PaymentRow, ...]
    next: FeedCursor | None


@dataclass(frozen=True, slots=True)
class CounterpartiesPage:
    """One page of counterparties changed since a moment."""

    counterparties: tuple[Counterparty, ...]
    next: FeedCursor | None


@dataclass(frozen=True, slots=True)
class InvoicesPage:
    """One page of invoices changed since a moment."""

    invoices: tuple[InvoiceCard, ...]
    next: FeedCursor | None


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """Credentials of one account at its token address; secrets are never logged. With ``refresh_token`` a token is
    refreshed (RFC 6749 §6), without one the client's own credentials are the grant (§4.4)."""

    token_url: str
    client_id: str
    client_secret: str
    scope: str = ""
    refresh_token: str = ""

    def __repr__(self) -> str:
        return f"TokenRequest(token_url={self.token_url!r}, client_id={self.client_id!r})"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A bearer token and how long it lives, in business seconds. ``refresh_token`` is the one that takes the place of
    the one that was used, "" where it stays in force."""

    access_token: str
    expires_in_seconds: int
    refresh_token: str = ""

    def __repr__(self) -> str:
        return f"AccessToken(expires_in_seconds={self.expires_in_seconds})"


class FindCounterparty(Protocol):
    """Search by INN; the answer is filtered to equal INNs and may hold several records (R13)."""

    async def find_counterparty(self, permit: Permit, inn: str) -> Outcome[tuple[Counterparty, ...]]: ...


class ReadCounterparty(Protocol):
    """A buyer's card by its id, archived or not. Rejected ``document_not_found`` when it is gone."""

    async def read_counterparty(self, permit: Permit, counterparty_id: str) -> Outcome[Counterparty]: ...


class CreateCounterparty(Protocol):
    """Creates a buyer; ``key`` is the effect's id. Rejected ``already_exists``: search again, do not create."""

    async def create_counterparty(
        self, permit: Permit, draft: CounterpartyDraft, *, key: str
    ) -> Outcome[Counterparty]: ...


class CounterpartyChanges(Protocol):
    """Buyers changed since a moment: the look-up of a lost create without INN (R11)."""

    async def counterparty_changes(self, permit: Permit, cursor: FeedCursor) -> Outcome[CounterpartiesPage]: ...


class CreateInvoice(Protocol):
    """Creates an invoice; ``key`` is the effect's id. The answer is checked against what was asked: another buyer's,
    another number or date is Uncertain, never Ok. Rejected ``counterparty_gone`` where the vendor says that it does not
    have the buyer's record."""

    async def create_invoice(self, permit: Permit, draft: InvoiceDraft, *, key: str) -> Outcome[InvoiceCard]: ...


class FindInvoice(Protocol):
    """Look-up of a lost create: by number and date, then by marker; with ``since`` also among all invoices changed from
    that moment on, so that a number corrected by hand does not hide the document.

    ``number`` is "" where the vendor numbers: then the marker alone tells, among the invoices of that date, of the
    buyer ``counterparty_id`` where it is given. An empty ``marker`` asks for the number alone.
    """

    async def find_invoice(
        self,
        permit: Permit,
        *,
        number: str,
        issued_on: date,
        marker: str,
        since: datetime | None = None,
        counterparty_id: str = "",
    ) -> Outcome[InvoiceLookup]: ...


class ReadInvoice(Protocol):
    """The invoice's card as stored. Rejected ``document_not_found`` when it is gone."""

    async def read_invoice(self, permit: Permit, invoice_id: str) -> Outcome[InvoiceCard]: ...


class LinkInvoice(Protocol):
    """The public page of an invoice, where its card does not name it."""

    async def invoice_link(self, permit: Permit, invoice_id: str) -> Outcome[str]: ...


class HideInvoice(Protocol):
    """Takes an invoice's public page away, so that nobody pays by it. Doing it again changes nothing."""

    async def hide_invoice(self, permit: Permit, invoice_id: str) -> Outcome[None]: ...


class InvoiceChanges(Protocol):
    """Invoices changed since a moment. Where a list does not tell them, a card has no lines, no comment and no time of
    change; pages of rows whose order is not stated begin at an offset."""

    async def invoice_changes(self, permit: Permit, cursor: FeedCursor) -> Outcome[InvoicesPage]: ...


class InvoicePdf(Protocol):
    """The vendor's PDF. Deferred ``pdf_rendering`` while it is being made; Retryable ``pdf_invalid`` when it is no
    PDF."""

    async def invoice_pdf(self, permit: Permit, invoice_id: str) -> Outcome[PdfFile]: ...


class CancelInvoice(Protocol):
    """Cancels an invoice. Rejected ``invoice_already_paid`` when money has come."""

    async def cancel_invoice(self, permit: Permit, invoice_id: str, *, key: str) -> Outcome[InvoiceCard]: ...


class Payments(Protocol):
    """Payments as the accounting service knows them; the caller begins each poll with an overlap (registry)."""

    async def payments_changed(self, permit: Permit, cursor: FeedCursor) -> Outcome[PaymentsPage]: ...

    async def payments_of_invoice(self, permit: Permit, invoice_id: str) -> Outcome[tuple[PaymentRow, ...]]: ...


class CreateAct(Protocol):
    """Creates an act; ``key`` is the effect's id. Rejected ``counterparty_gone`` as an invoice."""

    async def create_act(self, permit: Permit, draft: ActDraft, *, key: str) -> Outcome[ActCard]: ...


class ReadAct(Protocol):
    """The act's card as stored. Rejected ``document_not_found`` when it is gone."""

    async def read_act(self, permit: Permit, act_id: str) -> Outcome[ActCard]: ...


class ActPdf(Protocol):
    """The vendor's PDF of an act, as :class:`InvoicePdf`."""

    async def act_pdf(self, permit: Permit, act_id: str) -> Outcome[PdfFile]: ...


class Ping(Protocol):
    """The cheapest read: one call that tells a breaker whether the account answers again."""

    async def ping(self, permit: Permit) -> Outcome[None]: ...


class CheckAccount(Protocol):
    """What an administrator must mend before documents go to the account; nothing where all is well."""

    async def check_account(self, permit: Permit) -> Outcome[tuple[Problem, ...]]: ...


class ObtainToken(Protocol):
    """A fresh token. Rejected ``credentials_refused`` when id or secret are wrong, ``reconnection_needed`` when the
    refresh token is no longer in force: the owner must connect the account anew."""

    async def obtain_token(self, request: TokenRequest) -> Outcome[AccessToken]: ...


class Accounting(
    FindCounterparty, ReadCounterparty, CreateCounterparty, CounterpartyChanges, CreateInvoice, FindInvoice,
    ReadInvoice, LinkInvoice, InvoiceChanges, InvoicePdf, CancelInvoice, Payments, CreateAct, ReadAct, ActPdf, Ping,
    Protocol,
):  # fmt: skip
    """What most accounting services can do; one of less inherits :class:`connectors.ports.refusing.Refusing`, and what
    it can do is its ``capabilities`` in the registry. What only some can is in the files beside this one."""
