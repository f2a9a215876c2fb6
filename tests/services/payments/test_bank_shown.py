"""What a day of a bank account keeps, asks and sets in motion, with all that its readers take from it."""

import datetime as dt
from typing import Any

import pytest

from chassis.aggregate import Lane, ReadRow, TaskPlan
from chassis.ids import deterministic_id
from chassis.values.payment_identity import KnownOperation, LoadedRow, OperationFacts
from chassis.values.purpose import InvoiceReference, PurposeHints, VatClause
from services.payments.domain import bank, bankday, listing
from tests.kit.statements import OUR_INN, OURS, THEIR_INN
from tests.services.payments.bank_parts import (
    DAY,
    NEXT_MORNING,
    NOON,
    VAGUE,
    BankDay,
    bank_day,
    first,
    invoice,
    load,
    match,
    open_cards,
    row,
    states,
    take,
)
from tests.services.streams import NOW


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
            complete=True,
            changes=(bankday.RowChange(payment_id=first(day).payment_id, what="vanished"),),
            touched=("id-127",),
        )
        later = NEXT_MORNING + dt.timedelta(hours=1)
        (back,) = day.ran(load(row(), name="s3", made_at=later))
        change = bankday.RowChange(payment_id=first(day).payment_id, what="restored", ordinal=1, row=row())
        assert back == bankday.DayListed(
            statement_id="s3", made_at=later, whole=True, complete=True, changes=(change,), touched=("id-127",)
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

    @pytest.mark.parametrize("answer", ["released", "aside"])
    def test_what_a_person_said_of_a_payment_stands_when_it_is_written_otherwise(self, answer: str) -> None:
        day = bank_day()
        day.ran(load(row(purpose=VAGUE), made_at=NOON))
        match(day, invoice())
        take(day, "no_invoice" if answer == "aside" else "use_127")
        if answer == "released":
            day.ran(bankday.ReleaseOperation(first(day).payment_id, "Анна"))
        plans(day)
        day.ran(load(row(purpose="За товар"), name="s2"))
        assert (states(day), plans(day)) == ([answer], [])

    def test_an_operation_is_known_again_by_all_that_is_kept_of_it(self) -> None:
        day = bank_day()
        day.ran(load(row()))
        day.ran(load(row(), row(), name="s2"))
        assert [one.known() for one in day.state.operations.values()] == [
            KnownOperation(payment_id, row().key, DAY, ordinal, details=row().details, suspect=ordinal == 2)
            for ordinal, payment_id in enumerate(day.state.operations, 1)
        ]

    def test_a_revision_has_the_place_that_it_was_given(self) -> None:
        day = bank_day()
        day.ran(load(row()))
        change = bankday.RowChange(payment_id=first(day).payment_id, what="revised", ordinal=3, row=row())
        after = bankday.evolve(day.state, bankday.DayListed(statement_id="s2", whole=True, changes=(change,)))
        assert after.operations[change.payment_id].ordinal == 3

    @pytest.mark.parametrize(("choice", "doubted"), [("another_payment", False), ("same_payment", True)])
    def test_who_answers_for_an_added_payment_ends_the_doubt_or_keeps_it(self, choice: str, doubted: bool) -> None:
        day = bank_day()
        day.ran(load(row()))
        day.ran(load(row(), row(), name="s2"))
        take(day, choice)
        assert [one.suspect for one in day.state.operations.values()] == [False, doubted]

    def test_who_ties_an_added_payment_says_that_it_is_one(self) -> None:
        day = bank_day()
        day.ran(load(row()))
        day.ran(load(row(), row(), name="s2"))
        added = list(day.state.operations.values())[1]
        tied = listing.tied(added, invoice_id="i9", number="9", deal_id="15", by="Анна")
        day.ran(bankday.SettleMatches((tied,)))
        assert [one.suspect for one in day.state.operations.values()] == [False, False]
        assert open_cards(day) == []

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

    def test_results_for_what_is_unknown_gone_or_settled_are_not_taken(self) -> None:
        day = bank_day()
        day.ran(load(row(purpose=VAGUE), made_at=NOON))
        found = bank.Match(payment_id=first(day).payment_id, what="unmatched", details=first(day).row.details)
        assert day.ran(bankday.SettleMatches((found.model_copy(update={"payment_id": "none"}),))) == []
        match(day, invoice())
        take(day, "no_invoice")
        assert day.ran(bankday.SettleMatches((found,))) == []
        day.ran(load(name="s2"))
        tied = listing.tied(first(day), invoice_id="i9", number="9", deal_id="15", by="Анна")
        assert day.ran(bankday.SettleMatches((tied,))) == []

    def test_what_a_person_looked_up_is_taken_whatever_stood_before(self) -> None:
        day = bank_day()
        day.ran(load(row(purpose=VAGUE)))
        match(day, invoice())
        take(day, "no_invoice")
        tied = listing.tied(first(day), invoice_id="i9", number="9", deal_id="15", by="Анна")
        day.ran(bankday.SettleMatches((tied,)))
        assert (states(day), first(day).match) == (["allotted"], tied)

    def test_a_clear_payment_before_an_unclear_one_keeps_no_question_back(self) -> None:
        day = bank_day()
        day.ran(load(row(), row(number="319", purpose=VAGUE), row(1, number="320", purpose="Оплата по счету № 5")))
        small = invoice("5", 1, buyer_inn="")
        match(day, invoice(), invoice("128"), small)
        assert states(day).count("allotted") == 1
        assert open_cards(day) == ["payment_unclear", "payment_unclear"]

    def test_another_payment_is_matched_anew(self) -> None:
        day = bank_day()
        day.ran(load(row()))
        match(day, invoice(total_kopecks=170_000_00))
        day.ran(load(row(), row(), name="s2"))
        plans(day)
        take(day, "another_payment")
        assert plans(day) == [TaskPlan("match-operations", day.name, {})]
        assert states(day) == ["allotted", "open"]
        added = list(day.state.operations.values())[1]
        assert added.match == bank.Match(payment_id=added.payment_id, what="open", details=row().details)


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
        assert card.values is not None
        assert (card.table, card.values["stream"]) == ("decision_cards", day.name)

    def test_an_unmatched_operation_waits_for_its_invoice_while_it_stands(self) -> None:
        day = bank_day()
        day.ran(load(row(purpose="Проценты", payer_inn=""), made_at=NOON))
        match(day)
        assert first(day).unsettled
        day.ran(load(name="s2"))
        assert not first(day).unsettled

    def test_a_day_is_named_by_its_account(self) -> None:
        assert bankday.stream_of(OURS, DAY) == f"bankday-{OURS}/2026-03-12"
        assert bankday.day_of(bankday.stream_of("4/2", DAY)) == DAY
