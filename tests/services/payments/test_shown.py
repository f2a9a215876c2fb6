"""What a deal's payments keep, ask and set in motion, each with all that its readers take from it."""

import datetime as dt

import pytest

from chassis.cards import CardOpened, CardTaken, TakeCard
from chassis.domain import Refused
from chassis.ids import deterministic_id
from chassis.values.payment_identity import OperationFacts, natural_key
from services.payments.domain import balances
from services.payments.domain import commands as c
from services.payments.domain import events as e
from services.payments.domain.state import VOID_MAX
from tests.services.payments.parts import DUE, TOTAL, invoice, known, listing, open_cards, paid, payments, take
from tests.services.streams import NOW

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

    def test_what_matters_of_an_operation_is_one_text_for_ever(self) -> None:
        listed = paid(30_00, own_account=ACCOUNT, payer_name="А|Б")
        assert e.digest(listed) == f"in|3000|2026-03-14|31|{ACCOUNT}|7736207543|А/Б"

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

    def test_a_payment_that_vanished_leaves_the_day_of_the_others(self) -> None:
        stream = payments()
        earlier = paid(1, "op2", date=dt.date(2026, 3, 12))
        stream.ran(listing(paid(30_00), earlier))
        stream.ran(listing(earlier))
        told = stream.happened(e.BalanceChanged)[-1]
        assert (told.last_payment_date, told.status) == (dt.date(2026, 3, 12), "partially_paid")

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

    def test_a_sum_that_grew_by_a_kopeck_is_a_payment(self) -> None:
        stream = payments()
        stream.ran(c.ObserveBalance("i1", 1, DUE, 0))
        assert [one.operation.amount_kopecks for one in stream.happened(e.PaymentCounted)] == [1]

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
        assert stream.happened(CardOpened) == []

    def test_an_invoice_that_was_answered_for_is_not_asked_about_again(self) -> None:
        stream = payments()
        stream.ran(c.SeeGone("i1", "deleted"))
        take(stream, "invoice_gone", "understood")
        assert stream.ran(c.SeeGone("i1", "deleted")) == []

    @pytest.mark.parametrize(("kopecks", "asked"), [(0, []), (1, ["payment_vanished"])])
    def test_a_kopeck_that_vanished_is_asked_about_and_nothing_is_not(self, kopecks: int, asked: list[str]) -> None:
        stream = payments()
        stream.ran(listing(paid(kopecks)))
        stream.ran(listing())
        assert [one.kind for one in stream.happened(CardOpened)] == asked

    def test_a_kopeck_that_went_back_of_a_settled_invoice_is_asked_about(self) -> None:
        stream = payments()
        stream.ran(listing(paid(100_00)))
        stream.ran(listing(paid(100_00), paid(-1, "op2")))
        assert open_cards(stream) == ["refunded_after_paid"]

    def test_a_kopeck_of_a_void_invoice_is_asked_about(self) -> None:
        stream = payments()
        stream.ran(listing(paid(1)))
        stream.ran(c.VoidInvoice("i1"))
        assert open_cards(stream) == ["cancelled_with_money"]

    def test_a_payment_that_vanished_is_no_refund(self) -> None:
        stream = payments()
        stream.ran(listing(paid(100_00)))
        stream.ran(listing())
        assert open_cards(stream) == ["payment_vanished"]

    def test_a_question_of_another_build_stands(self) -> None:
        stream = payments()
        other = CardOpened(card_id="c9", kind="of_another_build", choices=("a",), subject="i1", opened_at=NOW)
        stream.state = stream.kind.evolve(stream.state, other)
        stream.ran(listing(paid(1)))
        assert open_cards(stream) == ["of_another_build"]

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

    def test_money_makes_news_quick_again(self) -> None:
        stream = payments()
        for _ in range(5):
            stream.ran(c.NoticePayments("i1"))
            stream.now += dt.timedelta(hours=1)
        stream.ran(c.NoticePayments("i1"))
        stream.ran(listing(paid(1)))
        assert len(stream.ran(c.NoticePayments("i1"))) == 1
        stream.now += dt.timedelta(seconds=60)
        assert len(stream.ran(c.NoticePayments("i1"))) == 1
