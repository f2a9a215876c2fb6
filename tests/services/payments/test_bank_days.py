"""Days of bank accounts: what repeated and overlapping statements say of one payment (R20), and questions to people."""

import datetime as dt
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.cards import TakeCard
from chassis.domain import Problem, Refused
from contracts.messages import operations as operation_messages
from contracts.messages import payments as messages
from services.payments.domain import bankday, listing
from services.payments.domain.bank import BankRow, Match
from services.payments.workers.matching import pointed
from tests.kit.statements import OUR_INN
from tests.services.payments.bank_parts import (
    NEXT_MORNING,
    NOON,
    PURPOSE,
    BankDay,
    bank_day,
    invoice,
    load,
    match,
    open_cards,
    paid,
    row,
    states,
    take,
)


class TestR20Statements:
    def test_a_statement_that_comes_again_changes_nothing(self) -> None:
        day = bank_day()
        day.ran(load(row(), row(number="319")))
        assert states(day) == ["open", "open"]
        assert day.ran(load(row(number="319"), row(), name="s2")) == []

    def test_equal_rows_of_one_statement_both_count_and_are_known_when_it_comes_again(self) -> None:
        day = bank_day()
        day.ran(load(row(), row()))
        assert states(day) == ["open", "open"]
        assert day.ran(load(row(), row(), name="s2")) == []

    def test_a_day_that_is_not_over_is_added_to(self) -> None:
        day = bank_day()
        day.ran(load(row(), made_at=NOON))
        day.ran(load(row(), row(number="319"), name="s2"))
        assert states(day) == ["open", "open"]

    def test_what_a_later_statement_adds_to_a_whole_day_is_shown_and_not_counted(self) -> None:
        day = bank_day()
        day.ran(load(row()))
        day.ran(load(row(), row(), name="s2"))
        assert states(day) == ["open", "suspect"]
        assert open_cards(day) == ["payment_suspect"]
        (told,) = day.said(messages.PaymentUnmatched)
        assert told.suspect
        match(day, invoice())
        assert paid(day) == {"id-127": 85_000_00}

    @pytest.mark.parametrize(
        ("choice", "stands", "sum_kopecks"),
        [("another_payment", "allotted", 170_000_00), ("same_payment", "aside", 85_000_00)],
    )
    def test_a_person_says_whether_it_is_another_payment(self, choice: str, stands: str, sum_kopecks: int) -> None:
        day = bank_day()
        day.ran(load(row()))
        day.ran(load(row(), row(), name="s2"))
        take(day, choice)
        match(day, invoice(total_kopecks=170_000_00))
        assert states(day)[1] == stands
        assert paid(day) == {"id-127": sum_kopecks}
        assert open_cards(day) == []

    def test_a_payment_that_the_bank_took_back_vanishes_with_what_it_paid(self) -> None:
        day = bank_day()
        day.ran(load(row(), made_at=NOON))
        match(day, invoice())
        day.ran(load(name="s2"))
        assert states(day) == ["vanished"]
        assert paid(day) == {}
        assert (listing.ALLOT, "id-127") in day.tasks
        day.ran(load(row(), name="s3", made_at=NEXT_MORNING + dt.timedelta(hours=1)))
        assert paid(day) == {"id-127": 85_000_00}, "what stands in the statement again is what it was"

    @pytest.mark.parametrize(
        "later", [load(name="s2", made_at=NOON), load(name="s2", complete=False), load(name="s2", made_at=None)]
    )
    def test_an_older_or_incomplete_statement_takes_nothing_away(self, later: bankday.ListDay) -> None:
        day = bank_day()
        day.ran(load(row()))
        assert day.ran(later) == []
        assert states(day) == ["open"]

    @pytest.mark.parametrize("made_at", [NEXT_MORNING + dt.timedelta(hours=1), None])
    def test_an_older_statement_brings_back_nothing_that_the_bank_took_back(self, made_at: dt.datetime | None) -> None:
        day = bank_day()
        day.ran(load(row(), made_at=NOON))
        match(day, invoice())
        day.ran(load(name="s2"))
        assert (states(day), paid(day)) == (["vanished"], {})
        assert day.ran(load(row(), name="s3", made_at=NOON)) == []
        assert (states(day), paid(day)) == (["vanished"], {})
        day.ran(load(row(), name="s4", made_at=made_at))
        assert paid(day) == {"id-127": 85_000_00}

    @pytest.mark.parametrize("between", [(), (row(10_00, number="319", purpose="За услуги"),)])
    def test_a_payment_that_only_an_older_statement_has_is_shown_and_not_counted(
        self, between: tuple[BankRow, ...]
    ) -> None:
        """Of a day that is not over; the newer one may have changed nothing that was known then."""
        day, hour = bank_day(), dt.timedelta(hours=1)
        day.ran(load(*between, made_at=NOON))
        day.ran(load(*between, name="s2", made_at=NOON + 2 * hour))
        day.ran(load(*between, row(), name="s3", made_at=NOON + hour))
        match(day, invoice())
        assert (states(day)[-1], paid(day)) == ("suspect", {})
        (asked,) = day.said(operation_messages.DecisionNeeded)
        assert (asked.kind, asked.values["older"]) == ("payment_suspect", 1)
        assert not day.state.whole
        day.ran(load(*between, name="s4", made_at=NOON + 3 * hour))
        assert (states(day)[-1], open_cards(day)) == ("vanished", [])

    @pytest.mark.parametrize("newer", [load(name="s2", complete=False), load(name="s2", made_at=None)])
    def test_what_an_older_statement_has_counts_where_the_newer_one_may_have_left_it_out(
        self, newer: bankday.ListDay
    ) -> None:
        day = bank_day()
        day.ran(newer)
        day.ran(load(row(10_00, number="319", purpose="За услуги"), name="s3", complete=False))
        day.ran(load(row(), name="s4", made_at=NOON))
        match(day, invoice())
        assert paid(day) == {"id-127": 85_000_00}

    def test_what_a_statement_without_a_time_has_counts_on_the_day_of_the_newer_one(self) -> None:
        """It may be newer: the bank tells the day alone when it was made."""
        moscow = dt.timezone(dt.timedelta(hours=3))
        midnight = dt.datetime(2026, 3, 12, tzinfo=moscow)
        day = bank_day()
        day.ran(load(made_at=NOON))
        day.ran(load(row(), name="s2", made_at=midnight))
        match(day, invoice())
        assert paid(day) == {"id-127": 85_000_00}
        day.ran(load(row(5_00), name="s3", made_at=midnight - dt.timedelta(days=1)))
        assert states(day) == ["allotted", "suspect"]

    def test_statements_of_a_day_that_is_not_over_are_remembered_once_each(self) -> None:
        day = bank_day()
        for name in ("s1", "s2"):
            day.ran(load(row(), name=name, made_at=NOON))
        assert len(day.events) == 1
        assert len(day.ran(load(row(), name="s3", made_at=NOON + dt.timedelta(hours=1)))) == 1

    def test_an_older_statement_leaves_a_newer_purpose_as_it_is(self) -> None:
        day = bank_day()
        day.ran(load(row(purpose="За услуги"), made_at=NOON))
        day.ran(load(row(), name="s2"))
        assert day.ran(load(row(purpose="За услуги"), name="s3", made_at=NOON)) == []

    def test_a_day_is_whole_only_when_a_statement_lists_it_to_its_end(self) -> None:
        day = bank_day()
        day.ran(load(row(), complete=False))
        assert not day.state.whole
        day.ran(load(row(), name="s2"))
        assert day.state.whole

    def test_a_purpose_that_is_written_otherwise_leaves_a_payment_where_it_is(self) -> None:
        day = bank_day()
        day.ran(load(row()))
        match(day, invoice())
        day.ran(load(row(purpose="Оплата счета 127"), name="s2"))
        assert paid(day) == {"id-127": 85_000_00}

    def test_a_new_purpose_of_an_unmatched_payment_is_looked_at(self) -> None:
        day = bank_day()
        day.ran(load(row(purpose="За услуги", payer_inn="")))
        match(day, invoice())
        assert states(day) == ["unmatched"]
        day.ran(load(row(payer_inn=""), name="s2"))
        match(day, invoice())
        assert states(day) == ["allotted"]

    def test_money_between_own_accounts_pays_nothing(self) -> None:
        day = bank_day()
        day.ran(load(row(internal=True)))
        assert match(day, invoice()) == []
        assert states(day) == ["internal"]


