"""What a day of a bank account keeps, asks and sets in motion, with all that its readers take from it."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from chassis.aggregate import Lane, ReadRow, TaskPlan
from chassis.cards import CardOpened, CardTaken
from chassis.ids import deterministic_id
from chassis.values.payment_identity import LoadedRow, OperationFacts
from chassis.values.purpose import InvoiceReference, PurposeHints, VatClause
from services.payments.domain import bank, bankday, listing
from tests.kit.statements import OUR_INN, OURS, THEIR_INN
from tests.services.payments.bank_parts import (
    DAY,
    NEXT_MORNING,
    NOON,
    BankDay,
    bank_day,
    invoice,
    load,
    match,
    open_cards,
    row,
    states,
    take,
)
from tests.services.streams import NOW

VAGUE = "За услуги"


def first(day: BankDay) -> bankday.BankOperation:
    """The first operation of the day."""
    return next(iter(day.state.operations.values()))


def plans(day: BankDay) -> list[TaskPlan]:
    """What is set in motion, and then forgotten."""
    found = list(day.tasks.values())
    day.tasks.clear()
    return found


class TestRows:
    @pytest.mark.parametrize(
        ("kopecks", "sides"),
        [(5_00, (THEIR_INN, OUR_INN, "ООО «Вектор»", 5_00)), (-5_00, (THEIR_INN, OUR_INN, "ООО «Вектор»", -5_00))],
    )
    def test_either_way_they_are_they_and_we_are_we(self, kopecks: int, sides: tuple[Any, ...]) -> None:
        one = row(kopecks)
        assert (one.their_inn, one.our_inn, one.their_name, one.signed_kopecks) == sides

    def test_a_row_is_known_again_by_the_key_that_was_made_of_all_its_facts(self) -> None:
        one = row()
        facts = OperationFacts("in", OURS, "318", DAY, 85_000_00)
        assert one.loaded() == LoadedRow(facts, DAY, details=one.details, known_key=one.key)

    def test_hints_are_kept_as_they_were_read(self) -> None:
        named = InvoiceReference("127", DAY)
        hints = bank.Hints.of(PurposeHints((named,), VatClause(without=True, rate=22, sum_kopecks=7), refund=True))
        assert hints == bank.Hints(
            references=(bank.Reference(number="127", dated=DAY),),
            refund=True,
            without_vat=True,
            vat_rate=22,
            vat_kopecks=7,
        )
        assert hints.named() == (named,)
        assert bank.Hints.of(PurposeHints()) == bank.Hints()

    def test_allotments_come_to_their_sum(self) -> None:
        parts = [bank.Allotment(invoice_id="a", number="1", amount_kopecks=one) for one in (5_00, -2_00)]
        assert bank.signed_sum(tuple(parts)) == 3_00


class TestLoads:
    def test_a_load_is_kept_with_what_it_changed(self) -> None:
        day = bank_day()
        day.ran(load(row(), made_at=NOON))
        match(day, invoice())
        (gone,) = day.ran(load(name="s2"))
        assert gone == bankday.DayListed(
            statement_id="s2",
            made_at=NEXT_MORNING,
            whole=True,
            changes=(bankday.RowChange(payment_id=first(day).payment_id, what="vanished"),),
            touched=("id-127",),
        )
        later = NEXT_MORNING + dt.timedelta(hours=1)
        (back,) = day.ran(load(row(), name="s3", made_at=later))
        change = bankday.RowChange(payment_id=first(day).payment_id, what="restored", ordinal=1, row=row())
        assert back == bankday.DayListed(
            statement_id="s3", made_at=later, whole=True, changes=(change,), touched=("id-127",)
        )
        assert (first(day).statement_id, day.state.made_at) == ("s3", later)

    def test_operations_of_a_day_are_numbered_through(self) -> None:
        day = bank_day()
        day.ran(load(row(), made_at=NOON))
        day.ran(load(row(), row(number="319"), name="s2"))
        assert list(day.state.operations) == [
            str(deterministic_id("bank-operation", day.name, number)) for number in ("1", "2")
        ]

    def test_a_row_that_is_written_otherwise_is_revised(self) -> None:
        day = bank_day()
        day.ran(load(row(), made_at=NOON))
        (event,) = day.ran(load(row(purpose=VAGUE), name="s2"))
        assert isinstance(event, bankday.DayListed)
        assert event.changes == (
            bankday.RowChange(payment_id=first(day).payment_id, what="revised", ordinal=1, row=row(purpose=VAGUE)),
        )

    def test_a_statement_of_the_same_moment_is_believed(self) -> None:
        day = bank_day()
        day.ran(load(row()))
        day.ran(load(name="s2"))
        assert states(day) == ["vanished"]

    def test_a_whole_day_without_news_is_kept_as_whole_once(self) -> None:
        day = bank_day()
        day.ran(load(row(), made_at=NOON))
        (event,) = day.ran(load(row(), name="s2"))
        assert isinstance(event, bankday.DayListed)
        assert (event.whole, event.changes, event.touched) == (True, (), ())
        assert day.ran(load(row(), name="s3")) == []

    def test_the_newest_statement_is_the_one_that_was_made_last(self) -> None:
        day = bank_day()
        day.ran(load(row()))
        day.ran(load(row(), row(number="319"), name="s2", made_at=NOON))
        assert day.state.made_at == NEXT_MORNING
        day.ran(load(row(), row(number="319"), row(number="320"), name="s3", made_at=None))
        assert day.state.made_at == NEXT_MORNING


class TestWork:
    def test_what_is_open_is_matched_and_what_was_paid_is_told_its_invoice(self) -> None:
        day = bank_day()
        day.ran(load(row(), made_at=NOON))
        assert plans(day) == [TaskPlan("match-operations", day.name, {})]
        match(day, invoice())
        assert plans(day) == [TaskPlan("allot-payments", "id-127", {"invoice_id": "id-127"})]
        day.ran(load(name="s2"))
        assert plans(day) == [TaskPlan("allot-payments", "id-127", {"invoice_id": "id-127"})]

    def test_what_may_be_ours_is_looked_at_again_after_ten_minutes(self) -> None:
        day = bank_day()
        day.ran(load(row(purpose="Оплата по счету № 900", payer_inn="")))
        plans(day)
        match(day)
        due_at = NOW + dt.timedelta(minutes=10)
        assert plans(day) == [TaskPlan("match-operations-later", day.name, {}, lane=Lane.BULK, due_at=due_at)]

    def test_what_is_nobodys_is_left_alone(self) -> None:
        day = bank_day()
        day.ran(load(row(purpose="Проценты", payer_inn="")))
        plans(day)
        match(day)
        assert (states(day), plans(day)) == (["unmatched"], [])

    def test_a_number_that_a_person_names_is_looked_up_by_itself(self) -> None:
        day = bank_day()
        day.ran(load(row(purpose=VAGUE)))
        match(day, invoice())
        plans(day)
        take(day, "found", "B24-900")
        payment_id = first(day).payment_id
        payload = {"payment_id": payment_id, "number": "B24-900", "by": "Анна"}
        pointed = bankday.OperationPointed(payment_id=payment_id, number="B24-900", by="Анна")
        assert day.happened(bankday.OperationPointed) == [pointed]
        assert plans(day) == [TaskPlan("look-up-pointed", f"{payment_id}:{len(day.events)}", payload)]

    def test_another_payment_is_matched_anew(self) -> None:
        day = bank_day()
        day.ran(load(row()))
        match(day, invoice(total_kopecks=170_000_00))
        day.ran(load(row(), row(), name="s2"))
        plans(day)
        take(day, "another_payment")
        assert plans(day) == [TaskPlan("match-operations", day.name, {})]
        assert states(day) == ["allotted", "open"]


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


class TestLists:
    def test_an_operation_is_listed_with_what_is_known_of_it(self) -> None:
        day = bank_day()
        day.ran(load(row()))
        match(day, invoice(), invoice("128"))
        payment_id = first(day).payment_id
        listed = {
            "stream": day.name,
            "state": "allotted",
            "unsettled": False,
            "statement_id": "s1",
            "line": 15,
            "own_account": OURS,
            "operation_day": "2026-03-12",
            "order_number": "318",
            "order_date": "2026-03-12",
            "signed_kopecks": 85_000_00,
            "their_inn": THEIR_INN,
            "their_name": "ООО «Вектор»",
            "numbers": ["127"],
            "score": 115,
            "reasons": ["number", "date", "inn", "rest"],
            "candidates": [],
        }
        of_operation = ("own_account", "operation_day", "order_number", "their_inn", "their_name")
        pays = {
            "stream": day.name,
            "allotments": {"id-127": 85_000_00},
            **{name: listed[name] for name in of_operation},
        }
        assert day.rows() == (
            ReadRow("bank_operations", {"payment_id": payment_id}, listed),
            ReadRow("allotments", {"payment_id": payment_id}, pays),
        )

    def test_an_operation_that_nobody_has_looked_at_pays_nothing_yet(self) -> None:
        day = bank_day()
        day.ran(load(row(internal=False)))
        listed, pays = day.rows()
        assert listed.values is not None
        shown = [listed.values[name] for name in ("state", "unsettled", "score", "reasons", "candidates")]
        assert shown == ["open", True, 0, [], []]
        assert pays == ReadRow("allotments", {"payment_id": first(day).payment_id}, None)

    def test_a_question_is_listed_with_its_candidates(self) -> None:
        day = bank_day()
        day.ran(load(row(purpose=VAGUE)))
        match(day, invoice(), invoice("128"))
        listed, _, card = day.rows()
        assert listed.values is not None
        assert (listed.values["candidates"], listed.values["unsettled"]) == (["127", "128"], False)
        assert card.table == "decision_cards"

    def test_an_unmatched_operation_waits_for_its_invoice_while_it_stands(self) -> None:
        day = bank_day()
        day.ran(load(row(purpose="Проценты", payer_inn=""), made_at=NOON))
        match(day)
        assert first(day).unsettled
        day.ran(load(name="s2"))
        assert not first(day).unsettled

    def test_a_day_is_named_by_its_account(self) -> None:
        assert bankday.stream_of(OURS, DAY) == f"bankday-{OURS}/2026-03-12"
        assert bankday.day_of(f"bankday-{OURS}/2026-03-12") == DAY


def test_the_bound_of_questions_counts_those_that_wait() -> None:
    day = bank_day()
    day.ran(load(*(row(number=str(n), purpose=VAGUE) for n in range(listing.CARDS_OPEN_MAX + 1)), made_at=NOON))
    match(day, invoice())
    waiting = [one for one in day.state.cards.by_id.values() if one.taken is None]
    assert len(waiting) == listing.CARDS_OPEN_MAX
    day.ran(load(name="s2"))
    day.ran(load(row(number="new", purpose=VAGUE), name="s3", made_at=NEXT_MORNING + dt.timedelta(hours=1)))
    assert open_cards(day) == ["payment_suspect"]
