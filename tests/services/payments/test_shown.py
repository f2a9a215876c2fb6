"""What a deal's payments keep, ask and set in motion, each with all that its readers take from it."""

import datetime as dt
from dataclasses import replace

import pytest

from chassis.aggregate import Lane, ReadRow, Recorded, TaskPlan
from chassis.cards import CardOpened, CardTaken, TakeCard
from chassis.domain import Refused
from chassis.ids import deterministic_id
from chassis.values.payment_identity import OperationFacts, natural_key
from services.payments.domain import balances, callback, operation
from services.payments.domain import commands as c
from services.payments.domain import events as e
from services.payments.domain.plans import told_by_statements
from services.payments.domain.state import VOID_MAX
from tests.services.payments.parts import DUE, TOTAL, invoice, known, listing, open_cards, paid, payments, take
from tests.services.streams import NOW, TENANT

ACCOUNT = "40702810200000000001"


def key_of(one: e.Operation) -> str:
    """The key of what accounting lists."""
    return natural_key(
        OperationFacts(
            one.direction, one.own_account, one.order_number, one.date, one.amount_kopecks, payer_inn=one.payer_inn
        )
    )


class TestPayments:
    def test_a_payment_is_kept_as_it_is_listed(self) -> None:
        stream = payments()
        listed = paid(30_00, own_account=ACCOUNT)
        stream.ran(listing(listed))
        assert stream.happened(e.PaymentCounted) == [
            e.PaymentCounted(
                invoice_id="i1",
                payment_id=str(deterministic_id("payment", "i1", "1")),
                key=key_of(listed),
                ordinal=1,
                operation=listed,
                details=e.digest(listed),
            )
        ]

    def test_a_correction_is_kept_with_the_sum_before_it(self) -> None:
        stream = payments()
        stream.ran(listing(paid(30_00)))
        stream.ran(listing(paid(45_00)))
        assert stream.happened(e.PaymentCorrected) == [
            e.PaymentCorrected(
                invoice_id="i1",
                payment_id=str(deterministic_id("payment", "i1", "1")),
                key=key_of(paid(45_00)),
                ordinal=1,
                operation=paid(45_00),
                details=e.digest(paid(45_00)),
                amount_before_kopecks=30_00,
            )
        ]

    def test_a_payment_that_went_is_kept_with_its_sum_and_day(self) -> None:
        stream = payments()
        stream.ran(listing(paid(30_00)))
        stream.ran(listing())
        assert stream.happened(e.PaymentRevoked) == [
            e.PaymentRevoked(
                invoice_id="i1",
                payment_id=str(deterministic_id("payment", "i1", "1")),
                amount_kopecks=30_00,
                date=paid(30_00).date,
            )
        ]

    def test_a_payment_that_is_back_has_its_first_id(self) -> None:
        stream = payments()
        for rows in ((paid(30_00), paid(5_00, "op2")), (paid(5_00, "op2"),), (paid(30_00), paid(5_00, "op2"))):
            stream.ran(listing(*rows))
        again = stream.happened(e.PaymentCounted)[-1]
        assert again.payment_id == next(one.payment_id for one in stream.happened(e.PaymentRevoked))
        assert again.operation == paid(30_00)

    def test_a_new_id_is_kept_as_the_payments_own(self) -> None:
        stream = payments()
        stream.ran(listing(paid(30_00, "old")))
        stream.ran(listing(paid(30_00, "new")))
        (renamed,) = stream.happened(e.PaymentRenamed)
        assert (renamed.invoice_id, renamed.operation_id) == ("i1", "new")
        (payment,) = invoice(stream).payments.values()
        assert (payment.payment_id, payment.operation.operation_id) == (renamed.payment_id, "new")

    def test_a_balance_says_all_that_is_owed(self) -> None:
        stream = payments()
        stream.ran(known("i2", 50_00))
        rows = (paid(30_00, date=dt.date(2026, 3, 13)), paid(20_00, "op2", date=dt.date(2026, 3, 12)))
        stream.ran(listing(*rows, paid(-5_00, "op3", date=dt.date(2026, 3, 15))))
        assert stream.happened(e.BalanceChanged)[-1] == e.BalanceChanged(
            invoice_id="i1",
            number=3,
            paid_kopecks=45_00,
            total_kopecks=TOTAL,
            status="partially_paid",
            deal_paid_kopecks=45_00,
            deal_settled=False,
            last_payment_date=dt.date(2026, 3, 13),
        )

    def test_an_invoice_without_money_has_no_day_of_payment(self) -> None:
        stream = payments()
        stream.ran(listing(paid(-5_00)))
        assert stream.happened(e.BalanceChanged)[-1].last_payment_date is None

    def test_a_draft_that_is_forgotten_is_the_oldest(self) -> None:
        stream = payments()
        for number in range(VOID_MAX + 2):
            stream.ran(c.VoidInvoice(f"draft-{number}"))
        assert (stream.state.void[0], stream.state.void[-1]) == ("draft-2", f"draft-{VOID_MAX + 1}")
        stream.ran(known("draft-7"))
        assert "draft-7" not in stream.state.void
        assert "draft-8" in stream.state.void


