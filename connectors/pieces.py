"""Document lines as pieces whose price in kopecks × quantity gives each line's amount exactly."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from chassis.values.lines import DocumentLine
from chassis.values.money import decimal_from_kopecks, exact_fraction, multiply_half_up, round_half_up, split_line

SPLIT_QUANTITY_MAX: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a line as it goes on the wire: ``price`` in roubles with two decimals, VAT contained."""

    line: DocumentLine
    name: str
    quantity: Decimal
    price: Decimal
    amount_kopecks: int


def pieces_of(line: DocumentLine, *, quantity_places: int | None = None) -> tuple[Piece, ...]:
    """A line as one piece where a price in kopecks gives its amount, else split in two by price; with a fractional
    quantity, or one of more than ``quantity_places`` decimals, one piece that names its quantity."""
    amount = line.amount_kopecks
    fits = quantity_places is None or line.quantity == round(line.quantity, quantity_places)
    if fits:
        whole_price = line.vat_included and line.price == line.price.quantize(Decimal("0.01"))
        each = round_half_up(exact_fraction(Decimal(amount)) / exact_fraction(line.quantity))
        for price in (line.price if whole_price else decimal_from_kopecks(each), decimal_from_kopecks(each)):
            if multiply_half_up(price, line.quantity) == amount:
                return (Piece(line, line.name, line.quantity, price, amount),)
        if line.quantity == line.quantity.to_integral_value() and line.quantity <= SPLIT_QUANTITY_MAX:
            parts = split_line(amount, int(line.quantity))
            return tuple(
                Piece(line, line.name, Decimal(count), decimal_from_kopecks(price), count * price)
                for count, price in parts
            )
    named = f"{line.name} ({line.quantity.normalize():f} {line.unit.symbol})"
    return (Piece(line, named, Decimal(1), decimal_from_kopecks(amount), amount),)
