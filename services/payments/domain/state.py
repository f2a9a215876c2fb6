"""The state of a deal's payments and how each event changes it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

from chassis.cards import CardOpened, Cards, CardTaken
from chassis.domain import replace
from chassis.values.payment_identity import KnownOperation
from services.payments.domain import events as e

VOID_MAX = 50
"""So many void invoices are remembered that are not known yet; most are drafts, and never will be."""


@dataclass(frozen=True)
class Payment:
    """A payment that counts, or counted (``revoked``); ``revocations`` counts how often it vanished. ``row_id`` is the
    row of a bank statement that it was found to be."""

    payment_id: str
    key: str
    ordinal: int
    operation: e.Operation
    details: str
    revoked: bool = False
    revocations: int = 0
    row_id: str = ""

    @property
    def signed_kopecks(self) -> int:
        """What it adds to the paid sum: an outgoing operation is a refund."""
        if self.revoked:
            return 0
        return self.operation.amount_kopecks if self.operation.direction == "in" else -self.operation.amount_kopecks

    def known(self) -> KnownOperation:
        """The payment as the rules of identity take it."""
        return KnownOperation(
            payment_id=self.payment_id,
            key=self.key,
            statement_day=self.operation.date,
            ordinal=self.ordinal,
            operation_id=self.operation.operation_id or None,
            details=self.details,
            revoked=self.revoked,
        )


@dataclass(frozen=True)
class Invoice:
    """An invoice and its payments by payment id; ``notices`` are those since a payment was last counted or changed,
    ``fact_id`` the newest fact that was taken, ``rows`` those of statements where accounting tells the payments;
    ``doubts`` are lists in a row that came empty and were not believed, the first at ``doubted_at``; ``looks`` are
    those in a row that found ``looked_kopecks`` paid, the last at ``looked_at``, where what was read then did not."""

    known: e.InvoiceKnown
    payments: Mapping[str, Payment] = field(default_factory=dict)
    voided: bool = False
    overdue_days: int = 0
    overdue: bool = False
    reminded_days: int = 0
    notices: int = 0
    noticed_at: dt.datetime | None = None
    fact_id: int = -1
    rows: tuple[e.Operation, ...] = ()
    doubts: int = 0
    doubted_at: dt.datetime | None = None
    looks: int = 0
    looked_kopecks: int | None = None
    looked_at: dt.datetime | None = None

    @property
    def live(self) -> tuple[e.Operation, ...]:
        """The operations that count, in the order in which they came."""
        return tuple(payment.operation for payment in self.payments.values() if not payment.revoked)

    @property
    def paid_kopecks(self) -> int:
        """Received minus refunded (R22)."""
        return sum(payment.signed_kopecks for payment in self.payments.values())

    @property
    def rest_kopecks(self) -> int:
        """What is still to be paid; never negative, 0 when voided."""
        return 0 if self.voided else max(self.known.total_kopecks - self.paid_kopecks, 0)

    @property
    def status(self) -> e.Status:
        """The state that the balance gives (R6)."""
        if self.voided:
            return "cancelled"
        paid = self.paid_kopecks
        if paid > self.known.total_kopecks:
            return "overpaid"
        if paid == self.known.total_kopecks:
            return "paid"
        return "partially_paid" if paid > 0 else "issued"

    @property
    def last_payment_date(self) -> dt.date | None:
        """The date of the newest incoming payment that counts."""
        live = [p.operation.date for p in self.payments.values() if p.signed_kopecks > 0]
        return max(live, default=None)


@dataclass(frozen=True)
class State:
    """All invoices of one deal. ``void`` are those that were void before they were known."""

    stream: str
    invoices: Mapping[str, Invoice] = field(default_factory=dict)
    balances: int = 0
    told: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    cards: Cards = field(default_factory=Cards)
    void: tuple[str, ...] = ()

    @property
    def deal_paid_kopecks(self) -> int:
        """Received minus refunded over live invoices (R4)."""
        return sum(invoice.paid_kopecks for invoice in self.invoices.values() if not invoice.voided)

    @property
    def deal_settled(self) -> bool:
        """Whether there is a live invoice and every live one is settled (R4)."""
        live = [invoice for invoice in self.invoices.values() if not invoice.voided]
        return bool(live) and all(invoice.rest_kopecks == 0 for invoice in live)


def initial(stream: str) -> State:
    """A deal without invoices."""
    return State(stream)


def evolve(state: State, event: e.StoredEvent) -> State:
    """The state after one event."""
    match event:
        case e.InvoiceKnown():
            void = tuple(one for one in state.void if one != event.invoice_id)
            return replace(state, invoices={**state.invoices, event.invoice_id: Invoice(event)}, void=void)
        case e.InvoiceVoided():
            return _change(state, event.invoice_id, voided=True)
        case e.CancellationKept():
            return replace(state, void=(*state.void, event.invoice_id)[-VOID_MAX:])
        case e.PaymentCounted() | e.PaymentCorrected():
            before = state.invoices[event.invoice_id].payments.get(event.payment_id)
            revocations = before.revocations if before is not None else 0
            payment = Payment(
                event.payment_id,
                event.key,
                event.ordinal,
                event.operation,
                event.details,
                revocations=revocations,
                row_id=before.row_id if before is not None else "",
            )
            return _pay(state, event.invoice_id, payment)
        case e.PaymentRenamed():
            payment = state.invoices[event.invoice_id].payments[event.payment_id]
            operation = payment.operation.model_copy(update={"operation_id": event.operation_id})
            return _pay(state, event.invoice_id, replace(payment, operation=operation))
        case e.PaymentRevoked():
            payment = state.invoices[event.invoice_id].payments[event.payment_id]
            gone = replace(payment, revoked=True, revocations=payment.revocations + 1)
            return _pay(state, event.invoice_id, gone)
        case e.StatementRowsSeen():
            return _change(state, event.invoice_id, rows=event.rows)
        case e.PaymentEnriched():
            payment = state.invoices[event.invoice_id].payments[event.payment_id]
            payments = {
                **state.invoices[event.invoice_id].payments,
                event.payment_id: replace(payment, row_id=event.row_id),
            }
            return _change(state, event.invoice_id, payments=payments)
        case e.BalanceChanged():
            told = {**state.told, event.invoice_id: (event.paid_kopecks, event.status)}
            return replace(state, balances=event.number, told=told)
        case e.OverdueSeen():
            reminded = event.days if event.remind else state.invoices[event.invoice_id].reminded_days
            return _change(state, event.invoice_id, overdue=True, overdue_days=event.days, reminded_days=reminded)
        case e.OverdueEnded():
            return _change(state, event.invoice_id, overdue=False, overdue_days=0)
        case e.PaymentsNoticed():
            if event.again_at is not None:  # it says nothing of the feed's own news, which comes no more seldom for it
                return state
            invoice = state.invoices[event.invoice_id]
            if event.told_kopecks is None:
                return _change(state, event.invoice_id, notices=invoice.notices + 1, noticed_at=event.at)
            looks = invoice.looks + 1 if invoice.looked_kopecks == event.told_kopecks else 1
            return _change(state, event.invoice_id, looks=looks, looked_kopecks=event.told_kopecks, looked_at=event.at)
        case e.PaymentsDoubted():
            invoice = state.invoices[event.invoice_id]
            since = invoice.doubted_at or event.at
            return _change(state, event.invoice_id, doubts=invoice.doubts + 1, doubted_at=since)
        case e.DoubtEnded():
            return _change(state, event.invoice_id, doubts=0, doubted_at=None)
        case e.FactSeen():
            return _change(state, event.invoice_id, fact_id=event.fact_id)
        case CardOpened() | CardTaken():
            return replace(state, cards=state.cards.evolve(event))
        case _:
            assert_never(event)


def _change(state: State, invoice_id: str, **fields: Any) -> State:
    invoice = replace(state.invoices[invoice_id], **fields)
    return replace(state, invoices={**state.invoices, invoice_id: invoice})


def _pay(state: State, invoice_id: str, payment: Payment) -> State:
    payments = {**state.invoices[invoice_id].payments, payment.payment_id: payment}
    return _change(
        state, invoice_id, payments=payments, notices=0, noticed_at=None, looks=0, looked_kopecks=None, looked_at=None
    )
