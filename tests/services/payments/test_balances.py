"""Accounts that tell sums and no payments: what becomes of facts in any order, and of cards of unpaid invoices."""

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.domain import Problem
from chassis.outcomes import Deferred, Ok, Outcome, Rejected, Retryable
from chassis.tenants import TenantView
from chassis.work.handlers import Done, Permit, Task
from connectors.ports.accounting import InvoiceCard, InvoiceStatus, PaymentRow
from connectors.ports.balances import BalanceCursor, BalanceFact, BalancesPage
from contracts.messages import payments as messages
from services.payments.domain import balances
from services.payments.domain import commands as c
from services.payments.store import InvoiceRow
from services.payments.workers.balances import CARD_TRIES_MAX, CARDS_PER_RUN_MAX, PollBalances
from tests.services.payments.parts import DUE, invoice, known, open_cards, paid, payments
from tests.services.streams import NOW, TENANT

ON = dt.date(2026, 3, 12)


def told(kopecks: int, fact_id: int | None = None, on: dt.date = ON) -> c.ObserveBalance:
    return c.ObserveBalance("i1", kopecks, on, fact_id)


class TestSums:
    def test_a_sum_that_grows_is_a_payment_of_what_it_has_grown_by(self) -> None:
        stream = payments()
        stream.ran(told(40_00, 13))
        stream.ran(told(100_00, 14, DUE))
        received = stream.said(messages.PaymentReceived)
        assert [(one.amount_kopecks, one.date, one.source) for one in received] == [
            (40_00, ON, "balance"),
            (60_00, DUE, "balance"),
        ]
        assert (invoice(stream).paid_kopecks, invoice(stream).status) == (100_00, "paid")

    def test_a_fact_that_comes_again_or_is_older_says_nothing(self) -> None:
        stream = payments()
        for fact in (told(40_00, 13), told(100_00, 14), told(40_00, 13), told(100_00, 14), told(100_00, 15)):
            stream.ran(fact)
        assert len(stream.said(messages.PaymentReceived)) == 2
        assert invoice(stream).paid_kopecks == 100_00

    def test_a_payment_that_was_untied_is_shown(self) -> None:
        stream = payments()
        for fact in (told(40_00, 1), told(70_00, 2), told(30_00, 3)):
            stream.ran(fact)
        reversed_ = stream.said(messages.PaymentReversed)
        assert [(one.kind, one.amount_before_kopecks) for one in reversed_] == [("revoked", 40_00)]
        assert open_cards(stream) == ["payment_vanished"]
        assert invoice(stream).paid_kopecks == 30_00

    def test_money_that_went_back_in_part_corrects_the_newest_payment(self) -> None:
        stream = payments()
        stream.ran(told(100_00, 1))
        stream.ran(told(75_00, 2))
        (corrected,) = stream.said(messages.PaymentReversed)
        assert (corrected.kind, corrected.amount_kopecks, corrected.amount_before_kopecks) == (
            "corrected",
            75_00,
            100_00,
        )
        assert open_cards(stream) == ["refunded_after_paid"]

    def test_money_that_comes_back_on_one_day_counts_again(self) -> None:
        stream = payments()
        for fact in (told(40_00, 1), told(0, 2), told(40_00, 3)):
            stream.ran(fact)
        assert (invoice(stream).paid_kopecks, invoice(stream).status) == (40_00, "partially_paid")
        assert open_cards(stream) == []

    def test_a_card_says_what_its_news_did_not(self) -> None:
        stream = payments()
        stream.ran(told(40_00, 13))
        stream.ran(told(100_00))
        stream.ran(told(100_00))
        assert [one.amount_kopecks for one in stream.said(messages.PaymentReceived)] == [40_00, 60_00]
        stream.ran(told(100_00, 14))
        assert len(stream.said(messages.PaymentReceived)) == 2

    @settings(deadline=None)
    @given(st.lists(st.integers(0, 300), max_size=12))
    def test_after_every_fact_paid_is_what_it_says(self, sums: list[int]) -> None:
        stream = payments()
        for fact_id, kopecks in enumerate(sums):
            stream.ran(told(kopecks, fact_id))
            assert invoice(stream).paid_kopecks == kopecks

    @settings(deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=12))
    def test_after_every_card_and_fact_paid_is_what_it_says(self, sums: list[tuple[int, bool]]) -> None:
        stream = payments()
        for fact_id, (kopecks, of_card) in enumerate(sums):
            stream.ran(told(kopecks, None if of_card else fact_id))
            assert invoice(stream).paid_kopecks == kopecks

    def test_a_fact_older_than_one_that_said_what_a_card_did_says_nothing(self) -> None:
        stream = payments()
        for fact in (told(100_00), told(100_00, 14), told(40_00, 13)):
            stream.ran(fact)
        assert invoice(stream).paid_kopecks == 100_00
        assert stream.said(messages.PaymentReversed) == []

    def test_an_invoice_that_is_not_known_is_nothing(self) -> None:
        stream = payments()
        stream.ran(c.ObserveBalance("i9", 1, ON, 1))
        stream.ran(c.SeeGone("i9", "deleted"))
        assert stream.said(messages.PaymentReceived) == []

    def test_a_refund_that_is_listed_is_not_taken_for_a_payment(self) -> None:
        listed = (paid(100_00), paid(-40_00, "op2"))
        assert [one.amount_kopecks for one in balances.fallen(listed, 30_00)] == [70_00, 40_00]

    @pytest.mark.parametrize("reason", ["rejected", "deleted"])
    def test_an_invoice_that_is_gone_is_asked_about_once(self, reason: str) -> None:
        stream = payments()
        stream.ran(c.SeeGone("i1", reason))
        stream.ran(c.SeeGone("i1", reason))
        assert open_cards(stream) == ["invoice_gone"]
        (card,) = stream.state.cards.by_id.values()
        assert card.opened.values["reason"] == reason
        stream.ran(c.VoidInvoice("i1"))
        assert open_cards(stream) == []
        stream.ran(c.SeeGone("i1", reason))
        assert open_cards(stream) == []

    def test_another_invoice_keeps_its_sum(self) -> None:
        stream = payments()
        stream.ran(known("i2", 50_00))
        stream.ran(told(40_00, 13))
        assert invoice(stream, "i2").paid_kopecks == 0


