"""Which invoice a payment of a statement is for: what counts by itself, what a person is asked, what is left alone."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.payments.domain.bank import BankRow, Match
from services.payments.domain.bankday import BankOperation
from services.payments.domain.matching import Matcher, Payable
from services.payments.store.bank import OrderRow
from services.payments.workers.matching import repeated_of
from tests.kit.statements import OUR_INN, THEIR_INN
from tests.services.payments.bank_parts import DAY, invoice, row

ANOTHER_INN = "7709123453"


def found(one: BankRow, *invoices: Payable, sellers: frozenset[str] = frozenset({OUR_INN})) -> Match:
    return Matcher(invoices, sellers).match(BankOperation("p1", 1, one, "s1"))


@pytest.mark.parametrize(
    ("purpose", "fields", "score", "reasons"),
    [
        ("Оплата по счету № 127 от 12.03.2026", {}, 115, ("number", "date", "inn", "rest")),
        ("Оплата по счету № 127 от 10.03.2026", {}, 100, ("number", "year", "inn", "rest")),
        ("Оплата по счету № 127", {}, 95, ("number", "inn", "rest")),
        ("Оплата по счету № 0000-000127", {}, 85, ("short_number", "inn", "rest")),
        ("Оплата по счету № 127 от 12.03.2026", {"payer_inn": ""}, 85, ("number", "date", "rest")),
    ],
)
def test_enough_evidence_counts_by_itself(
    purpose: str, fields: dict[str, Any], score: int, reasons: tuple[str, ...]
) -> None:
    match = found(row(purpose=purpose, **fields), invoice())
    assert (match.what, match.score, match.reasons) == ("allotted", score, reasons)
    assert [(one.invoice_id, one.amount_kopecks) for one in match.allotments] == [("id-127", 85_000_00)]


@pytest.mark.parametrize("purpose", ["Оплата по счету № 127 от 12.03.2026", "Оплата по счетам № 127, 128"])
def test_an_order_that_stands_on_another_day_too_is_asked_about_however_clear_it_is(purpose: str) -> None:
    invoices = (invoice(), invoice("128")) if "128" in purpose else (invoice(),)
    one = BankOperation("p1", 1, row(85_000_00 * len(invoices), purpose=purpose), "s1")
    sellers = frozenset({OUR_INN})
    assert Matcher(invoices, sellers).match(one).what == "allotted"
    match = Matcher(invoices, sellers, frozenset({"p1"})).match(one)
    assert (match.what, match.allotments, match.reasons[-1]) == ("asked", (), "same_order")
    assert Matcher(invoices, sellers, frozenset({"p2"})).match(one).what == "allotted"


@pytest.mark.parametrize(
    ("state", "days", "fields", "repeated"),
    [
        ("allotted", 1, {}, True),
        ("asked", 1, {}, True),
        ("open", -1, {}, True),
        ("unmatched", -1, {"order_number": "000318"}, True),
        ("open", 1, {}, False),
        ("vanished", -1, {}, False),
        ("aside", -1, {}, False),
        ("allotted", 1, {"order_number": "319"}, False),
        ("allotted", 1, {"their_inn": ANOTHER_INN}, False),
        ("allotted", 1, {"order_date": dt.date(2026, 3, 11)}, False),
        ("allotted", 1, {"signed_kopecks": -85_000_00}, False),
    ],
)
def test_order_is_told_by_number_date_sum_and_payer(
    state: str, days: int, fields: dict[str, Any], repeated: bool
) -> None:
    one, day = BankOperation("p1", 1, row(), "s1"), DAY + dt.timedelta(days=days)
    told = {"order_number": "318", "order_date": DAY, "signed_kopecks": 85_000_00, "their_inn": THEIR_INN, **fields}
    assert (repeated_of([one], [OrderRow(day, state, **told)], DAY) == {"p1"}) is repeated


def test_orders_without_a_number_are_not_told_apart() -> None:
    one = BankOperation("p1", 1, row(number=""), "s1")
    assert repeated_of([one], [OrderRow(DAY, "allotted", "", DAY, 85_000_00, THEIR_INN)], DAY) == frozenset()


def test_a_part_of_an_invoice_that_is_named_counts_by_itself() -> None:
    match = found(row(30_000_00), invoice())
    assert (match.what, match.allotments[0].amount_kopecks) == ("allotted", 30_000_00)


@pytest.mark.parametrize(
    ("one", "score"),
    [
        (row(purpose="За услуги"), 55),
        (row(purpose="Оплата по счету № 127", payer_inn="", payer_name=""), 65),
        (row(30_000_00, purpose="Оплата по счету 127 от 12.03.2026", payer_inn=""), 60),
    ],
)
def test_less_evidence_is_a_question(one: BankRow, score: int) -> None:
    match = found(one, invoice())
    assert (match.what, match.score) == ("asked", score)
    assert [candidate.number for candidate in match.candidates] == ["127"]


@pytest.mark.parametrize(
    "one",
    [
        row(30_000_00, purpose="За услуги"),
        row(purpose="Заработная плата", payer_inn=""),
        row(payer_inn=ANOTHER_INN, purpose="x"),
    ],
)
def test_hardly_any_evidence_is_no_question(one: BankRow) -> None:
    assert found(one, invoice()).what == "unmatched"


def test_who_pays_for_another_is_asked_about_whatever_else_fits() -> None:
    match = found(row(payer_inn=ANOTHER_INN), invoice())
    assert (match.what, match.score) == ("asked", 85)
    assert "another_payer" in match.reasons


def test_two_invoices_that_fit_alike_are_asked_about() -> None:
    match = found(row(purpose="За услуги"), invoice("127"), invoice("128"))
    assert (match.what, [one.number for one in match.candidates]) == ("asked", ["127", "128"])


def test_a_number_of_last_year_does_not_outweigh_this_year_s() -> None:
    old = invoice(invoice_id="old", issued_on=dt.date(2025, 3, 12), paid_kopecks=85_000_00)
    match = found(row(purpose="Оплата по счету № 127 от 12.03.2026"), old, invoice())
    assert (match.what, match.allotments[0].invoice_id) == ("allotted", "id-127")


@pytest.mark.parametrize("paid_kopecks", [0, 85_000_00])
def test_a_number_that_is_named_with_another_year_may_be_of_an_invoice_that_is_not_known_here(
    paid_kopecks: int,
) -> None:
    old = invoice(issued_on=dt.date(2025, 3, 12), paid_kopecks=paid_kopecks)
    match = found(row(purpose="Оплата по счету № 127 от 12.03.2026"), old)
    assert (match.what, [one.number for one in match.candidates]) == ("asked", ["127"])


def test_one_payment_for_several_invoices_of_another_year_is_asked_about() -> None:
    one = row(30_000_00, purpose="Оплата по счетам № 127 от 12.03.2026, № 128 от 12.03.2026")
    old = invoice("128", 20_000_00, issued_on=dt.date(2025, 3, 12))
    match = found(one, invoice("127", 10_000_00), old)
    assert (match.what, sum(part.amount_kopecks for part in match.proposal)) == ("asked", 30_000_00)


def test_a_vat_clause_that_differs_weighs_little() -> None:
    match = found(row(purpose="Оплата по счету № 127 от 12.03.2026. НДС 22% 15327.87"), invoice())
    assert (match.what, match.score) == ("allotted", 110)


def test_one_payment_for_several_invoices_that_it_names() -> None:
    one = row(30_000_00, purpose="Оплата по счетам № 127 от 12.03.2026, № 128 от 12.03.2026")
    match = found(one, invoice("127", 10_000_00), invoice("128", 20_000_00), invoice("129", 30_000_00))
    assert match.what == "allotted"
    assert {a.number: a.amount_kopecks for a in match.allotments} == {"127": 10_000_00, "128": 20_000_00}


@pytest.mark.parametrize(
    ("kopecks", "what"), [(60_000_00, "asked"), (85_000_00, "allotted"), (85_000_01, "asked"), (150_000_00, "asked")]
)
def test_a_payment_that_names_an_invoice_which_is_none_of_ours_is_not_all_for_the_one_that_is(
    kopecks: int, what: str
) -> None:
    one = row(kopecks, purpose="Оплата по счетам № 127 от 12.03.2026, № 131 от 15.03.2026")
    match = found(one, invoice())
    assert (match.what, [candidate.number for candidate in match.candidates]) == (
        what, ["127"] if what == "asked" else []
    )  # fmt: skip


def test_a_payment_that_names_one_invoice_twice_is_for_it() -> None:
    one = row(60_000_00, purpose="Оплата по счету № 127 от 12.03.2026, счет 0000-000127")
    assert found(one, invoice()).what == "allotted"


def test_several_invoices_whose_sum_differs_are_proposed_oldest_first() -> None:
    one = row(25_000_00, purpose="Оплата по счетам № 128, № 127")
    older = invoice("127", 10_000_00, issued_on=dt.date(2026, 3, 1))
    match = found(one, older, invoice("128", 20_000_00))
    assert match.what == "asked"
    assert [(a.number, a.amount_kopecks) for a in match.proposal] == [("127", 10_000_00), ("128", 15_000_00)]
    assert sum(a.amount_kopecks for a in match.proposal) == 25_000_00


def test_two_payments_of_one_load_do_not_both_close_one_rest() -> None:
    matcher = Matcher((invoice("127", paid_kopecks=55_000_00),), frozenset({OUR_INN}))
    rest = row(30_000_00, purpose="За услуги № 1", number="1")
    named = row(30_000_00, number="2")
    first = matcher.match(BankOperation("p1", 1, named, "s1"))
    second = matcher.match(BankOperation("p2", 1, rest, "s1"))
    assert (first.what, "rest" in first.reasons) == ("allotted", True)
    assert second.what == "unmatched"


def test_money_that_went_back_to_a_buyer_is_a_question() -> None:
    one = row(-20_000_00, purpose="Возврат по счету № 127 от 12.03.2026")
    match = found(one, invoice(paid_kopecks=85_000_00))
    assert (match.what, [c.number for c in match.candidates]) == ("asked", ["127"])
    assert (found(one, invoice()).what, found(one, invoice()).reasons) == ("unmatched", ("not_paid_yet",))
    assert found(row(-20_000_00, purpose="Аренда"), invoice(paid_kopecks=85_000_00)).what == "aside"


def test_what_comes_back_to_us_is_never_taken_for_a_payment() -> None:
    assert found(row(purpose="Возврат по счету № 127 от 12.03.2026"), invoice()).what == "asked"
    assert found(row(purpose="Возврат", payer_inn=""), invoice("5", 1)).what == "unmatched"


def test_money_of_somebody_who_is_no_seller_here_is_left_alone() -> None:
    match = found(row(payee_inn=ANOTHER_INN), invoice())
    assert (match.what, match.reasons, match.ours) == ("unmatched", ("seller_unknown",), False)


def test_an_invoice_of_another_seller_is_not_meant() -> None:
    other = invoice(seller_inn=ANOTHER_INN)
    assert found(row(), other, sellers=frozenset({OUR_INN, ANOTHER_INN})).what == "unmatched"


@pytest.mark.parametrize(("paid_kopecks", "what", "score"), [(1, "asked", 50), (85_000_00, "asked", 50)])
def test_who_pays_the_whole_of_what_is_partly_paid_is_asked_about(paid_kopecks: int, what: str, score: int) -> None:
    match = found(row(purpose="За услуги"), invoice(paid_kopecks=paid_kopecks))
    assert (match.what, match.score, match.reasons) == (what, score, ("inn", "total"))


def test_the_whole_of_an_invoice_that_is_named_with_its_day_is_just_enough() -> None:
    one = row(purpose="Оплата по счету № 127 от 12.03.2026", payer_inn="")
    match = found(one, invoice(paid_kopecks=1_00))
    assert (match.what, match.score, match.reasons) == ("allotted", 80, ("number", "date", "total"))


@pytest.mark.parametrize(("issued_on", "what"), [(dt.date(2024, 3, 12), "allotted"), (dt.date(2026, 3, 1), "asked")])
def test_the_next_best_must_be_twenty_behind(issued_on: dt.date, what: str) -> None:
    other = invoice(invoice_id="other", issued_on=issued_on)
    match = found(row(purpose="Оплата по счету № 127 от 12.03.2026"), other, invoice())
    assert (match.what, match.score) == (what, 115)


def test_a_question_names_five_invoices_with_what_each_still_needs() -> None:
    others = [invoice(str(number), paid_kopecks=0) for number in range(201, 207)]
    match = found(row(purpose="За услуги"), *others)
    assert [one.number for one in match.candidates] == ["201", "202", "203", "204", "205"]
    one = match.candidates[0]
    assert (one.invoice_id, one.deal_id, one.rest_kopecks, one.score) == ("id-201", "15", 85_000_00, 55)
    assert (match.score, match.reasons, match.ours, match.details) == (
        55, ("inn", "rest"), True, row(purpose="За услуги").details,
    )  # fmt: skip


def test_what_comes_back_is_asked_about_from_the_same_score_on() -> None:
    match = found(row(purpose="Возврат"), invoice(paid_kopecks=1))
    assert (match.what, match.score) == ("asked", 50)


def test_a_buyer_without_anything_else_is_told_with_the_reason() -> None:
    match = found(row(30_000_00, purpose="За услуги"), invoice())
    assert (match.what, match.ours, match.reasons) == ("unmatched", True, ("inn",))


def test_several_have_the_reasons_of_the_first_that_is_named() -> None:
    one = row(30_000_00, purpose="Оплата по счетам № 127, № 128")
    match = found(one, invoice("127", 10_000_00), invoice("БП-000128", 20_000_00))
    assert match.reasons == ("several", "number", "inn")


def test_a_number_as_it_is_written_goes_before_its_short_form() -> None:
    match = found(row(purpose="Оплата по счетам № 0000-000127, № 127"), invoice())
    assert match.reasons == ("number", "inn", "rest")


def test_of_two_invoices_of_one_number_an_enumeration_means_the_better_one_if_there_is_one() -> None:
    one = row(30_000_00, purpose="Оплата по счетам № 127, № 128")
    newer, other = invoice("127", 10_000_00), invoice("128", 20_000_00)
    stranger = invoice("127", 10_000_00, invoice_id="other", buyer_inn="")
    match = found(one, stranger, newer, other)
    assert (match.what, [part.invoice_id for part in match.allotments]) == ("allotted", ["id-127", "id-128"])
    like = invoice("127", 10_000_00, invoice_id="like")
    assert "several" not in found(one, like, newer, other).reasons


def test_a_surplus_over_three_falls_to_the_last() -> None:
    one = row(35_000_00, purpose="Оплата по счетам № 127, № 128, № 129")
    days = {number: dt.date(2026, 3, int(number) - 126) for number in ("127", "128", "129")}
    match = found(one, *(invoice(number, 10_000_00, issued_on=day) for number, day in days.items()))
    assert [(part.number, part.amount_kopecks) for part in match.proposal] == [
        ("127", 10_000_00),
        ("128", 10_000_00),
        ("129", 15_000_00),
    ]


def test_parts_of_one_load_come_to_the_whole() -> None:
    matcher = Matcher((invoice(),), frozenset({OUR_INN}))
    for number, kopecks in enumerate((30_000_00, 30_000_00)):
        part = matcher.match(BankOperation(f"p{number}", 1, row(kopecks, number=str(number)), "s1"))
        assert (part.what, "rest" in part.reasons) == ("allotted", False)
    last = matcher.match(BankOperation("p9", 1, row(25_000_00, number="9"), "s1"))
    assert (last.what, "rest" in last.reasons) == ("allotted", True)


def test_money_that_came_in_the_same_load_may_go_back() -> None:
    matcher = Matcher((invoice(),), frozenset({OUR_INN}))
    back = row(-1_00, purpose="Возврат по счету № 127", number="2")
    assert matcher.match(BankOperation("p1", 1, back, "s1")).what == "unmatched"
    matcher.match(BankOperation("p2", 1, row(), "s1"))
    assert matcher.match(BankOperation("p1", 1, back, "s1")).what == "asked"
    kopeck = Matcher((invoice(paid_kopecks=1),), frozenset({OUR_INN}))
    assert kopeck.match(BankOperation("p1", 1, back, "s1")).what == "asked"


def test_a_settled_invoice_needs_nothing() -> None:
    match = found(row(purpose="Возврат по счету № 127 от 12.03.2026"), invoice(paid_kopecks=85_000_01))
    assert [one.rest_kopecks for one in match.candidates] == [0]


def test_what_counts_is_kept_with_the_deal_and_the_operation() -> None:
    match = found(row(), invoice())
    (part,) = match.allotments
    assert (part.invoice_id, part.number, part.deal_id) == ("id-127", "127", "15")
    assert (match.payment_id, match.details, match.ours) == ("p1", row().details, True)


@pytest.mark.parametrize(
    ("purpose", "fields", "differs"),
    [
        ("Без НДС", {"vat_kopecks": 0}, False),
        ("Без НДС", {"vat_kopecks": 1}, True),
        ("Без НДС", {"vat_kopecks": None}, False),
        ("НДС 22% 15327.87", {"vat_kopecks": 15_327_87}, False),
        ("НДС 22% 15327.87", {"vat_kopecks": 15_327_88}, True),
        ("НДС 22% 15327.87", {"vat_kopecks": 15_327_88, "total_kopecks": 90_000_00}, False),
        ("НДС 22%", {"vat_kopecks": 0}, True),
        ("НДС 22%", {"vat_kopecks": 1}, False),
        ("Оплата", {"vat_kopecks": 0}, False),
    ],
)
def test_a_vat_clause_differs_from_the_invoices_own(purpose: str, fields: dict[str, Any], differs: bool) -> None:
    match = found(row(purpose=f"Оплата по счету № 127 от 12.03.2026. {purpose}"), invoice(**fields))
    assert ("vat_differs" in match.reasons) is differs


@pytest.mark.parametrize(
    ("seller_inn", "payee_inn", "what"),
    [("", OUR_INN, "allotted"), (ANOTHER_INN, "", "allotted"), (ANOTHER_INN, OUR_INN, "unmatched")],
)
def test_an_invoice_is_meant_where_its_seller_is_not_known_to_be_another(
    seller_inn: str, payee_inn: str, what: str
) -> None:
    assert found(row(payee_inn=payee_inn), invoice(seller_inn=seller_inn)).what == what


def test_several_invoices_of_strangers_or_without_a_rest_are_asked_about() -> None:
    one = row(30_000_00, purpose="Оплата по счетам № 127, № 128")
    stranger = found(one, invoice("127", 10_000_00, buyer_inn=""), invoice("128", 20_000_00))
    assert (stranger.what, stranger.reasons[0]) == ("asked", "several")
    settled = found(one, invoice("127", 10_000_00, paid_kopecks=10_000_00), invoice("128", 30_000_00))
    assert settled.what == "asked"


def test_one_invoice_that_is_named_twice_is_one() -> None:
    match = found(row(purpose="Оплата по счетам № 127, № 0127"), invoice())
    assert (match.what, [one.number for one in match.allotments]) == ("allotted", ["127"])


def test_several_that_count_are_taken_off_what_the_next_one_sees() -> None:
    matcher = Matcher((invoice("127", 10_000_00), invoice("128", 20_000_00)), frozenset({OUR_INN}))
    both = row(30_000_00, purpose="Оплата по счетам № 127, № 128")
    first = matcher.match(BankOperation("p1", 1, both, "s1"))
    second = matcher.match(BankOperation("p2", 1, both, "s1"))
    assert (first.what, first.ours, first.reasons[0]) == ("allotted", True, "several")
    assert first.score == 70
    assert second.what == "asked"


def test_a_surplus_over_several_falls_to_the_newest() -> None:
    one = row(35_000_00, purpose="Оплата по счетам № 127, № 128")
    match = found(one, invoice("127", 10_000_00, issued_on=None), invoice("128", 20_000_00))
    assert [(part.number, part.amount_kopecks) for part in match.proposal] == [("128", 20_000_00), ("127", 15_000_00)]
    paid_up = found(
        one,
        invoice("127", 10_000_00, issued_on=dt.date(2026, 3, 1)),
        invoice("128", 20_000_00, paid_kopecks=20_000_00),
    )
    assert [(part.number, part.amount_kopecks) for part in paid_up.proposal] == [
        ("127", 10_000_00),
        ("128", 25_000_00),
    ]


def test_money_that_leaves_is_a_refund_only_where_it_says_so() -> None:
    settled = invoice(paid_kopecks=85_000_00)
    assert found(row(-1_00, purpose="Возврат"), settled).what == "asked"
    assert found(row(-1_00, purpose="Возврат", payee_inn=""), settled).what == "aside"
    named = found(row(-1_00, purpose="По счету № 127", payee_inn=""), settled)
    assert named.what == "asked"
    later = found(row(-1_00, purpose="По счету № 127"), invoice())
    assert (later.what, later.reasons, later.ours) == ("unmatched", ("not_paid_yet",), True)
    nobody = found(row(-1_00, purpose="По счету № 127", payee_inn=""), invoice())
    assert (nobody.what, nobody.reasons, nobody.ours) == ("aside", ("outgoing",), False)


def test_what_comes_back_and_fits_nothing_says_why() -> None:
    match = found(row(purpose="Возврат", payer_inn=""), invoice("5", 1))
    assert (match.what, match.reasons) == ("unmatched", ("refund",))


@pytest.mark.parametrize(
    ("one", "ours"),
    [(row(purpose="Оплата по счету № 900", payer_inn=""), True), (row(purpose="Проценты", payer_inn=""), False)],
)
def test_only_what_looks_like_a_payment_of_an_invoice_is_told(one: BankRow, ours: bool) -> None:
    assert found(one, invoice()).ours is ours


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.builds(
            row,
            st.sampled_from([10_00, 20_00, 30_00, -10_00]),
            purpose=st.sampled_from(
                ["Оплата по счету № 1 от 12.03.2026", "Оплата по счетам 1, 2", "За услуги", "Возврат по счету 2"]
            ),
            payer_inn=st.sampled_from([THEIR_INN, ANOTHER_INN, ""]),
        ),
        max_size=6,
    ),
    st.lists(
        st.builds(
            invoice,
            st.sampled_from(["1", "2", "B24-2"]),
            st.sampled_from([10_00, 20_00]),
            paid_kopecks=st.sampled_from([0, 10_00]),
            buyer_inn=st.sampled_from([THEIR_INN, ""]),
        ),
        max_size=4,
        unique_by=lambda one: one.number,
    ),
)
def test_what_counts_is_what_came_and_strangers_never_count(rows: list[BankRow], invoices: list[Payable]) -> None:
    matcher = Matcher(tuple(invoices), frozenset({OUR_INN}))
    by_id = {one.invoice_id: one for one in invoices}
    for number, one in enumerate(rows):
        match = matcher.match(BankOperation(f"p{number}", 1, one, "s1"))
        if match.what == "allotted":
            assert sum(a.amount_kopecks for a in match.allotments) == one.amount_kopecks
            assert one.direction == "in"
            buyers = {by_id[a.invoice_id].buyer_inn for a in match.allotments}
            assert not (one.payer_inn and buyers - {"", one.payer_inn})
        if match.what == "asked":
            assert match.candidates
        assert sum(a.amount_kopecks for a in match.proposal) in (0, one.amount_kopecks)
