"""Lines of a document computed from rows of a deal or an order, and the check of their sum against the deal's (R8)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from chassis.domain import Problem
from chassis.values.money import exact_fraction, multiply_half_up
from chassis.values.units import Unit, choose_unit
from chassis.values.vat import RateBlocked, VatMode, VatRate, judge_rate, vat_kopecks


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A row as the CRM or the shop gives it; prices are roubles per unit with the discount already inside.

    ``price`` contains the tax, ``price_exclusive`` does not (Bitrix24: ``PRICE``, ``PRICE_EXCLUSIVE``). A row with
    ``vat_included`` is computed from the first, one with VAT on top from the second. ``rate`` is a canonical VAT rate,
    or the percent as text when no law knows it. ``external_code`` is the product's code in other systems, where it is
    known (Bitrix24: ``XML_ID``).
    """

    name: str
    quantity: Decimal
    price: Decimal
    price_exclusive: Decimal | None
    rate: str
    vat_included: bool
    unit_code: str | None = None
    unit_name: str | None = None
    is_service: bool = False
    product_id: str | None = None
    external_code: str = ""


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """One line of an invoice or an act.

    ``price`` is the exact unit price in roubles: with VAT when ``vat_included``, else without. ``amount_kopecks`` is
    what the buyer pays for the line and always contains ``vat_kopecks``. ``item_id`` is the accounting's item that a
    person mapped the product to, "" for none.
    """

    name: str
    quantity: Decimal
    unit: Unit
    price: Decimal
    vat_rate: VatRate
    vat_included: bool
    amount_kopecks: int
    vat_kopecks: int
    product_id: str | None = None
    is_service: bool = False
    external_code: str = ""
    item_id: str = ""

    @property
    def net_kopecks(self) -> int:
        """The amount without VAT."""
        return self.amount_kopecks - self.vat_kopecks


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums of a document, each over its lines; VAT is never computed from the total."""

    amount_kopecks: int
    vat_kopecks: int

    @property
    def net_kopecks(self) -> int:
        """The total without VAT."""
        return self.amount_kopecks - self.vat_kopecks


@dataclass(frozen=True, slots=True)
class LinesReady:
    """Every row became a line; ``warnings`` name what was changed, with the row's number from 1 in ``line``."""

    lines: tuple[DocumentLine, ...]
    warnings: tuple[Problem, ...]

    @property
    def totals(self) -> Totals:
        """Sums over the lines."""
        return totals(self.lines)


@dataclass(frozen=True, slots=True)
class LinesBlocked:
    """Nothing can be issued from these rows; all reasons at once, with the row's number from 1 in ``line``.

    Codes: ``lines_missing``, ``line_name_missing``, ``line_quantity_not_positive``, ``line_price_negative``,
    ``line_price_exclusive_missing``, ``line_number_out_of_range``, ``total_not_positive``, and those of
    :class:`chassis.values.vat.RateBlocked`.
    """

    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class TotalAgrees:
    """The lines may be invoiced; ``difference_kopecks`` is Σ lines minus the deal's sum, within the tolerance."""

    difference_kopecks: int


def document_lines(
    rows: Sequence[SourceRow],
    *,
    vat_mode: VatMode,
    on: date,
    vat_overridden: bool = False,
    unit_overrides: Mapping[str, str] | None = None,
) -> LinesReady | LinesBlocked:
    """Rows → lines for a seller of ``vat_mode``; ``on`` is the day of shipment, or of the document.

    ``vat_overridden`` is the accountant's recorded decision on a rate out of force (R9).
    """
    lines: list[DocumentLine] = []
    warnings: list[Problem] = []
    problems: list[Problem] = []
    for number, row in enumerate(rows, start=1):
        faults = list(_faults(row))
        verdict = judge_rate(row.rate, mode=vat_mode, on=on, included=row.vat_included, overridden=vat_overridden)
        if isinstance(verdict, RateBlocked):
            faults.append(verdict.problem)
        elif not faults:
            choice = choose_unit(row.unit_code, row.unit_name, is_service=row.is_service, overrides=unit_overrides)
            lines.append(_line(row, verdict.rate, choice.unit))
            warnings += [_at(number, warning) for warning in (verdict.warning, choice.warning) if warning]
        problems += [_at(number, fault) for fault in faults]
    if not rows:
        problems.append(Problem("lines_missing"))
    elif not problems and totals(lines).amount_kopecks <= 0:
        problems.append(Problem("total_not_positive"))
    return LinesBlocked(tuple(problems)) if problems else LinesReady(tuple(lines), tuple(warnings))


def totals(lines: Iterable[DocumentLine]) -> Totals:
    """Sums over the lines."""
    listed = tuple(lines)
    return Totals(sum(line.amount_kopecks for line in listed), sum(line.vat_kopecks for line in listed))


def check_total(lines: Sequence[DocumentLine], deal_kopecks: int) -> TotalAgrees | Problem:
    """Compares Σ lines with the deal's own sum (Bitrix24: ``OPPORTUNITY``); within the tolerance Σ lines is invoiced.

    The tolerance is 0.01 per line, plus 0.005 × quantity of lines with VAT on top, since the CRM rounds unit prices.
    Beyond it the problem ``total_differs`` names both sums in kopecks.
    """
    lines_kopecks = totals(lines).amount_kopecks
    difference = lines_kopecks - deal_kopecks
    taxed = (line for line in lines if not line.vat_included and line.vat_rate not in ("none", "0"))
    on_top = (exact_fraction(line.quantity) for line in taxed)
    if abs(difference) <= len(lines) or abs(difference) <= len(lines) + sum(on_top, Fraction(0)) / 2:
        return TotalAgrees(difference)
    return Problem("total_differs", {"lines_kopecks": lines_kopecks, "deal_kopecks": deal_kopecks})


def _line(row: SourceRow, rate: VatRate, unit: Unit) -> DocumentLine:
    price = _unit_price(row)
    assert price is not None
    base = multiply_half_up(price, row.quantity)
    vat = vat_kopecks(base, rate, included=row.vat_included)
    return DocumentLine(
        name=row.name.strip(),
        quantity=row.quantity,
        unit=unit,
        price=price,
        vat_rate=rate,
        vat_included=row.vat_included,
        amount_kopecks=base if row.vat_included else base + vat,
        vat_kopecks=vat,
        product_id=row.product_id,
        is_service=row.is_service,
        external_code=row.external_code,
    )


def _unit_price(row: SourceRow) -> Decimal | None:
    # Without a tax both prices are the same, and a shop may give only one of them.
    if row.vat_included or (row.price_exclusive is None and row.rate in ("none", "0")):
        return row.price
    return row.price_exclusive


def _faults(row: SourceRow) -> Iterable[Problem]:
    if not row.name.strip():
        yield Problem("line_name_missing")
    price = _unit_price(row)
    if price is None:
        yield Problem("line_price_exclusive_missing", {"name": row.name})
        return
    try:
        multiply_half_up(price, row.quantity)
    except ValueError:
        yield Problem("line_number_out_of_range", {"name": row.name})
        return
    if row.quantity <= 0:
        yield Problem("line_quantity_not_positive", {"name": row.name, "quantity": str(row.quantity)})
    if price < 0:
        yield Problem("line_price_negative", {"name": row.name, "price": str(price)})


def _at(number: int, problem: Problem) -> Problem:
    return Problem(problem.code, {"line": number, **problem.values})