def fact(fact_id: int, kopecks: int = 40_00, remote: str = "e1") -> BalanceFact:
    return BalanceFact(fact_id, remote, kopecks, 100_00, InvoiceStatus.PARTIALLY_PAID, "partiallyPaid")


CARD = InvoiceCard(
    "e1", "118", ON, None, "b1", "", (), 100_00, 0, 0, InvoiceStatus.ISSUED, "notPaid", "", None
)  # fmt: skip
OURS = InvoiceRow("00000000-0000-0000-0000-000000000001", "deal-15", "e1", DUE, True, total_kopecks=100_00)


@dataclass
class Account:
    """An account that tells sums: pages of news, and cards; what was asked of it."""

    pages: list[Outcome[BalancesPage]] = field(default_factory=list)
    cards: dict[str, Outcome[InvoiceCard]] = field(default_factory=dict)
    subscription: Outcome[None] = field(default_factory=lambda: Ok(None))
    asked: list[Any] = field(default_factory=list)
    listed: tuple[PaymentRow, ...] = ()
    listing_fails: Retryable | None = None

    async def payments_of_invoice(self, permit: Permit, invoice_id: str) -> Outcome[tuple[PaymentRow, ...]]:
        return self.listing_fails or Ok(self.listed)

    async def subscribe_to_balances(self, permit: Permit) -> Outcome[None]:
        self.asked.append("subscribe")
        return self.subscription

    async def balances_changed(self, permit: Permit, cursor: BalanceCursor) -> Outcome[BalancesPage]:
        self.asked.append(cursor)
        return self.pages.pop(0) if self.pages else Ok(BalancesPage((), cursor, more=False))

    async def read_invoice(self, permit: Permit, invoice_id: str) -> Outcome[InvoiceCard]:
        self.asked.append(invoice_id)
        return self.cards.get(invoice_id, Ok(replace(CARD, invoice_id=invoice_id)))


