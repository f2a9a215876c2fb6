"""Product rows: the arithmetic of their four prices, and the amount of the object they belong to."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.bitrix24.envelope import RestError
from sandbox.bitrix24.families import Family
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import BadValueError, decimal, is_empty, plain, round2

ZERO = Decimal(0)
HUNDRED = Decimal(100)
MONETARY, PERCENT = 1, 2
PRICES = ("PRICE", "PRICE_EXCLUSIVE", "PRICE_NETTO", "PRICE_BRUTTO")


def of_owner(portal: Portal, short: str, owner_id: int) -> list[Record]:
    """Rows of one object in their order on the card."""
    rows = [row for row in portal.table("productrow").find("OWNER_ID", owner_id) if row["OWNER_TYPE"] == short]
    return sorted(rows, key=lambda row: (row.get("SORT", 0), row["ID"]))


def _amount(values: dict[str, Any], name: str) -> Decimal | None:
    value = values.get(name)
    if is_empty(value):
        return None
    try:
        return decimal(value)
    except BadValueError as error:
        raise RestError(400, "ERROR_CORE", f"{name}: {error}") from error


def normalised(portal: Portal, values: dict[str, Any], before: Record | None, *, strict: bool) -> Record:
    """A row as it is stored, all four prices computed.

    BRUTTO = NETTO (1+t), EXCLUSIVE = NETTO - DISCOUNT_SUM, PRICE = EXCLUSIVE (1+t), each to two decimals. PRICE leads
    when it is given, then PRICE_EXCLUSIVE; a discount is per unit on the price without tax. `strict` refuses a
    discount type without its number, as the classic `productrows.set` does.
    """
    row: Record = dict(before or {})
    product = _product(portal, values)
    _texts(row, values, product)
    quantity = _amount(values, "QUANTITY")
    if quantity is not None or "QUANTITY" not in row:
        row["QUANTITY"] = plain(quantity if quantity is not None else Decimal(1))
    if "TAX_RATE" in values:
        rate = _amount(values, "TAX_RATE")
        row["TAX_RATE"] = None if rate is None else plain(rate)
    elif before is None and product is not None and product.get("VAT_RATE") is not None:
        row["TAX_RATE"] = product["VAT_RATE"]
    if "TAX_INCLUDED" in values:
        row["TAX_INCLUDED"] = "Y" if values["TAX_INCLUDED"] == "Y" else "N"
    row.setdefault("TAX_INCLUDED", "N")
    _discount(row, values, strict=strict)
    _prices(row, values, product)
    return {name: value for name, value in row.items() if value is not None}


def _product(portal: Portal, values: dict[str, Any]) -> Record | None:
    try:
        number = int(values.get("PRODUCT_ID") or 0)
    except (TypeError, ValueError):
        return None
    return portal.get("product", number)


def _texts(row: Record, values: dict[str, Any], product: Record | None) -> None:
    if "PRODUCT_ID" in values:
        given = str(values["PRODUCT_ID"] or 0)
        row["PRODUCT_ID"] = int(given) if given.isdigit() and len(given) <= 18 else 0
    row.setdefault("PRODUCT_ID", 0)
    name = values.get("PRODUCT_NAME")
    if not is_empty(name):
        row["PRODUCT_NAME"] = str(name)
    elif product is not None and "PRODUCT_NAME" not in row:
        row["PRODUCT_NAME"] = product["NAME"]
    row.setdefault("PRODUCT_NAME", "")
    if product is not None:
        row["ORIGINAL_PRODUCT_NAME"] = product["NAME"]
    row.setdefault("ORIGINAL_PRODUCT_NAME", row["PRODUCT_NAME"])
    for name, default in (("MEASURE_CODE", 796), ("MEASURE_NAME", "шт"), ("TYPE", 1), ("STORE_ID", 0), ("SORT", 0)):
        value: Any = values.get(name)
        if is_empty(value):
            fallback = default if name == "SORT" else (product or {}).get(name, default)
            value = row.get(name, fallback)
        row[name] = str(value) if name == "MEASURE_NAME" else int(value)
    for name in ("XML_ID", "PRODUCT_DESCRIPTION", "CUSTOMIZED"):
        if not is_empty(values.get(name)):
            row[name] = str(values[name])
    row.setdefault("CUSTOMIZED", "Y")


def _discount(row: Record, values: dict[str, Any], *, strict: bool) -> None:
    kind = _amount(values, "DISCOUNT_TYPE_ID")
    if kind is not None and int(kind) in (MONETARY, PERCENT):
        row["DISCOUNT_TYPE_ID"] = int(kind)
        if strict and int(kind) == MONETARY and is_empty(values.get("DISCOUNT_SUM")):
            raise RestError(
                400, "ERROR_CORE",
                "Discount Sum (DISCOUNT_SUM) is required if Monetary Discount Type (DISCOUNT_TYPE_ID) is defined.",
            )  # fmt: skip
        if strict and int(kind) == PERCENT and is_empty(values.get("DISCOUNT_RATE")):
            raise RestError(
                400, "ERROR_CORE",
                "Discount Rate (DISCOUNT_RATE) is required if Percentage Discount Type (DISCOUNT_TYPE_ID) is defined.",
            )  # fmt: skip
    row.setdefault("DISCOUNT_TYPE_ID", PERCENT)
    for name in ("DISCOUNT_RATE", "DISCOUNT_SUM"):
        value = _amount(values, name)
        if value is not None:
            row[name] = plain(value)
        row.setdefault(name, "0")
    if _amount(values, "DISCOUNT_RATE") is not None and _amount(values, "DISCOUNT_SUM") is None:
        row["DISCOUNT_SUM"] = "0"
    if _amount(values, "DISCOUNT_SUM") is not None and _amount(values, "DISCOUNT_RATE") is None:
        row["DISCOUNT_RATE"] = "0"


def _prices(row: Record, values: dict[str, Any], product: Record | None) -> None:
    factor = 1 + (Decimal(row["TAX_RATE"]) / HUNDRED if row.get("TAX_RATE") is not None else ZERO)
    exclusive = _exclusive(row, values, product, factor)
    rate, discount = Decimal(row["DISCOUNT_RATE"]), Decimal(row["DISCOUNT_SUM"])
    if row["DISCOUNT_TYPE_ID"] == PERCENT and rate:
        netto = exclusive / (1 - rate / HUNDRED) if rate < HUNDRED else exclusive
    else:
        netto = exclusive + discount
    netto = round2(netto)
    exclusive_text = round2(exclusive)
    discount = netto - exclusive_text
    if not (row["DISCOUNT_TYPE_ID"] == PERCENT and rate):
        rate = round2(discount / netto * HUNDRED) if netto else ZERO
    price = _amount(values, "PRICE")
    row["PRICE"] = str(round2(price if price is not None else exclusive * factor))
    row["PRICE_EXCLUSIVE"] = str(exclusive_text)
    row["PRICE_NETTO"] = str(netto)
    row["PRICE_BRUTTO"] = str(round2(netto * factor))
    row["DISCOUNT_SUM"] = str(discount)
    row["DISCOUNT_RATE"] = plain(rate)


def _exclusive(row: Record, values: dict[str, Any], product: Record | None, factor: Decimal) -> Decimal:
    price = _amount(values, "PRICE")
    exclusive = _amount(values, "PRICE_EXCLUSIVE")
    if exclusive is not None:
        return exclusive
    if price is not None:
        return price / factor
    netto, brutto = _amount(values, "PRICE_NETTO"), _amount(values, "PRICE_BRUTTO")
    if netto is None and brutto is not None:
        netto = brutto / factor
    if netto is not None:
        if row["DISCOUNT_TYPE_ID"] == PERCENT:
            return netto * (1 - Decimal(row["DISCOUNT_RATE"]) / HUNDRED)
        return netto - Decimal(row["DISCOUNT_SUM"])
    if "PRICE" in row:
        return Decimal(row["PRICE"]) / factor
    if product is not None and product.get("PRICE") is not None:
        return Decimal(product["PRICE"]) / factor
    return ZERO


def totals(rows: list[Record]) -> tuple[Decimal, Decimal]:
    """The amount (tax within) and the tax of all rows, each line to two decimals."""
    amount = tax = ZERO
    for row in rows:
        quantity = Decimal(row["QUANTITY"])
        line = round2(Decimal(row["PRICE"]) * quantity)
        amount += line
        tax += line - round2(Decimal(row["PRICE_EXCLUSIVE"]) * quantity)
    return amount, tax


def replace_all(
    portal: Portal, family: Family, owner_id: int, items: list[dict[str, Any]], *, strict: bool
) -> list[int]:
    """Replaces the whole set; rows that bring the id of an existing one keep it."""
    existing = {row["ID"]: row for row in of_owner(portal, family.short, owner_id)}
    made: list[tuple[int | None, Record]] = []
    for place, item in enumerate(items, 1):
        known = existing.get(int(item["ID"])) if str(item.get("ID", "")).isdigit() else None
        row = normalised(portal, item, known, strict=strict)
        row |= {"OWNER_ID": owner_id, "OWNER_TYPE": family.short}
        if not row["SORT"]:
            row["SORT"] = place * 10
        made.append((known["ID"] if known else None, row))
    kept = {number for number, _ in made if number is not None}
    for number in existing:
        if number not in kept:
            portal.drop("productrow", number)
    numbers: list[int] = []
    for known_id, row in made:
        if known_id is None:
            numbers.append(portal.put("productrow", row))
        else:
            before = existing[known_id]
            changed: Record = {name: value for name, value in row.items() if before.get(name) != value}
            changed |= {name: None for name in before if name not in row}
            changed.pop("ID", None)
            portal.patch("productrow", known_id, changed)
            numbers.append(known_id)
    return numbers
