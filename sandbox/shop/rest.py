"""The methods `sale.*` that a shop publishes under an inbound webhook: its orders read and their statuses written.

Source: vendor documentation of the scope `sale`, and of inbound webhooks for their refusals.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from sandbox.bitrix24.batch import Answered, run_batch
from sandbox.bitrix24.envelope import PAGE_SIZE, Page, RestError, page
from sandbox.bitrix24.params import Params, decode
from sandbox.core.clock import to_rfc3339
from sandbox.core.faults import Fault
from sandbox.core.vendor import Vendor
from sandbox.core.wire import Reply, Request
from sandbox.core.world import World
from sandbox.shop import shapes
from sandbox.shop.orders import Shop, edited
from sandbox.shop.shapes import Fields

USER = "1"
PREFIXES = ("!=%", "!%=", "!=", "!@", "!%", "=%", "%=", ">=", "<=", "!", "=", ">", "<", "@", "%")
OPERATING_SECONDS = 0.02
STATUSES = (200, 400, 401, 404)
ORDER_FIELDS = {"statusId", "canceled", "reasonCanceled", "comments"}
PAYMENT_FIELDS = {"paySystemId", "paid", "payVoucherNum", "payVoucherDate", "comments"}

Listed = Callable[[Shop, Fields], list[Fields]]
Method = Callable[[Shop, Params], Any]


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
        self._methods: dict[str, Method] = {
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
                return Reply(payload=self._answered(shop, name, request))
            except RestError as error:
                return refused(error.status, error.code, error.text)

        return await self._world.exchange(self._keeper, request, shop.id if shop else "", name, execute)

    def _answered(self, shop: Shop | None, name: str, request: Request) -> Fields:
        if shop is None or (request.params["user"], request.params["code"]) != (USER, code(shop.id)):
            raise RestError(401, "INVALID_CREDENTIALS", "Invalid request credentials")
        params = decode(request.query_string, request.headers.get("content-type", ""), request.body)
        if name == "batch":
            return {
                "result": run_batch(params, lambda inner, given: self._run(shop, inner, given)),
                "time": self._time(),
            }
        answered = self._run(shop, name, params)
        if not isinstance(answered.value, Page):
            return {"result": answered.value, "time": answered.time}
        shown = answered.value
        following = {} if shown.next is None else {"next": shown.next}
        return {"result": shown.result, **following, "total": shown.total, "time": answered.time}

    def _run(self, shop: Shop, name: str, params: Params) -> Answered:
        method = self._methods.get(name.lower())
        if method is None:
            raise RestError(404, "ERROR_METHOD_NOT_FOUND", "Method not found!")
        return Answered(method(shop, params), self._time())

    def _time(self) -> Fields:
        now = self._world.clock.unix()
        moments = {"date_start": now - OPERATING_SECONDS, "date_finish": now}
        return {
            "start": now - OPERATING_SECONDS, "finish": now, "duration": OPERATING_SECONDS,
            "processing": OPERATING_SECONDS / 2, "operating": 0,
            **{name: shapes.moment(to_rfc3339(at)) for name, at in moments.items()},
        }  # fmt: skip

    # Reading

    def _list(self, key: str, rows: Listed) -> Method:
        def listed(shop: Shop, params: Params) -> Page:
            return _page(key, [row for order in shop.orders.values() for row in rows(shop, order)], params)

        return listed

    def _list_of(self, key: str, printed: Callable[[], list[Fields]]) -> Method:
        return lambda _, params: _page(key, printed(), params)

    def _get(self, key: str, rows: Listed) -> Method:
        singular = key.removesuffix("s")

        def got(shop: Shop, params: Params) -> Fields:
            wanted = _id(params)
            for order in shop.orders.values():
                for row in rows(shop, order):
                    if str(row["id"]) == wanted:
                        return {singular: row}
            raise RestError(400, 201240400001, f"{singular} does not exist")

        return got

    def _get_order(self, shop: Shop, params: Params) -> Fields:
        return {"order": shapes.whole(shop, self._order(shop, params))}

    # What is written back to the shop: it changes the order, so the shop's module tells of it again

    def _update_order(self, shop: Shop, params: Params) -> Fields:
        order, fields = self._order(shop, params), _fields(params, ORDER_FIELDS)
        told: Fields = {"status": fields["statusId"]} if "statusId" in fields else {}
        if told and told["status"] not in shapes.STATUSES:
            raise RestError(400, 0, f"status {told['status']} does not exist")
        more = {to: fields[name] for name, to in (("reasonCanceled", "reason_canceled"), ("comments",) * 2)
                if name in fields}  # fmt: skip
        if "canceled" in fields:
            more["canceled"] = fields["canceled"] == "Y"
        event = "order.canceled" if more.get("canceled") else "order.updated" if more else "order.status_changed"
        found = edited(order, told, to_rfc3339(self._world.clock.unix()), **more)
        self._keeper.save(shop, found, event)
        return {"order": shapes.order(shop, found)}

    def _update_payment(self, shop: Shop, params: Params) -> Fields:
        wanted, fields = _id(params), _fields(params, PAYMENT_FIELDS)
        if "paySystemId" not in fields:
            raise RestError(400, 0, "Required fields: paySystemId")
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
                return {"payment": shapes.payments(shop, found)[place]}
        raise RestError(400, 200640400001, "payment does not exist")

    def _order(self, shop: Shop, params: Params) -> Fields:
        order = shop.orders.get(_id(params))
        if order is None:
            raise RestError(400, 200540400001, "order does not exist")
        return order


def _id(params: Params) -> str:
    if "id" not in params:
        raise RestError(400, 100, "Could not find value for parameter {id}")
    return str(params.get("id"))


def _fields(params: Params, known: set[str]) -> Mapping[str, Any]:
    """What is to be written; names that cannot be are passed over."""
    fields = params.get("fields")
    if not isinstance(fields, dict) or not fields:
        raise RestError(400, 100, "Could not find value for parameter {fields}")
    return {name: value for name, value in fields.items() if name in known}


def _page(key: str, rows: list[Fields], params: Params) -> Page:
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
    shown = rows[max(start, 0) : max(start, 0) + PAGE_SIZE]
    select = params.get("select")
    if isinstance(select, list) and select and "*" not in select:
        shown = [{name: value for name, value in row.items() if name in select} for row in shown]
    return page({key: shown}, total=len(rows), offset=start, shown=len(shown))


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
        case "%" | "!%":
            return (str(wanted).casefold() in str(row[name] or "").casefold()) != (prefix == "!%")
        case "=%" | "%=" | "!=%" | "!%=":
            pattern = ".*".join(re.escape(part) for part in str(wanted).split("%"))
            found = re.fullmatch(pattern, str(row[name] or ""), re.IGNORECASE | re.DOTALL) is not None
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
