"""What clients of Kontur.Accounting write: every problem is named with its member, and lines must add up."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import urlsplit

from sandbox.accounting.checks import ITEMS_MAX, NAME_CHARS_MAX, ApiError, Problems, inn_valid, ogrn_valid, text
from sandbox.accounting.records import COUNTERPARTY_TYPES, VAT_PERCENT, Counterparty, Record, utc_seconds
from sandbox.kontur.wire import VAT_WORDS

EVENTS = ("invoice.updated", "invoice.paid", "invoice.overdue", "payment.matched", "payment.reversed",
          "counterparty.created", "counterparty.updated", "document.signature_changed")  # fmt: skip
VAT_OF_WORDS = {word: vat for vat, word in VAT_WORDS.items()}
LIMIT_MAX = 200
LIMIT_DEFAULT = 50
_KOPECK = Decimal("0.01")


def raise_any(problems: Problems) -> None:
    """As `Problems.raise_any`, by the contract's codes: a wrong INN has one of its own."""
    try:
        problems.raise_any()
    except ApiError as error:
        of_inn = any(target == "inn" for target, _ in error.details)
        error.code = "InvalidInn" if of_inn and len(error.details) == 1 else "ValidationFailed"
        raise


def counterparty(body: dict[str, Any]) -> tuple[Counterparty, str | None]:
    """(card, external id)."""
    problems = Problems()
    name = text(body, "name", problems, longest=400, required=True)
    full_name = text(body, "fullName", problems, longest=400) or name
    kind = text(body, "type", problems, longest=40, required=True) or "legal"
    inn = text(body, "inn", problems, longest=12)
    kpp = text(body, "kpp", problems, longest=9)
    ogrn = text(body, "ogrn", problems, longest=15)
    if kind not in COUNTERPARTY_TYPES:
        problems.add("type", f"Поле type должно быть одним из: {', '.join(COUNTERPARTY_TYPES)}")
    elif kind != "individual" and inn is None:
        problems.add("inn", "Не указан ИНН")
    if inn is not None and not (inn_valid(inn) and len(inn) == (10 if kind == "legal" else 12)):
        problems.add("inn", "Указан некорректный ИНН")
    if kind == "legal" and kpp is None:
        problems.add("kpp", "Не указан КПП")
    if kind != "legal" and kpp is not None:
        problems.add("kpp", "КПП бывает только у юридических лиц")
    if ogrn is not None and not ogrn_valid(ogrn):
        problems.add("ogrn", "Указан некорректный ОГРН")
    contacts = body.get("contacts") or []
    if not isinstance(contacts, list) or not all(isinstance(one, dict) for one in contacts):
        problems.add("contacts", "Поле contacts должно быть списком")
        contacts = []
    raise_any(problems)
    first = contacts[0] if contacts else {}
    card = Counterparty(
        full_name=full_name or "", short_name=name, inn=inn, kpp=kpp, ogrn=ogrn,
        address=text(body, "legalAddress", problems, longest=2000), email=first.get("email"),
        phone=first.get("phone"), type=kind,
    )  # fmt: skip
    return card, text(body, "externalId", problems, longest=200)


def lines(body: dict[str, Any], problems: Problems) -> list[Record]:
    """The lines of an invoice or an act; each one's sum and VAT must be those of its price, quantity and rate."""
    value = body.get("items")
    if not isinstance(value, list) or not value:
        problems.add("items", "Документ должен содержать хотя бы одну позицию")
        return []
    if len(value) > ITEMS_MAX:
        problems.add("items", f"В документе больше {ITEMS_MAX} позиций")
        return []
    return [found for place, raw in enumerate(value) if (found := _line(raw, f"items[{place}].", problems))]


def _line(raw: Any, at: str, problems: Problems) -> Record | None:
    if not isinstance(raw, dict):
        problems.add(at.rstrip("."), "Позиция должна быть объектом")
        return None
    name = text(raw, "name", problems, longest=NAME_CHARS_MAX, required=True, at=at)
    unit = raw.get("unit") if isinstance(raw.get("unit"), dict) else {}
    count = _number(raw, "quantity", at, problems, places=4)
    price = _number(raw, "price", at, problems, places=4)
    total, vat_sum = _number(raw, "sum", at, problems, places=2), _number(raw, "vatSum", at, problems, places=2)
    vat = VAT_OF_WORDS.get(str(raw.get("vatRate")))
    if vat is None:
        problems.add(f"{at}vatRate", f"Поле vatRate должно быть одним из: {', '.join(VAT_OF_WORDS)}")
    if None in (name, unit, count, price, total, vat_sum, vat):
        return None
    assert count is not None
    assert price is not None
    assert total is not None
    assert vat_sum is not None
    assert vat is not None
    assert unit is not None
    discount = Decimal(repr(raw["discountPercent"])) if raw.get("discountPercent") is not None else Decimal(0)
    expected = (count * price * (1 - discount / 100)).quantize(_KOPECK, ROUND_HALF_UP)
    if count <= 0:
        problems.add(f"{at}quantity", "Количество должно быть больше нуля")
    if total != expected:
        problems.add(f"{at}sum", f"Сумма позиции {total} не равна {expected}")
    percent = VAT_PERCENT[vat] or 0
    inside = (expected * percent / (100 + percent)).quantize(_KOPECK, ROUND_HALF_UP)
    if abs(vat_sum - inside) > _KOPECK:
        problems.add(f"{at}vatSum", f"Сумма НДС {vat_sum} отличается от {inside} больше чем на копейку")
    return {
        "name": name,
        "count": format(count, "f"),
        "price_kopecks": int((price * 100).quantize(Decimal(1), ROUND_HALF_UP)),
        "unit": str(unit.get("name") or "шт"),
        "vat": vat,
        "sum_kopecks": int(total * 100),
        "okei": unit.get("okei"),
        "vat_kopecks": int(vat_sum * 100),
        "product_id": text(raw, "productId", problems, longest=40, at=at),
    }


