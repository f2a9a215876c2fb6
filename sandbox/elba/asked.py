"""What clients of Elba ask for beside documents: nomenclature, subscriptions, pages and changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sandbox.accounting.checks import NAME_CHARS_MAX, ApiError, Problems, kopecks, text
from sandbox.accounting.records import VAT_PERCENT, Product, utc_seconds

EVENTS = ("invoice.paid", "invoice.updated", "payment.matched", "counterparty.updated")


def product(body: dict[str, Any]) -> Product:
    """A nomenclature card; raises ApiError."""
    problems = Problems()
    name = text(body, "name", problems, longest=NAME_CHARS_MAX, required=True)
    article = text(body, "article", problems, longest=900)
    unit = text(body, "unit", problems, longest=50)
    price = kopecks(body, "price", problems, required=False)
    vat = text(body, "ndsRate", problems, longest=40)
    if vat is not None and vat not in VAT_PERCENT:
        problems.add("ndsRate", f"Поле ndsRate должно быть одним из: {', '.join(VAT_PERCENT)}")
    problems.raise_any()
    return Product(name=name or "", article=article, unit=unit, price_kopecks=price, vat=vat)


def webhook(body: dict[str, Any]) -> tuple[str, list[str], str]:
    """(url, events, secret) of a subscription; raises ApiError."""
    problems = Problems()
    url = text(body, "url", problems, longest=2000, required=True)
    if url is not None and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
        problems.add("url", "Поле url должно быть адресом http или https")
    secret = text(body, "secret", problems, longest=300, required=True)
    events = body.get("events")
    if not isinstance(events, list) or not events or not all(event in EVENTS for event in events):
        problems.add("events", f"Поле events должно быть списком из: {', '.join(EVENTS)}")
    problems.raise_any()
    return url or "", list(events or []), secret or ""


def updated_since(query: dict[str, str]) -> str | None:
    """`updatedSince` of a query, brought to the wire form; None without it; raises ApiError."""
    value = query.get("updatedSince")
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value.replace(" ", "+"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        message = "Параметр updatedSince должен быть временем вида 2026-03-12T00:00:00Z"
        raise ApiError(400, "ValidationError", message, "updatedSince")
    return utc_seconds(moment.timestamp())


def page(query: dict[str, str]) -> tuple[int, int]:
    """(offset, limit) of a list; raises ApiError."""
    try:
        offset, limit = int(query.get("offset", 0)), int(query.get("limit", 100))
    except ValueError as error:
        raise ApiError(400, "ValidationError", "Параметры offset и limit должны быть целыми числами") from error
    if offset < 0:
        raise ApiError(400, "ValidationError", "Параметр offset не может быть отрицательным", "offset")
    if not 1 <= limit <= 100:
        raise ApiError(400, "ValidationError", "Параметр limit должен быть от 1 до 100", "limit")
    return offset, limit
