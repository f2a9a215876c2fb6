"""Money: rounding vectors, texts, and the properties of conversion and division."""

from decimal import Context, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.values.money import (
    KOPECKS_MAX,
    decimal_from_kopecks,
    divide_half_up,
    exact_fraction,
    exact_kopecks_from_decimal,
    kopecks_from_decimal,
    multiply_half_up,
    round_half_up,
    rubles_text,
    split_line,
    spread,
)

KOPECKS = st.integers(-(10**14), 10**14)
PRICES = st.decimals("0", "1000000", places=4)
QUANTITIES = st.decimals("0", "10000", places=3)
WIDE = Context(prec=60)
PLACES = st.integers(0, 30)
SMALL = st.integers(-(10**8), 10**8)
EDGES = PLACES.flatmap(
    lambda places: (SMALL | st.integers(1 - 10 ** (19 + places), 10 ** (19 + places) - 1)).map(
        lambda digits: Decimal(digits).scaleb(-places, WIDE)
    )
)
"""Any price or quantity that is taken: up to 49 digits, the last ones often below half a kopeck."""
WEIGHTS = st.lists(st.decimals("0", "100000", places=2), min_size=1, max_size=12).filter(any)


@pytest.mark.parametrize(
    ("roubles", "kopecks"),
    [
        ("0.125", 13),
        ("1.005", 101),
        ("2.675", 268),
        ("10.235", 1024),
        ("-0.125", -13),
        ("0.004999", 0),
        ("0", 0),
        ("0E+999999", 0),
    ],
)
def test_half_goes_away_from_zero(roubles: str, kopecks: int) -> None:
    assert kopecks_from_decimal(Decimal(roubles)) == kopecks


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "sNaN", "1E+1000000000", "1E-1000000000", "1E+16"])
def test_what_is_no_sum_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"number|range|document"):
        kopecks_from_decimal(Decimal(value))


def test_the_largest_sum_and_the_finest_price_are_taken_and_nothing_beyond() -> None:
    assert kopecks_from_decimal(Decimal(10) ** 15) == KOPECKS_MAX
    assert exact_fraction(Decimal("1E+18")) == 10**18
    assert exact_fraction(Decimal("1E-30")) == Fraction(1, 10**30)
    for beyond in ("1E+19", "1E-31"):
        with pytest.raises(ValueError, match="out of range"):
            exact_fraction(Decimal(beyond))
    with pytest.raises(ValueError, match="more than any document"):
        kopecks_from_decimal(Decimal("1000000000000000.01"))


@pytest.mark.parametrize(("kopecks", "roubles"), [(0, "0.00"), (1, "0.01"), (-1, "-0.01"), (-12_345, "-123.45")])
def test_kopecks_have_two_decimals_and_nought_has_no_sign(kopecks: int, roubles: str) -> None:
    assert str(decimal_from_kopecks(kopecks)) == roubles


def test_exact_conversion_refuses_parts_of_a_kopeck() -> None:
    assert exact_kopecks_from_decimal(Decimal("1.1000")) == 110
    with pytest.raises(ValueError, match="two decimals"):
        exact_kopecks_from_decimal(Decimal("1.005"))


