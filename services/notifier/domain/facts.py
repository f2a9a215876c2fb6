"""Facts that people and the CRM are told, in the notifier's own words; money is integer kopecks."""

import datetime as dt
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

InvoiceStatus = Literal["issued", "partially_paid", "paid", "overpaid", "cancelled"]

ClosingForm = Literal["act", "waybill", "upd", "sale"]


class Fact(BaseModel):
    """The base of facts: frozen; unknown fields of later builds are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Reason(Fact):
    """A problem: a code and the values of its sentence."""

    code: str
    values: dict[str, Any] = Field(default_factory=dict)


class OrderPlaced(Fact):
    """The deal is an order of a shop, which buyers know by this number; there is none in the CRM."""

    fact: Literal["order_placed"] = "order_placed"
    number: str


class InvoiceIssued(Fact):
    """An invoice stands in accounting."""

    fact: Literal["invoice_issued"] = "invoice_issued"
    invoice_id: str
    number: str
    date: dt.date
    due_date: dt.date
    url: str
    total_kopecks: int
    buyer_name: str = ""
    responsible_id: str = ""
    warnings: tuple[Reason, ...] = ()


class InvoicePendingReview(Fact):
    """An invoice awaits its accountant, who posts it."""

    fact: Literal["invoice_pending_review"] = "invoice_pending_review"
    invoice_id: str
    number: str
    total_kopecks: int
    url: str = ""


class DocumentRefused(Fact):
    """No document was made; ``reasons`` are everything that has to be changed."""

    fact: Literal["document_refused"] = "document_refused"
    kind: Literal["invoice", "act"]
    request_id: str
    reasons: tuple[Reason, ...]
    responsible_id: str = ""


class InvoiceReentered(Fact):
    """The stage was entered again; the invoice exists."""

    fact: Literal["invoice_reentered"] = "invoice_reentered"
    invoice_id: str
    number: str


class InvoiceRevised(Fact):
    """The deal no longer shows what was issued."""

    fact: Literal["invoice_revised"] = "invoice_revised"
    invoice_id: str
    number: str
    total_before_kopecks: int
    total_after_kopecks: int
    responsible_id: str = ""


class InvoiceCancelled(Fact):
    """An invoice is void."""

    fact: Literal["invoice_cancelled"] = "invoice_cancelled"
    invoice_id: str
    number: str


class DocumentRendered(Fact):
    """A PDF lies in the blobs; ``draft``: of an invoice that is not posted yet, no file for the client."""

    fact: Literal["document_rendered"] = "document_rendered"
    document_id: str
    kind: Literal["invoice", "act"]
    number: str
    blob: str
    file_name: str
    revision: int = 1
    form: ClosingForm = "act"
    draft: bool = False


class ActIssued(Fact):
    """A closing document stands in accounting; ``form`` tells which."""

    fact: Literal["act_issued"] = "act_issued"
    act_id: str
    number: str
    date: dt.date
    total_kopecks: int
    unpaid: bool = False
    responsible_id: str = ""
    form: ClosingForm = "act"
    url: str = ""
    warnings: tuple[Reason, ...] = ()


class PaymentReceived(Fact):
    """Money came. Of ``source`` "balance" only the sum is known, and ``date`` is when it was seen."""

    fact: Literal["payment_received"] = "payment_received"
    payment_id: str
    invoice_number: str
    amount_kopecks: int
    date: dt.date
    order_number: str = ""
    payer_name: str = ""
    source: str = "accounting"
    responsible_id: str = ""


class PaymentReversed(Fact):
    """Money went back, vanished, or was corrected."""

    fact: Literal["payment_reversed"] = "payment_reversed"
    payment_id: str
    kind: Literal["revoked", "refunded", "corrected"]
    invoice_number: str
    amount_kopecks: int
    amount_before_kopecks: int = 0
    date: dt.date
    order_number: str = ""
    responsible_id: str = ""


class BalanceChanged(Fact):
    """What the invoice and its deal owe; ``version`` grows."""

    fact: Literal["balance_changed"] = "balance_changed"
    invoice_id: str
    invoice_number: str
    total_kopecks: int
    status: InvoiceStatus
    version: int
    deal_paid_kopecks: int
    deal_settled: bool
    surplus_kopecks: int = 0
    category_id: str = ""


class InvoiceOverdue(Fact):
    """An invoice is past its due date; ``remind``: the manager is told today."""

    fact: Literal["invoice_overdue"] = "invoice_overdue"
    invoice_id: str
    invoice_number: str
    due_date: dt.date
    days: int
    rest_kopecks: int
    remind: bool
    responsible_id: str = ""


class OverdueEnded(Fact):
    """An overdue invoice was settled or voided."""

    fact: Literal["overdue_ended"] = "overdue_ended"
    invoice_id: str


class BuyerConflict(Fact):
    """Several CRM companies have the buyer's INN and KPP."""

    fact: Literal["buyer_conflict"] = "buyer_conflict"
    request_id: str
    inn: str
    kpp: str
    crm_ids: tuple[str, ...]


class EdiMoved(Fact):
    """An act that is exchanged electronically is in another state at the operator."""

    fact: Literal["edi_moved"] = "edi_moved"
    document_id: str
    number: str
    status: str
    vendor: str
    buyer: str = ""
    why: str = ""
    responsible_id: str = ""


class EdiSigned(Fact):
    """Both parties have signed; the files lie in the blobs."""

    fact: Literal["edi_signed"] = "edi_signed"
    document_id: str
    number: str
    vendor: str
    buyer: str = ""
    archive: str
    archive_name: str
    print_form: str
    print_name: str


class CardOpened(Fact):
    """A decision is needed."""

    fact: Literal["card_opened"] = "card_opened"
    card_id: str
    kind: str
    choices: tuple[str, ...]
    values: dict[str, str | int]
    responsible_id: str = ""


class CardTaken(Fact):
    """A decision was taken."""

    fact: Literal["card_taken"] = "card_taken"
    card_id: str
    kind: str
    choice: str
    by: str


class WorkDelayed(Fact):
    """Work on the deal waits for a vendor."""

    fact: Literal["work_delayed"] = "work_delayed"
    work_id: str
    vendor: str
    reason: Reason


class WorkResumed(Fact):
    """Delayed work went through."""

    fact: Literal["work_resumed"] = "work_resumed"
    work_id: str


AnyFact = (
    OrderPlaced
    | InvoiceIssued
    | InvoicePendingReview
    | DocumentRefused
    | InvoiceReentered
    | InvoiceRevised
    | InvoiceCancelled
    | DocumentRendered
    | ActIssued
    | PaymentReceived
    | PaymentReversed
    | BalanceChanged
    | InvoiceOverdue
    | OverdueEnded
    | BuyerConflict
    | EdiMoved
    | EdiSigned
    | CardOpened
    | CardTaken
    | WorkDelayed
    | WorkResumed
)


def places(fact: AnyFact) -> tuple[str, ...]:
    """What a fact replaces: of all facts with the same place the newest stands."""
    match fact:
        case InvoiceIssued():
            return ("invoice", "invoice number")
        case InvoicePendingReview():
            return ("invoice",)
        case ActIssued():
            return ("act", "act number")
        case DocumentRefused():
            return (fact.kind,)
        case InvoiceOverdue() | OverdueEnded():
            return (f"overdue {fact.invoice_id}",)
        case _:
            return ()
