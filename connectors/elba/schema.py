"""Elba's wire as it is: paths, words, and the two shapes of lists."""

from collections.abc import Mapping
from typing import Any, Final

from chassis.values.vat import VatRate
from connectors.ports.accounting import InvoiceStatus
from connectors.wire import ShapeError

VENDOR: Final = "elba"
PAGE_ROWS: Final = 100

VAT_WORDS: Final[dict[VatRate, str]] = {
    "none": "NoNds",
    "0": "Nds0",
    "5": "Nds5",
    "7": "Nds7",
    "10": "Nds10",
    "18": "Nds18",
    "20": "Nds20",
    "22": "Nds22",
}
VAT_RATES: Final[dict[str, VatRate]] = {word: rate for rate, word in VAT_WORDS.items()}

STATUSES: Final[dict[str, InvoiceStatus]] = {
    "Issued": InvoiceStatus.ISSUED,
    "PartiallyPaid": InvoiceStatus.PARTIALLY_PAID,
    "Paid": InvoiceStatus.PAID,
    "Cancelled": InvoiceStatus.CANCELLED,
}
OVERDUE: Final = "Overdue"
"""The vendor's own view of an unpaid invoice; issued or partly paid by the sums."""


def rows_of(document: Any) -> list[Mapping[str, Any]]:
    """A list in either shape: a bare array, or ``{"items": [...], "total": N}``. Raises ShapeError."""
    rows = document.get("items") if isinstance(document, dict) else document
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ShapeError("items")
    return rows