class TestQuestions:
    def test_an_uncertain_payment_waits_for_a_person(self) -> None:
        day = bank_day()
        day.ran(load(row(purpose="За услуги")))
        match(day, invoice())
        assert (states(day), open_cards(day)) == (["asked"], ["payment_unclear"])
        (asked,) = day.said(operation_messages.DecisionNeeded)
        assert (asked.choices, asked.deal_id) == (("use_127", "found", "no_invoice"), "15")
        assert asked.values["name"] == "ООО «Вектор»"
        take(day, "use_127")
        assert paid(day) == {"id-127": 85_000_00}

    def test_a_person_says_that_it_pays_no_invoice(self) -> None:
        day = bank_day()
        day.ran(load(row(purpose="За услуги")))
        match(day, invoice())
        take(day, "no_invoice")
        assert states(day) == ["aside"]
        assert match(day, invoice()) == []

    def test_a_number_that_a_person_names_is_looked_up(self) -> None:
        day = bank_day()
        day.ran(load(row(purpose="За услуги")))
        match(day, invoice())
        take(day, "found", "B24-900")
        (plan,) = [plan for (kind, _), plan in day.tasks.items() if kind == listing.POINT]
        assert (plan.payload["number"], plan.payload["by"]) == ("B24-900", "Анна")

    def test_a_question_is_withdrawn_when_the_payment_vanishes(self) -> None:
        day = bank_day()
        day.ran(load(row(purpose="За услуги"), made_at=NOON))
        match(day, invoice())
        day.ran(load(name="s2"))
        assert open_cards(day) == []

    def test_a_question_is_withdrawn_when_the_invoice_becomes_clear(self) -> None:
        day = bank_day()
        day.ran(load(row(payer_inn=OUR_INN, purpose="За услуги"), made_at=NOON))
        match(day, invoice(buyer_inn=OUR_INN))
        day.ran(load(row(payer_inn=OUR_INN), name="s2"))
        match(day, invoice(buyer_inn=OUR_INN))
        assert (states(day), open_cards(day)) == (["allotted"], [])

    def test_a_person_unties_a_payment_and_the_rules_leave_it_alone(self) -> None:
        day = bank_day()
        day.ran(load(row()))
        match(day, invoice())
        (payment_id,) = day.state.operations
        day.ran(bankday.ReleaseOperation(payment_id, "Анна"))
        assert (states(day), paid(day)) == (["released"], {})
        assert (listing.ALLOT, "id-127") in day.tasks
        assert match(day, invoice()) == []
        assert day.ran(bankday.ReleaseOperation(payment_id, "Анна")) == []

    def test_a_payment_that_nobody_knows_cannot_be_untied(self) -> None:
        found = bank_day().run(bankday.ReleaseOperation("none", "Анна"))
        assert isinstance(found, Refused)
        assert found.problem == Problem("payment_unknown", {"payment": "none"})

    def test_questions_of_a_day_are_bounded_and_the_rest_is_listed(self) -> None:
        day = bank_day()
        day.ran(load(*(row(number=str(n), purpose="За услуги") for n in range(60))))
        match(day, invoice())
        assert len(open_cards(day)) == listing.CARDS_OPEN_MAX
        assert states(day) == ["asked"] * 60

    def test_what_found_no_place_among_the_questions_is_asked_about_as_others_are_answered(self) -> None:
        day = bank_day()
        day.ran(load(*(row(number=str(n), purpose="За услуги") for n in range(listing.CARDS_OPEN_MAX + 2))))
        match(day, invoice())
        *_, last = day.state.operations
        for _ in range(2):
            card = next(one for one in day.state.cards.by_id.values() if one.taken is None)
            day.ran(TakeCard(card.opened.card_id, "no_invoice", "Анна"))
            assert len(open_cards(day)) == listing.CARDS_OPEN_MAX
        asked = [card.opened.subject for card in day.state.cards.by_id.values() if card.taken is None]
        assert asked[-1] == last

    def test_a_person_who_named_a_wrong_number_is_asked_again_though_others_waited_for_a_place(self) -> None:
        day = bank_day()
        day.ran(load(*(row(number=str(n), purpose="За услуги") for n in range(listing.CARDS_OPEN_MAX + 2))))
        match(day, invoice())
        card = next(one for one in day.state.cards.by_id.values() if one.taken is None)
        day.ran(TakeCard(card.opened.card_id, "found", "Анна", number="999"))
        operation = day.state.operations[card.opened.subject]
        day.ran(bankday.SettleMatches((pointed(operation, (), "Анна"),)))
        asked = [one.opened.subject for one in day.state.cards.by_id.values() if one.taken is None]
        assert operation.payment_id in asked

    def test_what_was_gone_while_a_person_was_asked_about_it_is_asked_about_again_when_it_is_back(self) -> None:
        day = bank_day()
        later = row(number="319")
        for hours, rows in enumerate(((row(),), (row(), later), (row(),))):
            day.ran(load(*rows, name=f"s{hours}", made_at=NEXT_MORNING + dt.timedelta(hours=hours)))
        assert (states(day), open_cards(day)) == (["open", "vanished"], [])
        day.ran(load(row(), later, name="s4", made_at=NEXT_MORNING + dt.timedelta(hours=4)))
        assert (states(day), open_cards(day)) == (["open", "suspect"], ["payment_suspect"])

    def test_a_result_for_what_has_changed_meanwhile_is_not_taken(self) -> None:
        day = bank_day()
        day.ran(load(row(), made_at=NOON))
        (operation,) = day.state.operations.values()
        day.ran(load(row(purpose="Оплата по счету № 128"), name="s2"))
        stale = Match(payment_id=operation.payment_id, what="unmatched", details=operation.row.details)
        assert day.ran(bankday.SettleMatches((stale,))) == []


