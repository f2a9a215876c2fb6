"""What `invoicing` says: documents issued, refused, changed and cancelled, and the bytes that show them."""

import datetime as dt
from typing import Literal

from contracts.envelope import Message
from contracts.messages.values import BuyerKind, ClosingForm, DocumentKind, Reason


class InvoiceIssued(Message, name="InvoiceIssued"):
    """An invoice exists in the accounting service. ``date`` and ``due_date`` are in the seller's zone and never
    change."""

    invoice_id: str
    deal_id: str
    request_id: str
    seller_id: str
    account: str
    revision: int
    number: str
    date: dt.date
    due_date: dt.date
    url: str = ""
    remote_id: str
    total_kopecks: int
    vat_kopecks: int
    currency: str = "RUB"
    counterparty_id: str
    buyer_kind: BuyerKind
    buyer_inn: str = ""
    buyer_name: str = ""
    responsible_id: str = ""
    category_id: str = ""
    marker: str = ""
    rounding_delta_kopecks: int = 0
    warnings: tuple[Reason, ...] = ()


class InvoiceRejected(Message, name="InvoiceRejected"):
    """No invoice was made; ``reasons`` name everything that a person has to change, at once."""

    deal_id: str
    request_id: str
    reasons: tuple[Reason, ...]
    responsible_id: str = ""


class BuyerRecordGone(Message, name="BuyerRecordGone"):
    """The accounting service refused a document since it has no record ``remote_id``, which the buyer of a request is
    linked to. The document waits for a link that counterparty has looked at again."""

    deal_id: str
    request_id: str
    document_id: str
    account: str
    remote_id: str


class InvoicePendingReview(Message, name="InvoicePendingReview"):
    """An invoice is written in the accounting service and awaits its accountant, who posts it; InvoiceIssued follows,
    or InvoiceCancelled."""

    deal_id: str
    invoice_id: str
    number: str
    total_kopecks: int
    url: str = ""
    responsible_id: str = ""


class InvoiceReentered(Message, name="InvoiceReentered"):
    """The trigger stage was entered again with the same content while the invoice exists: a note, nothing else."""

    deal_id: str
    invoice_id: str
    number: str
    history_id: str = ""


class InvoiceRevised(Message, name="InvoiceRevised"):
    """The deal, or the invoice in accounting, no longer shows what was issued; a person is asked.

    ``where`` is "crm" or "accounting"; sums in kopecks, before and after.
    """

    deal_id: str
    invoice_id: str
    number: str
    where: str
    total_before_kopecks: int
    total_after_kopecks: int
    responsible_id: str = ""


class InvoiceCancelled(Message, name="InvoiceCancelled"):
    """The invoice is void in the accounting service."""

    deal_id: str
    invoice_id: str
    number: str
    by: str = ""


class ActIssued(Message, name="ActIssued"):
    """A closing document exists in the accounting service: an act, a waybill, a УПД, or a sale of which the accountant
    prints what is needed. ``unpaid``: the invoice was not paid in full when it was made."""

    act_id: str
    deal_id: str
    request_id: str
    account: str
    number: str
    date: dt.date
    remote_id: str
    total_kopecks: int
    invoice_id: str = ""
    unpaid: bool = False
    responsible_id: str = ""
    form: ClosingForm = "act"
    url: str = ""
    warnings: tuple[Reason, ...] = ()


class ActRejected(Message, name="ActRejected"):
    """No act was made; ``reasons`` name what a person has to change."""

    deal_id: str
    request_id: str
    reasons: tuple[Reason, ...]
    responsible_id: str = ""


class DocumentRendered(Message, name="DocumentRendered"):
    """The PDF of a document lies in the blobs under its SHA-256; ``file_name`` is how people see it. ``draft``: the
    paper, with a watermark, of an invoice that its accountant has yet to post: it is not the client's file."""

    deal_id: str
    document_id: str
    kind: DocumentKind
    form: ClosingForm = "act"
    number: str
    blob: str
    size_bytes: int
    file_name: str
    revision: int = 1
    rendered_at: dt.datetime | None = None
    draft: bool = False


EdiStatus = Literal[
    "invited",
    "awaiting_own_signature",
    "sending",
    "roaming",
    "awaiting_counterparty",
    "delivered",
    "partially_signed",
    "signed",
    "rejected",
    "revocation_requested",
    "revoked",
    "invalid_signature",
    "delivery_failed",
    "deleted",
]


class EdiStatusChanged(Message, name="EdiStatusChanged"):
    """An act that is exchanged electronically is in another state at the operator. ``reason`` are the words of whoever
    refused it; ``buyer`` is the partner's name."""

    deal_id: str
    document_id: str
    number: str
    status: EdiStatus
    vendor: str
    buyer: str = ""
    reason: str = ""
    responsible_id: str = ""


class DocumentSigned(Message, name="DocumentSigned"):
    """Both parties have signed: the document with its titles and signatures (``archive``, a ZIP) and its form on paper
    (``print_form``, a PDF) lie in the blobs under their SHA-256."""

    deal_id: str
    document_id: str
    number: str
    vendor: str
    buyer: str = ""
    archive: str
    archive_bytes: int
    archive_name: str
    print_form: str
    print_bytes: int
    print_name: str


MESSAGES = (
    InvoiceIssued,
    InvoiceRejected,
    InvoicePendingReview,
    InvoiceReentered,
    InvoiceRevised,
    InvoiceCancelled,
    ActIssued,
    ActRejected,
    DocumentRendered,
    EdiStatusChanged,
    DocumentSigned,
    BuyerRecordGone,
)
