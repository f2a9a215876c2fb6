"""A list of payments that comes empty: all of an invoice is taken back, or the list is in doubt, and how that ends."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from chassis.domain import Problem
from chassis.outcomes import Ok, Outcome, Rejected, Retryable
from chassis.work.handlers import Done, TaskResult
from connectors.ports.accounting import InvoiceCard, InvoiceStatus
from contracts.messages import payments as messages
from services.payments.domain import commands as c
from services.payments.domain.decide import DOUBTED
from services.payments.domain.plans import REREAD
from services.payments.workers import LAGGING_ENDS, RereadPayments
from tests.services.payments.parts import Payments, invoice, listing, open_cards, paid, payments, take
from tests.services.payments.test_balances import CARD, Account
from tests.services.payments.test_workers import OURS, ROW, Known, elba, task
from tests.services.streams import NOW

PAID = replace(OURS, paid_kopecks=30_00)
AWAY = Retryable(Problem("vendor_fault"))
GONE = Rejected(Problem("document_not_found"))


async def reread(card: Outcome[InvoiceCard], *rows: Any, known: Any = PAID) -> TaskResult:
    books: Any = Account(cards={"e1": card}, listed=rows)
    world: Any = Known(row=known)
    return await RereadPayments(elba, books, world, world, world).run(task(invoice_id="i1", remote_id="e1"))


def card(paid_kopecks: int | None) -> Ok[InvoiceCard]:
    return Ok(replace(CARD, paid_kopecks=paid_kopecks, status=InvoiceStatus.ISSUED))


async def test_an_empty_list_that_the_invoices_card_contradicts_is_read_again() -> None:
    """A vendor in trouble answered 200 with nothing, and all payments of the invoice were taken back with a card
    each."""
    done = await reread(card(30_00))
    assert isinstance(done, Done)
    assert [one.body for one in done.commands] == [c.DoubtPayments("i1", 30_00)]


@pytest.mark.parametrize(
    ("listed_kopecks", "attempt", "known", "doubted"),
    [(0, 4, PAID, True), (0, 3, PAID, False), (10_00, 4, PAID, False), (0, 4, OURS, False)],
    ids=["for long", "not for long", "some are listed", "nothing counts yet"],
)
async def test_an_empty_list_that_its_connector_does_not_believe_is_in_doubt_once_that_lasts(
    listed_kopecks: int, attempt: int, known: Any, doubted: bool
) -> None:
    """It was read for ever: the vendor's invoice said that it was paid, and its list of operations had none."""
    differs = Retryable(Problem("lookup_incomplete", {"listed_kopecks": listed_kopecks}), outage=False)
    books: Any = Account(cards={"e1": card(30_00)}, listing_fails=differs)
    world: Any = Known(row=known)
    given = replace(task(invoice_id="i1", remote_id="e1"), attempt=attempt)
    found = await RereadPayments(elba, books, world, world, world).run(given)
    if doubted:
        assert isinstance(found, Done)
        assert [one.body for one in found.commands] == [c.DoubtPayments("i1", 30_00)]
    else:
        assert found == differs
    later = await RereadPayments(elba, books, world, world, world).run(replace(given, attempt=LAGGING_ENDS + 1))
    assert isinstance(later, Done) is (listed_kopecks == 0), "it is read for ever in no case"


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


def doubted(stream: Payments) -> list[dt.timedelta]:
    """The invoice's list is empty each time that it is read, until it is read no more; how long each reading waited."""
    waits: list[dt.timedelta] = []
    while stream.ran(c.DoubtPayments("i1", 100_00)) and open_cards(stream) == []:
        due_at = stream.tasks.pop((REREAD, "i1")).due_at
        assert due_at is not None
        waits.append(due_at - stream.now)
        stream.now = due_at
    return waits


def settled_and_doubted() -> Payments:
    stream = payments()
    stream.ran(listing(paid(100_00)))
    doubted(stream)
    return stream


class TestDoubts:
    def test_an_empty_list_is_read_again_for_an_hour_and_then_a_person_is_asked(self) -> None:
        stream = payments()
        stream.ran(listing(paid(100_00)))
        waits = doubted(stream)
        assert (waits[0], waits == sorted(waits), len(waits)) == (dt.timedelta(seconds=30), True, 8)
        assert DOUBTED <= sum(waits, dt.timedelta()) < DOUBTED + dt.timedelta(minutes=20)
        (card,) = stream.state.cards.by_id.values()
        assert (card.opened.kind, card.opened.values["told_kopecks"]) == ("payments_missing", 100_00)
        assert invoice(stream).paid_kopecks == 100_00
        assert stream.ran(c.DoubtPayments("i1", 100_00)) == []

    def test_a_list_that_is_believed_ends_the_question(self) -> None:
        stream = settled_and_doubted()
        stream.ran(listing(paid(100_00)))
        assert (open_cards(stream), invoice(stream).paid_kopecks) == ([], 100_00)
        assert not stream.rows()[0].values["doubted"]  # type: ignore[index]
        stream.ran(c.DoubtPayments("i1", 100_00))
        assert open_cards(stream) == [], "another doubt has an hour of its own"

    def test_who_says_that_the_money_is_there_is_not_asked_again_about_the_same_sum(self) -> None:
        stream = settled_and_doubted()
        take(stream, "payments_missing", "keep")
        assert invoice(stream).paid_kopecks == 100_00
        stream.now += dt.timedelta(days=1)
        assert stream.ran(c.DoubtPayments("i1", 100_00)) == []
        stream.ran(listing(paid(100_00), paid(5_00, "op2")))
        assert len(stream.ran(c.DoubtPayments("i1", 105_00))) == 1

    def test_who_says_that_it_is_not_takes_it_back_and_is_asked_nothing_more(self) -> None:
        stream = settled_and_doubted()
        take(stream, "payments_missing", "take_back")
        assert (invoice(stream).paid_kopecks, invoice(stream).status, open_cards(stream)) == (0, "issued", [])
        assert [one.kind for one in stream.said(messages.PaymentReversed)] == ["revoked"]
        assert stream.replayed() == stream.state

    def test_what_statements_tell_stays_when_accountings_payments_are_taken_back(self) -> None:
        stream = payments()
        stream.ran(listing(paid(40_00), paid(60_00, "bank-1", source="statement")))
        doubted(stream)
        take(stream, "payments_missing", "take_back")
        assert invoice(stream).paid_kopecks == 60_00

    def test_a_surplus_that_is_taken_back_is_asked_about_no_more(self) -> None:
        stream = payments()
        stream.ran(listing(paid(130_00)))
        while stream.ran(c.DoubtPayments("i1", 130_00)):
            stream.now += dt.timedelta(minutes=20)
        assert open_cards(stream) == ["overpaid", "payments_missing"]
        take(stream, "payments_missing", "take_back")
        assert open_cards(stream) == []
