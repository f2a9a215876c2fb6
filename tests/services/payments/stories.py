"""Whole stories of a deal's payments; together they say every event, message and question that there is."""

import datetime as dt
from typing import Any

from chassis.cards import TakeCard
from services.payments.app import CALLBACKS, OPERATIONS, STATEMENTS
from services.payments.domain import callback, operation, statement
from services.payments.domain import commands as c
from tests.services.payments import bank_parts as bank
from tests.services.payments.parts import DUE, Payments, known, listing, paid, payments, take
from tests.services.streams import NOW, Stream


def paid_and_gone() -> Payments:
    """Overdue, paid in parts and too much, corrected, renamed, vanished, refunded, voided with money."""
    stream = payments()
    stream.ran(c.LookAtDue("i1", DUE + dt.timedelta(days=3), (3, 7), True))
    stream.ran(c.NoticePayments("i1"))
    stream.ran(listing(paid(30_00)))
    stream.ran(listing(paid(130_00)))
    take(stream, "overpaid", "refund_planned")
    stream.ran(listing(paid(130_00, "renamed")))
    stream.ran(listing(paid(130_00, "renamed"), paid(-60_00, "op2")))
    stream.ran(listing(paid(-60_00, "op2")))
    stream.ran(listing(paid(40_00, "op3")))
    stream.ran(c.VoidInvoice("i1"))
    return stream


def void_before_known() -> Payments:
    """An invoice that is void when it becomes known."""
    stream = payments()
    stream.ran(c.VoidInvoice("i2"))
    stream.ran(known("i2"))
    return stream


def told_by_sums() -> Payments:
    """Sums grow and fall, and the unpaid invoice is rejected in accounting."""
    stream = payments()
    stream.ran(c.ObserveBalance("i1", 40_00, DUE, 13))
    stream.ran(c.ObserveBalance("i1", 0, DUE, 14))
    stream.ran(c.SeeGone("i1", "rejected"))
    take(stream, "invoice_gone", "void")
    return stream


def doubted() -> Payments:
    """Accounting lists no payment of a paid invoice: read again, asked about, and kept."""
    stream = payments()
    stream.ran(listing(paid(100_00)))
    stream.ran(c.NoticePayments("i1", 100_00))
    while stream.ran(c.DoubtPayments("i1", 100_00)):
        stream.now += dt.timedelta(minutes=20)
    take(stream, "payments_missing", "keep")
    return stream


def moved() -> Payments:
    """A payment is tied to another invoice, and the list shows it a little longer."""
    stream = payments()
    stream.ran(listing(paid(100_00)))
    stream.ran(c.NoticePayments("i1", moved=True))
    stream.ran(listing(paid(100_00)))
    stream.ran(listing())
    return stream


def unmatched() -> Stream[Any, Any]:
    """An operation without an invoice, until there is one."""
    stream: Stream[Any, Any] = Stream(OPERATIONS, operation.stream_of("elba:main", "op9"))
    stream.ran(operation.SeeUnmatched("elba:main", "", paid(-5_00, "op9")))
    stream.ran(operation.SeeUnmatched("elba:main", "", paid(5_00, "op9"), ours=True))
    stream.ran(operation.SeeMatched("i1", "B24-15/i1"))
    return stream


def deleted() -> Stream[Any, Any]:
    """An operation without an invoice that accounting deletes."""
    stream: Stream[Any, Any] = Stream(OPERATIONS, operation.stream_of("elba:main", "op10"))
    stream.ran(operation.SeeUnmatched("elba:main", "", paid(5_00, "op10")))
    stream.ran(operation.SeeGone())
    return stream


def enriched() -> Payments:
    """Accounting tells a payment; a statement's row of the same sum names its order (R21)."""
    stream = payments()
    row = paid(40_00, "bank-1", order_number="318", source="statement")
    stream.ran(c.SeeStatementRows("i1", (row,)))
    stream.ran(listing(paid(40_00, order_number="")))
    return stream


def bank_days() -> list[bank.BankDay]:
    """A day of an account: a payment that counts, a question with its answer, one added later, one that vanishes."""
    clear = bank.bank_day()
    clear.ran(bank.load(bank.row(), bank.row(number="9", purpose="Оплата по счету № 900"), made_at=bank.NOON))
    bank.match(clear, bank.invoice())
    clear.ran(bank.load(name="s2"))
    asked = bank.bank_day()
    asked.ran(bank.load(bank.row(purpose="За услуги")))
    bank.match(asked, bank.invoice())
    bank.take(asked, "found", "B24-900")
    asked.ran(bank.load(bank.row(purpose="За услуги"), bank.row(purpose="За услуги"), name="s2"))
    bank.take(asked, "another_payment")
    return [clear, asked]


def statement_file() -> Stream[Any, Any]:
    """A file with one section that could not be taken."""
    stream: Stream[Any, Any] = Stream(STATEMENTS, "statement-6f0c")
    stream.ran(statement.SeeStatement("6f0c", "vektor/6f0c", "выписка.txt", 1_200, NOW))
    wrong = statement.LineProblem(line=15, code="statement_amount_wrong", values={"field": "Сумма", "found": "x"})
    read = statement.StatementRead(
        sections=2, taken=1, accounts=("40702810200000000001",), first_day=NOW.date(), last_day=NOW.date(),
        problems=(wrong,), problem_count=1,
    )  # fmt: skip
    stream.ran(statement.SeeRead(read))
    (card_id,) = stream.state.cards.by_id
    stream.ran(TakeCard(card_id, "understood", "Анна"))
    return stream


def called() -> Stream[Any, Any]:
    """An account that told by itself."""
    stream: Stream[Any, Any] = Stream(CALLBACKS, callback.stream_of("kontur:t:main", "i-1"))
    stream.ran(callback.SeeCall("kontur:t:main", "i-1"))
    return stream


def all_stories() -> list[Stream[Any, Any]]:
    """Every story, told."""
    deals = (paid_and_gone(), void_before_known(), told_by_sums(), enriched(), moved(), doubted())
    return [*deals, unmatched(), deleted(), *bank_days(), statement_file(), called()]
