"""A list of payments that comes empty: all of an invoice is taken back, or the list is in doubt."""

from dataclasses import replace
from typing import Any

import pytest

from chassis.domain import Problem
from chassis.outcomes import Ok, Outcome, Rejected, Retryable
from chassis.work.handlers import Done, TaskResult
from connectors.ports.accounting import InvoiceCard, InvoiceStatus
from services.payments.domain import commands as c
from services.payments.workers import RereadPayments
from tests.services.payments.test_balances import CARD, Account
from tests.services.payments.test_workers import OURS, ROW, Known, elba, task
from tests.services.streams import NOW

PAID = replace(OURS, paid_kopecks=30_00)
DOUBT = Retryable(Problem("payments_list_doubtful"), outage=False)
AWAY = Retryable(Problem("vendor_fault"))
GONE = Rejected(Problem("document_not_found"))


async def reread(card: Outcome[InvoiceCard], *rows: Any, known: Any = PAID) -> TaskResult:
    books: Any = Account(cards={"e1": card}, listed=rows)
    world: Any = Known(row=known)
    return await RereadPayments(elba, books, world, world).run(task(invoice_id="i1", remote_id="e1"))


def card(paid_kopecks: int | None) -> Ok[InvoiceCard]:
    return Ok(replace(CARD, paid_kopecks=paid_kopecks, status=InvoiceStatus.ISSUED))


async def test_an_empty_list_that_the_invoices_card_contradicts_is_read_again() -> None:
    """A vendor in trouble answered 200 with nothing, and all payments of the invoice were taken back with a card
    each."""
    assert await reread(card(30_00)) == DOUBT


async def test_an_empty_list_is_not_believed_while_the_card_cannot_be_read() -> None:
    assert await reread(AWAY) == AWAY


@pytest.mark.parametrize("found", [card(0), card(None), GONE], ids=["nothing is paid", "no sum", "deleted"])
async def test_an_empty_list_that_nothing_contradicts_takes_the_payments_back(found: Outcome[InvoiceCard]) -> None:
    done = await reread(found)
    assert isinstance(done, Done)
    assert [one.body for one in done.commands] == [c.ObservePayments("i1", ())]


@pytest.mark.parametrize(
    ("rows", "known"),
    [((), OURS), ((replace(ROW, removed=True),), PAID)],
    ids=["nothing counts yet", "the payment is listed as removed"],
)
async def test_a_list_that_takes_nothing_back_or_says_so_needs_no_card(rows: Any, known: Any) -> None:
    done = await reread(AWAY, *rows, known=known)
    assert isinstance(done, Done)
    assert done.again_at is None or done.again_at == NOW