class TestSums:
    @pytest.mark.parametrize(("fact", "name"), [(13, "balance-remote-i1-13"), (None, "balance-remote-i1-card-2")])
    def test_a_difference_of_sums_is_an_operation_of_the_day_when_it_was_seen(
        self, fact: int | None, name: str
    ) -> None:
        stream = payments()
        stream.ran(c.ObserveBalance("i1", 10_00, DUE, 12))
        stream.ran(c.ObserveBalance("i1", 40_00, DUE, fact))
        assert stream.happened(e.PaymentCounted)[-1].operation == e.Operation(
            operation_id=name, direction="in", amount_kopecks=30_00, date=DUE, source="balance"
        )

    def test_a_fact_that_is_taken_is_known_by_its_number(self) -> None:
        stream = payments()
        stream.ran(c.ObserveBalance("i1", 10_00, DUE, 0))
        assert stream.happened(e.FactSeen) == [e.FactSeen(invoice_id="i1", fact_id=0)]
        assert stream.ran(c.ObserveBalance("i1", 40_00, DUE, 0)) == []

    @pytest.mark.parametrize(
        ("amounts", "fallen", "left"),
        [
            ((40, 70, 40), 40, [("a", 40), ("b", 70)]),
            ((100, -40, 50), 70, [("a", 80), ("b", 40)]),
            ((100, -40), 40, [("a", 60), ("b", 40)]),
            ((100, 60, 50), 80, [("a", 100), ("b", 30)]),
            ((30, 20), 51, []),
            ((30, 20), 0, [("a", 30), ("b", 20)]),
        ],
    )
    def test_a_sum_falls_by_the_newest_payments(
        self, amounts: tuple[int, ...], fallen: int, left: list[tuple[str, int]]
    ) -> None:
        listed = [paid(kopecks, name) for kopecks, name in zip(amounts, "abc", strict=False)]
        assert [(one.operation_id, one.amount_kopecks) for one in balances.fallen(listed, fallen)] == left


class TestQuestions:
    def test_a_question_says_what_it_is_about_and_what_was_paid(self) -> None:
        stream = payments()
        stream.ran(listing(paid(130_00)))
        assert stream.happened(CardOpened) == [
            CardOpened(
                card_id=str(deterministic_id("card", "i1", "overpaid", "0")),
                kind="overpaid",
                choices=("refund_planned", "keep_as_advance"),
                subject="i1",
                opened_at=NOW,
                values={"number": "B24-15/i1", "deal": "15", "total_kopecks": TOTAL, "paid_kopecks": 130_00},
                deal_id="15",
                responsible_id="7",
            )
        ]

    def test_a_question_that_is_settled_by_itself_says_so(self) -> None:
        stream = payments()
        stream.ran(listing(paid(130_00)))
        stream.now = NOW + dt.timedelta(hours=1)
        stream.ran(listing(paid(100_00)))
        (opened,) = stream.happened(CardOpened)
        assert stream.happened(CardTaken) == [
            CardTaken(
                card_id=opened.card_id,
                kind="overpaid",
                subject="i1",
                choice="withdrawn",
                by="",
                taken_at=stream.now,
                deal_id="15",
            )
        ]

    def test_a_vanished_payment_is_asked_about_by_itself(self) -> None:
        stream = payments()
        stream.ran(listing(paid(30_00), paid(20_00, "op2")))
        stream.ran(listing())
        asked = [(one.kind, one.subject) for one in stream.happened(CardOpened)]
        assert sorted(asked) == sorted(("payment_vanished", one) for one in invoice(stream).payments)
        assert len({one.card_id for one in stream.happened(CardOpened)}) == 2

    def test_a_question_that_stands_is_not_asked_again(self) -> None:
        stream = payments()
        stream.ran(listing(paid(130_00)))
        stream.ran(listing(paid(140_00)))
        assert len(stream.happened(CardOpened)) == 1

    def test_every_invoice_that_is_gone_is_asked_about(self) -> None:
        stream = payments()
        stream.ran(known("i2"))
        stream.ran(listing(paid(130_00)))
        for invoice_id in ("i1", "i2"):
            stream.ran(c.SeeGone(invoice_id, "deleted"))
        gone = [one for one in stream.happened(CardOpened) if one.kind == "invoice_gone"]
        assert [(one.subject, one.choices) for one in gone] == [
            ("i1", ("void", "replace", "understood")),
            ("i2", ("void", "replace", "understood")),
        ]

    def test_money_of_a_void_invoice_is_asked_about_once_and_only_while_it_is_there(self) -> None:
        stream = payments()
        stream.ran(listing(paid(30_00)))
        stream.ran(c.VoidInvoice("i1"))
        take(stream, "cancelled_with_money", "keep_as_advance")
        stream.ran(listing(paid(30_00)))
        assert open_cards(stream) == []
        stream.ran(listing(paid(30_00), paid(1_00, "op2")))
        assert open_cards(stream) == ["cancelled_with_money"]
        stream.ran(listing(paid(30_00), paid(1_00, "op2"), paid(-31_00, "op3")))
        assert open_cards(stream) == []

    def test_an_invoice_that_is_void_without_money_asks_nobody(self) -> None:
        stream = payments()
        stream.ran(c.VoidInvoice("i1"))
        assert stream.ran(c.VoidInvoice("i1")) == []
        assert open_cards(stream) == []

    def test_a_payment_that_vanished_is_no_refund(self) -> None:
        stream = payments()
        stream.ran(listing(paid(100_00)))
        stream.ran(listing())
        assert open_cards(stream) == ["payment_vanished"]

    def test_a_card_that_nobody_asked_is_refused(self) -> None:
        assert isinstance(payments().run(TakeCard("none", "void", "Анна")), Refused)


