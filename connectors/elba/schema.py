"""Elba's wire as it is: paths, words, the two shapes of lists and the envelope of errors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from chassis.values.vat import VatRate
from connectors.ports.accounting import InvoiceStatus
from connectors.wire import ShapeError

VENDOR: Final = "elba"
PAGE_ROWS: Final = 100
PDF_MAGIC: Final = b"%PDF-"

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


@dataclass(frozen=True, slots=True)
class ErrorText:
    """What an error says: ``code`` in lower case, ``text`` for a person, ``status`` where the body has one."""

    code: str
    text: str
    status: int | None


def rows_of(document: Any) -> list[Mapping[str, Any]]:
    """A list in either shape: a bare array, or ``{"items": [...], "total": N}``. Raises ShapeError."""
    rows = document.get("items") if isinstance(document, dict) else document
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ShapeError("items")
    return rows


def error_of(document: Any) -> ErrorText | None:
    """The error in a body: the vendor's envelope, OAuth's, or plain text under ``error`` or ``message``; None without
    one."""
    if not isinstance(document, dict):
        return None
    error, status = document.get("error"), document.get("statusCode")
    status = status if isinstance(status, int) and not isinstance(status, bool) and 400 <= status < 600 else None
    if isinstance(error, dict):
        details = error.get("details")
        said = [_line(error), *(_line(one) for one in (details if isinstance(details, list) else ()))]
        return ErrorText(_word(error.get("code")), "; ".join(line for line in said if line), status)
    if isinstance(error, str) and error:
        return ErrorText(_word(error), _string(document.get("error_description")) or error, status)
    message = _string(document.get("message"))
    return ErrorText("", message, status) if message or status else None


def _line(error: Any) -> str:
    if not isinstance(error, dict):
        return ""
    message, target = _string(error.get("message")) or _string(error.get("code")), _string(error.get("target"))
    return f"{target}: {message}" if target and message else message


def _string(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _word(value: Any) -> str:
    return _string(value).lower()
