"""Validation of what people and clients write: every problem is named with its member."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sandbox.accounting.records import (
    COUNTERPARTY_TYPES,
    VAT_PERCENT,
    Counterparty,
    Item,
    line_sum,
)

COUNT_MAX = Decimal("99999999999.9999")
PRICE_MAX = Decimal("99999999.99")
NUMBER_CHARS_MAX = 30
NAME_CHARS_MAX = 2000
TEXT_CHARS_MAX = 10_000
ITEMS_MAX = 1000
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_KPP = re.compile(r"\d{4}[0-9A-Z]{2}\d{3}")


class ApiError(Exception):
    """A refusal: HTTP status, code, Russian text and the member it is about; `details` are (member, text) pairs."""

    def __init__(
        self, status: int, code: str, message: str, target: str | None = None, details: Sequence[tuple[str, str]] = ()
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.target, self.details = status, code, message, target, details
        self.headers: dict[str, str] = {"WWW-Authenticate": "Bearer"} if status == 401 else {}


class Problems:
    """Collects (member, text) pairs; `raise_any` refuses with all of them."""

    def __init__(self) -> None:
        self._found: list[tuple[str, str]] = []

    def add(self, target: str, text: str) -> None:
        self._found.append((target, text))

    def raise_any(self) -> None:
        if self._found:
            target, text = self._found[0]
            raise ApiError(400, "ValidationError", text, target, self._found)


def obj(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise ApiError(400, "ValidationError", "Тело запроса должно быть объектом JSON")
    return body


def text(
    body: dict[str, Any], name: str, problems: Problems, *, longest: int, required: bool = False, at: str = ""
) -> str | None:
    """A text member, None when absent or null; blank counts as absent."""
    value = body.get(name)
    if value is None or value == "":
        if required:
            problems.add(at + name, f"Поле {name} обязательно")
        return None
    if not isinstance(value, str):
        problems.add(at + name, f"Поле {name} должно быть строкой")
        return None
    if required and not value.strip():
        problems.add(at + name, f"Поле {name} обязательно")
        return None
    if len(value) > longest:
        problems.add(at + name, f"Поле {name} длиннее {longest} символов")
        return None
    return value


def day(body: dict[str, Any], name: str, problems: Problems, *, required: bool = False) -> str | None:
    """A date YYYY-MM-DD."""
    value = text(body, name, problems, longest=NAME_CHARS_MAX, required=required)
    if value is None:
        return None
    try:
        if len(value) == 10 and date.fromisoformat(value):
            return value
    except ValueError:
        pass
    problems.add(name, f"Поле {name} должно быть датой вида 2026-03-10")
    return None


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    number = Decimal(repr(value))
    return number if number.is_finite() else None


def kopecks(body: dict[str, Any], name: str, problems: Problems, *, at: str = "", required: bool = True) -> int | None:
    """A money member: a JSON number of roubles, not negative, at most two decimals."""
    if name not in body or body[name] is None:
        if required:
            problems.add(at + name, f"Поле {name} обязательно")
        return None
    number = _number(body[name])
    if number is None:
        problems.add(at + name, f"Поле {name} должно быть числом")
    elif number < 0 or number > PRICE_MAX:
        problems.add(at + name, f"Поле {name} должно быть от 0 до {PRICE_MAX}")
    elif number * 100 != (number * 100).to_integral_value():
        problems.add(at + name, f"Поле {name} содержит больше двух знаков после запятой")
    else:
        return int(number * 100)
    return None


def items(body: dict[str, Any], problems: Problems) -> list[Item]:
    """The lines of an invoice or act."""
    value = body.get("items")
    if not isinstance(value, list) or not value:
        problems.add("items", "Документ должен содержать хотя бы одну позицию")
        return []
    if len(value) > ITEMS_MAX:
        problems.add("items", f"В документе больше {ITEMS_MAX} позиций")
        return []
    return [found for place, raw in enumerate(value) if (found := _item(raw, f"items[{place}].", problems))]


def _item(raw: Any, at: str, problems: Problems) -> Item | None:
    if not isinstance(raw, dict):
        problems.add(at.rstrip("."), "Позиция должна быть объектом")
        return None
    name = text(raw, "name", problems, longest=NAME_CHARS_MAX, required=True, at=at)
    unit = text(raw, "unit", problems, longest=1000, required=True, at=at)
    price = kopecks(raw, "price", problems, at=at)
    count = _number(raw.get("count"))
    if count is None:
        problems.add(f"{at}count", "Поле count должно быть числом")
    elif not 0 < count <= COUNT_MAX or count * 10_000 != (count * 10_000).to_integral_value():
        problems.add(f"{at}count", "Поле count должно быть больше нуля и иметь не больше четырёх знаков после запятой")
        count = None
    vat = raw.get("ndsRate")
    if not isinstance(vat, str) or vat not in VAT_PERCENT:
        problems.add(f"{at}ndsRate", f"Поле ndsRate должно быть одним из: {', '.join(VAT_PERCENT)}")
        vat = None
    if name is None or unit is None or price is None or count is None or vat is None:
        return None
    plain = format(count, "f")
    return Item(name=name, count=plain, price_kopecks=price, unit=unit, vat=vat, sum_kopecks=line_sum(plain, price))


def counterparty(body: dict[str, Any]) -> Counterparty:
    """A whole card; raises ApiError."""
    problems = Problems()
    full_name = text(body, "fullName", problems, longest=400, required=True)
    short_name = text(body, "shortName", problems, longest=400)
    inn = text(body, "inn", problems, longest=12)
    kpp = text(body, "kpp", problems, longest=9)
    ogrn = text(body, "ogrn", problems, longest=15)
    address = text(body, "address", problems, longest=2000)
    email = text(body, "email", problems, longest=400)
    phone = text(body, "phone", problems, longest=400)
    kind = text(body, "type", problems, longest=40) or ("entrepreneur" if inn and len(inn) == 12 else "legal")
    if kind not in COUNTERPARTY_TYPES:
        problems.add("type", f"Поле type должно быть одним из: {', '.join(COUNTERPARTY_TYPES)}")
    elif kind != "individual" and inn is None:
        problems.add("inn", "Не указан ИНН")
    if inn is not None and not (inn_valid(inn) and len(inn) == (10 if kind == "legal" else 12)):
        problems.add("inn", "Указан некорректный ИНН")
    if kpp is not None and kind != "legal":
        problems.add("kpp", "У индивидуального предпринимателя и физического лица не может быть КПП")
    elif kpp is not None and not _KPP.fullmatch(kpp):
        problems.add("kpp", "Указан некорректный КПП")
    if ogrn is not None and not ogrn_valid(ogrn):
        problems.add("ogrn", "Указан некорректный ОГРН")
    if email is not None and not _EMAIL.fullmatch(email):
        problems.add("email", "Указан некорректный адрес электронной почты")
    problems.raise_any()
    return Counterparty(
        full_name=full_name or "", short_name=short_name, inn=inn, kpp=kpp, ogrn=ogrn, address=address,
        email=email, phone=phone, type=kind,
    )  # fmt: skip


def inn_valid(inn: str) -> bool:
    """10 or 12 digits with true check digits (Federal Tax Service order on the INN's structure)."""
    if not inn.isascii() or not inn.isdigit() or len(set(inn)) == 1:
        return False
    if len(inn) == 10:
        return inn[9] == _check(inn[:9], (2, 4, 10, 3, 5, 9, 4, 6, 8))
    if len(inn) == 12:
        first = _check(inn[:10], (7, 2, 4, 10, 3, 5, 9, 4, 6, 8))
        return inn[10] == first and inn[11] == _check(inn[:11], (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8))
    return False


def _check(digits: str, weights: tuple[int, ...]) -> str:
    return str(sum(weight * int(digit) for weight, digit in zip(weights, digits, strict=True)) % 11 % 10)


def ogrn_valid(ogrn: str) -> bool:
    """13 digits (mod 11) or 15 digits (mod 13)."""
    if not ogrn.isascii() or not ogrn.isdigit() or len(ogrn) not in (13, 15):
        return False
    return int(ogrn[-1]) == int(ogrn[:-1]) % (11 if len(ogrn) == 13 else 13) % 10
