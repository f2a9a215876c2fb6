"""A bank's rows beside payments that accounting tells (R21): which payment a row is; sums stay accounting's."""

import dataclasses
import datetime as dt

import pytest

from services.payments.domain import commands as c
from services.payments.domain.events import InvoiceKnown, Operation, PaymentEnriched, StatementRowsSeen
from tests.services.payments.parts import Payments, invoice, known, listing, paid, payments
from tests.services.streams import Stream

DAY = dt.date(2026, 3, 14)


def bank_row(kopecks: int, name: str = "bank-1", order: str = "318", days: int = 0) -> Operation:
    """A statement's row, ``days`` after the day that accounting tells."""
    return paid(kopecks, name, order_number=order, source="statement", date=DAY + dt.timedelta(days=days))


def told(*operations: Operation) -> Payments:
    """An invoice whose payments accounting has told."""
    stream = payments()
    stream.ran(listing(*operations))
    return stream


def seen(stream: Payments, *rows: Operation) -> list[PaymentEnriched]:
    """What rows of a statement make known of payments."""
    found = stream.ran(c.SeeStatementRows("i1", rows))
    return [event for event in found if isinstance(event, PaymentEnriched)]


def payment_of(stream: Payments, operation_id: str) -> str:
    """The payment of an operation."""
    (found,) = (
        name for name, one in invoice(stream).payments.items() if one.operation.operation_id.startswith(operation_id)
    )
    return found


def test_a_payment_takes_the_order_and_the_payer_of_a_row_of_its_sum() -> None:
    stream = told(paid(40_00, order_number=""))
    row = bank_row(40_00, days=2)
    balance = invoice(stream).paid_kopecks
    assert seen(stream, row) == [
        PaymentEnriched(
            invoice_id="i1",
            payment_id=payment_of(stream, "op1"),
            row_id="bank-1",
            order_number="318",
            date=row.date,
            payer_inn=row.payer_inn,
            payer_name=row.payer_name,
        )
    ]
    assert invoice(stream).paid_kopecks == balance


def test_rows_that_came_before_the_payment_are_kept_for_it() -> None:
    stream = payments()
    assert seen(stream, bank_row(40_00)) == []
    assert len(stream.happened(StatementRowsSeen)) == 1
    stream.ran(listing(paid(40_00, order_number="")))
    assert [event.row_id for event in stream.happened(PaymentEnriched)] == ["bank-1"]


def test_rows_that_are_known_and_rows_of_an_unknown_invoice_say_nothing() -> None:
    stream = told(paid(40_00, order_number=""))
    seen(stream, bank_row(40_00))
    assert stream.ran(c.SeeStatementRows("i1", (bank_row(40_00),))) == []
    assert stream.ran(c.SeeStatementRows("i2", (bank_row(40_00),))) == []


@pytest.mark.parametrize(
    ("row", "fits"),
    [
        (bank_row(40_00, days=5), True),
        (bank_row(40_00, days=-5), True),
        (bank_row(40_00, days=6), False),
        (bank_row(40_00, days=-6), False),
        (bank_row(40_01), False),
        (bank_row(-40_00), False),
    ],
)
def test_a_row_is_a_payment_of_its_way_and_sum_within_five_days(row: Operation, fits: bool) -> None:
    assert bool(seen(told(paid(40_00, order_number="")), row)) is fits


@pytest.mark.parametrize(
    ("told_order", "order", "fits"),
    [
        ("0318", "318", True),
        ("0318", "000318", True),
        ("0318", "0319", False),
        ("0318", "31", False),
        ("0318", "X318", False),
        ("X318", "318", False),
    ],
)
def test_where_accounting_names_an_order_the_row_must_have_it(told_order: str, order: str, fits: bool) -> None:
    assert bool(seen(told(paid(40_00, order_number=told_order)), bank_row(40_00, order=order))) is fits


def test_each_row_is_one_payment_and_takes_the_nearest_day() -> None:
    far = paid(40_00, "far", order_number="", date=DAY - dt.timedelta(days=3))
    near = paid(40_00, "near", order_number="", date=DAY + dt.timedelta(days=1))
    stream = told(far, near)
    assert [(one.payment_id, one.row_id) for one in seen(stream, bank_row(40_00))] == [
        (payment_of(stream, "near"), "bank-1")
    ]
    both = seen(stream, bank_row(40_00), bank_row(40_00, "bank-2", order="319"))
    assert [(one.payment_id, one.row_id) for one in both] == [(payment_of(stream, "far"), "bank-2")]
    assert seen(stream, bank_row(40_00), bank_row(40_00, "bank-3"), bank_row(40_00, "bank-2", order="319")) == []


def test_earlier_rows_choose_first_and_a_row_without_a_payment_holds_up_none() -> None:
    stream = told(paid(40_00, order_number=""))
    rows = (bank_row(40_00, "later", days=2), bank_row(77_00, "other"), bank_row(40_00, "sooner", days=1))
    assert [one.row_id for one in seen(stream, *rows)] == ["sooner"]


def test_a_payment_that_went_is_no_row_and_gives_its_row_back() -> None:
    stream = told(paid(40_00, "gone", order_number=""))
    seen(stream, bank_row(40_00))
    stream.ran(listing())
    stream.ran(listing(paid(40_00, "new", order_number="", date=DAY + dt.timedelta(days=1))))
    enriched = [(one.payment_id, one.row_id) for one in stream.happened(PaymentEnriched)]
    assert enriched == [(payment_of(stream, "gone"), "bank-1"), (payment_of(stream, "new"), "bank-1")]


def test_a_payment_that_is_corrected_keeps_its_row() -> None:
    stream = told(paid(40_00, order_number=""))
    seen(stream, bank_row(40_00))
    stream.ran(listing(paid(40_00, order_number="", payer_name="Ромашка-2")))
    (payment,) = invoice(stream).payments.values()
    assert payment.row_id == "bank-1"
    fresh = told(paid(40_00))
    assert [one.row_id for one in invoice(fresh).payments.values()] == [""]


def test_an_invoice_is_known_once_with_all_that_it_was_issued_with() -> None:
    whole = dataclasses.replace(known(), issued_on=DAY, buyer_inn="7736207543", vat_kopecks=16_67)
    stream: Payments = Stream(payments().kind, "deal-15")
    stream.ran(whole)
    assert stream.happened(InvoiceKnown) == [InvoiceKnown(**dataclasses.asdict(whole))]
    assert stream.ran(whole) == []
