"""Payment identity where rows look alike: which of them is which, and what ordinal a moved one takes."""

from dataclasses import replace

import pytest

from chassis.values.payment_identity import (
    New,
    OperationFacts,
    Revised,
    Revoked,
    Same,
    match_feed,
    match_listing,
    match_statement,
    natural_key,
)
from tests.chassis.values.test_payment_identity import DAY, FACTS, NEXT_DAY, known_after, row, statement


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (replace(FACTS, number="000"), replace(FACTS, number="0")),
        (replace(FACTS, number="3|18"), replace(FACTS, number="3/18")),
    ],
)
def test_numbers_of_noughts_and_of_separators_are_one_payment(one: OperationFacts, other: OperationFacts) -> None:
    assert natural_key(one) == natural_key(other)


def test_a_number_keeps_its_letters_and_a_payee_without_an_account_has_its_inn() -> None:
    assert natural_key(replace(FACTS, number="X318")) != natural_key(FACTS)
    outgoing = replace(FACTS, payee_account="", payee_inn="7709123453")
    assert natural_key(outgoing) == natural_key(replace(FACTS, payee_account="7709123453"))
    assert natural_key(outgoing) != natural_key(replace(outgoing, payee_inn="7709123454"))


def test_a_statement_with_stable_ids_takes_the_last_state_of_an_id_listed_twice() -> None:
    twice = [row(rename="a", details="old"), row(rename="a", details="new")]
    assert statement([], twice) == (New(twice[1], 1),)
    assert len(statement([], twice, ids_stable=False)) == 2
    assert match_listing([], twice) == (New(twice[1], 1),)


def test_without_ids_a_payment_of_another_day_is_another_payment() -> None:
    known = known_after(row())
    moved = row(day=NEXT_DAY)
    outcomes = match_statement(known, [moved], days={DAY, NEXT_DAY}, days_loaded_whole=set(), ids_stable=False)
    assert outcomes == (New(moved, 1), Revoked(known[0]))


def test_a_listing_pairs_equal_payments_of_one_day_before_it_looks_at_other_days() -> None:
    (first,) = known_after(row(rename="a"))
    second = replace(first, payment_id="p2", statement_day=NEXT_DAY, operation_id="b")
    renamed = row(rename="x", day=NEXT_DAY)
    assert match_listing([first, second], [renamed]) == (Same(second, renamed), Revoked(first))


def test_a_feed_goes_on_behind_a_reversal_of_what_was_never_known() -> None:
    reversed_rows = [replace(row(str(n), rename=f"r{n}"), revoked=True) for n in range(1, 6)]
    new = [row(str(n), rename=f"n{n}") for n in range(11, 16)]
    outcomes = match_feed([], [*reversed_rows, *new])
    assert sorted(outcome.row.facts.number for outcome in outcomes if isinstance(outcome, New)) == [
        one.facts.number for one in new
    ]


def test_a_revised_payment_takes_the_next_ordinal_of_what_it_now_equals() -> None:
    known = known_after(row("1", rename="a"), row("2", rename="b"))
    (first,) = (one for one in known if one.operation_id == "a")
    revised = row("2", rename="a")
    (outcome,) = (one for one in match_feed(known, [revised, row("2", rename="b")]) if isinstance(one, Revised))
    assert outcome == Revised(first, revised, 2)
    moved = row("1", rename="a", day=NEXT_DAY)
    assert match_feed(known, [moved]) == (Revised(first, moved, 1),)


def test_among_equal_rows_the_one_without_an_id_comes_first_and_then_by_id() -> None:
    known = known_after(row())
    bare, named = row(), row(rename="A")
    for rows in ([bare, named], [named, bare]):
        assert match_listing(known, rows) == (Same(known[0], bare), New(named, 2))
    for rows in ([row(rename="A"), row(rename="B")], [row(rename="B"), row(rename="A")]):
        assert match_listing(known, rows) == (Same(known[0], row(rename="A")), New(row(rename="B"), 2))
