"""What clients of MoeDelo write: every problem is named with its member."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.accounting.checks import ITEMS_MAX, NAME_CHARS_MAX, Problems, inn_valid, ogrn_valid, text
from sandbox.accounting.records import VAT_PERCENT, Counterparty, vat_inside
from sandbox.moedelo.wire import CALCULATED, KINDS, NDS_WORDS

GOODS, SERVICE = 1, 2
WITHOUT_NDS, ON_TOP, INCLUDED = 1, 2, 3
BILL_RATES = NDS_WORDS | CALCULATED
_DIGITS = re.compile(r"-?\d{1,18}")


def whole(body: dict[str, Any], name: str, problems: Problems, *, at: str = "") -> int | None:
    """A whole number, also as text; None when absent or null."""
    value = body.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    problems.add(at + name, "Значение должно быть целым числом")
    return None


def day(body: dict[str, Any], name: str, problems: Problems, *, required: bool = False) -> str | None:
    """A date, or a moment whose date part counts."""
    value = body.get(name)
    if value is None or value == "":
        if required:
            problems.add(name, "Поле обязательно")
        return None
    try:
        return datetime.fromisoformat(str(value)).strftime("%Y-%m-%d")
    except ValueError:
        problems.add(name, "Значение должно быть датой вида 2026-03-10")
        return None


def kontragent(body: dict[str, Any], problems: Problems) -> Counterparty:
    """A whole card."""
    name = text(body, "Name", problems, longest=NAME_CHARS_MAX)
    if name is None or not name.strip():
        problems.add("Name", "Поле обязательно")
    if whole(body, "Type", problems) not in (1, 2, 3, 4):
        problems.add("Type", "Поле обязательно")
    inn = text(body, "Inn", problems, longest=12)
    kpp = text(body, "Kpp", problems, longest=9)
    form = whole(body, "Form", problems)
    if form is None:
        form = 3 if inn is None else 1 if len(inn) == 10 else 2
    kind = KINDS.get(form, "")
    if not kind:
        problems.add("Form", "Значение должно быть 1, 2 или 3")
    if inn is not None and not (inn_valid(inn) and len(inn) == (10 if kind == "legal" else 12)):
        problems.add("Inn", "Указан некорректный ИНН")
    if inn is None and kind in ("legal", "entrepreneur"):
        problems.add("Inn", "Не указан ИНН")
    if kind == "legal" and kpp is None:
        problems.add("Kpp", "Не указан КПП")
    ogrn = text(body, "Ogrn", problems, longest=15)
    if ogrn is not None and not ogrn_valid(ogrn):
        problems.add("Ogrn", "Указан некорректный ОГРН")
    return Counterparty(
        full_name=name or "",
        short_name=text(body, "ShortName", problems, longest=NAME_CHARS_MAX),
        inn=inn,
        kpp=kpp if kind == "legal" else None,
        ogrn=ogrn,
        address=text(body, "LegalAddress", problems, longest=2000),
        email=None,
        phone=None,
        type=kind or "legal",
    )


def total(body: dict[str, Any], lines: list[dict[str, Any]], problems: Problems) -> None:
    """The sum of a document, where it is given, is that of its lines."""
    if body.get("Sum") is None:
        return
    given = decimal(body["Sum"], "Sum", problems, places=2)
    if given is not None and int(given * 100) != sum(line["sum_kopecks"] for line in lines):
        problems.add("Sum", "Сумма не равна сумме позиций")


def items(body: dict[str, Any], problems: Problems, rates: Mapping[int, str] = BILL_RATES) -> list[dict[str, Any]]:
    """The lines of a document; sums must be those of price, quantity and rate, whose words are ``rates``."""
    value = body.get("Items")
    position = whole(body, "NdsPositionType", problems)
    if position not in (WITHOUT_NDS, ON_TOP, INCLUDED):
        problems.add("NdsPositionType", "Значение должно быть 1, 2 или 3")
        position = INCLUDED
    if not isinstance(value, list) or not value:
        problems.add("Items", "Документ должен содержать хотя бы одну позицию")
        return []
    if len(value) > ITEMS_MAX:
        problems.add("Items", f"В документе больше {ITEMS_MAX} позиций")
        return []
    lines = (_item(raw, position, f"Items[{place}].", problems, rates) for place, raw in enumerate(value))
    return [line for line in lines if line is not None]


def _item(raw: Any, position: int, at: str, problems: Problems, rates: Mapping[int, str]) -> dict[str, Any] | None:
    if not isinstance(raw, dict):
        problems.add(at.rstrip("."), "Позиция должна быть объектом")
        return None
    name = text(raw, "Name", problems, longest=NAME_CHARS_MAX, at=at)
    if name is None or not name.strip():
        problems.add(f"{at}Name", "Поле обязательно")
    unit = text(raw, "Unit", problems, longest=50, at=at) or "шт"
    kind = whole(raw, "Type", problems, at=at)
    if kind not in (1, 2):
        problems.add(f"{at}Type", "Значение должно быть 1 или 2")
    count = decimal(raw.get("Count"), f"{at}Count", problems, places=4)
    price = decimal(raw.get("Price"), f"{at}Price", problems, places=2)
    number = whole(raw, "NdsType", problems, at=at)
    word = None if number is None else rates.get(number)
    if word is None or (position == WITHOUT_NDS and word != "NoNds"):
        problems.add(f"{at}NdsType", "Недопустимая ставка НДС")
    product = whole(raw, "StockProductId", problems, at=at) or 0
    if kind == SERVICE and product:
        problems.add(f"{at}StockProductId", "У услуги не может быть товара на складе")
    if not name or count is None or price is None or word is None:
        return None
    if count <= 0:
        problems.add(f"{at}Count", "Количество должно быть больше нуля")
        return None
    discount = (
        Decimal(0)
        if raw.get("DiscountRate") is None
        else decimal(raw["DiscountRate"], f"{at}DiscountRate", problems, places=2)
    )
    if discount is None or discount > 100:
        problems.add(f"{at}DiscountRate", "Скидка должна быть от 0 до 100 процентов")
        return None
    amount = int((count * price * (100 - discount)).quantize(Decimal(1), ROUND_HALF_UP))
    if position == ON_TOP:
        percent = VAT_PERCENT[word] or 0
        nds = (2 * amount * percent + 100) // 200
        amount += nds
    else:
        nds = vat_inside(amount, word)
    _agrees(raw, "SumWithNds", amount, at, problems)
    given = _agrees(raw, "NdsSum", nds, at, problems, spare_kopecks=1)
    _agrees(raw, "SumWithoutNds", amount - given, at, problems)
    return {
        "name": name,
        "count": format(count, "f"),
        "price_kopecks": int(price * 100),
        "unit": unit,
        "vat": word,
        "sum_kopecks": amount,
        "kind": kind,
        "nds_kopecks": given,
        "product_id": product,
        "discount": float(discount),
    }


def _agrees(raw: dict[str, Any], name: str, ours: int, at: str, problems: Problems, *, spare_kopecks: int = 0) -> int:
    """The sum that is given, where it is; ours without one, or where it is another."""
    if raw.get(name) is None:
        return ours
    found = decimal(raw[name], f"{at}{name}", problems, places=2)
    if found is not None and abs(int(found * 100) - ours) > spare_kopecks:
        problems.add(f"{at}{name}", "Сумма не равна цене, умноженной на количество")
        return ours
    return ours if found is None else int(found * 100)


def decimal(value: Any, target: str, problems: Problems, *, places: int) -> Decimal | None:
    """A number from 0 of at most so many decimals; a problem without one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        problems.add(target, "Поле обязательно и должно быть числом")
        return None
    number = Decimal(repr(value))
    if not number.is_finite() or number < 0 or number != round(number, places):
        problems.add(target, f"Значение должно быть не меньше нуля, не больше {places} знаков после запятой")
        return None
    return number
