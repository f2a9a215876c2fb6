"""Orders of a simulated shop as its module sends them; money is text with two decimals, computed from the rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from sandbox.core.wire import BadRequestError

INVOICE, CARD = 48, 7
PAY_SYSTEMS = {INVOICE: "Счёт для юридических лиц", CARD: "Банковская карта"}
ORDER_KEYS = {
    "account_number", "status", "currency", "kind", "payer", "items", "deliveries", "pay_system", "total", "created_at",
}  # fmt: skip
_KOPECK = Decimal("0.01")


@dataclass(slots=True)
class Shop:
    """One shop: where its module posts, what it signs with, how wrong its clock is, and its orders by id."""

    id: str
    title: str
    url: str
    secret: str
    key_id: str = "1"
    skew_seconds: int = 0
    rest_texts: bool = False
    """Whether `sale.*` prints numbers as texts with four decimals, as older cores do."""
    next_order: int = 236
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def made(shop: Shop, body: dict[str, Any], now: str) -> dict[str, Any]:
    """A new order, whole; raises BadRequestError."""
    order = {
        "id": shop.next_order, "account_number": str(shop.next_order), "version": 0, "status": "N", "canceled": False,
        "currency": "RUB", "created_at": now, "updated_at": now, "person_type": {"id": 1, "kind": "individual"},
        "total": "0.00", "payer": {}, "items": [], "deliveries": [], "payments": [],
    }  # fmt: skip
    return edited(order, {"pay_system": INVOICE, **body}, now)


def edited(order: dict[str, Any], body: dict[str, Any], now: str, **more: Any) -> dict[str, Any]:
    """The next version of an order. The total follows the rows unless it is given; raises BadRequestError."""
    if unknown := sorted(set(body) - ORDER_KEYS):
        raise BadRequestError(f"unknown keys {unknown}; known are {sorted(ORDER_KEYS)}")
    found = {**order, "version": order["version"] + 1, "updated_at": now, **more}
    for name in ("account_number", "status", "currency", "created_at"):
        if name in body:
            found[name] = str(body[name])
    if "kind" in body:
        if body["kind"] not in ("legal", "individual"):
            raise BadRequestError("`kind` is legal or individual")
        found["person_type"] = {"id": 3 if body["kind"] == "legal" else 1, "kind": body["kind"]}
    if "payer" in body:
        found["payer"] = {str(name): value for name, value in body["payer"].items()}
    if "items" in body:
        found["items"] = [_item(place, row) for place, row in enumerate(body["items"], start=order["id"] * 100)]
    if "deliveries" in body:
        found["deliveries"] = [_delivery(place, row) for place, row in enumerate(body["deliveries"], start=1)]
    found["total"] = str(body["total"]) if "total" in body else _total(found)
    if "pay_system" in body:
        system = int(body["pay_system"])
        found["payments"] = [
            {"id": order["id"], "pay_system_id": system, "name": PAY_SYSTEMS.get(system, ""), "is_return": False}
        ]
    for payment in found["payments"]:
        payment["sum"] = found["total"]
    return found


def _item(item_id: int, row: dict[str, Any]) -> dict[str, Any]:
    whole = {
        "id": item_id, "product_xml_id": f"p{item_id}", "name": "Товар", "quantity": "1", "okei": "796", "unit": "шт",
        "price": "0.00", "vat_rate": None, "vat_included": True, "kind": "goods", "set_parent": None, **row,
    }  # fmt: skip
    return {**whole, "price": _money(whole["price"]), "quantity": str(whole["quantity"])}


def _delivery(delivery_id: int, row: dict[str, Any]) -> dict[str, Any]:
    whole = {"id": delivery_id, "name": "Курьер", "price": "0.00", "vat_included": True, "canceled": False, **row}
    return {**whole, "price": _money(whole["price"])}


def _total(order: dict[str, Any]) -> str:
    """As the shop adds up: each row rounded, then its VAT where it is on top."""
    rows = [(row, Decimal(row["quantity"])) for row in order["items"] if row["set_parent"] is None]
    rows += [(row, Decimal(1)) for row in order["deliveries"] if not row["canceled"]]
    return f"{sum((_final(row, quantity) for row, quantity in rows), Decimal(0)):.2f}"


def _final(row: dict[str, Any], quantity: Decimal) -> Decimal:
    base: Decimal = (Decimal(row["price"]) * quantity).quantize(_KOPECK, ROUND_HALF_UP)
    if row["vat_included"] or not row.get("vat_rate"):
        return base
    tax: Decimal = (base * row["vat_rate"] / 100).quantize(_KOPECK, ROUND_HALF_UP)
    return base + tax


def vat_amount(row: dict[str, Any]) -> Decimal:
    """The VAT of a row as the shop counts it: of a unit unrounded, times the quantity."""
    rate = Decimal(row.get("vat_rate") or 0) / 100
    unit = Decimal(row["price"]) * rate / (1 + rate if row["vat_included"] else 1)
    return (unit * Decimal(row["quantity"])).quantize(_KOPECK, ROUND_HALF_UP)


def _money(value: Any) -> str:
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise BadRequestError(f"{value!r} is no price") from error
    places = -int(number.as_tuple().exponent)
    return f"{number:.2f}" if places <= 2 else str(number)
