"""The only bridge from a deal's private payment events to public messages."""

from collections.abc import Sequence

from chassis import cards
from chassis.aggregate import PublicMessage, Recorded
from chassis.cards import CardOpened, CardTaken
from contracts import topics
from contracts.messages import operations, payments
from services.payments.domain import State, bankday, operation, statement
from services.payments.domain import events as e

OPERATIONS = topics.operations_topic("payments")


def published(recorded: Recorded, state: State) -> Sequence[PublicMessage]:
    """The messages of one event with the state after it."""
    event = recorded.event
    match event:
        case e.PaymentCounted():
            return (_money(_counted(event, state)),)
        case e.PaymentCorrected():
            corrected = _corrected(event, state)
            # What changed beside the sum is remembered, and is no news to anybody.
            return (_money(corrected),) if corrected.amount_kopecks != corrected.amount_before_kopecks else ()
        case e.PaymentRevoked():
            known = state.invoices[event.invoice_id].known
            reversed_ = payments.PaymentReversed(
                payment_id=event.payment_id,
                deal_id=known.deal_id,
                invoice_id=event.invoice_id,
                invoice_number=known.number,
                kind="revoked",
                amount_kopecks=0,
                amount_before_kopecks=event.amount_kopecks,
                date=event.date,
                responsible_id=known.responsible_id,
            )
            return (_money(reversed_),)
        case e.BalanceChanged():
            return (_money(_balance(event, state)),)
        case e.OverdueSeen():
            known = state.invoices[event.invoice_id].known
            overdue = payments.InvoiceOverdue(
                deal_id=known.deal_id,
                invoice_id=event.invoice_id,
                invoice_number=known.number,
                due_date=known.due_date,
                days_overdue=event.days,
                rest_kopecks=event.rest_kopecks,
                remind=event.remind,
                responsible_id=known.responsible_id,
            )
            return (_money(overdue),)
        case e.OverdueEnded():
            known = state.invoices[event.invoice_id].known
            ended = payments.InvoiceOverdueEnded(
                deal_id=known.deal_id, invoice_id=event.invoice_id, invoice_number=known.number
            )
            return (_money(ended),)
        case CardTaken() if event.kind == "invoice_gone" and event.choice in ("void", "replace"):
            return (_gone(event, state), *_asked(event))
        case _:
            return _asked(event)


def _gone(taken: CardTaken, state: State) -> PublicMessage:
    known = state.invoices[taken.subject].known
    return _money(
        payments.InvoiceGone(
            deal_id=known.deal_id,
            invoice_id=taken.subject,
            invoice_number=known.number,
            by=taken.by,
            replace=taken.choice == "replace",
        )
    )


def published_of_operation(recorded: Recorded, state: operation.State) -> Sequence[PublicMessage]:
    """A payment that accounting itself has tied to no invoice, and that looks like one of ours; one tied to an invoice
    that is not ours is not ours to tell. Who heard of it hears when it has found its invoice."""
    match recorded.event:
        case operation.OperationUnmatched(remote_invoice="", ours=True, heard=False) as event:
            found = event.operation
            unmatched = payments.PaymentUnmatched(
                payment_id=found.operation_id,
                account=event.account,
                amount_kopecks=_signed(found),
                date=found.date,
                order_number=found.order_number,
                payer_inn=found.payer_inn,
            )
            return (_money(unmatched),)
        case operation.OperationMatched() as matched if state.told and state.last is not None:
            found = state.last.operation
            told = payments.PaymentMatched(
                payment_id=found.operation_id,
                account=state.last.account,
                amount_kopecks=_signed(found),
                date=found.date,
                order_number=found.order_number,
                invoice_numbers=(matched.number,) if matched.number else (),
            )
            return (_money(told),)
        case _:
            return ()


def _signed(found: e.Operation) -> int:
    return found.amount_kopecks if found.direction == "in" else -found.amount_kopecks


def published_of_day(recorded: Recorded, state: bankday.State) -> Sequence[PublicMessage]:
    """What a person must look at: operations that look like payments and fit no invoice, those that may be counted
    already, and questions."""
    event = recorded.event
    match event:
        case bankday.DayListed():
            suspects = [one.payment_id for one in event.changes if one.what == "suspect"]
            return tuple(_bank(state.operations[name], suspect=True) for name in suspects)
        case bankday.OperationsMatched():
            lost = [one.payment_id for one in event.matches if one.is_lost and one.payment_id not in event.heard]
            told = [_bank(state.operations[name], suspect=False) for name in lost]
            return (*told, *(_found(state.operations[name]) for name in event.found))
        case _:
            return _asked(event)


