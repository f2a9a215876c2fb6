"""Rules of payments by their ids: identity, balances, money that goes back, overdue and reminders."""

import datetime as dt
from typing import Any

import pytest

from contracts.messages import payments as messages
from services.payments.app import OPERATIONS
from services.payments.domain import commands as c
from services.payments.domain import events as e
from services.payments.domain import operation
from services.payments.domain.decide import MOVED_WAIT, NOTICE_WAIT
from services.payments.domain.events import digest
from services.payments.domain.plans import LOOK_AT_DUE, REREAD
from services.payments.domain.state import VOID_MAX
from tests.services.payments.parts import (
    DUE,
    TOTAL,
    Payments,
    invoice,
    known,
    listing,
    open_cards,
    paid,
    payments,
    take,
)
from tests.services.streams import Stream


def last_balance(stream: Payments) -> messages.InvoiceBalanceChanged:
    """What was told last of what is owed."""
    found: messages.InvoiceBalanceChanged = stream.said(messages.InvoiceBalanceChanged)[-1]
    return found


class TestR20Identity:
    def test_operation_listed_twice_under_one_id_counts_once(self) -> None:
        stream = payments()
        stream.ran(listing(paid(30_00), paid(30_00)))
        assert invoice(stream).paid_kopecks == 30_00

    @pytest.mark.parametrize("ids", [("a", "b"), ("", "")])
    def test_equal_rows_of_one_listing_both_count(self, ids: tuple[str, str]) -> None:
        stream = payments()
        stream.ran(listing(paid(30_00, ids[0]), paid(30_00, ids[1])))
        assert invoice(stream).paid_kopecks == 60_00
        assert stream.ran(listing(paid(30_00, ids[0]), paid(30_00, ids[1]))) == []

    def test_renamed_operation_is_the_same_payment(self) -> None:
        stream = payments()
        stream.ran(listing(paid(30_00, "old")))
        stream.ran(listing(paid(30_00, "new")))
        assert len(stream.said(messages.PaymentReceived)) == 1
        assert stream.said(messages.PaymentReversed) == []
        assert stream.ran(listing(paid(30_00, "new"))) == []

    def test_known_key_under_a_second_id_beside_the_first_is_a_second_payment(self) -> None:
        stream = payments()
        stream.ran(listing(paid(30_00, "a")))
        stream.ran(listing(paid(30_00, "a"), paid(30_00, "b")))
        assert invoice(stream).paid_kopecks == 60_00

    def test_corrected_payment_leaves_its_place_to_a_new_one(self) -> None:
        stream = payments()
        stream.ran(listing(paid(10_00, "a")))
        stream.ran(listing(paid(15_00, "a")))
        stream.ran(listing(paid(15_00, "a"), paid(10_00, "b")))
        assert invoice(stream).paid_kopecks == 25_00
        assert len({one.payment_id for one in stream.said(messages.PaymentReceived)}) == 2

    def test_what_changed_beside_the_sum_is_remembered_and_told_nobody(self) -> None:
        stream = payments()
        stream.ran(listing(paid(10_00, order_number="031")))
        told = len(stream.messages)
        stream.ran(listing(paid(10_00, order_number="31")))
        assert len(stream.messages) == told
        (row,) = (row for row in stream.rows() if row.table == "counted_payments")
        assert row.values is not None
        assert row.values["digest"] == digest(paid(10_00, order_number="31"))

    def test_corrected_sum_is_told_with_both(self) -> None:
        stream = payments()
        stream.ran(listing(paid(-10_00, "a")))
        stream.ran(listing(paid(-15_00, "a")))
        (said,) = (one for one in stream.said(messages.PaymentReversed) if one.kind == "corrected")
        assert (said.amount_before_kopecks, said.amount_kopecks) == (-10_00, -15_00)


