"""Lines of documents and a marker, as the product hands them to connectors."""

from datetime import date
from decimal import Decimal

from chassis.values.lines import DocumentLine, LinesReady, SourceRow, document_lines
from chassis.values.vat import VatMode

MARKER = "[b24:1042:invoice:1:7c1f09aa]"


def lines(*rows: SourceRow, vat_mode: VatMode = "exempt", on: date = date(2026, 3, 10)) -> tuple[DocumentLine, ...]:
    ready = document_lines(rows or (row(),), vat_mode=vat_mode, on=on)
    assert isinstance(ready, LinesReady), ready
    return ready.lines


def row(
    price: str = "5000.00", quantity: str = "17", *, rate: str = "none", included: bool = True, unit: str = "ч"
) -> SourceRow:
    """A row; ``price`` is without VAT when it is not included."""
    return SourceRow(
        "Настройка CRM, час", Decimal(quantity), Decimal(price), Decimal(price), rate, included, unit_name=unit
    )
