"""The wire of the Elba Public API v1 as it is: limits, words, lists and long-running tasks.

Source: the vendor's OpenAPI description "Elba Public API", developer.kontur.ru/doc/elba.public.api.
"""

from collections.abc import Mapping
from typing import Any, Final

from chassis.values.vat import VatRate
from connectors import wire
from connectors.ports.accounting import InvoiceStatus
from connectors.wire import ShapeError

VENDOR: Final = "elba"
NEWS_ROWS: Final = 1_000
SEARCH_ROWS: Final = 50
COMMENT_CHARS_MAX: Final = 10_000
NAME_CHARS_MAX: Final = 400
NUMBER_CHARS_MAX: Final = 30
QUANTITY_PLACES: Final = 4

VAT_WORDS: Final[dict[VatRate, str]] = {
    "none": "withoutNds",
    "0": "nds0",
    "5": "nds5",
    "10": "nds10",
    "20": "nds20",
    "22": "nds22",
}
"""What may be written; 7 % has no word here, and 18 % is only read."""
VAT_RATES: Final[dict[str, VatRate]] = {**{word: rate for rate, word in VAT_WORDS.items()}, "nds18": "18"}

STATUSES: Final[dict[str, InvoiceStatus]] = {
    "notPaid": InvoiceStatus.ISSUED,
    "partiallyPaid": InvoiceStatus.PARTIALLY_PAID,
    "paid": InvoiceStatus.PAID,
    "overdue": InvoiceStatus.ISSUED,  # the vendor's own view of the due date, information only
    "rejected": InvoiceStatus.CANCELLED,
}
PAYMENT_NEWS: Final = "billPaymentNews"
TASK_RUNNING: Final = "inProcess"
TASK_DONE: Final = "completed"
TASK_FAILED: Final = "failed"


def rows_of(document: Any, name: str) -> list[Mapping[str, Any]]:
    """The list ``name`` of an answer. Raises ShapeError when it is not there or is no list of objects."""
    rows = document.get(name) if isinstance(document, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ShapeError(name)
    return rows


def task_of(document: Any) -> tuple[str, str]:
    """(id, status) of a long-running task. Raises ShapeError without either."""
    task = wire.filled_mapping(document, "task")
    found, status = wire.identity(task.get("id")), wire.text(task.get("status"))
    if found is None or not status:
        raise ShapeError("task")
    return found, status
