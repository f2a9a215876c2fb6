"""What a deal's payments do on each command; conservation holds after every one: paid = received − refunded."""

import datetime as dt
from collections.abc import Sequence
from typing import assert_never

from chassis.cards import CardOpened, CardTaken, TakeCard
from chassis.domain import Event, Refused
from chassis.ids import deterministic_id
from chassis.values import payment_identity as identity
from chassis.values.calendar import overdue_days
from services.payments.domain import balances, questions
from services.payments.domain import commands as c
from services.payments.domain import events as e
from services.payments.domain.state import Invoice, Payment, State, evolve

DAILY_OVERDUE_DAYS_MAX = 30
"""Days overdue are told daily so long, then weekly, so that a stream stays short."""
WEEK_DAYS = 7

ENRICH_DAYS_MAX = 5
"""So far apart accounting and the bank may date one payment."""

DOUBTED = dt.timedelta(hours=1)
"""So long an empty list is read again by itself; then a person is asked."""

NOTICE_WAIT = dt.timedelta(seconds=30)
NOTICE_WAIT_MAX = dt.timedelta(hours=6)
LOOK_WAIT = dt.timedelta(hours=2)
LOOK_WAIT_MAX = dt.timedelta(days=7)
"""A paid sum that the list of payments never comes to is told for ever; a stream must stay short."""
MOVED_WAIT = dt.timedelta(minutes=10)
"""So long a list may still show a payment that was tied to another invoice."""


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
        case c.DoubtPayments():
            made.doubt(command)
        case c.ObserveBalance():
            made.observe_balance(command)
        case c.SeeGone():
            made.see_gone(command)
        case c.SeeTotal():
            made.see_total(command)
        case c.LookAtDue():
            made.look_at_due(command)
        case c.NoticePayments():
            made.notice(command)
        case c.SeeStatementRows():
            made.see_statement_rows(command)
        case TakeCard():
            return made.take(command)
        case _:
            assert_never(command)
    made.withdraw_settled_cards()
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
        void = command.invoice_id in self.state.void
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
                issued_on=command.issued_on,
                buyer_inn=command.buyer_inn,
                vat_kopecks=command.vat_kopecks,
            )
        )
        if void:
            self.say(e.InvoiceVoided(invoice_id=command.invoice_id))
        self._tell_balance(command.invoice_id)

    def void_invoice(self, invoice_id: str) -> None:
        invoice = self.state.invoices.get(invoice_id)
        if invoice is None:
            if invoice_id not in self.state.void:
                self.say(e.CancellationKept(invoice_id=invoice_id))
            return
        if invoice.voided:
            return
        self.say(e.InvoiceVoided(invoice_id=invoice_id))
        self._after_money(invoice_id)

    def notice(self, command: c.NoticePayments) -> None:
        """Has the payments read again; ever more seldom while the reading finds nothing new. A look that finds the same
        each time makes the feed's own news no more seldom."""
        invoice = self.state.invoices.get(command.invoice_id)
        if invoice is None:
            return
        if command.moved:
            # Told once, when the other invoice begins to count it, by nobody later: it is not put off, nor is it lost.
            again = self.now + MOVED_WAIT
            self.say(e.PaymentsNoticed(invoice_id=command.invoice_id, at=self.now, again_at=again))
            return
        told = command.told_kopecks
        if told is None:
            since, wait = invoice.noticed_at, min(NOTICE_WAIT * 2 ** min(invoice.notices, 10), NOTICE_WAIT_MAX)
        else:
            since = invoice.looked_at if invoice.looked_kopecks == told else None
            wait = min(LOOK_WAIT * 2 ** min(invoice.looks, 10), LOOK_WAIT_MAX)
        if since is None or self.now >= since + wait:
            self.say(e.PaymentsNoticed(invoice_id=command.invoice_id, at=self.now, told_kopecks=told))

    def observe(self, command: c.ObservePayments) -> None:
        invoice = self.state.invoices.get(command.invoice_id)
        if invoice is None:
            return
        known = [payment.known() for payment in invoice.payments.values()]
        loaded = [_row(operation) for operation in command.listed]
        by_row = dict(zip(map(id, loaded), command.listed, strict=True))
        settled_before = invoice.rest_kopecks == 0
        if invoice.doubts:
            self.say(e.DoubtEnded(invoice_id=command.invoice_id))
        for outcome in identity.match_listing(known, loaded):
            self._take(invoice.known.invoice_id, outcome, by_row)
        self._enrich(command.invoice_id)
        self._after_money(command.invoice_id)
        after = self.state.invoices[command.invoice_id]
        vanished = any(isinstance(event, CardOpened) and event.kind == "payment_vanished" for event in self.events)
        if settled_before and after.rest_kopecks > 0 and not vanished:
            self._ask("refunded_after_paid", after)

    def doubt(self, command: c.DoubtPayments) -> None:
        """Has an empty list read again, ever more seldom, and asks a person once that has lasted; who said that the
        money is there is not asked again about the same sum."""
        invoice = self.state.invoices.get(command.invoice_id)
        if invoice is None or questions.is_answered(self.state, questions.MISSING, invoice):
            return
        if invoice.doubted_at is not None and self.now - invoice.doubted_at >= DOUBTED:
            self._ask(questions.MISSING, invoice, told_kopecks=command.told_kopecks)
            return
        self.say(e.PaymentsDoubted(invoice_id=command.invoice_id, at=self.now, told_kopecks=command.told_kopecks))

    def take(self, command: TakeCard) -> Sequence[Event] | Refused:
        """A person answers a question; who says that payments are gone takes them back."""
        taken = self.state.cards.take(command, self.now)
        if isinstance(taken, Refused):
            return taken
        self.say(taken)
        if taken.kind == questions.MISSING:
            self._end_doubt(taken)
            self.withdraw_settled_cards()
        return self.events

    def _end_doubt(self, taken: CardTaken) -> None:
        """Only what accounting told goes: it is accounting's list that is empty. Nobody is asked about it once more."""
        self.say(e.DoubtEnded(invoice_id=taken.subject))
        if taken.choice == "keep":
            return
        for payment in tuple(self.state.invoices[taken.subject].payments.values()):
            if not payment.revoked and payment.operation.source != "statement":
                self._revoke(taken.subject, payment)
        self._after_money(taken.subject)

    def observe_balance(self, command: c.ObserveBalance) -> None:
        """A sum becomes the payments that come to it; facts that are older than what was taken say nothing."""
        invoice = self.state.invoices.get(command.invoice_id)
        if invoice is None or (command.fact_id is not None and command.fact_id <= invoice.fact_id):
            return
        if command.fact_id is not None:
            # Also where it says what a card said before: an older one must not come after it.
            self.say(e.FactSeen(invoice_id=command.invoice_id, fact_id=command.fact_id))
        difference = command.paid_kopecks - invoice.paid_kopecks
        if difference == 0:
            return
        if difference > 0:
            given = [payment.operation.operation_id for payment in invoice.payments.values()]
            name = balances.operation_id(invoice.known.remote_id, command.fact_id, given)
            listed = balances.grown(invoice.live, difference, name, command.on)
        else:
            listed = balances.fallen(invoice.live, -difference)
        self.observe(c.ObservePayments(command.invoice_id, listed))

    def see_gone(self, command: c.SeeGone) -> None:
        """Asked once: whether to void the deal's invoice is people's to say (R14)."""
        invoice = self.state.invoices.get(command.invoice_id)
        if invoice is None or invoice.voided:
            return
        asked = (card.opened for card in self.state.cards.by_id.values())
        if not any((one.kind, one.subject) == ("invoice_gone", command.invoice_id) for one in asked):
            self._ask("invoice_gone", invoice, reason=command.reason)

    def see_total(self, command: c.SeeTotal) -> None:
        """Asked once for each sum: whether the deal or accounting is right is people's to say (R14)."""
        invoice = self.state.invoices.get(command.invoice_id)
        if invoice is None or invoice.voided or command.total_kopecks == invoice.known.total_kopecks:
            return
        if not questions.is_asked(self.state, questions.EDITED, invoice, accounting_kopecks=command.total_kopecks):
            self._ask(questions.EDITED, invoice, accounting_kopecks=command.total_kopecks)

    def see_statement_rows(self, command: c.SeeStatementRows) -> None:
        """Keeps what statements list, and finds the payments that it is; the paid sum is accounting's to say (R21)."""
        invoice = self.state.invoices.get(command.invoice_id)
        if invoice is None or invoice.rows == command.rows:
            return
        self.say(e.StatementRowsSeen(invoice_id=command.invoice_id, rows=command.rows))
        self._enrich(command.invoice_id)

    def _enrich(self, invoice_id: str) -> None:
        """Gives payments the orders of rows of the same sum, the nearest day first; each row is one payment."""
        invoice = self.state.invoices[invoice_id]
        used = {payment.row_id for payment in invoice.payments.values() if not payment.revoked}
        for row in sorted(invoice.rows, key=lambda one: (one.date, one.operation_id)):
            if row.operation_id in used:
                continue
            like = [one for one in invoice.payments.values() if not one.row_id and _is_row(one, row)]
            if not like:
                continue
            nearest = min(like, key=lambda one: (abs((one.operation.date - row.date).days), one.payment_id))
            self.say(
                e.PaymentEnriched(
                    invoice_id=invoice_id,
                    payment_id=nearest.payment_id,
                    row_id=row.operation_id,
                    order_number=row.order_number,
                    date=row.date,
                    payer_inn=row.payer_inn,
                    payer_name=row.payer_name,
                )
            )
            invoice = self.state.invoices[invoice_id]

    def _take(self, invoice_id: str, outcome: identity.Outcome, by_row: dict[int, e.Operation]) -> None:
        match outcome:
            case identity.New():
                # Numbered, not named by its key: a payment that was corrected leaves its first key to the next one.
                number = str(len(self.state.invoices[invoice_id].payments) + 1)
                payment_id = str(deterministic_id("payment", invoice_id, number))
                self._count(invoice_id, payment_id, outcome.row, outcome.ordinal, by_row[id(outcome.row)])
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
                self._revoke(invoice_id, gone)
                if gone.signed_kopecks > 0:
                    self._ask("payment_vanished", self.state.invoices[invoice_id], gone.payment_id)
            case identity.Suspect() | identity.RereadNeeded():
                raise AssertionError("a whole listing of an invoice leaves nothing suspect and nothing to read again")
            case _:
                assert_never(outcome)

    def _revoke(self, invoice_id: str, gone: Payment) -> None:
        self.say(
            e.PaymentRevoked(
                invoice_id=invoice_id,
                payment_id=gone.payment_id,
                amount_kopecks=gone.signed_kopecks,
                date=gone.operation.date,
            )
        )

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
        changed = self._tell_balance(invoice_id)
        invoice = self.state.invoices[invoice_id]
        if invoice.overdue and invoice.rest_kopecks == 0:
            self.say(e.OverdueEnded(invoice_id=invoice_id))
        if invoice.status == "overpaid" and changed:
            self._ask("overpaid", invoice)
        if invoice.voided and invoice.paid_kopecks > 0 and changed:
            self._ask("cancelled_with_money", invoice)

    def _tell_balance(self, invoice_id: str) -> bool:
        invoice = self.state.invoices[invoice_id]
        if self.state.told.get(invoice_id) == (invoice.paid_kopecks, invoice.status):
            return False
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
        return True

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

    def _ask(self, kind: str, invoice: Invoice, payment_id: str = "", **more: str | int) -> None:
        asked = questions.asked(self.state, self.now, kind, invoice, payment_id, **more)
        if asked is not None:
            self.say(asked)

    def withdraw_settled_cards(self) -> None:
        """Nobody is asked about money that is in order again."""
        for taken in questions.settled(self.state, self.now):
            self.say(taken)


def _is_row(payment: Payment, row: e.Operation) -> bool:
    """Whether a payment that accounting tells may be a statement's row: one way and sum, near days, no other order."""
    told = payment.operation
    if payment.revoked or (told.direction, told.amount_kopecks) != (row.direction, row.amount_kopecks):
        return False
    same_order = not told.order_number or told.order_number.lstrip("0") == row.order_number.lstrip("0")
    return same_order and abs((told.date - row.date).days) <= ENRICH_DAYS_MAX


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
        facts=facts,
        statement_day=operation.date,
        operation_id=operation.operation_id or None,
        # All that a poll compares, so that what it calls news is news here too, and is remembered.
        details=e.digest(operation),
    )
