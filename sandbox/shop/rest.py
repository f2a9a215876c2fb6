"""The methods `sale.*` that a shop publishes under an inbound webhook: its orders read and their statuses written.

Source: vendor documentation of the scope `sale`, and of inbound webhooks for their refusals.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from sandbox.bitrix24.params import Params, decode
from sandbox.core.clock import to_rfc3339
from sandbox.core.faults import Fault
from sandbox.core.vendor import Vendor
from sandbox.core.wire import Reply, Request
from sandbox.core.world import World
from sandbox.shop import shapes
from sandbox.shop.orders import Shop, edited
from sandbox.shop.shapes import Fields

PAGE_ROWS = 50
USER = "1"
PREFIXES = ("!=", "!@", "!%", "=%", ">=", "<=", "!", "=", ">", "<", "@", "%")
OPERATING_SECONDS = 0.02
STATUSES = (200, 400, 401, 404)
ORDER_FIELDS = {"statusId", "canceled", "reasonCanceled", "comments"}
PAYMENT_FIELDS = {"paid", "payVoucherNum", "payVoucherDate", "comments"}

Listed = Callable[[Shop, Fields], list[Fields]]


class RefusedError(Exception):
    """A refusal: its status, code (a number for the shop's own) and text."""

    def __init__(self, status: int, code: int | str, text: str) -> None:
        super().__init__(text)
        self.status, self.code, self.text = status, code, text


class Keeper(Vendor, Protocol):
    """Who keeps the shops, saves their orders and tells of it."""

    shops: dict[str, Shop]

    def save(self, shop: Shop, order: Fields, event: str) -> None: ...


def webhook(shop: Shop) -> str:
    """Where the shop's methods are, without the host; the code is the same for the same shop every time."""
    return f"/shop/{shop.id}/rest/{USER}/{code(shop.id)}/"


def code(shop_id: str) -> str:
    return hashlib.sha256(f"rest|{shop_id}".encode()).hexdigest()[:16]


def refused(status: int, error: int | str, text: str) -> Reply:
    return Reply(status=status, payload={"error": error, "error_description": text}, error=str(error or text))


class Rest:
    """The calls of all shops' webhooks."""

    def __init__(self, world: World, keeper: Keeper) -> None:
        self._world, self._keeper = world, keeper
        lists: dict[str, tuple[str, Listed]] = {
            "order": ("orders", lambda shop, order: [shapes.order(shop, order)]),
            "basketitem": ("basketItems", shapes.basket_items),
            "payment": ("payments", shapes.payments),
            "shipment": ("shipments", shapes.shipments),
            "propertyvalue": ("propertyValues", shapes.property_values),
        }
        fixed: dict[str, tuple[str, Callable[[], list[Fields]]]] = {
            "persontype": ("personTypes", shapes.person_types),
            "status": ("statuses", shapes.statuses),
            "property": ("properties", shapes.properties),
        }
        self._methods: dict[str, Callable[[Shop, Params], Fields]] = {
            "sale.order.get": self._get_order,
            "sale.order.update": self._update_order,
            "sale.payment.update": self._update_payment,
        }
        for name, (key, rows) in lists.items():
            self._methods[f"sale.{name}.list"] = self._list(key, rows)
            if name != "order":
                self._methods[f"sale.{name}.get"] = self._get(key, rows)
        for name, (key, printed) in fixed.items():
            self._methods[f"sale.{name}.list"] = self._list_of(key, printed)

    async def called(self, request: Request) -> Reply:
        """One method, by GET or POST, its parameters in the query, a form or JSON."""
        shop = self._keeper.shops.get(request.params["shop"])
        name = request.params["method"].lower().removesuffix(".json")

        def execute(fault: Fault | None) -> Reply:
            try:
                payload = self._answered(shop, name, request)
            except RefusedError as error:
                return refused(error.status, error.code, error.text)
            return Reply(payload={**payload, "time": self._time()})

        return await self._world.exchange(self._keeper, request, shop.id if shop else "", name, execute)

    def _answered(self, shop: Shop | None, name: str, request: Request) -> Fields:
        if shop is None or (request.params["user"], request.params["code"]) != (USER, code(shop.id)):
            raise RefusedError(401, "INVALID_CREDENTIALS", "Invalid request credentials")
        if name not in self._methods:
            raise RefusedError(404, "ERROR_METHOD_NOT_FOUND", "Method not found!")
        params = decode(request.query_string, request.headers.get("content-type", ""), request.body)
        return self._methods[name](shop, params)

    def _time(self) -> Fields:
        now = self._world.clock.unix()
        moments = {"date_start": now - OPERATING_SECONDS, "date_finish": now}
        return {
            "start": now - OPERATING_SECONDS, "finish": now, "duration": OPERATING_SECONDS,
            "processing": OPERATING_SECONDS / 2, "operating": 0,
            **{name: shapes.moment(to_rfc3339(at)) for name, at in moments.items()},
        }  # fmt: skip

    # Reading

    def _list(self, key: str, rows: Listed) -> Callable[[Shop, Params], Fields]:
        def listed(shop: Shop, params: Params) -> Fields:
            return _page(key, [row for order in shop.orders.values() for row in rows(shop, order)], params)

        return listed

    def _list_of(self, key: str, printed: Callable[[], list[Fields]]) -> Callable[[Shop, Params], Fields]:
        return lambda _, params: _page(key, printed(), params)

    def _get(self, key: str, rows: Listed) -> Callable[[Shop, Params], Fields]:
        singular = key.removesuffix("s")

        def got(shop: Shop, params: Params) -> Fields:
            wanted = _id(params)
            for order in shop.orders.values():
                for row in rows(shop, order):
                    if str(row["id"]) == wanted:
                        return {"result": {singular: row}}
            raise RefusedError(400, 201240400001, f"{singular} is not exists")

        return got

    def _get_order(self, shop: Shop, params: Params) -> Fields:
        return {"result": {"order": shapes.whole(shop, self._order(shop, params))}}

    # What is written back to the shop: it changes the order, so the shop's module tells of it again

    def _update_order(self, shop: Shop, params: Params) -> Fields:
        order, fields = self._order(shop, params), _fields(params, ORDER_FIELDS)
        told: Fields = {"status": fields["statusId"]} if "statusId" in fields else {}
        if told and told["status"] not in shapes.STATUSES:
            raise RefusedError(400, 0, f"status {told['status']} does not exist")
        more = {to: fields[name] for name, to in (("reasonCanceled", "reason_canceled"), ("comments",) * 2)
                if name in fields}  # fmt: skip
        if "canceled" in fields:
            more["canceled"] = fields["canceled"] == "Y"
        event = "order.canceled" if more.get("canceled") else "order.updated" if more else "order.status_changed"
        found = edited(order, told, to_rfc3339(self._world.clock.unix()), **more)
        self._keeper.save(shop, found, event)
        return {"result": {"order": shapes.order(shop, found)}}

    def _update_payment(self, shop: Shop, params: Params) -> Fields:
        wanted, fields = _id(params), _fields(params, PAYMENT_FIELDS)
        names = {"payVoucherNum": "voucher_num", "payVoucherDate": "voucher_date", "comments": "comments"}
        now = to_rfc3339(self._world.clock.unix())
        for order in shop.orders.values():
            for place, payment in enumerate(order["payments"]):
                if str(payment["id"]) != wanted:
                    continue
                told = {**payment, **{to: fields[name] for name, to in names.items() if name in fields}}
                if "paid" in fields:
                    told |= {"paid": fields["paid"] == "Y", "paid_at": now if fields["paid"] == "Y" else None}
                whole = [*order["payments"][:place], told, *order["payments"][place + 1 :]]
                found = edited(order, {}, now, payments=whole)
                became_paid = bool(told.get("paid")) and not payment.get("paid")
                self._keeper.save(shop, found, "order.paid" if became_paid else "order.updated")
                return {"result": {"payment": shapes.payments(shop, found)[place]}}
        raise RefusedError(400, 201240400001, "payment is not exists")

    def _order(self, shop: Shop, params: Params) -> Fields:
        order = shop.orders.get(_id(params))
        if order is None:
            raise RefusedError(400, 200540400001, "order does not exist")
        return order


def _id(params: Params) -> str:
    if "id" not in params:
        raise RefusedError(400, 100, "Could not find value for parameter {id}")
    return str(params.get("id"))


def _fields(params: Params, known: set[str]) -> Mapping[str, Any]:
    """What is to be written; names that cannot be are passed over."""
    fields = params.get("fields")
    if not isinstance(fields, dict):
        raise RefusedError(400, 100, "Could not find value for parameter {fields}")
    return {name: value for name, value in fields.items() if name in known}


def _page(key: str, rows: list[Fields], params: Params) -> Fields:
    """Rows that fit, in order, 50 from `start`."""
    asked: Any = params.get("filter") or {}
    for name, wanted in asked.items() if isinstance(asked, dict) else ():
        rows = [row for row in rows if _fits(row, name, wanted)]
    order: Any = params.get("order")
    for name, way in reversed(list(order.items()) if isinstance(order, dict) else []):
        if rows and name in rows[0]:
            rows = sorted(rows, key=lambda row: _comparable(row[name]), reverse=str(way).lower() == "desc")
    try:
        start = int(params.get("start") or 0)
    except (TypeError, ValueError):
        start = 0
    shown = rows[max(start, 0) : max(start, 0) + PAGE_ROWS]
    select = params.get("select")
    if isinstance(select, list) and select and "*" not in select:
        shown = [{name: value for name, value in row.items() if name in select} for row in shown]
    following = {"next": start + PAGE_ROWS} if start >= 0 and start + PAGE_ROWS < len(rows) else {}
    return {"result": {key: shown}, "total": len(rows) if start >= 0 else 0, **following}


def _fits(row: Fields, condition: str, wanted: Any) -> bool:
    """One condition of a filter; a name that rows do not have is passed over."""
    prefix = next((one for one in PREFIXES if condition.startswith(one)), "")
    name = condition[len(prefix) :]
    if name not in row:
        return True
    value = _comparable(row[name])
    several = wanted if isinstance(wanted, list) else list(wanted.values()) if isinstance(wanted, dict) else [wanted]
    against = [_comparable(one) for one in several]
    match prefix:
        case "" | "=" | "@":
            return value in against
        case "!" | "!=" | "!@":
            return value not in against
        case "%" | "=%" | "!%":
            found = str(wanted).strip("%").casefold() in str(row[name] or "").casefold()
            return found != prefix.startswith("!")
        case _:
            return _beyond(prefix, value, against[0])


def _beyond(prefix: str, value: tuple[int, Any], wanted: tuple[int, Any]) -> bool:
    if value[0] != wanted[0]:
        return False
    return {">": value > wanted, ">=": value >= wanted, "<": value < wanted, "<=": value <= wanted}[prefix]


def _comparable(value: Any) -> tuple[int, Any]:
    """Numbers by size whether they are printed as texts or not, moments by time, the rest by letters; nothing first."""
    if value is None or value == "":
        return 0, ""
    text = str(value)
    try:
        return 1, Decimal(text)
    except InvalidOperation:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return 3, text
    return 2, at if at.tzinfo else at.replace(tzinfo=UTC)