class TestDays:
    def test_an_overdue_invoice_is_told_daily_for_thirty_days_and_then_weekly(self) -> None:
        stream = payments()
        for day in range(1, 53):
            stream.ran(c.LookAtDue("i1", DUE + dt.timedelta(days=day), (), True))
        assert [one.days for one in stream.happened(e.OverdueSeen)] == [*range(1, 31), 37, 44, 51]

    def test_a_day_to_remind_on_is_told_between_weeks_too(self) -> None:
        stream = payments()
        for day in range(28, 46):
            stream.ran(c.LookAtDue("i1", DUE + dt.timedelta(days=day), (3, 40), True))
        told = [(one.days, one.remind) for one in stream.happened(e.OverdueSeen)]
        assert told == [(28, True), (29, False), (30, False), (37, False), (40, True)]

    def test_an_invoice_that_is_overdue_is_known_with_its_rest(self) -> None:
        stream = payments()
        stream.ran(listing(paid(30_00)))
        stream.ran(c.LookAtDue("i1", DUE + dt.timedelta(days=3), (3,), True))
        assert stream.happened(e.OverdueSeen) == [
            e.OverdueSeen(invoice_id="i1", days=3, rest_kopecks=70_00, remind=True)
        ]
        one = invoice(stream)
        assert (one.overdue, one.overdue_days, one.reminded_days) == (True, 3, 3)

    def test_what_was_never_overdue_does_not_end_being_so(self) -> None:
        stream = payments()
        stream.ran(listing(paid(100_00)))
        assert stream.happened(e.OverdueEnded) == []

    def test_a_part_of_the_money_does_not_end_it(self) -> None:
        stream = payments()
        stream.ran(c.LookAtDue("i1", DUE + dt.timedelta(days=3), (), True))
        stream.ran(listing(paid(99_99)))
        assert (stream.happened(e.OverdueEnded), invoice(stream).overdue) == ([], True)
        stream.ran(listing(paid(100_00)))
        assert (len(stream.happened(e.OverdueEnded)), invoice(stream).overdue) == (1, False)

    def test_news_without_payments_is_heard_half_as_often_each_time_down_to_every_six_hours(self) -> None:
        stream = payments()
        stream.ran(c.NoticePayments("i1"))
        for seconds in (*(60 * 2**power for power in range(9)), 21_600, 21_600, 21_600):
            stream.now += dt.timedelta(seconds=seconds - 1)
            assert stream.ran(c.NoticePayments("i1")) == []
            stream.now += dt.timedelta(seconds=1)
            assert stream.ran(c.NoticePayments("i1")) == [e.PaymentsNoticed(invoice_id="i1", at=stream.now)]


