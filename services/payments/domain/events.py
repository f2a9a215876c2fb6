"""Events of a deal's payments, as stored; money is integer kopecks."""

import datetime as dt
from typing import Literal

from pydantic import BaseModel, ConfigDict

from chassis.cards import CardOpened, CardTaken
from chassis.domain import Event

Status = Literal["issued", "partially_paid", "paid", "overpaid", "cancelled"]


class Operation(BaseModel):
    """A bank operation as its source lists it. The payer's name is kept only where it is a company's. ``source`` is
    "balance" for a difference of sums, whose date is the day when it was seen, and "statement" for a bank's."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    operation_id: str
    direction: Literal["in", "out"]
    amount_kopecks: int
    date: dt.date
    order_number: str = ""
    own_account: str = ""
    payer_inn: str = ""
    payer_name: str = ""
    source: str = ""


def digest(operation: Operation) -> str:
    """What of an operation matters, as one text: equal texts mean that nothing is to be read again."""
    parts = (
        operation.direction,
        str(operation.amount_kopecks),
        operation.date.isoformat(),
        operation.order_number,
        operation.own_account,
        operation.payer_inn,
        operation.payer_name,
    )
    return "|".join(part.replace("|", "/") for part in parts)


class InvoiceKnown(Event, name="InvoiceKnown"):
    """An invoice is to be paid."""

    invoice_id: str
    deal_id: str
    number: str
    remote_id: str
    account: str
    total_kopecks: int
    due_date: dt.date
    category_id: str = ""
    responsible_id: str = ""
    issued_on: dt.date | None = None
    buyer_inn: str = ""
    vat_kopecks: int | None = None


class InvoiceVoided(Event, name="InvoiceVoided"):
    """An invoice is not to be paid any more."""

    invoice_id: str


class CancellationKept(Event, name="CancellationKept"):
    """An invoice is void that is not known yet: a draft that never was issued, or one whose issue comes later, since
    its topic was lost and is sent again with the newest message first."""

    invoice_id: str


class PaymentCounted(Event, name="PaymentCounted"):
    """A payment counts for an invoice, or counts again after it had vanished."""

    invoice_id: str
    payment_id: str
    key: str
    ordinal: int
    operation: Operation
    details: str


class PaymentCorrected(Event, name="PaymentCorrected"):
    """A payment that counts has changed in its source."""

    invoice_id: str
    payment_id: str
    key: str
    ordinal: int
    operation: Operation
    details: str
    amount_before_kopecks: int


class PaymentRenamed(Event, name="PaymentRenamed"):
    """The source gave a payment another id; it is the same payment."""

    invoice_id: str
    payment_id: str
    operation_id: str


class PaymentRevoked(Event, name="PaymentRevoked"):
    """A payment that counted is no longer in its source."""

    invoice_id: str
    payment_id: str
    amount_kopecks: int
    date: dt.date


class PaymentsNoticed(Event, name="PaymentsNoticed"):
    """The feed, or with ``told_kopecks`` a look at the invoice, has something new; all its payments are read again, and
    where another invoice counts one of them once more at ``again_at``."""

    invoice_id: str
    at: dt.datetime
    told_kopecks: int | None = None
    again_at: dt.datetime | None = None


class PaymentsDoubted(Event, name="PaymentsDoubted"):
    """The list of an invoice's payments came empty, though the invoice itself says that ``told_kopecks`` are paid: it
    is read again."""

    invoice_id: str
    at: dt.datetime
    told_kopecks: int


class DoubtEnded(Event, name="DoubtEnded"):
    """A list of payments is believed again, or a person said which of both is right."""

    invoice_id: str


class FactSeen(Event, name="FactSeen"):
    """A numbered fact of how much of an invoice is paid was taken; older ones are taken no more."""

    invoice_id: str
    fact_id: int


class StatementRowsSeen(Event, name="StatementRowsSeen"):
    """What bank statements list for an invoice whose payments accounting tells: they count nothing here (R21)."""

    invoice_id: str
    rows: tuple[Operation, ...]


class PaymentEnriched(Event, name="PaymentEnriched"):
    """A payment that accounting told has the order of a statement's row of the same sum (R21)."""

    invoice_id: str
    payment_id: str
    row_id: str
    order_number: str
    date: dt.date
    payer_inn: str = ""
    payer_name: str = ""


class BalanceChanged(Event, name="BalanceChanged"):
    """What an invoice and its deal owe now; ``number`` counts balances of the deal from 1."""

    invoice_id: str
    number: int
    paid_kopecks: int
    total_kopecks: int
    status: Status
    deal_paid_kopecks: int
    deal_settled: bool
    last_payment_date: dt.date | None = None


class OverdueSeen(Event, name="OverdueSeen"):
    """An unpaid invoice is past its due date. ``remind``: the manager is told today."""

    invoice_id: str
    days: int
    rest_kopecks: int
    remind: bool


class OverdueEnded(Event, name="OverdueEnded"):
    """An overdue invoice was settled or voided."""

    invoice_id: str


StoredEvent = (
    InvoiceKnown
    | InvoiceVoided
    | CancellationKept
    | PaymentCounted
    | PaymentCorrected
    | PaymentRenamed
    | PaymentRevoked
    | PaymentsNoticed
    | PaymentsDoubted
    | DoubtEnded
    | FactSeen
    | StatementRowsSeen
    | PaymentEnriched
    | BalanceChanged
    | OverdueSeen
    | OverdueEnded
    | CardOpened
    | CardTaken
)

EVENTS: tuple[type[Event], ...] = (
    InvoiceKnown,
    InvoiceVoided,
    CancellationKept,
    PaymentCounted,
    PaymentCorrected,
    PaymentRenamed,
    PaymentRevoked,
    PaymentsNoticed,
    PaymentsDoubted,
    DoubtEnded,
    FactSeen,
    StatementRowsSeen,
    PaymentEnriched,
    BalanceChanged,
    OverdueSeen,
    OverdueEnded,
    CardOpened,
    CardTaken,
)