class TestR22Balance:
    @pytest.mark.parametrize(
        ("amounts", "status", "rest", "surplus"),
        [
            ((), "issued", TOTAL, 0),
            ((30_00,), "partially_paid", 70_00, 0),
            ((30_00, 70_00), "paid", 0, 0),
            ((130_00,), "overpaid", 0, 30_00),
            ((130_00, -30_00), "paid", 0, 0),
            ((100_00, -100_00), "issued", TOTAL, 0),
            ((-10_00,), "issued", 110_00, 0),
        ],
    )
    def test_paid_is_received_minus_refunded(
        self, amounts: tuple[int, ...], status: str, rest: int, surplus: int
    ) -> None:
        stream = payments()
        stream.ran(listing(*(paid(amount, f"op{number}") for number, amount in enumerate(amounts))))
        told = last_balance(stream)
        assert (told.paid_kopecks, told.status) == (sum(amounts), status)
        assert (told.rest_kopecks, told.surplus_kopecks) == (rest, surplus)

    def test_surplus_is_set_aside_with_a_question(self) -> None:
        stream = payments()
        stream.ran(listing(paid(130_00)))
        assert open_cards(stream) == ["overpaid"]
        take(stream, "overpaid", "keep_as_advance")
        stream.ran(listing(paid(130_00)))
        assert open_cards(stream) == []

    def test_surplus_that_comes_again_is_asked_about_again(self) -> None:
        stream = payments()
        stream.ran(listing(paid(130_00)))
        take(stream, "overpaid", "refund_planned")
        stream.ran(listing(paid(130_00), paid(-30_00, "op2")))
        stream.ran(listing(paid(130_00), paid(-30_00, "op2"), paid(30_00, "op3")))
        assert open_cards(stream) == ["overpaid"]

    def test_surplus_that_went_back_takes_the_question_back(self) -> None:
        stream = payments()
        stream.ran(listing(paid(130_00)))
        stream.ran(listing(paid(130_00), paid(-30_00, "op2")))
        assert open_cards(stream) == []

    def test_vanished_payment_is_shown_and_asked_about(self) -> None:
        stream = payments()
        stream.ran(listing(paid(100_00)))
        stream.ran(listing())
        (said,) = stream.said(messages.PaymentReversed)
        assert (said.kind, said.amount_before_kopecks) == ("revoked", 100_00)
        assert open_cards(stream) == ["payment_vanished"]
        assert last_balance(stream).status == "issued"

    def test_payment_that_is_back_counts_again_and_takes_the_question_back(self) -> None:
        stream = payments()
        for rows in ((paid(100_00),), (), (paid(100_00),)):
            stream.ran(listing(*rows))
        assert (last_balance(stream).status, open_cards(stream)) == ("paid", [])
        stream.ran(listing())
        assert open_cards(stream) == ["payment_vanished"]

    def test_refund_after_payment_is_a_question(self) -> None:
        stream = payments()
        stream.ran(listing(paid(100_00)))
        stream.ran(listing(paid(100_00), paid(-40_00, "op2")))
        assert open_cards(stream) == ["refunded_after_paid"]
        stream.ran(listing(paid(100_00), paid(-40_00, "op2"), paid(40_00, "op3")))
        assert open_cards(stream) == []
        stream.ran(listing(paid(100_00), paid(-40_00, "op2"), paid(40_00, "op3"), paid(-40_00, "op4")))
        assert open_cards(stream) == ["refunded_after_paid"]

    def test_refund_that_vanished_is_no_vanished_payment(self) -> None:
        stream = payments()
        stream.ran(listing(paid(100_00), paid(-40_00, "op2")))
        stream.ran(listing(paid(100_00)))
        assert (last_balance(stream).status, open_cards(stream)) == ("paid", [])


class TestR4SeveralInvoices:
    def test_deal_is_settled_when_every_live_invoice_is(self) -> None:
        stream = payments()
        stream.ran(known("i2", 50_00))
        stream.ran(listing(paid(100_00)))
        assert not last_balance(stream).deal_settled
        stream.ran(listing(paid(50_00, "op2"), invoice_id="i2"))
        told = last_balance(stream)
        assert (told.deal_settled, told.deal_paid_kopecks) == (True, 150_00)

    def test_cancelled_invoice_is_owed_no_more(self) -> None:
        stream = payments()
        stream.ran(known("i2", 50_00))
        stream.ran(listing(paid(100_00)))
        stream.ran(c.VoidInvoice("i2"))
        told = last_balance(stream)
        assert (told.status, told.rest_kopecks, told.deal_settled) == ("cancelled", 0, True)

    @pytest.mark.parametrize("paid_first", [True, False])
    def test_money_of_a_cancelled_invoice_is_asked_about(self, paid_first: bool) -> None:
        stream = payments()
        steps: list[c.Command] = [listing(paid(30_00)), c.VoidInvoice("i1")]
        for step in steps if paid_first else steps[::-1]:
            stream.ran(step)
        assert open_cards(stream) == ["cancelled_with_money"]
        assert last_balance(stream).deal_paid_kopecks == 0


