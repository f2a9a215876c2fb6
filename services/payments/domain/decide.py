"""What a deal's payments do on each command; conservation holds after every one: paid = received − refunded."""

import datetime as dt
from collections.abc import Sequence
from typing import assert_never

from chassis.cards import CardOpened, TakeCard
from chassis.domain import Event, Refused
from chassis.ids import deterministic_id
from chassis.values import payment_identity as identity
from chassis.values.calendar import overdue_days
from services.payments.domain import commands as c
from services.payments.domain import events as e
from services.payments.domain.state import Invoice, State, evolve

CARDS: dict[str, tuple[str, ...]] = {
    "overpaid": ("refund_planned", "keep_as_advance"),
    "refunded_after_paid": ("understood",),
    "payment_vanished": ("understood",),
}

DAILY_OVERDUE_DAYS_MAX = 30
"""Days overdue are told daily so long, then weekly, so that a stream stays short."""
WEEK_DAYS = 7


def decide(state: State, command: c.Command, now: dt.datetime) -> Sequence[Event] | Refused:
    """The events of one command in this state; none when it changes nothing."""
    made = _Decision(state, now)
    match command:
        case c.KnowInvoice():
            made.know_invoice(command)
        case c.VoidInvoice():
            made.void_invoice(command.invoice_id)
        case c.ObservePayments():
            made.observe(command)
        case c.LookAtDue():
            made.look_at_due(command)
        case c.NoticePayments():
            if command.invoice_id in state.invoices:
                made.say(e.PaymentsNoticed(invoice_id=command.invoice_id))
        case TakeCard():
            taken = state.cards.take(command, now)
            return taken if isinstance(taken, Refused) else (taken,)
        case _:
            assert_never(command)
    return made.events


