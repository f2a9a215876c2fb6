"""What `payments` says: money that came, went back or fits nothing, and what each invoice and deal owes."""

import datetime as dt
from typing import Literal

from contracts.envelope import Message

InvoiceStatus = Literal["issued", "partially_paid", "paid", "overpaid", "cancelled"]


class PaymentReceived(Message, name="PaymentReceived"):
    """An incoming payment counts for an invoice. ``source`` is "accounting", "statement", or "balance": then the vendor
    tells sums and no payments, and ``date`` is the day when the difference was seen."""

    payment_id: str
    deal_id: str
    invoice_id: str
    invoice_number: str
    amount_kopecks: int
    date: dt.date
    order_number: str = ""
    payer_name: str = ""
    payer_inn: str = ""
    source: str = "accounting"
    responsible_id: str = ""


class PaymentReversed(Message, name="PaymentReversed"):
    """A payment that counted does not any more (``kind``: revoked, refunded) or counts otherwise (corrected)."""

    payment_id: str
    deal_id: str
    invoice_id: str
    invoice_number: str
    kind: Literal["revoked", "refunded", "corrected"]
    amount_kopecks: int
    amount_before_kopecks: int = 0
    date: dt.date
    order_number: str = ""
    responsible_id: str = ""


class PaymentUnmatched(Message, name="PaymentUnmatched"):
    """A payment that belongs to no invoice we know, or may have been counted already (``suspect``)."""

    payment_id: str
    account: str
    amount_kopecks: int
    date: dt.date
    order_number: str = ""
    payer_inn: str = ""
    suspect: bool = False
    deal_id: str = ""


class PaymentMatched(Message, name="PaymentMatched"):
    """A payment that was told as `PaymentUnmatched` has found its invoices."""

    payment_id: str
    account: str
    amount_kopecks: int
    date: dt.date
    order_number: str = ""
    invoice_numbers: tuple[str, ...] = ()


class InvoiceBalanceChanged(Message, name="InvoiceBalanceChanged"):
    """What an invoice and its deal owe now; carries the whole balance, so that an older ``version`` is simply ignored.

    ``deal_paid_kopecks`` is received minus refunded over all live invoices; ``deal_settled``: every live one is
    settled.
    """

    deal_id: str
    invoice_id: str
    invoice_number: str
    total_kopecks: int
    paid_kopecks: int
    rest_kopecks: int
    surplus_kopecks: int = 0
    status: InvoiceStatus
    version: int
    deal_paid_kopecks: int
    deal_settled: bool
    category_id: str = ""
    last_payment_date: dt.date | None = None


class InvoiceOverdue(Message, name="InvoiceOverdue"):
    """An unpaid invoice is past its due date. ``remind``: this is a reminder day, the manager is told."""

    deal_id: str
    invoice_id: str
    invoice_number: str
    due_date: dt.date
    days_overdue: int
    rest_kopecks: int
    remind: bool
    responsible_id: str = ""


class InvoiceOverdueEnded(Message, name="InvoiceOverdueEnded"):
    """An overdue invoice was settled or cancelled; days overdue are zero again."""

    deal_id: str
    invoice_id: str
    invoice_number: str


class InvoiceGone(Message, name="InvoiceGone"):
    """Accounting has an unpaid invoice no more, and a person said that the deal's invoice is void with it. ``replace``:
    another one is to be made."""

    deal_id: str
    invoice_id: str
    invoice_number: str
    by: str
    replace: bool = False


MESSAGES = (
    PaymentReceived,
    PaymentReversed,
    PaymentUnmatched,
    PaymentMatched,
    InvoiceBalanceChanged,
    InvoiceOverdue,
    InvoiceOverdueEnded,
    InvoiceGone,
)
