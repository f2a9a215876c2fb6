"""Whole stories of a deal's payments; together they say every event, message and question that there is."""

import datetime as dt
from typing import Any

from services.payments.app import OPERATIONS
from services.payments.domain import commands as c
from services.payments.domain import operation
from tests.services.payments.parts import DUE, Payments, listing, paid, payments, take
from tests.services.streams import Stream


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


def told_by_sums() -> Payments:
    """Sums grow and fall, and the unpaid invoice is rejected in accounting."""
    stream = payments()
    stream.ran(c.ObserveBalance("i1", 40_00, DUE, 13))
    stream.ran(c.ObserveBalance("i1", 0, DUE, 14))
    stream.ran(c.SeeGone("i1", "rejected"))
    return stream


def unmatched() -> Stream[Any, Any]:
    """An operation without an invoice, until there is one."""
    stream: Stream[Any, Any] = Stream(OPERATIONS, operation.stream_of("elba:main", "op9"))
    stream.ran(operation.SeeUnmatched("elba:main", "", paid(-5_00, "op9")))
    stream.ran(operation.SeeMatched("i1"))
    return stream


def all_stories() -> list[Stream[Any, Any]]:
    """Every story, told."""
    return [paid_and_gone(), told_by_sums(), unmatched()]
