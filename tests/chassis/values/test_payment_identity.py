"""Payment identity: the key's vector, what each row of a load is, and that no load order or renaming moves money."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import assert_never

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.values.payment_identity import (
    KnownOperation,
    LoadedRow,
    New,
    OperationFacts,
    Outcome,
    RereadNeeded,
    Restored,
    Revised,
    Revoked,
    Same,
    Suspect,
    match_feed,
    match_listing,
    match_statement,
    natural_key,
)

DAY = date(2026, 3, 12)
NEXT_DAY = date(2026, 3, 13)
FACTS = OperationFacts(
    direction="in",
    own_account="40702810200000000001",
    number="318",
    order_date=DAY,
    amount_kopecks=8_500_000,
    payer_account="40702810600000000777",
    payee_account="40702810200000000001",
)


def row(number: str = "318", *, rename: str | None = None, day: date = DAY, details: str = "") -> LoadedRow:
    return LoadedRow(replace(FACTS, number=number), day, rename, details)


def recorded(known: Iterable[KnownOperation], outcomes: Iterable[Outcome]) -> list[KnownOperation]:
    """What a ledger holds after it recorded the outcomes of a load."""
    ledger = {operation.payment_id: operation for operation in known}
    for outcome in outcomes:
        match outcome:
            case New() | Suspect():
                loaded = outcome.row
                payment_id = f"p{len(ledger) + 1}"
                ledger[payment_id] = KnownOperation(
                    payment_id,
                    loaded.key,
                    loaded.statement_day,
                    outcome.ordinal,
                    loaded.operation_id,
                    loaded.details,
                    suspect=isinstance(outcome, Suspect),
                )
            case Same():
                ledger[outcome.known.payment_id] = replace(
                    outcome.known, operation_id=outcome.row.operation_id or outcome.known.operation_id
                )
            case Revised() | Restored():
                loaded = outcome.row
                ledger[outcome.known.payment_id] = replace(
                    outcome.known,
                    key=loaded.key,
                    statement_day=loaded.statement_day,
                    ordinal=outcome.ordinal,
                    operation_id=loaded.operation_id or outcome.known.operation_id,
                    details=loaded.details,
                    revoked=False,
                )
            case Revoked():
                ledger[outcome.known.payment_id] = replace(outcome.known, revoked=True)
            case RereadNeeded():
                pass
            case _:
                assert_never(outcome)
    return list(ledger.values())


def statement(
    known: Iterable[KnownOperation], rows: Sequence[LoadedRow], *, again: bool = False, ids_stable: bool = True
) -> tuple[Outcome, ...]:
    return match_statement(known, rows, days={DAY}, days_loaded_whole={DAY} if again else set(), ids_stable=ids_stable)


def kinds(outcomes: Iterable[Outcome]) -> list[str]:
    return sorted(type(outcome).__name__ for outcome in outcomes)


def known_after(*rows: LoadedRow) -> list[KnownOperation]:
    return recorded([], statement([], rows))


def test_key_vector() -> None:
    assert natural_key(FACTS) == "5b2012696865c396062028429804b21a89313393a7cbd6bd51582cd64f2962da"


@pytest.mark.parametrize(
    "same",
    [
        replace(FACTS, number="000318"),
        replace(FACTS, number=" 318 "),
        replace(FACTS, payer_inn="7709123453"),
        replace(FACTS, own_account="4070 2810 2000 0000 0001"),
    ],
)
def test_spelling_does_not_change_the_key(same: OperationFacts) -> None:
    assert natural_key(same) == natural_key(FACTS)


@pytest.mark.parametrize(
    "other",
    [
        replace(FACTS, direction="out"),
        replace(FACTS, number="319"),
        replace(FACTS, number=""),
        replace(FACTS, order_date=NEXT_DAY),
        replace(FACTS, amount_kopecks=8_500_001),
        replace(FACTS, payer_account="40702810600000000778"),
        replace(FACTS, payer_account="", payer_inn="7709123453"),
        replace(FACTS, own_account="40702810200000000002"),
    ],
)
def test_every_fact_changes_the_key(other: OperationFacts) -> None:
    assert natural_key(other) != natural_key(FACTS)


def test_separator_within_a_field_joins_nothing() -> None:
    first = replace(FACTS, payer_account="a|b", payee_account="c")
    assert natural_key(first) != natural_key(replace(FACTS, payer_account="a", payee_account="b|c"))


def test_inn_stands_in_for_a_missing_account() -> None:
    by_inn = replace(FACTS, payer_account="", payer_inn="7709123453")
    assert natural_key(by_inn) == natural_key(replace(FACTS, payer_account="7709123453"))


def test_equal_rows_of_one_load_both_count() -> None:
    outcomes = statement([], [row(), row()])
    assert [outcome.ordinal for outcome in outcomes if isinstance(outcome, New)] == [1, 2]


def test_statement_loaded_twice_with_other_ids_adds_nothing() -> None:
    known = known_after(row(rename="a"), row(rename="b"), row("319", rename="c"))
    outcomes = statement(known, [row("319", rename="z"), row(rename="x"), row(rename="y")], again=True)
    assert kinds(outcomes) == ["Same", "Same", "Same"]
    assert all(outcome.renamed for outcome in outcomes if isinstance(outcome, Same))


def test_what_is_added_to_a_whole_day_is_suspect() -> None:
    known = known_after(row())
    again = statement(known, [row(), row(), row("400")], again=True)
    assert kinds(again) == ["Same", "Suspect", "Suspect"]
    running_day = statement(known, [row(), row(), row("400")])
    assert kinds(running_day) == ["New", "New", "Same"]
    # Shown once: the next load knows it, and a decision is not asked for twice.
    assert kinds(statement(recorded(known, again), [row("400"), row(), row()], again=True)) == ["Same"] * 3


def test_vanished_row_is_revoked_once_and_comes_back_as_itself() -> None:
    known = known_after(row(), row("319"))
    gone = statement(known, [row()], again=True)
    assert kinds(gone) == ["Revoked", "Same"]
    without = recorded(known, gone)
    assert kinds(statement(without, [row()], again=True)) == ["Same"]
    back = statement(without, [row("319"), row()], again=True)
    assert kinds(back) == ["Restored", "Same"]
    assert Counter(known) == Counter(recorded(without, back))


def test_one_of_two_equal_rows_vanishes_and_no_later_load_repeats_it() -> None:
    known = known_after(row(), row())
    first_gone = recorded(known, [Revoked(known[0]), Same(known[1], row())])
    assert kinds(statement(first_gone, [row()], again=True)) == ["Same"]
    assert kinds(statement(first_gone, [row(), row()], again=True)) == ["Restored", "Same"]


def test_equal_rows_are_told_apart_by_their_details() -> None:
    known = known_after(row(details="for March"), row(details="for April"))
    outcomes = statement(known, [row(details="for March")], again=True)
    assert {
        type(outcome).__name__: outcome.known.details for outcome in outcomes if isinstance(outcome, Same | Revoked)
    } == {
        "Same": "for March",
        "Revoked": "for April",
    }


def test_suspect_that_vanishes_and_returns_is_still_suspect() -> None:
    known = recorded(known_after(row()), statement(known_after(row()), [row(), row("400")], again=True))
    without = recorded(known, statement(known, [row()], again=True))
    back = recorded(without, statement(without, [row(), row("400")], again=True))
    assert [operation.suspect for operation in back] == [False, True]


def test_stable_id_with_changed_data_is_a_revision() -> None:
    known = known_after(row(rename="a", details="purpose"))
    assert kinds(statement(known, [row("777", rename="a")], again=True)) == ["Revised"]
    assert kinds(statement(known, [row(rename="a", details="other purpose")], again=True)) == ["Revised"]
    moved = match_statement(
        known, [row(rename="a", day=NEXT_DAY)], days={DAY, NEXT_DAY}, days_loaded_whole={DAY}, ids_stable=True
    )
    assert kinds(moved) == ["Revised"]


def test_unstable_id_says_nothing() -> None:
    known = recorded([], statement([], [row(rename="1"), row("319", rename="2")], ids_stable=False))
    again = statement(known, [row("319", rename="1"), row(rename="2")], again=True, ids_stable=False)
    assert kinds(again) == ["Same", "Same"]


def test_days_not_listed_stay_as_they_are() -> None:
    known = recorded(
        [], match_statement([], [row(day=NEXT_DAY)], days={NEXT_DAY}, days_loaded_whole=(), ids_stable=False)
    )
    assert statement(known, []) == ()
    with pytest.raises(ValueError, match="2026-03-13"):
        statement([], [row(day=NEXT_DAY)])


def test_row_listed_as_reversed_revokes() -> None:
    known = known_after(row(rename="a"))
    reversed_row = replace(row(rename="a"), revoked=True)
    assert statement(known, [reversed_row], again=True) == (Revoked(known[0]),)
    assert match_feed(known, [reversed_row]) == (Revoked(known[0]),)
    assert match_feed(recorded(known, [Revoked(known[0])]), [reversed_row]) == ()
    assert match_feed([], [reversed_row]) == ()
    assert match_listing(known, [reversed_row]) == (Revoked(known[0]),)


def test_feed_takes_the_last_state_of_an_id_listed_twice() -> None:
    outcomes = match_feed([], [row(rename="a", details="old"), row(rename="a", details="new")])
    assert [outcome.row.details for outcome in outcomes if isinstance(outcome, New)] == ["new"]


def test_feed_lists_changes_only() -> None:
    known = known_after(row(rename="a"), row("319", rename="b"))
    assert kinds(match_feed(known, [row(rename="a")])) == ["Same"]
    assert match_feed(known, []) == ()
    with pytest.raises(ValueError, match="operation id"):
        match_feed(known, [row()])


def test_known_key_under_a_new_id_is_read_again() -> None:
    known = known_after(row(rename="a"))
    (asked,) = match_feed(known, [row(rename="b")])
    assert asked == RereadNeeded(row(rename="b"), tuple(known))
    assert kinds(match_listing(known, [row(rename="a"), row(rename="b")])) == ["New", "Same"]
    (renamed,) = match_listing(known, [row(rename="b")])
    assert isinstance(renamed, Same)
    assert renamed.renamed
    assert renamed.known == known[0]


def test_feed_that_lists_both_ids_needs_no_reading() -> None:
    known = known_after(row(rename="a"))
    assert kinds(match_feed(known, [row(rename="a"), row(rename="b")])) == ["New", "Same"]
    assert kinds(match_feed([], [row(rename="a"), row(rename="b")])) == ["New", "New"]


def test_key_of_a_revoked_payment_under_a_new_id_is_new() -> None:
    known = [replace(operation, revoked=True) for operation in known_after(row(rename="a"))]
    (outcome,) = match_feed(known, [row(rename="b")])
    assert outcome == New(row(rename="b"), 2)


def test_listing_follows_a_renamed_payment_to_another_day() -> None:
    known = known_after(row(rename="a"))
    assert match_listing(known, [row(rename="b", day=NEXT_DAY)]) == (
        Revised(known[0], row(rename="b", day=NEXT_DAY), 1),
    )


NUMBERS = st.sampled_from(["1", "2", "3"])
PLAIN_ROWS = st.lists(st.builds(row, NUMBERS, details=st.sampled_from(["", "x"])), max_size=8)


def with_ids(rows: Sequence[LoadedRow], prefix: str) -> list[LoadedRow]:
    return [replace(loaded, operation_id=f"{prefix}{n}") for n, loaded in enumerate(rows)]


def keys(rows: Iterable[LoadedRow]) -> Counter[str]:
    return Counter(loaded.key for loaded in rows)


def live_keys(known: Iterable[KnownOperation]) -> Counter[str]:
    return Counter(operation.key for operation in known if not operation.revoked)


def identities_are_unique(known: Sequence[KnownOperation]) -> bool:
    return len({(operation.key, operation.statement_day, operation.ordinal) for operation in known}) == len(known)


@given(PLAIN_ROWS.flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows))))
def test_reloading_in_any_order_under_any_ids_changes_nothing(loads: tuple[list[LoadedRow], list[LoadedRow]]) -> None:
    first, second = loads
    known = known_after(*with_ids(first, "a"))
    for again in (second, with_ids(second, "b")):
        outcomes = statement(known, again, again=True)
        assert len(outcomes) == len(first)
        assert all(isinstance(outcome, Same) for outcome in outcomes)


@given(PLAIN_ROWS.flatmap(lambda rows: st.tuples(PLAIN_ROWS, st.just(rows), st.permutations(rows))), st.booleans())
def test_order_of_rows_does_not_change_the_outcome(
    loads: tuple[list[LoadedRow], list[LoadedRow], list[LoadedRow]], again: bool
) -> None:
    before, rows, permuted = loads
    known = known_after(*before)
    assert Counter(statement(known, rows, again=again)) == Counter(statement(known[::-1], permuted, again=again))


@given(st.lists(st.tuples(PLAIN_ROWS, st.booleans(), st.booleans()), min_size=1, max_size=5))
def test_after_any_loads_the_ledger_holds_what_the_last_one_listed(
    loads: list[tuple[list[LoadedRow], bool, bool]],
) -> None:
    known: list[KnownOperation] = []
    whole = False
    for number, (rows, named, becomes_whole) in enumerate(loads):
        listed = with_ids(rows, f"load{number}-") if named else rows
        known = recorded(known, statement(known, listed, again=whole))
        whole = whole or becomes_whole
        assert live_keys(known) == keys(rows)
        assert identities_are_unique(known)


@given(PLAIN_ROWS, PLAIN_ROWS)
def test_a_whole_day_never_counts_more_than_its_first_load(first: list[LoadedRow], second: list[LoadedRow]) -> None:
    known = known_after(*first)
    after = recorded(known, statement(known, second, again=True))
    counted = Counter(operation.key for operation in after if not operation.suspect and not operation.revoked)
    assert counted == keys(first) & keys(second)
    suspect = Counter(operation.key for operation in after if operation.suspect)
    assert suspect == keys(second) - keys(first)


@given(PLAIN_ROWS, PLAIN_ROWS)
def test_every_row_and_every_known_operation_is_accounted_for(first: list[LoadedRow], second: list[LoadedRow]) -> None:
    known = known_after(*first)
    outcomes = statement(known, second, again=True)
    rows = [outcome.row for outcome in outcomes if not isinstance(outcome, Revoked)]
    met = [outcome.known.payment_id for outcome in outcomes if not isinstance(outcome, New | Suspect | RereadNeeded)]
    assert Counter(rows) == Counter(second)
    assert Counter(met) == Counter(operation.payment_id for operation in known)


@given(PLAIN_ROWS, st.lists(st.integers(0, 7), max_size=12))
def test_feed_repeated_in_pieces_counts_each_id_once(rows: list[LoadedRow], picks: list[int]) -> None:
    # A feed tells the key of a twin under another id only by reading again, so the pieces here hold distinct keys.
    named = with_ids(list({loaded.key: loaded for loaded in rows}.values()), "a")
    known: list[KnownOperation] = []
    pieces = [[named[pick]] for pick in picks if pick < len(named)]
    for piece in (*pieces, named, named[::-1]):
        known = recorded(known, match_feed(known, piece))
    assert live_keys(known) == keys(named)
    assert len(known) == len(named)


@given(PLAIN_ROWS, st.sets(st.integers(0, 7)), st.sets(st.integers(0, 7)))
def test_feed_with_reading_again_ends_with_what_the_source_lists(
    rows: list[LoadedRow], renamed: set[int], dropped: set[int]
) -> None:
    before = with_ids(rows, "a")
    source = [
        replace(loaded, operation_id=f"b{n}") if n in renamed else loaded
        for n, loaded in enumerate(before)
        if n not in dropped
    ]
    known = recorded([], match_feed([], before))
    outcomes = match_feed(known, source)
    assert not any(isinstance(outcome, New) for outcome in outcomes if not renamed)
    known = recorded(known, outcomes)
    known = recorded(known, match_listing(known, source))
    assert live_keys(known) == keys(source)
    assert identities_are_unique(known)
    assert all(isinstance(outcome, Same) and not outcome.renamed for outcome in match_listing(known, source))


@given(PLAIN_ROWS, PLAIN_ROWS)
def test_listing_agrees_with_a_statement_of_the_same_rows(first: list[LoadedRow], second: list[LoadedRow]) -> None:
    known = known_after(*first)
    by_listing = recorded(known, match_listing(known, second))
    by_statement = recorded(known, statement(known, second))
    assert Counter(by_listing) == Counter(by_statement)