def _number(raw: dict[str, Any], name: str, at: str, problems: Problems, *, places: int) -> Decimal | None:
    value = raw.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        problems.add(at + name, f"Поле {name} должно быть числом")
        return None
    number = Decimal(repr(value))
    if not number.is_finite() or number < 0 or number != round(number, places):
        problems.add(at + name, f"Поле {name} должно быть не меньше нуля, знаков после запятой не больше {places}")
        return None
    return number


def product(body: dict[str, Any]) -> Record:
    """A card of the nomenclature."""
    problems = Problems()
    unit = body.get("unit") if isinstance(body.get("unit"), dict) else {}
    word = text(body, "vatRate", problems, longest=40)
    price = _number(body, "price", "", problems, places=4) if body.get("price") is not None else None
    card = {
        "name": text(body, "name", problems, longest=NAME_CHARS_MAX, required=True),
        "type": text(body, "type", problems, longest=40) or "goods",
        "article": text(body, "article", problems, longest=900),
        "unit": (unit or {}).get("name"),
        "okei": (unit or {}).get("okei"),
        "price_kopecks": None if price is None else int(price * 100),
        "vat": VAT_OF_WORDS.get(word) if word is not None else None,
        "external_id": text(body, "externalId", problems, longest=200),
    }
    if card["type"] not in ("goods", "service", "work"):
        problems.add("type", "Поле type должно быть одним из: goods, service, work")
    if word is not None and card["vat"] is None:
        problems.add("vatRate", f"Поле vatRate должно быть одним из: {', '.join(VAT_OF_WORDS)}")
    raise_any(problems)
    return card


def webhook(body: dict[str, Any]) -> tuple[str, list[str], str]:
    """(url, events, secret) of a subscription; `*` stands for every event."""
    problems = Problems()
    url = text(body, "url", problems, longest=2000, required=True)
    if url is not None and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
        problems.add("url", "Поле url должно быть адресом http или https")
    secret = text(body, "secret", problems, longest=300, required=True)
    events = body.get("events")
    if not isinstance(events, list) or not events or not all(event in (*EVENTS, "*") for event in events):
        problems.add("events", f"Поле events должно быть списком из: *, {', '.join(EVENTS)}")
    raise_any(problems)
    return url or "", list(events or []), secret or ""


def since(query: dict[str, str]) -> str | None:
    """`updatedSince` of a query as books keep moments; None without it."""
    value = query.get("updatedSince")
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value.replace(" ", "+"))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        message = "Параметр updatedSince должен быть временем вида 2026-03-12T00:00:00.000Z"
        raise ApiError(400, "ValidationFailed", message, "updatedSince")
    return utc_seconds(at.timestamp())


def limit(query: dict[str, str]) -> int:
    """How many rows a page has."""
    value = query.get("limit", str(LIMIT_DEFAULT))
    if not value.isascii() or not value.isdecimal() or not 1 <= int(value) <= LIMIT_MAX:
        raise ApiError(400, "ValidationFailed", f"Параметр limit должен быть от 1 до {LIMIT_MAX}", "limit")
    return int(value)


def place(query: dict[str, str]) -> tuple[str, int] | None:
    """The (change, order) after which a page begins: what stands in the opaque cursor; None without one."""
    value = query.get("cursor")
    if value is None:
        return None
    try:
        changed, _, order = base64.urlsafe_b64decode(value.encode()).decode().partition("|")
        return changed, int(order)
    except (ValueError, binascii.Error) as error:
        raise ApiError(400, "ValidationFailed", "Параметр cursor неизвестен", "cursor") from error


def cursor(record: Record) -> str:
    """The cursor of the page after a record."""
    return base64.urlsafe_b64encode(f"{record['updated_at']}|{record['order']}".encode()).decode()