class TestLostPayments:
    def test_who_heard_that_a_payment_fits_nothing_hears_once_that_it_has_found_its_place(self) -> None:
        day = bank_day()
        day.ran(load(row(), made_at=NOON))
        match(day)
        match(day, invoice("900", 5_00))
        day.ran(load(row(purpose="Оплата счета 127"), name="s2"))
        match(day, invoice("900", 5_00))
        assert len(day.said(messages.PaymentUnmatched)) == 1, "another reason is no news"
        for _ in range(2):
            match(day, invoice())
        (found,) = day.said(messages.PaymentMatched)
        assert (found.amount_kopecks, found.invoice_numbers) == (85_000_00, ("127",))
        assert day.replayed() == day.state

    def test_a_payment_that_nobody_heard_of_finds_its_place_in_silence(self) -> None:
        day = bank_day()
        day.ran(load(row(purpose="Проценты", payer_inn=""), made_at=NOON))
        match(day)
        day.ran(load(row(payer_inn=""), name="s2"))
        match(day, invoice())
        assert (states(day), day.said(messages.PaymentMatched)) == (["allotted"], [])

    def test_a_payment_of_a_buyer_whose_invoice_is_paid_meanwhile_is_told_once(self) -> None:
        """It looked like nobody's then, and like the buyer's again with the next invoice."""
        day = bank_day()
        day.ran(load(row(purpose="За услуги")))
        for invoices in ((invoice("900", 5_00),), (), (invoice("901", 6_00),)):
            match(day, *invoices)
        assert states(day) == ["unmatched"]
        assert len(day.said(messages.PaymentUnmatched)) == 1
        match(day)
        assert match(day) == [], "what stays as it is is not told to the stream again and again"


