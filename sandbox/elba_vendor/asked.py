"""What clients of the published API write: limits and rules of its description, every problem with its member."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.accounting.checks import ITEMS_MAX, ApiError, Problems, inn_valid, ogrn_valid, text
from sandbox.accounting.records import VAT_PERCENT, Counterparty, Record
from sandbox.elba_vendor.wire import VAT_WORDS

VAT_OF_WORDS = {word: vat for vat, word in VAT_WORDS.items()}
QUANTITY_MAX = Decimal("99999999999.9999")
PRICE_MAX = Decimal("99999999.9999999")


def contractor(body: dict[str, Any]) -> Counterparty:
    """A whole card; its kind follows from the INN."""
    problems = Problems()
    name = text(body, "name", problems, longest=400, required=True)
    inn = text(body, "inn", problems, longest=12)
    kpp = text(body, "kpp", problems, longest=9)
    ogrn = text(body, "ogrn", problems, longest=15)
    if inn is not None and not inn_valid(inn):
        problems.add("inn", "Указан некорректный ИНН")
    if kpp is not None and inn is not None and len(inn) == 12:
        problems.add("kpp", "У индивидуального предпринимателя не может быть КПП")
    elif kpp is not None and len(kpp) != 9:
        problems.add("kpp", "Указан некорректный КПП")
    if ogrn is not None and not ogrn_valid(ogrn):
        problems.add("ogrn", "Указан некорректный ОГРН")
    okpo = text(body, "okpo", problems, longest=10)
    if okpo is not None and (not okpo.isdecimal() or len(okpo) not in (8, 10)):
        problems.add("okpo", "Указан некорректный ОКПО")
    text(body, "postAddress", problems, longest=2000)
    phone, email = _contact(body, problems)
    kinds = {10: "legal", 12: "entrepreneur"}
    card = Counterparty(
        full_name=name or "", short_name=text(body, "shortName", problems, longest=400), inn=inn, kpp=kpp, ogrn=ogrn,
        address=text(body, "address", problems, longest=2000), email=email, phone=phone,
        type=kinds.get(len(inn or ""), "individual"),
    )  # fmt: skip
    problems.raise_any()
    return card


def _contact(body: dict[str, Any], problems: Problems) -> tuple[str | None, str | None]:
    """(phone, e-mail) of the first contact."""
    contacts = body.get("contacts") or []
    for place, one in enumerate(contacts):
        emails = one.get("emails") if isinstance(one, dict) else None
        if not isinstance(emails, list):
            problems.add(f"contacts[{place}].emails", "Поле emails обязательно")
        elif not (emails or one.get("phone") or one.get("name")):
            problems.add(f"contacts[{place}]", "Укажите имя, телефон или почту")
        elif not all(isinstance(email, str) and "@" in email for email in emails):
            problems.add(f"contacts[{place}].emails", "Указан некорректный адрес электронной почты")
        elif place == 0:
            return one.get("phone"), next(iter(emails), None)
    return None, None


def search(body: dict[str, Any], names: Sequence[str] = ("inn", "kpp", "name")) -> tuple[dict[str, str], int, int]:
    """(filter, offset, limit) of a search by any of the names."""
    wanted = body.get("filter")
    given = {key: wanted[key] for key in names if wanted.get(key) is not None} if isinstance(wanted, dict) else {}
    if not given or not all(isinstance(one, str) for one in given.values()):
        raise ApiError(400, "ValidationError", f"Нужен хотя бы один из фильтров {', '.join(names)}", "filter")
    offset, limit = body.get("offset", 0), body.get("limit", 50)
    if not isinstance(offset, int) or not isinstance(limit, int) or offset < 0 or not 1 <= limit <= 100:
        raise ApiError(400, "ValidationError", "Недопустимые offset и limit", "limit")
    return given, offset, limit


def lines(body: dict[str, Any], problems: Problems) -> list[Any]:
    """The lines of a bill or an act, by the rules of VAT and discounts. Without a word of it there is no VAT."""
    with_vat = body.get("withNDS")
    if with_vat not in (None, True, False):
        problems.add("withNDS", "Поле withNDS должно быть true или false")
    if body.get("sumsWithNDS") and not with_vat:
        problems.add("sumsWithNDS", "В документе без НДС цена за единицу товара не может включать в себя НДС")
    value = body.get("warehouseItems")
    if not isinstance(value, list) or not 0 < len(value) <= ITEMS_MAX:
        problems.add("warehouseItems", f"Нужно от 1 до {ITEMS_MAX} позиций")
        return []
    found = [_line(raw, f"warehouseItems[{at}].", body, problems) for at, raw in enumerate(value)]
    return [one for one in found if one is not None]


def upd(body: dict[str, Any], problems: Problems) -> dict[str, Any]:
    """What a universal transfer document has beside a bill: its status, which says whether it has VAT, and the kind of
    each line. Its request as one of a bill; `withNDS` and `comment` are no members of it."""
    status = body.get("status")
    if status not in ("status1", "status2"):
        problems.add("status", "Поле status должно быть status1 или status2")
    for at, raw in enumerate(body.get("warehouseItems") or []):
        if not isinstance(raw, dict) or raw.get("productType") not in ("product", "service"):
            problems.add(f"warehouseItems[{at}].productType", "Поле productType должно быть product или service")
    return {**body, "withNDS": status == "status1", "comment": None}


def _line(raw: Any, at: str, document: dict[str, Any], problems: Problems) -> Record | None:
    """A line with its whole sum: VAT comes on top where sums are without it, a discount (percent) is taken off."""
    if not isinstance(raw, dict):
        problems.add(at.rstrip("."), "Позиция должна быть объектом")
        return None
    name = text(raw, "productName", problems, longest=2000, required=True, at=at)
    unit = text(raw, "unitName", problems, longest=1000, required=True, at=at)
    count = _number(raw, "quantity", at, problems, most=QUANTITY_MAX, places=4)
    price = _number(raw, "price", at, problems, most=PRICE_MAX, places=7)
    word, with_vat = raw.get("ndsRate"), document.get("withNDS") is True
    discount: Decimal | None = Decimal(0)
    if raw.get("discount") is not None:
        discount = _number(raw, "discount", at, problems, most=Decimal(100), places=7)
        if document.get("withDiscount") is not True:
            problems.add(f"{at}discount", "Скидка не указана в документе")
    if not with_vat and word is not None:
        problems.add(f"{at}ndsRate", "В документе без НДС ставка не указывается")
    if with_vat and word not in VAT_OF_WORDS:
        problems.add(f"{at}ndsRate", f"Поле ndsRate должно быть одним из: {', '.join(VAT_OF_WORDS)}")
    if name is None or unit is None or count is None or price is None or discount is None:
        return None
    vat = VAT_OF_WORDS.get(str(word), "NoNds")
    kopecks = int((count * price * (100 - discount)).quantize(Decimal(1), ROUND_HALF_UP))
    if with_vat and not document.get("sumsWithNDS"):
        kopecks += (2 * kopecks * (VAT_PERCENT[vat] or 0) + 100) // 200
    return {
        "name": name,
        "count": format(count, "f"),
        "price_kopecks": int((price * 100).quantize(Decimal(1), ROUND_HALF_UP)),
        "unit": unit,
        "vat": vat,
        "sum_kopecks": kopecks,
        "discount": raw.get("discount"),
    }


def _number(
    raw: dict[str, Any], name: str, at: str, problems: Problems, *, most: Decimal, places: int
) -> Decimal | None:
    value = raw.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        problems.add(at + name, f"Поле {name} должно быть числом")
        return None
    number = Decimal(repr(value))
    if not 0 <= number <= most or number != round(number, places):
        problems.add(at + name, f"Поле {name} от 0 до {most}, знаков после запятой не больше {places}")
        return None
    return number


def offset_and_limit(query: dict[str, str], most: int) -> tuple[int, int]:
    """Those of a list; the offset must be there."""
    try:
        offset, limit = int(query["offset"]), int(query.get("limit", "100"))
    except (KeyError, ValueError) as error:
        raise ApiError(400, "ValidationError", "Нужны целые offset и limit", "offset") from error
    if offset < 0 or not 1 <= limit <= most:
        raise ApiError(400, "ValidationError", f"Параметр limit должен быть от 1 до {most}", "limit")
    return offset, limit
