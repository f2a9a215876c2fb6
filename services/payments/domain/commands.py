"""Commands of a deal's payments."""

import datetime as dt
from dataclasses import dataclass

from chassis.cards import TakeCard
from services.payments.domain.events import Operation


@dataclass(frozen=True, slots=True)
class KnowInvoice:
    """An invoice was issued."""

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


@dataclass(frozen=True, slots=True)
class VoidInvoice:
    """An invoice was cancelled."""

    invoice_id: str


@dataclass(frozen=True, slots=True)
class ObservePayments:
    """All operations that the accounting service lists for an invoice now; what is absent has vanished."""

    invoice_id: str
    listed: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class DoubtPayments:
    """Accounting lists no payment of an invoice that counts some, while the invoice's card says that ``told_kopecks``
    are paid."""

    invoice_id: str
    told_kopecks: int


@dataclass(frozen=True, slots=True)
class ObserveBalance:
    """How much of an invoice is paid, where the accounting service tells sums and no payments. Facts are numbered
    ascending by ``fact_id``; None for what its card says now. ``on`` is the day when it was seen."""

    invoice_id: str
    paid_kopecks: int
    on: dt.date
    fact_id: int | None = None


@dataclass(frozen=True, slots=True)
class SeeGone:
    """An unpaid invoice does not stand in accounting any more: ``reason`` is "rejected" or "deleted"."""

    invoice_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class SeeTotal:
    """An unpaid invoice's sum in accounting is another one than was issued."""

    invoice_id: str
    total_kopecks: int


@dataclass(frozen=True, slots=True)
class LookAtDue:
    """A new day in the tenant's zone. ``remind_days`` are days overdue on which the manager is told, if ``may_remind``:
    outside quiet hours and days off."""

    invoice_id: str
    today: dt.date
    remind_days: tuple[int, ...]
    may_remind: bool


@dataclass(frozen=True, slots=True)
class NoticePayments:
    """The feed has something about an invoice that is not known yet: its payments are read again. ``told_kopecks``
    where the look at standing invoices found another paid sum than is counted; ``moved`` where another invoice is about
    to count one of its payments."""

    invoice_id: str
    told_kopecks: int | None = None
    moved: bool = False


@dataclass(frozen=True, slots=True)
class SeeStatementRows:
    """All that bank statements list for an invoice whose payments accounting tells (R21)."""

    invoice_id: str
    rows: tuple[Operation, ...]


Command = (
    KnowInvoice
    | VoidInvoice
    | ObservePayments
    | DoubtPayments
    | ObserveBalance
    | SeeGone
    | SeeTotal
    | LookAtDue
    | NoticePayments
    | SeeStatementRows
    | TakeCard
)
