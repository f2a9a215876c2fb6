"""Unpaid invoices that accounting cancels or deletes by itself: found by a look, told by a person's word."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from chassis.cards import CardOpened
from chassis.domain import Problem
from chassis.outcomes import Deferred, Ok, Outcome, Rejected, Retryable
from chassis.work.handlers import Done, Permit, Task
from connectors.ports.accounting import InvoiceCard, InvoiceStatus
from connectors.registry import accounting_of
from contracts.messages import payments as messages
from services.payments.app import _looks
from services.payments.domain import commands as c
from services.payments.workers.balances import CARD_TRIES_MAX
from services.payments.workers.standing import CARDS_PER_RUN_MAX, STANDING_EVERY, LookAtStanding
from tests.services.payments.parts import open_cards, payments, take
from tests.services.payments.test_balances import CARD, OURS, Account, Known, bodies
from tests.services.payments.test_workers import ROW
from tests.services.streams import NOW, TENANT

DELETED = Rejected(Problem("document_not_found"))


async def look(account: Account, known: Known, *, attempt: int = 1, **payload: Any) -> Any:
    world: Any = known
    books: Any = account
    permit = Permit("kontur:t:main", "https://kontur.example", "", CARDS_PER_RUN_MAX, NOW)
    task = Task(TENANT, "w1", "k", "a", payload, "", "kontur:t:main", attempt, permit, NOW)
    return await LookAtStanding(accounting_of, books, world, world, world).run(task)


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        (Ok(replace(CARD, status=InvoiceStatus.CANCELLED)), "rejected"),
        (DELETED, "deleted"),
        (Ok(CARD), ""),
        (Rejected(Problem("accounting_refused")), ""),
        (Retryable(Problem("vendor_answer_unexpected"), outage=False), ""),
    ],
)
async def test_what_a_card_says(card: Outcome[InvoiceCard], reason: str) -> None:
    done = await look(Account(cards={"e1": card}), Known())
    assert bodies(done) == ([c.SeeGone(OURS.invoice_id, reason)] if reason else [])
    assert (done.again_at, done.payload) == (NOW + STANDING_EVERY, {})


async def test_another_sum_in_accounting_is_told_beside_what_was_paid() -> None:
    account = Account(cards={"e1": Ok(replace(CARD, total_kopecks=122_00, paid_kopecks=40_00))})
    told = [c.SeeTotal(OURS.invoice_id, 122_00), c.NoticePayments(OURS.invoice_id, 40_00)]
    assert bodies(await look(account, Known())) == told


async def test_nothing_is_looked_at_while_payments_are_switched_off() -> None:
    account = Account(cards={"e1": DELETED})
    done = await look(account, Known(settings={"steps": {"payments": False}}))
    assert (done, account.asked) == (Done(found_something=False), [])


@pytest.mark.parametrize("paid_kopecks", [0, 40_00])
async def test_a_payment_that_no_poll_has_seen_is_found_by_the_card(paid_kopecks: int) -> None:
    rows = [replace(OURS, paid_kopecks=10_00)]
    account = Account(cards={"e1": Ok(replace(CARD, paid_kopecks=paid_kopecks))})
    assert bodies(await look(account, Known(rows))) == [c.NoticePayments(OURS.invoice_id, paid_kopecks)]
    account = Account(cards={"e1": Ok(replace(CARD, paid_kopecks=10_00))})
    assert bodies(await look(account, Known(rows))) == []


async def test_where_cards_tell_no_sum_the_payments_are_added_up() -> None:
    account = Account(cards={"e1": Ok(replace(CARD, paid_kopecks=None))})
    account.listed = (replace(ROW, amount_kopecks=30_00), replace(ROW, amount_kopecks=5_00, removed=True))
    assert bodies(await look(account, Known([replace(OURS, paid_kopecks=30_00)]))) == []
    assert bodies(await look(account, Known())) == [c.NoticePayments(OURS.invoice_id, 30_00)]
    account.listing_fails = Retryable(Problem("vendor_fault"))
    assert await look(account, Known()) == account.listing_fails


async def test_sums_of_accounting_say_nothing_where_statements_do() -> None:
    seller = {"connection": {"account": "kontur:t:main"}, "payments_from": "statement"}
    account = Account(cards={"e1": Ok(replace(CARD, paid_kopecks=40_00))})
    assert bodies(await look(account, Known(settings={"sellers": [seller]}))) == []


@pytest.mark.parametrize(
    ("card", "listed", "noticed"),
    [
        (Ok(replace(CARD, paid_kopecks=30_00)), (), []),
        (Ok(replace(CARD, paid_kopecks=30_00)), (replace(ROW, removed=True),), []),
        (Ok(replace(CARD, paid_kopecks=30_00)), (ROW,), [30_00]),
        (Ok(replace(CARD, paid_kopecks=0)), (), [0]),
        (DELETED, (), [0]),
        (Rejected(Problem("accounting_refused")), (ROW,), []),
    ],
    ids=["as before", "as before, listed as removed", "listed again", "no more paid", "deleted", "refused"],
)
async def test_a_doubted_invoice_is_read_again_once_something_has_changed(
    card: Outcome[InvoiceCard], listed: Any, noticed: list[int]
) -> None:
    rows = [replace(OURS, open=False, paid_kopecks=30_00, doubted=True)]
    account = Account(cards={"e1": card}, listed=listed)
    assert bodies(await look(account, Known(rows))) == [c.NoticePayments(OURS.invoice_id, sum_) for sum_ in noticed]


def test_a_sum_that_is_never_read_keeps_the_stream_short_and_other_news_quick() -> None:
    """The look told it every six hours for ever, and what the feed had to say waited for as long."""
    stream = payments()
    for _ in range(365 * 4):
        stream.ran(c.NoticePayments("i1", 40_00))
        stream.now += STANDING_EVERY
    assert len(stream.events) < 80
    assert len(stream.ran(c.NoticePayments("i1"))) == 1
    assert len(stream.ran(c.NoticePayments("i1", 50_00))) == 1, "another sum is news"


async def test_many_invoices_are_looked_at_a_few_at_a_time() -> None:
    rows = [replace(OURS, invoice_id=f"{n:032d}", remote_id=f"e{n}") for n in range(CARDS_PER_RUN_MAX + 1)]
    account = Account()
    first = await look(account, Known(rows))
    assert first.again_at == NOW
    second = await look(account, Known(rows), **first.payload)
    assert (second.again_at, second.payload) == (NOW + STANDING_EVERY, {})
    assert account.asked == [f"e{n}" for n in range(CARDS_PER_RUN_MAX + 1)]


@pytest.mark.parametrize("failure", [Deferred(Problem("vendor_limit")), Retryable(Problem("vendor_fault"))])
async def test_account_that_is_away_is_asked_again(failure: Any) -> None:
    assert await look(Account(cards={"e1": failure}), Known()) == failure


async def test_a_card_that_always_fails_keeps_no_other_waiting_for_ever() -> None:
    failure = Retryable(Problem("vendor_fault"))
    rows = [OURS, replace(OURS, invoice_id="00000000-0000-0000-0000-000000000002", remote_id="e2")]
    account = Account(cards={"e1": failure, "e2": DELETED})
    assert await look(account, Known(rows), attempt=CARD_TRIES_MAX) == failure
    done = await look(account, Known(rows), attempt=CARD_TRIES_MAX + 1)
    assert bodies(done) == [c.SeeGone(rows[1].invoice_id, "deleted")]


@pytest.mark.parametrize(
    ("account", "payments_from", "looked"),
    [
        ("elba:t:main", None, True),
        ("moedelo:t:main", "statement", True),
        ("elba-vendor:t:main", None, False),
        ("elba-vendor:t:main", "statement", True),
    ],
)
def test_cards_are_read_where_no_poll_reads_them(account: str, payments_from: str | None, looked: bool) -> None:
    seller = {"connection": {"account": account}, "payments_from": payments_from}
    assert bool(_looks(seller)) is looked


@pytest.mark.parametrize(("choice", "anew"), [("void", False), ("replace", True)])
def test_persons_word_reaches_the_deals_documents(choice: str, anew: bool) -> None:
    stream = payments()
    stream.ran(c.SeeGone("i1", "deleted"))
    take(stream, "invoice_gone", choice)
    (gone,) = stream.said(messages.InvoiceGone)
    assert (gone.invoice_id, gone.replace) == ("i1", anew)


def test_invoice_that_is_left_alone_is_told_to_nobody() -> None:
    stream = payments()
    stream.ran(c.SeeGone("i1", "deleted"))
    take(stream, "invoice_gone", "understood")
    assert (stream.said(messages.InvoiceGone), open_cards(stream)) == ([], [])


def test_money_for_an_invoice_that_is_void_is_asked_about() -> None:
    stream = payments()
    stream.ran(c.VoidInvoice("i1"))
    stream.ran(c.ObserveBalance("i1", 40_00, NOW.date() + dt.timedelta(days=1), 1))
    assert open_cards(stream) == ["cancelled_with_money"]


def test_a_sum_edited_in_accounting_is_asked_about_once() -> None:
    stream = payments()
    stream.ran(c.SeeTotal("i1", 122_00))
    take(stream, "invoice_edited", "understood")
    assert stream.ran(c.SeeTotal("i1", 122_00)) == []
    stream.ran(c.SeeTotal("i1", 90_00))
    asked = [one.values["accounting_kopecks"] for one in stream.happened(CardOpened) if one.kind == "invoice_edited"]
    assert asked == [122_00, 90_00]
