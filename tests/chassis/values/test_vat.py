"""VAT: arithmetic vectors, rates by date and mode, the verdict on a line, and their properties."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.domain import Problem
from chassis.values.money import kopecks_from_decimal
from chassis.values.vat import (
    VAT_RATES,
    RateBlocked,
    RateTaken,
    Regime,
    TaxPeriod,
    VatMode,
    VatRate,
    allowed_rates,
    in_force,
    judge_rate,
    rate_anew,
    rate_text,
    tax_on,
    vat_kopecks,
    vat_words,
)

RATES = st.sampled_from(VAT_RATES)
MODES: st.SearchStrategy[VatMode] = st.sampled_from(["exempt", "usn5", "usn7", "standard"])
PERCENTS: list[VatRate] = ["5", "7", "10", "18", "20", "22"]
AMOUNTS = st.integers(0, 10**13)
DAYS = st.dates(date(2019, 1, 1), date(2030, 12, 31))


@pytest.mark.parametrize(
    ("amount", "contained", "on_top"),
    [
        ("100.00", "4.76 6.54 9.09 15.25 16.67 18.03", "5.00 7.00 10.00 18.00 20.00 22.00"),
        ("999.99", "47.62 65.42 90.91 152.54 166.67 180.33", "50.00 70.00 100.00 180.00 200.00 220.00"),
        ("85000.00", "4047.62 5560.75 7727.27 12966.10 14166.67 15327.87", "4250 5950 8500 15300 17000 18700"),
        ("150000.00", "7142.86 9813.08 13636.36 22881.36 25000.00 27049.18", "7500 10500 15000 27000 30000 33000"),
        ("0.05", "0.00 0.00 0.00 0.01 0.01 0.01", "0.00 0.00 0.01 0.01 0.01 0.01"),
    ],
)
def test_vat_of_an_amount(amount: str, contained: str, on_top: str) -> None:
    kopecks = kopecks_from_decimal(Decimal(amount))
    for rate, inside, outside in zip(PERCENTS, contained.split(), on_top.split(), strict=True):
        assert vat_kopecks(kopecks, rate, included=True) == kopecks_from_decimal(Decimal(inside)), rate
        assert vat_kopecks(kopecks, rate, included=False) == kopecks_from_decimal(Decimal(outside)), rate


def test_an_exact_half_kopeck_goes_up() -> None:
    assert vat_kopecks(3, "20", included=True) == 1


@pytest.mark.parametrize(
    ("lines", "rate", "by_line", "from_total"),
    [
        ([1001] * 3, "22", 543, 542),
        ([2002] * 3, "20", 1002, 1001),
        ([1001] * 3, "5", 144, 143),
        ([1001] * 3, "7", 195, 196),
        ([9999, 10003, 99], "20", 3351, 3350),
        ([98000, 50000], "22", 26688, 26689),
    ],
)
def test_vat_of_a_document_is_the_sum_over_lines(
    lines: list[int], rate: VatRate, by_line: int, from_total: int
) -> None:
    assert sum(vat_kopecks(line, rate, included=True) for line in lines) == by_line
    assert vat_kopecks(sum(lines), rate, included=True) == from_total


@pytest.mark.parametrize(
    ("rate", "first", "last"),
    [
        ("18", date(2004, 1, 1), date(2018, 12, 31)),
        ("20", date(2019, 1, 1), date(2025, 12, 31)),
        ("22", date(2026, 1, 1), None),
        ("5", date(2025, 1, 1), None),
        ("7", date(2025, 1, 1), None),
    ],
)
def test_rates_have_first_and_last_days(rate: VatRate, first: date, last: date | None) -> None:
    assert not in_force(rate, first - timedelta(days=1))
    assert in_force(rate, first)
    if last is not None:
        assert in_force(rate, last)
        assert not in_force(rate, last + timedelta(days=1))


@pytest.mark.parametrize(
    ("mode", "on", "rates"),
    [
        ("exempt", date(2026, 3, 1), {"none"}),
        ("usn5", date(2026, 3, 1), {"none", "0", "5"}),
        ("usn7", date(2026, 3, 1), {"none", "0", "7"}),
        ("standard", date(2026, 3, 1), {"none", "0", "10", "22"}),
        ("standard", date(2025, 12, 31), {"none", "0", "10", "20"}),
    ],
)
def test_rates_of_a_mode(mode: VatMode, on: date, rates: set[VatRate]) -> None:
    assert allowed_rates(mode, on) == rates


def test_tax_period_by_date_in_any_order() -> None:
    exempt = TaxPeriod(date(2025, 1, 1), "usn_income", "exempt")
    payer = TaxPeriod(date(2026, 6, 1), "usn_income", "usn5")
    general = TaxPeriod(date(2027, 1, 1), "osno", "standard")
    for periods in permutations([exempt, payer, general]):
        assert tax_on(periods, date(2024, 12, 31)) is None
        assert tax_on(periods, date(2026, 5, 31)) is exempt
        assert tax_on(periods, date(2026, 6, 1)) is payer
        assert tax_on(periods, date(2030, 1, 1)) is general


def test_two_periods_of_one_day_are_refused() -> None:
    first = TaxPeriod(date(2025, 1, 1), "usn_income", "exempt")
    with pytest.raises(ValueError, match="2025-01-01"):
        tax_on([first, TaxPeriod(date(2025, 1, 1), "usn_income", "usn5")], date(2026, 1, 1))


@pytest.mark.parametrize(
    ("regime", "vat"), [("patent", "usn5"), ("ausn", "standard"), ("npd", "usn7"), ("osno", "usn5")]
)
def test_regime_and_mode_that_never_meet_are_refused(regime: Regime, vat: VatMode) -> None:
    with pytest.raises(ValueError, match=regime):
        TaxPeriod(date(2026, 1, 1), regime, vat)


IN_2026 = date(2026, 1, 1)


def taken(verdict: RateTaken | RateBlocked) -> tuple[VatRate, str | None]:
    assert isinstance(verdict, RateTaken)
    return verdict.rate, verdict.warning.code if verdict.warning else None


def blocked(verdict: RateTaken | RateBlocked) -> str:
    assert isinstance(verdict, RateBlocked)
    return verdict.problem.code


@pytest.mark.parametrize("rate", ["5", "10", "18", "20", "22"])
def test_exempt_seller_drops_included_vat_and_stops_at_vat_on_top(rate: str) -> None:
    included = judge_rate(rate, mode="exempt", on=IN_2026, included=True)
    assert taken(included) == ("none", "vat_dropped_for_exempt_seller")
    assert blocked(judge_rate(rate, mode="exempt", on=IN_2026, included=False)) == "vat_on_top"


def test_zero_percent_of_an_exempt_seller_becomes_no_vat_wherever_it_stands() -> None:
    on_top = judge_rate("0", mode="exempt", on=IN_2026, included=False)
    assert taken(on_top) == ("none", "vat_dropped_for_exempt_seller")
    assert taken(judge_rate("none", mode="exempt", on=IN_2026, included=False)) == ("none", None)


def test_twenty_percent_ends_with_2025_unless_the_accountant_decides() -> None:
    assert taken(judge_rate("20", mode="standard", on=date(2025, 12, 31), included=True)) == ("20", None)
    assert blocked(judge_rate("20", mode="standard", on=IN_2026, included=True)) == "vat_rate_not_in_force"
    decided = judge_rate("20", mode="standard", on=IN_2026, included=True, overridden=True)
    assert taken(decided) == ("20", None)


@pytest.mark.parametrize(("mode", "rate"), [("usn5", "7"), ("usn5", "22"), ("usn7", "10"), ("standard", "5")])
def test_rate_of_another_mode_is_blocked_even_when_overridden(mode: VatMode, rate: str) -> None:
    verdict = judge_rate(rate, mode=mode, on=IN_2026, included=True, overridden=True)
    assert blocked(verdict) == "vat_mode_conflict"


@pytest.mark.parametrize("rate", ["15", "16.5", "", "НДС", "20%"])
def test_rate_of_no_law_is_blocked_for_every_mode(rate: str) -> None:
    for mode in ("exempt", "usn5", "usn7", "standard"):
        assert blocked(judge_rate(rate, mode=mode, on=IN_2026, included=True)) == "vat_rate_unknown"


@pytest.mark.parametrize(
    ("rate", "mode", "problem"),
    [
        ("15", "standard", Problem("vat_rate_unknown", {"rate": "15"})),
        ("20", "standard", Problem("vat_rate_not_in_force", {"rate": "20", "date": "2026-01-01"})),
        ("7", "usn5", Problem("vat_mode_conflict", {"rate": "7", "mode": "usn5"})),
        ("22", "exempt", Problem("vat_on_top", {"rate": "22"})),
    ],
)
def test_a_blocked_rate_is_named_with_what_it_meets(rate: str, mode: VatMode, problem: Problem) -> None:
    assert judge_rate(rate, mode=mode, on=IN_2026, included=False) == RateBlocked(problem)


def test_dropped_vat_is_named_in_the_warning() -> None:
    verdict = judge_rate("22", mode="exempt", on=IN_2026, included=True)
    assert verdict == RateTaken("none", Problem("vat_dropped_for_exempt_seller", {"rate": "22"}))


@pytest.mark.parametrize(
    ("rate", "on", "anew"),
    [
        ("18", IN_2026, "22"),
        ("20", IN_2026, "22"),
        ("22", date(2025, 12, 31), "20"),
        ("20", date(2003, 12, 31), "20"),
        ("5", date(2024, 12, 31), "5"),
        ("none", IN_2026, "none"),
        ("16.5", IN_2026, "16.5"),
    ],
)
def test_a_rate_anew_is_the_main_rate_of_its_day(rate: str, on: date, anew: str) -> None:
    assert rate_anew(rate, on) == anew


@pytest.mark.parametrize(
    ("percent", "text"),
    [
        (None, "none"),
        (0, "0"),
        (20, "20"),
        (Decimal("20.0000"), "20"),
        (Decimal("0.0"), "0"),
        (Decimal("-0.0"), "0"),
        (Decimal("16.5"), "16.5"),
        (100, "100"),
    ],
)
def test_percent_as_text(percent: Decimal | int | None, text: str) -> None:
    assert rate_text(percent) == text


def test_words_of_a_document() -> None:
    assert vat_words("none", "ru") == "Без налога (НДС)"
    assert vat_words("none", "en") == "No VAT"
    assert vat_words("5", "ru") == "В том числе НДС (5%)"
    assert vat_words("22", "en") == "Including VAT (22%)"


@given(AMOUNTS, st.sampled_from(PERCENTS))
def test_taking_vat_out_undoes_adding_it(net: int, rate: VatRate) -> None:
    gross = net + vat_kopecks(net, rate, included=False)
    assert vat_kopecks(gross, rate, included=True) == gross - net


@given(AMOUNTS, RATES, st.booleans())
def test_vat_is_bounded_and_mirrored_by_a_refund(amount: int, rate: VatRate, included: bool) -> None:
    vat = vat_kopecks(amount, rate, included=included)
    assert 0 <= vat <= amount
    assert vat_kopecks(-amount, rate, included=included) == -vat


@given(RATES, MODES, DAYS, st.booleans())
def test_what_is_taken_is_allowed_and_what_is_allowed_is_taken(
    rate: VatRate, mode: VatMode, on: date, included: bool
) -> None:
    verdict = judge_rate(rate, mode=mode, on=on, included=included)
    if isinstance(verdict, RateTaken):
        assert verdict.rate in allowed_rates(mode, on)
    assert (verdict == RateTaken(rate)) is (rate in allowed_rates(mode, on))


@given(DAYS)
def test_exactly_one_main_rate_is_in_force_every_day(on: date) -> None:
    main: list[VatRate] = ["18", "20", "22"]
    assert sum(in_force(rate, on) for rate in main) == 1
    assert allowed_rates("exempt", on) == {"none"}


@given(st.lists(st.dates(date(2020, 1, 1), date(2030, 1, 1)), unique=True, min_size=1), DAYS)
def test_period_in_force_is_the_latest_begun(starts: list[date], on: date) -> None:
    found = tax_on([TaxPeriod(start, "osno", "standard") for start in starts], on)
    begun = [start for start in starts if start <= on]
    assert (found.valid_from if found else None) == (max(begun) if begun else None)