def test_people_s_names_and_accounts_are_not_kept() -> None:
    kept = row(payer_inn="500100732259", payer_name="ИП Орлов Пётр Ильич", payer_account="40802810400000012345")
    text = kept.model_dump_json()
    assert "Орлов" not in text
    assert "40802810400000012345" not in text
    assert PURPOSE not in text


ROWS = st.builds(
    row,
    st.sampled_from([10_00, 20_00, -10_00]),
    number=st.sampled_from(["1", "01", "2"]),
    purpose=st.sampled_from([PURPOSE, "За услуги"]),
)
MADE = st.sampled_from([NOON, NEXT_MORNING, NEXT_MORNING + dt.timedelta(days=1), None])


def _count(day: BankDay) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in day.state.operations.values():
        if not one.vanished and not one.suspect:
            found[one.row.key] = found.get(one.row.key, 0) + 1
    return found


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.lists(ROWS, max_size=5), MADE, st.booleans()), min_size=1, max_size=5),
    st.randoms(use_true_random=False),
)
def test_no_statement_is_counted_twice_and_none_is_lost(
    loads: list[tuple[list[BankRow], dt.datetime | None, bool]], chance: Random
) -> None:
    day = bank_day()
    for number, (rows, made_at, complete) in enumerate(loads):
        command = load(*rows, name=f"s{number}", made_at=made_at, complete=complete)
        newest = day.state.made_at
        older = newest is not None and made_at is not None and made_at < newest
        day.ran(command)
        listed: dict[str, int] = {}
        for one in rows:
            listed[one.key] = listed.get(one.key, 0) + 1
        known = dict.fromkeys(listed, 0)
        for operation in day.state.operations.values():
            if older or not operation.vanished:
                known[operation.row.key] = known.get(operation.row.key, 0) + 1
        assert all(known[key] >= count for key, count in listed.items()), "every row of the load is known"
        before = _count(day)
        chance.shuffle(rows)
        assert day.ran(load(*rows, name="again", made_at=made_at, complete=complete)) == []
        assert _count(day) == before
    assert day.replayed() == day.state


def test_a_card_of_another_stream_is_refused() -> None:
    found = bank_day().run(TakeCard("none", "use_127", "Анна"))
    assert isinstance(found, Refused)