class TestWork:
    def test_an_invoice_is_looked_at_from_its_due_day_on(self) -> None:
        (plan,) = payments().tasks.values()
        midnight = dt.datetime(2026, 3, 16, tzinfo=dt.UTC)
        payload = {"invoice_id": "i1", "due_date": "2026-03-16"}
        assert plan == TaskPlan("look-at-due", "i1", payload, lane=Lane.BULK, due_at=midnight)

    def test_news_has_the_invoice_read_over_its_own_account(self) -> None:
        stream = payments()
        stream.tasks.clear()
        stream.ran(c.NoticePayments("i1"))
        payload = {"invoice_id": "i1", "remote_id": "remote-i1"}
        assert list(stream.tasks.values()) == [TaskPlan("reread-payments", "i1", payload, account="elba:main")]

    @pytest.mark.parametrize(("kopecks", "looked_at"), [(30_00, True), (100_00, False), (130_00, False)])
    def test_an_invoice_that_is_settled_is_looked_at_no_more(self, kopecks: int, looked_at: bool) -> None:
        stream = payments()
        stream.tasks.clear()
        stream.ran(listing(paid(kopecks)))
        assert bool(stream.tasks) is looked_at

    @pytest.mark.parametrize(
        ("sources", "told"),
        [
            ({"elba:main": "statement"}, True),
            ({"elba:main": "accounting"}, False),
            ({"elba:other": "statement"}, False),
            ({}, False),
        ],
    )
    def test_an_account_is_told_by_statements_where_its_seller_says_so(
        self, sources: dict[str, str], told: bool
    ) -> None:
        sellers = [{"connection": {"account": name}, "payments_from": one} for name, one in sources.items()]
        assert told_by_statements({"sellers": sellers}, "elba:main") is told

    def test_an_account_is_read_while_one_of_its_sellers_needs_it(self) -> None:
        sellers = [
            {"connection": {"account": "elba:main"}, "payments_from": "statement"},
            {"connection": {"account": "elba:main"}},
        ]
        assert not told_by_statements({"sellers": sellers}, "elba:main")
        assert not told_by_statements({}, "elba:main")

    def test_a_call_of_an_account_has_its_feed_read_at_once(self) -> None:
        stream = callback.stream_of("kontur:t:main", "i-1")
        state = callback.initial(stream)
        assert (stream, state) == ("callback-kontur:t:main/i-1", callback.State(stream))
        decided = callback.decide(state, callback.SeeCall("kontur:t:main", "i-1"), NOW)
        assert decided == (callback.AccountCalled(account="kontur:t:main", object_id="i-1"),)
        assert callback.evolve(state, decided[0]) == state
        plan = TaskPlan("poll-payments-now", "kontur:t:main", {}, account="kontur:t:main")
        assert callback.planned(Recorded(TENANT, stream, 1, decided[0], NOW), state) == (plan,)


class TestUnmatched:
    @pytest.mark.parametrize(("kopecks", "way"), [(5_00, 5_00), (-5_00, -5_00)])
    def test_an_operation_of_nobody_is_listed_with_its_account_and_day(self, kopecks: int, way: int) -> None:
        stream = operation.stream_of("elba:main", "op9")
        assert stream == "operation-elba:main/op9"
        assert operation.projected(stream, operation.initial(stream)) == ()
        seen = operation.OperationUnmatched(account="elba:main", remote_invoice="e7", operation=paid(kopecks, "op9"))
        state = operation.initial(stream)
        command = operation.SeeUnmatched("elba:main", "e7", paid(kopecks, "op9"))
        assert operation.decide(state, command, NOW) == (seen,)
        values = {
            "account": "elba:main",
            "remote_invoice": "e7",
            "signed_kopecks": way,
            "operation_date": "2026-03-14",
        }
        row = ReadRow("unmatched_operations", {"operation": stream}, values)
        assert operation.projected(stream, operation.evolve(state, seen)) == (row,)

    def test_an_operation_that_found_its_invoice_is_listed_no_more(self) -> None:
        see = operation.SeeUnmatched("elba:main", "e7", paid(5_00))
        state = operation.initial("operation-a/1")
        assert operation.decide(state, operation.SeeMatched("i1"), NOW) == ()
        seen = operation.OperationUnmatched(account="elba:main", remote_invoice="e7", operation=paid(5_00))
        state = operation.evolve(state, seen)
        matched = operation.OperationMatched(invoice_id="i1")
        assert operation.decide(state, operation.SeeMatched("i1"), NOW) == (matched,)
        state = operation.evolve(state, matched)
        assert operation.projected("operation-a/1", state) == (
            ReadRow("unmatched_operations", {"operation": "operation-a/1"}, None),
        )
        assert operation.decide(state, operation.SeeMatched("i1"), NOW) == ()
        assert operation.decide(state, see, NOW) == (seen,)

    def test_an_operation_that_is_told_otherwise_is_kept_as_it_is_told(self) -> None:
        stream = operation.initial("operation-a/1")
        seen = operation.OperationUnmatched(account="elba:main", remote_invoice="e7", operation=paid(5_00))
        state = operation.evolve(stream, seen)
        other = operation.SeeUnmatched("elba:main", "e8", paid(5_00))
        assert operation.decide(state, other, NOW) == (seen.model_copy(update={"remote_invoice": "e8"}),)
        assert operation.evolve(stream, seen) == replace(stream, last=seen)