class TestR15Overdue:
    def _look(self, days: int, *, may_remind: bool = True) -> c.LookAtDue:
        return c.LookAtDue("i1", DUE + dt.timedelta(days=days), (3, 7), may_remind)

    def test_due_day_itself_is_not_overdue(self) -> None:
        assert payments().ran(self._look(0)) == []

    def test_days_are_told_and_the_manager_on_days_3_and_7_only(self) -> None:
        stream = payments()
        for day in range(1, 9):
            stream.ran(self._look(day))
        told = [(one.days_overdue, one.remind) for one in stream.said(messages.InvoiceOverdue)]
        assert told == [(day, day in (3, 7)) for day in range(1, 9)]

    def test_reminder_of_a_quiet_day_comes_when_people_may_be_disturbed(self) -> None:
        stream = payments()
        stream.ran(self._look(3, may_remind=False))
        stream.ran(self._look(4, may_remind=False))
        stream.ran(self._look(5))
        stream.ran(self._look(6))
        stream.ran(self._look(7))
        told = [(one.days_overdue, one.remind) for one in stream.said(messages.InvoiceOverdue)]
        assert told == [(3, False), (4, False), (5, True), (6, False), (7, True)]

    def test_one_day_is_told_once(self) -> None:
        stream = payments()
        stream.ran(self._look(1))
        assert stream.ran(self._look(1)) == []

    def test_payment_ends_it(self) -> None:
        stream = payments()
        stream.ran(self._look(2))
        stream.ran(listing(paid(100_00)))
        assert len(stream.said(messages.InvoiceOverdueEnded)) == 1
        assert invoice(stream).overdue_days == 0
        assert stream.ran(self._look(3)) == []

    def test_invoice_whose_money_went_back_is_looked_at_again(self) -> None:
        stream = payments()
        stream.ran(listing(paid(100_00)))
        stream.tasks.clear()
        stream.ran(listing())
        assert (LOOK_AT_DUE, "i1") in stream.tasks
        stream.ran(self._look(4))
        assert invoice(stream).overdue_days == 4

    def test_part_paid_and_overdue_shows_both(self) -> None:
        stream = payments()
        stream.ran(listing(paid(30_00)))
        stream.ran(self._look(2))
        assert (invoice(stream).status, invoice(stream).overdue_days) == ("partially_paid", 2)
        assert stream.said(messages.InvoiceOverdue)[0].rest_kopecks == 70_00

    def test_long_delay_is_told_weekly_so_that_the_stream_stays_short(self) -> None:
        stream = payments()
        for day in range(1, 366):
            stream.ran(self._look(day))
        assert len(stream.events) < 100


class TestNotices:
    def test_news_has_the_payments_read_again(self) -> None:
        stream = payments()
        stream.ran(c.NoticePayments("i1"))
        assert stream.tasks[REREAD, "i1"].payload["remote_id"] == "remote-i1"

    def test_news_that_never_comes_true_is_noticed_ever_more_seldom(self) -> None:
        stream = payments()
        for _ in range(7 * 24 * 12):
            stream.ran(c.NoticePayments("i1"))
            stream.now += dt.timedelta(minutes=5)
        assert len(stream.events) < 60

    def test_counted_payment_makes_the_next_news_quick_again(self) -> None:
        stream = payments()
        for _ in range(20):
            stream.ran(c.NoticePayments("i1"))
            stream.now += dt.timedelta(minutes=5)
        stream.ran(listing(paid(1_00)))
        assert len(stream.ran(c.NoticePayments("i1"))) == 1

    def test_a_payment_that_moved_is_looked_at_at_once_and_once_more_and_makes_the_feeds_news_no_more_seldom(
        self,
    ) -> None:
        stream = payments()
        stream.ran(c.NoticePayments("i1"))
        again_at = stream.now + MOVED_WAIT
        moved = e.PaymentsNoticed(invoice_id="i1", at=stream.now, again_at=again_at)
        for _ in range(2):
            assert stream.ran(c.NoticePayments("i1", moved=True)) == [moved]
        planned = stream.tasks[REREAD, "i1"]
        assert (planned.due_at, planned.payload["again_at"]) == (None, again_at.isoformat())
        stream.now += NOTICE_WAIT * 2
        assert len(stream.ran(c.NoticePayments("i1"))) == 1

    def test_unknown_invoices_are_nothing(self) -> None:
        stream = payments()
        for command in (c.NoticePayments("x"), c.NoticePayments("x", moved=True), listing(invoice_id="x")):
            assert stream.ran(command) == []

    def test_invoice_that_was_void_before_it_was_known_is_owed_by_nobody(self) -> None:
        stream = payments()
        stream.ran(c.VoidInvoice("i2"))
        assert stream.ran(c.VoidInvoice("i2")) == []
        stream.ran(known("i2", 50_00))
        told = last_balance(stream)
        assert (told.invoice_id, told.status, told.rest_kopecks) == ("i2", "cancelled", 0)
        assert stream.ran(c.LookAtDue("i2", DUE + dt.timedelta(days=9), (3, 7), True)) == []
        assert stream.state.void == ()
        stream.ran(listing(paid(100_00)))
        assert last_balance(stream).deal_settled

    def test_drafts_that_were_never_issued_are_remembered_within_bounds(self) -> None:
        stream = payments()
        for number in range(VOID_MAX + 5):
            stream.ran(c.VoidInvoice(f"draft-{number}"))
        assert len(stream.state.void) == VOID_MAX


