"""The wire of Kontur.Accounting as this project's contract assumes it: words, lists, deletions.

No description of this API is published. Bearer tokens, the API key's header and the error envelope are those of sibling
services (developer.kontur.ru); everything else is an assumption that stands in this folder and the sandbox alone.
"""

from collections.abc import Mapping
from typing import Any, Final

from chassis.values.vat import VatRate
from connectors.ports.accounting import InvoiceStatus
from connectors.wire import ShapeError

VENDOR: Final = "kontur"
PAGE_ROWS: Final = 200
QUANTITY_PLACES: Final = 4
COMMENT_CHARS_MAX: Final = 10_000
EXTERNAL_ID_CHARS_MAX: Final = 200

VAT_WORDS: Final[dict[VatRate, str]] = {
    "none": "withoutVat",
    "0": "vat0",
    "5": "vat5",
    "7": "vat7",
    "10": "vat10",
    "20": "vat20",
    "22": "vat22",
}
"""What may be written; 18 % is only read."""
VAT_RATES: Final[dict[str, VatRate]] = {**{word: rate for rate, word in VAT_WORDS.items()}, "vat18": "18"}

STATUSES: Final[dict[str, InvoiceStatus]] = {
    "draft": InvoiceStatus.DRAFT,
    "issued": InvoiceStatus.ISSUED,
    "partiallyPaid": InvoiceStatus.PARTIALLY_PAID,
    "paid": InvoiceStatus.PAID,
    "cancelled": InvoiceStatus.CANCELLED,
}
OVERDUE: Final = "overdue"
"""The vendor's own view of an unpaid invoice; issued or partly paid by the sums."""
REVERSED: Final = "reversed"
POSTED: Final = "posted"
REGISTER: Final = "egrul"
"""The word of a card's ``source.system`` whose fields come from the state register."""


def rows_of(document: Any) -> tuple[list[Mapping[str, Any]], str]:
    """(rows, cursor of the next page or ""). Raises ShapeError."""
    rows = document.get("items") if isinstance(document, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ShapeError("items")
    following = document.get("nextCursor")
    if following is not None and not isinstance(following, str):
        raise ShapeError("nextCursor")
    return rows, following or ""


def is_deleted(row: Mapping[str, Any]) -> bool:
    """Whether a row of a list says no more than that its object is gone. Raises ShapeError."""
    deleted = row.get("deleted", False)
    if not isinstance(deleted, bool):
        raise ShapeError("deleted")
    return deleted