@dataclass
class Known:
    """What the service has stored, the tenant's settings, and the time."""

    rows: list[InvoiceRow] = field(default_factory=lambda: [OURS])
    moment: dt.datetime = NOW
    settings: dict[str, Any] = field(default_factory=dict)

    async def invoices(self, tenant: str, account: str, remote_ids: Any) -> dict[str, InvoiceRow]:
        return {row.remote_id: row for row in self.rows if row.remote_id in remote_ids}

    async def open_invoices(self, tenant: str, account: str, after: str, limit: int) -> list[InvoiceRow]:
        return [row for row in self.rows if row.invoice_id > after][:limit]

    async def view(self, tenant: str) -> TenantView:
        return TenantView("active", 1, {"timezone": "Asia/Vladivostok", **self.settings})

    def now(self) -> dt.datetime:
        return self.moment


async def run(account: Account, known_here: Known, *, attempt: int = 1, **payload: Any) -> Any:
    world: Any = known_here
    any_account: Any = account
    permit = Permit("elba-vendor:t:main", "https://elba.example", "", 5, NOW)
    given = {"poll_seconds": 300, **payload}
    task = Task(TENANT, "w1", "k", "i1", given, "", "elba-vendor:t:main", attempt, permit, NOW)
    return await PollBalances(any_account, world, world, world).run(task)


READ: dict[str, Any] = {"subscribed": True, "cards_read_at": NOW.isoformat()}


def page(*facts: BalanceFact, more: bool = False, last: int = 20) -> Ok[BalancesPage]:
    return Ok(BalancesPage(facts, BalanceCursor("id", last, 5), more=more))


def bodies(done: Done) -> list[Any]:
    return [one.body for one in done.commands]


