"""Lines: amounts and VAT from rows, reasons to stop, and the comparison with the deal's sum."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.domain import Problem
from chassis.values.lines import (
    DocumentLine,
    LinesBlocked,
    LinesReady,
    SourceRow,
    TotalAgrees,
    check_total,
    document_lines,
    totals,
)
from chassis.values.money import decimal_from_kopecks, kopecks_from_decimal, multiply_half_up
from chassis.values.vat import VatMode, vat_kopecks

IN_2026 = date(2026, 3, 12)


def row(price: str, quantity: str = "1", rate: str = "none", *, exclusive: str | None = None) -> SourceRow:
    """A row with the tax inside ``price``, or on top of ``exclusive`` when that is given."""
    return SourceRow(
        name="Стеллаж СТ-200",
        quantity=Decimal(quantity),
        price=Decimal(price),
        price_exclusive=Decimal(exclusive) if exclusive else None,
        rate=rate,
        vat_included=exclusive is None,
        unit_code="796",
    )


def ready(*rows: SourceRow, mode: VatMode = "standard", on: date = IN_2026, decided: bool = False) -> LinesReady:
    outcome = document_lines(rows, vat_mode=mode, on=on, vat_overridden=decided)
    assert isinstance(outcome, LinesReady), outcome
    return outcome


def reasons(*rows: SourceRow, mode: VatMode = "standard", on: date = IN_2026) -> list[tuple[str, int | None]]:
    outcome = document_lines(rows, vat_mode=mode, on=on)
    assert isinstance(outcome, LinesBlocked), outcome
    return [(problem.code, problem.values.get("line")) for problem in outcome.problems]


def test_vat_included_is_taken_from_the_amount() -> None:
    (line,) = ready(row("85000", rate="22")).lines
    assert (line.amount_kopecks, line.vat_kopecks, line.net_kopecks) == (8_500_000, 1_532_787, 6_967_213)
    assert line.unit.symbol == "шт"


def test_vat_on_top_is_added_after_the_multiplication() -> None:
    (line,) = ready(row("12.87", "100", "22", exclusive="10.55")).lines
    assert (line.net_kopecks, line.vat_kopecks, line.amount_kopecks) == (105_500, 23_210, 128_710)
    assert (line.price, line.vat_included) == (Decimal("10.55"), False)


def test_fractions_of_quantity_round_the_line_once() -> None:
    lines = ready(row("99.99", "0.333", "22"), row("0.01", "0.5", "10"), row("1000", "1.25")).lines
    assert [line.amount_kopecks for line in lines] == [3330, 1, 125_000]


def test_totals_are_sums_over_lines() -> None:
    outcome = ready(row("980", rate="22"), row("500", rate="22"))
    assert (outcome.totals.amount_kopecks, outcome.totals.vat_kopecks) == (148_000, 26_688)
    assert outcome.totals.net_kopecks == 148_000 - 26_688


def test_exempt_seller_keeps_the_total_and_says_so() -> None:
    outcome = ready(row("1200", rate="20"), row("300"), mode="exempt")
    assert [(line.amount_kopecks, line.vat_kopecks, line.vat_rate) for line in outcome.lines] == [
        (120_000, 0, "none"),
        (30_000, 0, "none"),
    ]
    assert outcome.warnings == (Problem("vat_dropped_for_exempt_seller", {"line": 1, "rate": "20"}),)


def test_unit_default_is_a_warning_of_its_line() -> None:
    odd = replace(row("10"), unit_code="999", unit_name="поддон")
    outcome = ready(row("10"), odd)
    assert [(warning.code, warning.values["line"]) for warning in outcome.warnings] == [("unit_defaulted", 2)]


def test_every_reason_of_every_row_is_named_at_once() -> None:
    rows = [
        replace(row("-1", "0", "20"), name=" "),
        row("1", rate="15"),
        replace(row("1", rate="22"), vat_included=False),
        row("1E+40"),
        row("10", rate="22"),
    ]
    assert reasons(*rows) == [
        ("line_name_missing", 1),
        ("line_quantity_not_positive", 1),
        ("line_price_negative", 1),
        ("vat_rate_not_in_force", 1),
        ("vat_rate_unknown", 2),
        ("line_price_exclusive_missing", 3),
        ("line_number_out_of_range", 4),
    ]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (replace(row("1"), quantity=Decimal("-2")), Problem("line_quantity_not_positive", {"quantity": "-2"})),
        (row("-1"), Problem("line_price_negative", {"price": "-1"})),
        (replace(row("1", rate="22"), vat_included=False), Problem("line_price_exclusive_missing")),
        (row("1E+40"), Problem("line_number_out_of_range")),
    ],
)
def test_a_reason_names_the_row_and_its_number(source: SourceRow, problem: Problem) -> None:
    outcome = document_lines([row("10"), source], vat_mode="standard", on=IN_2026)
    named = Problem(problem.code, {"line": 2, "name": "Стеллаж СТ-200", **problem.values})
    assert outcome == LinesBlocked((named,))


def test_a_line_is_the_goods_of_its_row() -> None:
    source = replace(row("10"), name=" Стеллаж ", product_id="77", is_service=True)
    (line,) = ready(source).lines
    assert (line.name, line.product_id, line.is_service) == ("Стеллаж", "77", True)


@pytest.mark.parametrize(
    ("named", "overrides", "code"), [("кг", {}, "166"), ("", {}, "876"), ("кг", {"кг": "168"}, "168")]
)
def test_unit_of_a_service_is_the_tenants_then_the_rows_then_a_service(
    named: str, overrides: dict[str, str], code: str
) -> None:
    source = replace(row("10"), unit_code=None, unit_name=named or None, is_service=True)
    outcome = document_lines([source], vat_mode="standard", on=IN_2026, unit_overrides=overrides)
    assert isinstance(outcome, LinesReady)
    assert outcome.lines[0].unit.code == code


def test_no_lines_and_no_money_are_blocked() -> None:
    assert reasons() == [("lines_missing", None)]
    assert reasons(row("0"), row("0.001")) == [("total_not_positive", None)]


def test_a_gift_among_paid_lines_is_a_line() -> None:
    assert [line.amount_kopecks for line in ready(row("0"), row("5")).lines] == [0, 500]


def test_twenty_percent_passes_in_2026_by_decision_only() -> None:
    assert reasons(row("100", rate="20")) == [("vat_rate_not_in_force", 1)]
    assert ready(row("100", rate="20"), decided=True).lines[0].vat_kopecks == 1667
    assert ready(row("100", rate="20"), on=date(2025, 12, 31)).lines[0].vat_rate == "20"


@pytest.mark.parametrize("rate", ["none", "0"])
def test_row_without_a_tax_needs_one_price_only(rate: str) -> None:
    untaxed = replace(row("77", rate=rate), vat_included=False)
    assert ready(untaxed).lines[0].amount_kopecks == 7700


@pytest.mark.parametrize(
    ("deal_kopecks", "difference"), [(20_000, 0), (20_002, -2), (19_998, 2), (20_003, None), (19_997, None)]
)
def test_total_within_a_kopeck_a_line(deal_kopecks: int, difference: int | None) -> None:
    lines = ready(row("100", rate="22"), row("100", rate="10")).lines
    expected = (
        Problem("total_differs", {"lines_kopecks": 20_000, "deal_kopecks": deal_kopecks})
        if difference is None
        else TotalAgrees(difference)
    )
    assert check_total(lines, deal_kopecks) == expected


@pytest.mark.parametrize(("deal_kopecks", "agrees"), [(128_700, True), (128_659, True), (128_658, False)])
def test_total_with_vat_on_top_allows_for_rounded_unit_prices(deal_kopecks: int, agrees: bool) -> None:
    lines = ready(row("12.87", "100", "22", exclusive="10.55")).lines
    assert isinstance(check_total(lines, deal_kopecks), TotalAgrees) is agrees


@pytest.mark.parametrize(("deal_kopecks", "agrees"), [(1221, True), (1222, False)])
def test_a_unit_with_vat_on_top_allows_for_half_a_kopeck(deal_kopecks: int, agrees: bool) -> None:
    lines = ready(row("12.20", rate="22", exclusive="10")).lines
    assert isinstance(check_total(lines, deal_kopecks), TotalAgrees) is agrees


@pytest.mark.parametrize("rate", ["none", "0"])
def test_without_vat_on_top_a_thousand_pieces_allow_for_no_more_than_one(rate: str) -> None:
    lines = ready(row("10.00", "1000", rate, exclusive="10.00")).lines
    assert isinstance(check_total(lines, 10_000_01), TotalAgrees)
    assert isinstance(check_total(lines, 10_000_02), Problem)


PRICES = st.integers(1, 10**8).map(decimal_from_kopecks)
RATES = st.sampled_from(["none", "0", "10", "22"])
QUANTITIES = st.decimals("0.001", "5000", places=3)
ROWS = st.builds(
    lambda price, quantity, rate, included: SourceRow(
        name="Товар",
        quantity=quantity,
        price=price,
        price_exclusive=price,
        rate=rate,
        vat_included=included,
        unit_code="796",
    ),
    PRICES.filter(lambda price: price >= 10),
    QUANTITIES,
    RATES,
    st.booleans(),
)


def lines_of(rows: list[SourceRow]) -> tuple[DocumentLine, ...]:
    return ready(*rows).lines


@given(st.lists(ROWS, min_size=1, max_size=8).flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows))))
def test_order_of_rows_changes_no_sum(rows: tuple[list[SourceRow], list[SourceRow]]) -> None:
    given_order, other_order = rows
    assert totals(lines_of(given_order)) == totals(lines_of(other_order))
    assert sorted(map(repr, lines_of(given_order))) == sorted(map(repr, lines_of(other_order)))


@given(st.lists(ROWS, min_size=1, max_size=8))
def test_each_line_is_consistent_in_itself(rows: list[SourceRow]) -> None:
    for line in lines_of(rows):
        base = multiply_half_up(line.price, line.quantity)
        assert (line.amount_kopecks if line.vat_included else line.net_kopecks) == base
        assert line.vat_kopecks == vat_kopecks(base, line.vat_rate, included=line.vat_included)
        assert 0 <= line.vat_kopecks <= line.amount_kopecks


@given(st.lists(ROWS, min_size=1, max_size=8))
def test_deal_of_an_exempt_seller_costs_the_same_as_with_vat_inside(rows: list[SourceRow]) -> None:
    inside = [replace(source, vat_included=True) for source in rows]
    exempt = ready(*inside, mode="exempt")
    assert exempt.totals.amount_kopecks == totals(lines_of(inside)).amount_kopecks
    assert exempt.totals.vat_kopecks == 0


@given(
    st.lists(st.tuples(PRICES, st.integers(1, 1000), st.sampled_from(["10", "22"])), min_size=1, max_size=8),
    st.booleans(),
)
def test_deal_summed_from_rounded_unit_prices_always_agrees(
    priced: list[tuple[Decimal, int, str]], included: bool
) -> None:
    rows: list[SourceRow] = []
    deal_kopecks = 0
    for exclusive, quantity, rate in priced:
        gross = decimal_from_kopecks(kopecks_from_decimal(exclusive * (100 + int(rate)) / 100))
        rows.append(SourceRow("Товар", Decimal(quantity), gross, exclusive, rate, included))
        deal_kopecks += multiply_half_up(gross, Decimal(quantity))
    assert isinstance(check_total(lines_of(rows), deal_kopecks), TotalAgrees)


@given(st.lists(ROWS, min_size=1, max_size=8), st.integers(1, 10**6))
def test_beyond_the_tolerance_both_sums_are_named(rows: list[SourceRow], beyond: int) -> None:
    lines = lines_of(rows)
    on_top = sum((line.quantity for line in lines if not line.vat_included), Decimal(0))
    apart = len(lines) + int(on_top / 2) + 1 + beyond
    amount = totals(lines).amount_kopecks
    for deal_kopecks in (amount + apart, amount - apart):
        assert check_total(lines, deal_kopecks) == Problem(
            "total_differs", {"lines_kopecks": amount, "deal_kopecks": deal_kopecks}
        )