def published_of_statement(recorded: Recorded, state: statement.State) -> Sequence[PublicMessage]:
    """The question about what a file did not give."""
    return _asked(recorded.event)


def _asked(event: object) -> Sequence[PublicMessage]:
    match event:
        case CardOpened():
            return (PublicMessage(OPERATIONS, operations.DecisionNeeded(**cards.needed(event))),)
        case CardTaken():
            return (PublicMessage(OPERATIONS, operations.DecisionTaken(**cards.decided(event))),)
        case _:
            return ()


def _bank(found: bankday.BankOperation, *, suspect: bool) -> PublicMessage:
    row = found.row
    unmatched = payments.PaymentUnmatched(
        payment_id=found.payment_id,
        account=row.own_account,
        amount_kopecks=row.signed_kopecks,
        date=row.statement_day,
        order_number=row.number,
        payer_inn=row.their_inn,
        suspect=suspect,
    )
    return _money(unmatched)


def _found(found: bankday.BankOperation) -> PublicMessage:
    row = found.row
    matched = payments.PaymentMatched(
        payment_id=found.payment_id,
        account=row.own_account,
        amount_kopecks=row.signed_kopecks,
        date=row.statement_day,
        order_number=row.number,
        invoice_numbers=tuple(one.number for one in found.pays),
    )
    return _money(matched)


def _money(body: object) -> PublicMessage:
    return PublicMessage(topics.PAYMENTS, body)


def _counted(event: e.PaymentCounted, state: State) -> payments.PaymentReceived | payments.PaymentReversed:
    known, paid = state.invoices[event.invoice_id].known, event.operation
    if paid.direction == "out":
        return payments.PaymentReversed(
            payment_id=event.payment_id,
            deal_id=known.deal_id,
            invoice_id=event.invoice_id,
            invoice_number=known.number,
            kind="refunded",
            amount_kopecks=paid.amount_kopecks,
            date=paid.date,
            order_number=paid.order_number,
            responsible_id=known.responsible_id,
        )
    return payments.PaymentReceived(
        payment_id=event.payment_id,
        deal_id=known.deal_id,
        invoice_id=event.invoice_id,
        invoice_number=known.number,
        amount_kopecks=paid.amount_kopecks,
        date=paid.date,
        order_number=paid.order_number,
        payer_name=paid.payer_name,
        payer_inn=paid.payer_inn,
        source=paid.source or "accounting",
        responsible_id=known.responsible_id,
    )


def _corrected(event: e.PaymentCorrected, state: State) -> payments.PaymentReversed:
    known = state.invoices[event.invoice_id].known
    return payments.PaymentReversed(
        payment_id=event.payment_id,
        deal_id=known.deal_id,
        invoice_id=event.invoice_id,
        invoice_number=known.number,
        kind="corrected",
        amount_kopecks=state.invoices[event.invoice_id].payments[event.payment_id].signed_kopecks,
        amount_before_kopecks=event.amount_before_kopecks,
        date=event.operation.date,
        order_number=event.operation.order_number,
        responsible_id=known.responsible_id,
    )


def _balance(event: e.BalanceChanged, state: State) -> payments.InvoiceBalanceChanged:
    known = state.invoices[event.invoice_id].known
    rest = 0 if event.status == "cancelled" else max(event.total_kopecks - event.paid_kopecks, 0)
    return payments.InvoiceBalanceChanged(
        deal_id=known.deal_id,
        invoice_id=event.invoice_id,
        invoice_number=known.number,
        total_kopecks=event.total_kopecks,
        paid_kopecks=event.paid_kopecks,
        rest_kopecks=rest,
        surplus_kopecks=max(event.paid_kopecks - event.total_kopecks, 0),
        status=event.status,
        version=event.number,
        deal_paid_kopecks=event.deal_paid_kopecks,
        deal_settled=event.deal_settled,
        category_id=known.category_id,
        last_payment_date=event.last_payment_date,
    )
