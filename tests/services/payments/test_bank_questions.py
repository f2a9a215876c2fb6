"""What a day of a bank account asks people, word for word, and what their answers come to."""

import datetime as dt
from dataclasses import replace

import pytest

from chassis.cards import CardOpened, CardTaken
from chassis.ids import deterministic_id
from services.payments.domain import bank, bankday, listing
from tests.kit.statements import THEIR_INN
from tests.services.payments.bank_parts import (
    NEXT_MORNING,
    NOON,
    VAGUE,
    bank_day,
    first,
    invoice,
    load,
    match,
    open_cards,
    row,
    take,
)
from tests.services.streams import NOW


class TestQuestions:
    def test_a_question_says_what_came_from_whom_and_what_it_may_pay(self) -> None:
        day = bank_day()
        day.ran(load(row(purpose=VAGUE)))
        match(day, invoice(), invoice("128"))
        assert day.happened(CardOpened) == [
            CardOpened(
                card_id=str(deterministic_id("card", day.name, first(day).payment_id, "0")),
                kind="payment_unclear",
                choices=("use_127", "use_128", "found", "no_invoice"),
                subject=first(day).payment_id,
                opened_at=NOW,
                values={
                    "amount_kopecks": 85_000_00,
                    "date": "2026-03-12",
                    "order_number": "318",
                    "name": "ООО «Вектор»",
                    "inn": THEIR_INN,
                    "numbers": "127, 128",
                },
                deal_id="15",
            )
        ]

    def test_a_question_about_invoices_of_two_deals_belongs_to_neither(self) -> None:
        day = bank_day()
        day.ran(load(row(purpose=VAGUE)))
        match(day, invoice(), invoice("128", deal_id="16"))
        assert day.happened(CardOpened)[0].deal_id == ""

    def test_the_inn_of_a_person_is_not_shown(self) -> None:
        day = bank_day()
        day.ran(load(row(purpose=VAGUE, payer_inn="500100732259")))
        match(day, invoice(buyer_inn="500100732259"))
        assert day.happened(CardOpened)[0].values["inn"] == ""

    @pytest.mark.parametrize(
        ("purpose", "kopecks", "kind"),
        [
            (VAGUE, 85_000_00, "payment_unclear"),
            ("Возврат по счету № 127 от 12.03.2026", 85_000_00, "payment_refund"),
            ("Возврат по счету № 127 от 12.03.2026", -85_000_00, "payment_refund"),
        ],
    )
    def test_money_that_comes_back_or_goes_back_is_another_question(
        self, purpose: str, kopecks: int, kind: str
    ) -> None:
        day = bank_day()
        day.ran(load(row(kopecks, purpose=purpose)))
        match(day, invoice(paid_kopecks=0 if kopecks > 0 else 85_000_00))
        assert open_cards(day) == [kind]

    def test_a_split_that_is_proposed_may_be_taken_as_it_is(self) -> None:
        day = bank_day()
        day.ran(load(row(25_000_00, purpose="Оплата по счетам № 128, № 127")))
        older = invoice("127", 10_000_00, issued_on=dt.date(2026, 3, 1))
        match(day, older, invoice("128", 20_000_00))
        assert day.happened(CardOpened)[0].choices[0] == "as_proposed"
        take(day, "as_proposed")
        found = first(day).match
        assert found is not None
        assert (found.what, found.by) == ("allotted", "Анна")
        assert {one.number: one.amount_kopecks for one in found.allotments} == {"127": 10_000_00, "128": 15_000_00}

    def test_the_invoice_that_a_person_chooses_gets_the_whole(self) -> None:
        day = bank_day()
        day.ran(load(row(purpose=VAGUE)))
        match(day, invoice(), invoice("128"))
        take(day, "use_128")
        assert first(day).match == bank.Match(
            payment_id=first(day).payment_id,
            what="allotted",
            details=row(purpose=VAGUE).details,
            allotments=(bank.Allotment(invoice_id="id-128", number="128", deal_id="15", amount_kopecks=85_000_00),),
            ours=True,
            by="Анна",
        )
        assert day.happened(bankday.OperationsMatched)[-1].touched == ("id-128",)

    @pytest.mark.parametrize(("choice", "invoice_id"), [("use_127:15", "newer"), ("use_127:9", "older")])
    def test_of_two_invoices_of_one_number_a_person_chooses_by_the_deal(self, choice: str, invoice_id: str) -> None:
        day = bank_day()
        day.ran(load(row(purpose="За услуги")))
        match(day, invoice(invoice_id="newer"), invoice(invoice_id="older", deal_id="9"))
        (asked,) = (card.opened for card in day.state.cards.by_id.values())
        assert asked.choices == ("use_127:15", "use_127:9", "found", "no_invoice")
        assert asked.values["numbers"] == "127:15, 127:9"
        take(day, choice)
        (operation,) = day.state.operations.values()
        assert [(one.invoice_id, one.number) for one in operation.pays] == [(invoice_id, "127")]

    def test_who_set_a_payment_aside_is_kept(self) -> None:
        day = bank_day()
        day.ran(load(row(purpose=VAGUE)))
        match(day, invoice())
        take(day, "no_invoice")
        details = row(purpose=VAGUE).details
        aside = bank.Match(payment_id=first(day).payment_id, what="aside", details=details, by="Анна")
        assert first(day).match == aside

    def test_a_question_that_is_settled_by_itself_says_so(self) -> None:
        day = bank_day()
        day.ran(load(row(purpose=VAGUE), made_at=NOON))
        match(day, invoice())
        day.now = NOW + dt.timedelta(days=1)
        day.ran(load(name="s2"))
        (opened,) = day.happened(CardOpened)
        assert day.happened(CardTaken) == [
            CardTaken(
                card_id=opened.card_id,
                kind="payment_unclear",
                subject=first(day).payment_id,
                choice="withdrawn",
                by="",
                taken_at=day.now,
                deal_id="15",
            )
        ]

    def test_a_payment_that_was_added_is_asked_about_until_it_is_gone(self) -> None:
        day = bank_day()
        day.ran(load(row()))
        day.ran(load(row(), row(), name="s2"))
        (card,) = day.happened(CardOpened)
        assert (card.choices, card.values["numbers"]) == (("another_payment", "same_payment"), "")
        match(day, invoice())
        assert open_cards(day) == ["payment_suspect"]
        day.ran(load(row(), name="s3", made_at=NEXT_MORNING + dt.timedelta(hours=1)))
        assert open_cards(day) == []

    def test_a_payment_that_was_answered_for_is_not_asked_about_again(self) -> None:
        day = bank_day()
        day.ran(load(row(purpose=VAGUE)))
        match(day, invoice())
        asked = replace(invoice("128"), total_kopecks=1)
        match(day, invoice(), asked)
        assert len(day.happened(CardOpened)) == 1


def test_the_bound_of_questions_counts_those_that_wait() -> None:
    day = bank_day()
    day.ran(load(*(row(number=str(n), purpose=VAGUE) for n in range(listing.CARDS_OPEN_MAX + 1)), made_at=NOON))
    match(day, invoice())
    waiting = [one for one in day.state.cards.by_id.values() if one.taken is None]
    assert len(waiting) == listing.CARDS_OPEN_MAX
    day.ran(load(name="s2"))
    day.ran(load(row(number="new", purpose=VAGUE), name="s3", made_at=NEXT_MORNING + dt.timedelta(hours=1)))
    assert open_cards(day) == ["payment_suspect"]