class TestUnmatched:
    def test_operation_is_listed_until_its_invoice_is_known_and_again_when_it_is_untied(self) -> None:
        state = operation.initial("operation-a/1")
        see = operation.SeeUnmatched("elba:main", "", paid(5_00))
        for command, listed in ((see, True), (operation.SeeMatched("i1"), False), (see, True)):
            decided = operation.decide(state, command, dt.datetime.now(dt.UTC))
            assert isinstance(decided, tuple)
            for event in decided:
                assert isinstance(event, operation.OperationUnmatched | operation.OperationMatched)
                state = operation.evolve(state, event)
            (row,) = operation.projected("operation-a/1", state)
            assert (row.values is not None) == listed
        assert operation.decide(state, see, dt.datetime.now(dt.UTC)) == ()

    @pytest.mark.parametrize(("remote_invoice", "ours", "told"), [("", True, 1), ("", False, 0), ("theirs", True, 0)])
    def test_a_payment_tied_to_no_invoice_that_looks_like_one_of_ours_is_told_once(
        self, remote_invoice: str, ours: bool, told: int
    ) -> None:
        stream: Stream[Any, Any] = Stream(OPERATIONS, operation.stream_of("elba:main", "op9"))
        for _ in range(2):
            stream.ran(operation.SeeUnmatched("elba:main", remote_invoice, paid(5_00, "op9"), ours))
        assert [one.amount_kopecks for one in stream.said(messages.PaymentUnmatched)] == [5_00] * told

    def test_what_is_told_of_the_same_money_once_more_is_no_news(self) -> None:
        stream: Stream[Any, Any] = Stream(OPERATIONS, operation.stream_of("elba:main", "op9"))
        stream.ran(operation.SeeUnmatched("elba:main", "", paid(5_00, "op9")))
        stream.ran(operation.SeeWaited())
        assert stream.ran(operation.SeeWaited()) == []
        for found in (paid(5_00, "op9", order_number="32"), paid(5_00, "op9", order_number="33")):
            stream.ran(operation.SeeUnmatched("elba:main", "", found))
        assert len(stream.said(messages.PaymentUnmatched)) == 1
        assert stream.rows()[0].values["ours"]  # type: ignore[index]
        stream.ran(operation.SeeUnmatched("elba:main", "", paid(6_00, "op9"), ours=True))
        assert [one.amount_kopecks for one in stream.said(messages.PaymentUnmatched)] == [5_00, 6_00]
        for _ in range(2):
            stream.ran(operation.SeeMatched("i1", "127"))
        (found_place,) = stream.said(messages.PaymentMatched)
        assert (found_place.amount_kopecks, found_place.invoice_numbers) == (6_00, ("127",))

    @pytest.mark.parametrize("end", [operation.SeeGone(), operation.SeeMatched("i1")])
    def test_an_operation_that_is_listed_no_more_waits_for_no_invoice(self, end: operation.Command) -> None:
        stream: Stream[Any, Any] = Stream(OPERATIONS, operation.stream_of("elba:main", "op9"))
        assert stream.ran(operation.SeeWaited()) == []
        stream.ran(operation.SeeUnmatched("elba:main", "", paid(5_00, "op9")))
        stream.ran(end)
        assert stream.ran(operation.SeeWaited()) == []
        assert stream.said(messages.PaymentMatched) == []