class TestPoll:
    async def test_the_first_pass_subscribes_reads_the_news_and_every_unpaid_card(self) -> None:
        account = Account()
        done = await run(account, Known())
        assert account.asked == ["subscribe", BalanceCursor(), "e1", BalanceCursor()]
        assert bodies(done) == [c.ObserveBalance(OURS.invoice_id, 0, ON)]
        assert done.payload["cards_read_at"] == NOW.isoformat()
        assert done.again_at == NOW + dt.timedelta(seconds=300)

    async def test_an_account_is_not_asked_while_payments_are_switched_off(self) -> None:
        account = Account()
        done = await run(account, Known(settings={"steps": {"payments": False}}))
        assert (done, account.asked) == (Done(found_something=False), [])

    async def test_each_fact_is_told_in_order_with_the_day_of_the_tenants_zone(self) -> None:
        late = NOW.replace(hour=20)
        account = Account([page(fact(13), fact(14, 100_00), fact(15, remote="theirs"))])
        done = await run(account, Known(moment=late), subscribed=True, cards_read_at=late.isoformat())
        on = late.astimezone(dt.timezone(dt.timedelta(hours=10))).date()
        assert on != late.date()
        assert bodies(done) == [
            c.ObserveBalance(OURS.invoice_id, 40_00, on, 13),
            c.ObserveBalance(OURS.invoice_id, 100_00, on, 14),
        ]
        assert (done.payload["reading"], done.payload["last_id"], done.payload["rows"]) == ("id", 20, 5)

    async def test_a_fact_that_came_before_its_invoice_waits_for_it(self) -> None:
        account = Account([page(fact(13))])
        first = await run(account, Known(rows=[]), **READ)
        assert bodies(first) == []
        then = await run(Account(), Known(), **first.payload)
        assert bodies(then) == [c.ObserveBalance(OURS.invoice_id, 40_00, ON, 13)]
        assert "strange" not in then.payload
        later = Known(rows=[], moment=NOW + dt.timedelta(hours=24))
        assert "strange" not in (await run(Account(), later, **first.payload)).payload

    async def test_cards_are_read_every_six_hours_a_few_at_a_time(self) -> None:
        rows = [replace(OURS, invoice_id=f"{n:032d}", remote_id=f"e{n}") for n in range(CARDS_PER_RUN_MAX + 2)]
        soon = await run(Account(), Known(rows, NOW + dt.timedelta(hours=5)), **READ)
        assert bodies(soon) == []
        due = Known(rows, NOW + dt.timedelta(hours=6))
        first = await run(Account(), due, **READ)
        assert (len(bodies(first)), first.again_at) == (CARDS_PER_RUN_MAX, due.moment)
        second = await run(Account(), due, **first.payload)
        assert len(bodies(second)) == 2
        assert second.payload["cards_read_at"] == due.moment.isoformat()

    @pytest.mark.parametrize(
        ("card", "expected"),
        [
            (Ok(replace(CARD, status=InvoiceStatus.CANCELLED)), c.SeeGone(OURS.invoice_id, "rejected")),
            (Rejected(Problem("document_not_found")), c.SeeGone(OURS.invoice_id, "deleted")),
            (Ok(replace(CARD, paid_kopecks=100_00)), c.ObserveBalance(OURS.invoice_id, 100_00, ON)),
            (Ok(replace(CARD, paid_kopecks=None)), None),
            (Rejected(Problem("accounting_refused")), None),
            (Retryable(Problem("vendor_answer_unexpected"), outage=False), None),
        ],
    )
    async def test_what_a_card_says(self, card: Outcome[InvoiceCard], expected: Any) -> None:
        done = await run(Account(cards={"e1": card}), Known())
        assert bodies(done) == ([expected] if expected else [])
        assert "cards_read_at" in done.payload

    async def test_news_that_come_while_cards_are_read_are_newer_than_these(self) -> None:
        account = Account([page(), page(fact(21))], {"e1": Ok(replace(CARD, paid_kopecks=100_00))})
        done = await run(account, Known(), subscribed=True)
        assert bodies(done) == [c.ObserveBalance(OURS.invoice_id, 40_00, ON, 21)]

    async def test_a_long_feed_goes_on_at_once(self) -> None:
        done = await run(Account([page(fact(n), more=True, last=n) for n in range(3)]), Known(), **READ)
        assert (len(bodies(done)), done.again_at) == (3, NOW)

    @pytest.mark.parametrize(
        "failure", [Deferred(Problem("vendor_limit")), Retryable(Problem("vendor_fault")), Rejected(Problem("x"))]
    )
    async def test_a_failure_moves_nothing(self, failure: Any) -> None:
        for account in (
            Account(subscription=failure),
            Account([failure]),
            Account([page(), failure]),
        ):
            result = await run(account, Known())
            assert isinstance(result, Deferred | Retryable)
        if not isinstance(failure, Rejected):
            assert isinstance(await run(Account(cards={"e1": failure}), Known()), Deferred | Retryable)

    async def test_a_card_that_always_fails_stops_the_news_of_no_other_invoice(self) -> None:
        """The vendor's own error over one document kept the place in the feed where it was for ever."""
        fails, failure = {"e1": Retryable(Problem("vendor_fault"))}, Retryable(Problem("vendor_fault"))
        rows = [OURS, replace(OURS, invoice_id="00000000-0000-0000-0000-000000000002", remote_id="e2")]
        news = replace(fact(13), invoice_id="e2")
        for attempt in range(1, CARD_TRIES_MAX + 1):
            assert await run(Account([page(news)], dict(fails)), Known(rows), attempt=attempt) == failure
        done = await run(Account([page(news)], dict(fails)), Known(rows), attempt=CARD_TRIES_MAX + 1)
        assert bodies(done) == [c.ObserveBalance(rows[1].invoice_id, 40_00, ON, 13)]
        assert "cards_read_at" in done.payload