class _Decision:
    """The events of one command as they come about, with the state that follows each."""

    def __init__(self, state: State, now: dt.datetime) -> None:
        self.state = state
        self.now = now
        self.events: list[Event] = []

    def say(self, event: e.StoredEvent) -> None:
        self.events.append(event)
        self.state = evolve(self.state, event)

    def know_invoice(self, command: c.KnowInvoice) -> None:
        if command.invoice_id in self.state.invoices:
            return
        self.say(
            e.InvoiceKnown(
                invoice_id=command.invoice_id,
                deal_id=command.deal_id,
                number=command.number,
                remote_id=command.remote_id,
                account=command.account,
                total_kopecks=command.total_kopecks,
                due_date=command.due_date,
                category_id=command.category_id,
                responsible_id=command.responsible_id,
            )
        )
        self._tell_balance(command.invoice_id)

    def void_invoice(self, invoice_id: str) -> None:
        invoice = self.state.invoices.get(invoice_id)
        if invoice is None or invoice.voided:
            return
        self.say(e.InvoiceVoided(invoice_id=invoice_id))
        self._after_money(invoice_id)

    def observe(self, command: c.ObservePayments) -> None:
        invoice = self.state.invoices.get(command.invoice_id)
        if invoice is None:
            return
        known = [payment.known() for payment in invoice.payments.values()]
        loaded = [_row(operation) for operation in command.listed]
        by_row = dict(zip(map(id, loaded), command.listed, strict=True))
        settled_before = invoice.rest_kopecks == 0
        for outcome in identity.match_listing(known, loaded):
            self._take(invoice.known.invoice_id, outcome, by_row)
        self._after_money(command.invoice_id)
        after = self.state.invoices[command.invoice_id]
        if settled_before and after.rest_kopecks > 0 and not after.voided:
            self._open_card("refunded_after_paid", after, after.paid_kopecks)

    def _take(self, invoice_id: str, outcome: identity.Outcome, by_row: dict[int, e.Operation]) -> None:
        match outcome:
            case identity.New():
                operation = by_row[id(outcome.row)]
                payment_id = str(
                    deterministic_id(
                        "payment", invoice_id, outcome.row.key, operation.date.isoformat(), str(outcome.ordinal)
                    )
                )
                self._count(invoice_id, payment_id, outcome.row, outcome.ordinal, operation)
            case identity.Restored():
                self._count(invoice_id, outcome.known.payment_id, outcome.row, outcome.ordinal, by_row[id(outcome.row)])
            case identity.Same():
                if outcome.renamed and outcome.row.operation_id is not None:
                    self.say(
                        e.PaymentRenamed(
                            invoice_id=invoice_id,
                            payment_id=outcome.known.payment_id,
                            operation_id=outcome.row.operation_id,
                        )
                    )
            case identity.Revised():
                before = self.state.invoices[invoice_id].payments[outcome.known.payment_id]
                self.say(
                    e.PaymentCorrected(
                        invoice_id=invoice_id,
                        payment_id=outcome.known.payment_id,
                        key=outcome.row.key,
                        ordinal=outcome.ordinal,
                        operation=by_row[id(outcome.row)],
                        details=outcome.row.details,
                        amount_before_kopecks=before.signed_kopecks,
                    )
                )
            case identity.Revoked():
                gone = self.state.invoices[invoice_id].payments[outcome.known.payment_id]
                self.say(
                    e.PaymentRevoked(
                        invoice_id=invoice_id,
                        payment_id=gone.payment_id,
                        amount_kopecks=gone.signed_kopecks,
                        date=gone.operation.date,
                    )
                )
                self._open_card(
                    "payment_vanished", self.state.invoices[invoice_id], f"{gone.payment_id}:{len(self.events)}"
                )
            case identity.Suspect() | identity.RereadNeeded():
                raise AssertionError("a whole listing of an invoice leaves nothing suspect and nothing to read again")
            case _:
                assert_never(outcome)

    def _count(
        self, invoice_id: str, payment_id: str, row: identity.LoadedRow, ordinal: int, operation: e.Operation
    ) -> None:
        self.say(
            e.PaymentCounted(
                invoice_id=invoice_id,
                payment_id=payment_id,
                key=row.key,
                ordinal=ordinal,
                operation=operation,
                details=row.details,
            )
        )

    def _after_money(self, invoice_id: str) -> None:
        self._tell_balance(invoice_id)
        invoice = self.state.invoices[invoice_id]
        if invoice.overdue and invoice.rest_kopecks == 0:
            self.say(e.OverdueEnded(invoice_id=invoice_id))
        if invoice.status == "overpaid":
            self._open_card("overpaid", invoice, invoice.paid_kopecks)

    def _tell_balance(self, invoice_id: str) -> None:
        invoice = self.state.invoices[invoice_id]
        if self.state.told.get(invoice_id) == (invoice.paid_kopecks, invoice.status):
            return
        self.say(
            e.BalanceChanged(
                invoice_id=invoice_id,
                number=self.state.balances + 1,
                paid_kopecks=invoice.paid_kopecks,
                total_kopecks=invoice.known.total_kopecks,
                status=invoice.status,
                deal_paid_kopecks=self.state.deal_paid_kopecks,
                deal_settled=self.state.deal_settled,
                last_payment_date=invoice.last_payment_date,
            )
        )

    def look_at_due(self, command: c.LookAtDue) -> None:
        invoice = self.state.invoices.get(command.invoice_id)
        if invoice is None or invoice.rest_kopecks == 0:
            return
        days = overdue_days(invoice.known.due_date, command.today)
        due = [day for day in command.remind_days if invoice.reminded_days < day <= days]
        remind = bool(due) and command.may_remind
        if not remind and days <= invoice.overdue_days:
            return
        if days > DAILY_OVERDUE_DAYS_MAX and days - invoice.overdue_days < WEEK_DAYS and not remind:
            return
        self.say(
            e.OverdueSeen(invoice_id=command.invoice_id, days=days, rest_kopecks=invoice.rest_kopecks, remind=remind)
        )

    def _open_card(self, kind: str, invoice: Invoice, about: int | str) -> None:
        card_id = str(deterministic_id("card", self.state.stream, kind, invoice.known.invoice_id, str(about)))
        if card_id in self.state.cards or (
            kind != "payment_vanished" and self.state.cards.open_of(kind, invoice.known.invoice_id) is not None
        ):
            return
        self.say(
            CardOpened(
                card_id=card_id,
                kind=kind,
                choices=CARDS[kind],
                subject=invoice.known.invoice_id,
                opened_at=self.now,
                values={
                    "number": invoice.known.number,
                    "deal": invoice.known.deal_id,
                    "total_kopecks": invoice.known.total_kopecks,
                    "paid_kopecks": invoice.paid_kopecks,
                },
                deal_id=invoice.known.deal_id,
                responsible_id=invoice.known.responsible_id,
            )
        )


def _row(operation: e.Operation) -> identity.LoadedRow:
    facts = identity.OperationFacts(
        direction=operation.direction,
        own_account=operation.own_account,
        number=operation.order_number,
        order_date=operation.date,
        amount_kopecks=operation.amount_kopecks,
        payer_inn=operation.payer_inn,
    )
    return identity.LoadedRow(
        facts=facts, statement_day=operation.date, operation_id=operation.operation_id, details=operation.payer_name
    )