@pytest.mark.parametrize(
    ("kopecks", "russian", "english"),
    [
        (15_000_000, "150 000 ₽", "₽150,000"),
        (123_456, "1 234,56 ₽", "₽1,234.56"),
        (5, "0,05 ₽", "₽0.05"),
        (0, "0 ₽", "₽0"),
        (-123_456_789, "-1 234 567,89 ₽", "-₽1,234,567.89"),
    ],
)
def test_sums_for_people(kopecks: int, russian: str, english: str) -> None:
    assert rubles_text(kopecks, "ru") == russian
    assert rubles_text(kopecks, "en") == english


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (1802, ["33.33", "33.33", "33.28"], (601, 601, 600)),
        (10000, ["1", "1", "1"], (3334, 3333, 3333)),
        (5, ["10", "10", "10"], (2, 2, 1)),
        (-5, ["10", "10", "10"], (-2, -2, -1)),
        (7, ["0", "1"], (0, 7)),
        (10, ["1", "2", "4"], (1, 3, 6)),
    ],
)
def test_spread_vectors(total: int, weights: list[str], parts: tuple[int, ...]) -> None:
    assert spread(total, [Decimal(weight) for weight in weights]) == parts


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1], [2, -1]])
def test_spread_refuses_weights_without_a_meaning(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        spread(100, weights)


@pytest.mark.parametrize(
    ("amount", "quantity", "parts"),
    [
        (10000, 3, ((2, 3333), (1, 3334))),
        (100_000, 7, ((2, 14285), (5, 14286))),
        (148_000, 4, ((4, 37000),)),
        (-10000, 3, ((2, -3333), (1, -3334))),
    ],
)
def test_split_line_vectors(amount: int, quantity: int, parts: tuple[tuple[int, int], ...]) -> None:
    assert split_line(amount, quantity) == parts


def test_split_line_refuses_no_quantity() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        split_line(100, 0)


@given(KOPECKS)
def test_kopecks_survive_the_round_trip(kopecks: int) -> None:
    roubles = decimal_from_kopecks(kopecks)
    assert roubles.as_tuple().exponent == -2
    assert kopecks_from_decimal(roubles) == exact_kopecks_from_decimal(roubles) == kopecks


@given(st.decimals("-1000000000", "1000000000", places=6))
def test_rounding_is_within_half_a_kopeck_and_symmetric(roubles: Decimal) -> None:
    kopecks = kopecks_from_decimal(roubles)
    assert abs(decimal_from_kopecks(kopecks) - roubles) <= Decimal("0.005")
    assert kopecks_from_decimal(-roubles) == -kopecks


@given(PRICES, QUANTITIES)
def test_arithmetic_does_not_depend_on_the_decimal_context(price: Decimal, quantity: Decimal) -> None:
    usual = multiply_half_up(price, quantity)
    with localcontext(Context(prec=2)):
        assert multiply_half_up(price, quantity) == usual
        assert kopecks_from_decimal(decimal_from_kopecks(usual)) == usual


@given(PRICES, QUANTITIES)
def test_product_is_the_nearest_kopeck(price: Decimal, quantity: Decimal) -> None:
    assert abs(Decimal(multiply_half_up(price, quantity)) - price * quantity * 100) <= Decimal("0.5")


@given(KOPECKS)
def test_both_languages_say_the_same_sum(kopecks: int) -> None:
    russian = rubles_text(kopecks, "ru").removesuffix(" ₽").replace(" ", "").replace(",", ".")
    english = rubles_text(kopecks, "en").replace("₽", "").replace(",", "")
    assert exact_kopecks_from_decimal(Decimal(russian)) == exact_kopecks_from_decimal(Decimal(english)) == kopecks


@given(KOPECKS, WEIGHTS)
def test_spread_loses_no_kopeck_and_keeps_proportion(total: int, weights: list[Decimal]) -> None:
    parts = spread(total, weights)
    assert sum(parts) == total
    assert len(parts) == len(weights)
    whole = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * whole - total * weight) <= whole


@given(KOPECKS, WEIGHTS)
def test_equal_weights_differ_by_one_kopeck_at_most(total: int, weights: list[Decimal]) -> None:
    by_weight: dict[Decimal, list[int]] = {}
    for part, weight in zip(spread(total, weights), weights, strict=True):
        by_weight.setdefault(weight, []).append(part)
    assert all(max(parts) - min(parts) <= 1 for parts in by_weight.values())


@given(KOPECKS, st.integers(1, 10_000))
def test_split_line_gives_back_amount_and_quantity(amount: int, quantity: int) -> None:
    parts = split_line(amount, quantity)
    assert sum(count * price for count, price in parts) == amount
    assert sum(count for count, _ in parts) == quantity
    prices = [price for _, price in parts]
    assert max(prices) - min(prices) <= 1


@given(EDGES, EDGES)
def test_a_product_is_that_of_exact_fractions_whatever_the_digits(price: Decimal, quantity: Decimal) -> None:
    exact = abs(Fraction(price) * Fraction(quantity) * 100)
    kopecks = int(exact) + (1 if exact - int(exact) >= Fraction(1, 2) else 0)
    if (price < 0) != (quantity < 0):
        kopecks = -kopecks
    if abs(kopecks) > KOPECKS_MAX:
        with pytest.raises(ValueError, match="more than any document"):
            multiply_half_up(price, quantity)
    else:
        assert multiply_half_up(price, quantity) == kopecks


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**6))
def test_a_quotient_is_the_nearest_integer_and_a_half_goes_away_from_zero(dividend: int, divisor: int) -> None:
    found = divide_half_up(dividend, divisor)
    assert found == round_half_up(Fraction(dividend, divisor))
    error = abs(Fraction(dividend, divisor)) - abs(found)
    assert Fraction(-1, 2) <= error < Fraction(1, 2)
    assert found == 0 or (found < 0) == (dividend < 0)
