"""Money as integer kopecks: exact conversion, half-up rounding, and division that loses no kopeck."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, Inexact, InvalidOperation
from fractions import Fraction
from typing import Literal, assert_never

Language = Literal["ru", "en"]

KOPECKS_MAX = 10**17
"""Largest absolute sum that is taken for money (10^15 roubles); it fits a signed 64-bit column."""

DECIMAL_PLACES_MAX = 30
"""Most decimal places accepted in a price or a quantity."""

_DIGITS_MAX = len(str(KOPECKS_MAX))

# Wide enough for the product of any two decimals that ``in_range`` lets pass; it raises instead of losing a digit.
_EXACT = Context(
    prec=2 * (_DIGITS_MAX + 1 + DECIMAL_PLACES_MAX), rounding=ROUND_HALF_UP, traps=[Inexact, InvalidOperation]
)


def round_half_up(value: Fraction) -> int:
    """The nearest integer; a half goes away from zero, so that a refund mirrors the sale."""
    return divide_half_up(value.numerator, value.denominator)


def divide_half_up(dividend: int, divisor: int) -> int:
    """The integer nearest to the quotient of an integer and a positive one, as :func:`round_half_up`."""
    magnitude = (2 * abs(dividend) + divisor) // (2 * divisor)
    return -magnitude if dividend < 0 else magnitude


def in_range(value: Decimal) -> Decimal:
    """The decimal itself. Raises ValueError for NaN, infinity and absurd magnitudes or precision."""
    if not value.is_finite():
        raise ValueError(f"a finite number is needed, not {value}")
    if value and (value.adjusted() > _DIGITS_MAX or _places(value) > DECIMAL_PLACES_MAX):
        raise ValueError(f"{value} is out of range for a price, a quantity or a sum")
    return value


def exact_fraction(value: Decimal) -> Fraction:
    """The decimal as an exact fraction. Raises ValueError as :func:`in_range`."""
    found = in_range(value)
    return Fraction(found) if found else Fraction(0)


def kopecks_from_decimal(roubles: Decimal) -> int:
    """Roubles → kopecks, rounded half-up. Raises ValueError when the value is not finite or too large."""
    return _rounded_kopecks(in_range(roubles))


def exact_kopecks_from_decimal(roubles: Decimal) -> int:
    """Roubles → kopecks without rounding. Raises ValueError for parts of a kopeck, NaN, infinity and too large sums."""
    kopecks = exact_fraction(roubles) * 100
    if kopecks.denominator != 1:
        raise ValueError(f"{roubles} has parts of a kopeck; a sum has at most two decimals")
    return _checked(kopecks.numerator)


def decimal_from_kopecks(kopecks: int) -> Decimal:
    """Kopecks → roubles with exactly two decimals, whatever the decimal context."""
    roubles, rest = divmod(abs(kopecks), 100)
    return Decimal(f"{'-' if kopecks < 0 else ''}{roubles}.{rest:02d}")


def multiply_half_up(price: Decimal, quantity: Decimal) -> int:
    """Unit price in roubles × quantity → kopecks of the line, rounded half-up once, after the multiplication."""
    return _rounded_kopecks(_EXACT.multiply(in_range(price), in_range(quantity)))


def rubles_text(kopecks: int, language: Language) -> str:
    """A sum for people: ``150 000 ₽``, ``1 234,56 ₽``; in English ``₽1,234.56``. Whole roubles show no kopecks."""
    sign = "-" if kopecks < 0 else ""
    roubles, rest = divmod(abs(kopecks), 100)
    grouped = f"{roubles:,}"
    match language:
        case "ru":
            return f"{sign}{grouped.replace(',', ' ')}{f',{rest:02d}' if rest else ''} ₽"
        case "en":
            return f"{sign}₽{grouped}{f'.{rest:02d}' if rest else ''}"
        case _:
            assert_never(language)


def spread(total_kopecks: int, weights: Sequence[Decimal | int]) -> tuple[int, ...]:
    """Divides a sum in proportion to weights by largest remainder; the parts sum to the total exactly.

    Ties go to the earlier part. A negative total is spread as its absolute value with the sign restored.
    Raises ValueError without weights, for a negative weight, and when all weights are zero.
    """
    shares = [exact_fraction(Decimal(weight)) for weight in weights]
    whole = sum(shares, Fraction(0))
    if any(share < 0 for share in shares) or whole == 0:
        raise ValueError("a sum is spread over weights that are not negative and not all zero")
    sign = -1 if total_kopecks < 0 else 1
    raw = [abs(total_kopecks) * share / whole for share in shares]
    parts = [int(part) for part in raw]
    left_over = abs(total_kopecks) - sum(parts)
    by_remainder = sorted(range(len(raw)), key=lambda index: (parts[index] - raw[index], index))
    for index in by_remainder[:left_over]:
        parts[index] += 1
    return tuple(sign * part for part in parts)


def split_line(amount_kopecks: int, quantity: int) -> tuple[tuple[int, int], ...]:
    """Splits a line whose amount is no multiple of its quantity: ``((quantity, price_kopecks), …)``, one or two parts.

    The cheaper part comes first; Σ quantity × price is the amount exactly. Raises ValueError for a quantity below 1.
    """
    if quantity < 1:
        raise ValueError(f"a line is split by a whole quantity of at least 1, not {quantity}")
    sign = -1 if amount_kopecks < 0 else 1
    base, dearer = divmod(abs(amount_kopecks), quantity)
    parts = ((quantity - dearer, sign * base), (dearer, sign * (base + 1)))
    return tuple(part for part in parts if part[0])


def _places(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _rounded_kopecks(roubles: Decimal) -> int:
    return _checked(int(roubles.scaleb(2, _EXACT).to_integral_value(context=_EXACT)))


def _checked(kopecks: int) -> int:
    if abs(kopecks) > KOPECKS_MAX:
        raise ValueError(f"{kopecks} kopecks is more than any document carries")
    return kopecks
