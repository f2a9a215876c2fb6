"""Shops as the sandbox's vendor: what people do in them, their module's pushes, methods `sale.*`, a page of orders."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sandbox.core.clock import to_rfc3339
from sandbox.core.faults import Fault
from sandbox.core.pages import environment
from sandbox.core.vendor import Change, EventPost, SeedSpec, Timer
from sandbox.core.wire import BadRequestError, Reply, Request, Route, UnknownError, html
from sandbox.core.world import World
from sandbox.shop import rest
from sandbox.shop.orders import ORDER_KEYS, Shop, edited, made

DAY_SECONDS = 86_400.0
BACK_OFF_SECONDS = (60.0, 300.0, 900.0, 3600.0, 21_600.0, *(DAY_SECONDS,) * 7)
FOR_GOOD = frozenset({400, 413, 415, 422})
SHOP_KEYS = {"shop", "title", "url", "secret", "key_id", "skew_seconds", "rest_texts"}
PAGE = """{% extends "layout.html" %}{% block title %}{{ shop.title }}{% endblock %}
{% block header %}<h1>{{ shop.title }}</h1><div class="muted">Заказы отправляются на {{ shop.url or "никуда" }}</div>
{% endblock %}{% block main %}<table><tr><th>Заказ</th><th>Покупатель</th><th>Товары и доставка</th>
<th class="money">Сумма</th><th>Статус</th></tr>{% for order in orders %}<tr><td>№ {{ order.account_number }}
<span class="muted">{{ order.id }}, версия {{ order.version }}</span></td>
<td>{{ order.payer.get("name") or order.payer.get("contact") or "" }}
<div class="muted">{{ order.payer.get("inn") or "" }}</div></td>
<td>{% for row in order["items"] + order.deliveries %}{{ row.name }}: {{ row.price }}<br>{% endfor %}</td>
<td class="money">{{ order.total }}</td>
<td>{% if order.canceled %}<span class="tag bad">Отменён</span>{% else %}{{ order.status }}{% endif %}</td></tr>
{% endfor %}</table>{% endblock %}"""
PAGES: Final = environment({"shop.html": PAGE})


class Shops:
    """All shops of the sandbox."""

    name = "shop"
    statuses = rest.STATUSES

    def __init__(self, world: World) -> None:
        self._world = world
        self.shops: dict[str, Shop] = {}
        self._rest = rest.Rest(world, self)

    def routes(self) -> Sequence[Route]:
        return [
            Route(method, "/shop/{shop}/rest/{user}/{code}/{method}", self._rest.called, "a method of the scope sale")
            for method in ("GET", "POST")
        ]

    def control_routes(self) -> Sequence[Route]:
        order = {"kind": "legal", "payer": {"inn": "7725010016", "kpp": "772501001", "name": "ООО Ромашка"},
                 "items": [{"name": "Футболка", "price": "980"}], "deliveries": [{"price": "500"}]}  # fmt: skip
        return [
            Route("GET", "/shops", self._listed, "shops with their secrets"),
            Route("POST", "/shops", self._open, "open a shop", {"shop": "main", "url": "https://…/shops/…/orders"}),
            Route("PATCH", "/shops/{shop}", self._turn, "url, secret, key_id, title, skew_seconds, rest_texts"),
            Route("POST", "/{shop}/orders", self._order, "an order is made", order),
            Route("PATCH", "/{shop}/orders/{order}", self._edit, "an order is edited", {"status": "P"}),
            Route("POST", "/{shop}/orders/{order}/cancel", self._cancel, "an order is cancelled"),
            Route("DELETE", "/{shop}/orders/{order}", self._delete, "an order is deleted"),
        ]

    def pages(self) -> Sequence[Route]:
        return [Route("GET", "/{shop}", self._shown)]

    # -- what people do

    async def _listed(self, request: Request) -> Reply:
        return Reply(payload=[self._described(shop, request) for shop in self.shops.values()])

    async def _open(self, request: Request) -> Reply:
        body = _checked(request, SHOP_KEYS)
        shop_id = str(body.get("shop", f"shop-{len(self.shops) + 1}"))
        if shop_id in self.shops:
            raise BadRequestError(f"there is a shop {shop_id} already")
        secret = hashlib.sha256(f"shop|{shop_id}".encode()).hexdigest()
        shop = {"id": shop_id, "title": f"Магазин {shop_id}", "url": "", "secret": secret}
        given = {name: value for name, value in body.items() if name != "shop"}
        self._world.change(self, shop_id, "open", {**shop, **given})
        return Reply(status=201, payload=self._described(self.shops[shop_id], request))

    async def _turn(self, request: Request) -> Reply:
        shop = self._of(request)
        self._world.change(self, shop.id, "turn", _checked(request, SHOP_KEYS - {"shop"}))
        return Reply(payload=self._described(self.shops[shop.id], request))

    async def _order(self, request: Request) -> Reply:
        shop = self._of(request)
        return self._saved(shop, made(shop, _checked(request, ORDER_KEYS), self._now()), "order.created", 201)

    async def _edit(self, request: Request) -> Reply:
        shop, order = self._order_of(request)
        body = _checked(request, ORDER_KEYS)
        event = "order.status_changed" if set(body) == {"status"} else "order.updated"
        more = {"canceled": False} if order["canceled"] else {}
        return self._saved(shop, edited(order, body, self._now(), **more), event)

    async def _cancel(self, request: Request) -> Reply:
        shop, order = self._order_of(request)
        return self._saved(shop, edited(order, {}, self._now(), canceled=True), "order.canceled")

    async def _delete(self, request: Request) -> Reply:
        shop, order = self._order_of(request)
        with self._world.ledger.together():
            self._world.change(self, shop.id, "delete", {"id": order["id"]})
            self._push(shop, "order.deleted", {"id": order["id"]})
        return Reply(payload={"deleted": order["id"]})

    def _saved(self, shop: Shop, order: dict[str, Any], event: str, status: int = 200) -> Reply:
        self.save(shop, order, event)
        return Reply(status=status, payload={"order": order})

    def save(self, shop: Shop, order: dict[str, Any], event: str) -> None:
        """The next version of an order, told of by the shop's module."""
        with self._world.ledger.together():
            self._world.change(self, shop.id, "save", order)
            self._push(shop, event, order)

    def _push(self, shop: Shop, event: str, order: dict[str, Any]) -> None:
        if not shop.url:
            return
        post_id = self._world.outgoing.next_id()
        body = {
            "schema": "shop-order/v1", "event": event, "occurred_at": self._now(),
            "shop": {"site_id": "s1", "host": f"{shop.id}.example", "module_version": "1.0.0"}, "order": order,
        }  # fmt: skip
        delivery = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{shop.id}/{post_id}"))
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        about = {"delivery": delivery}
        self._world.emit(EventPost(post_id, self.name, shop.id, event, shop.url, {}, text, BACK_OFF_SECONDS, about))

    # -- what the core asks

    def signed(self, post: EventPost) -> EventPost:
        """The post with the headers of this attempt: a retry is signed anew under the same delivery."""
        shop = self.shops[post.account]
        timestamp, delivery = int(self._world.clock.unix()) + shop.skew_seconds, post.about["delivery"]
        secret = post.about.get("forged_with", shop.secret)
        signature = hmac.new(secret.encode(), f"{timestamp}.{delivery}.{post.body}".encode(), hashlib.sha256)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "X-Shop-Delivery": delivery,
            "X-Shop-Timestamp": str(timestamp),
            "X-Shop-Key-Id": shop.key_id,
            "X-Shop-Signature": f"v1={signature.hexdigest()}",
        }
        return replace(post, headers=headers)

    def gives_up(self, status: int | None) -> bool:
        """Whether the module takes an answer for good."""
        return status in FOR_GOOD

    def apply(self, change: Change) -> None:
        data = change.data
        match change.op:
            case "open":
                self.shops[change.account] = Shop(**data)
            case "turn":
                self.shops[change.account] = replace(self.shops[change.account], **data)
            case "save":
                shop = self.shops[change.account]
                shop.orders[str(data["id"])] = data
                shop.next_order = max(shop.next_order, data["id"] + 1)
            case "delete":
                del self.shops[change.account].orders[str(data["id"])]
            case other:
                raise ValueError(f"no change {other!r} is known here")

    def run_timer(self, timer: Timer) -> None:
        raise ValueError(f"no timer {timer.op!r} is known here")

    def fault_reply(self, fault: Fault, account: str, operation: str) -> Reply:
        known: dict[str, tuple[int, int | str, str]] = {
            "limit_503": (503, "QUERY_LIMIT_EXCEEDED", "Too many requests"),
            "limit_429": (429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit."),
            "operation_time_limit": (429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit."),
            "token_expired": (401, "expired_token", "The access token provided has expired."),
            "error_in_200": (200, 0, "internal error"),
        }
        failed = (int(fault.number("status", 500)), "INTERNAL_SERVER_ERROR", "Internal server error")
        reply = rest.refused(*known.get(fault.kind, failed))
        if "retry_after" in fault.params:
            reply.headers["Retry-After"] = str(fault.params["retry_after"])
        return reply

    def forge(self, post: EventPost) -> EventPost:
        return replace(post, about={**post.about, "forged_with": "somebody-elses-secret"})

    def accounts(self) -> list[dict[str, str]]:
        return [
            {"account": shop.id, "title": shop.title, "page": f"/pages/shop/{shop.id}"} for shop in self.shops.values()
        ]

    def snapshot(self, account: str | None) -> dict[str, Any]:
        if account is not None:
            return self.shops[account].as_json()
        return {shop_id: shop.as_json() for shop_id, shop in self.shops.items()}

    def seed(self, spec: SeedSpec) -> dict[str, str]:
        """Shops are opened by hand: a portal need not have one."""
        return {}

    def clear(self) -> None:
        self.shops.clear()

    async def start(self) -> None:
        """Nothing runs by itself."""

    async def stop(self) -> None:
        """Nothing runs by itself."""

    async def _shown(self, request: Request) -> Reply:
        shop = self.shops.get(request.params["shop"])
        if shop is None:
            return html("<p>Такого магазина нет.</p>", 404)
        return html(PAGES.get_template("shop.html").render(shop=shop, orders=list(reversed(shop.orders.values()))))

    def _described(self, shop: Shop, request: Request) -> dict[str, Any]:
        return {**shop.as_json(), "webhook_url": f"{request.base_url}{rest.webhook(shop)}"}

    def _of(self, request: Request) -> Shop:
        shop = self.shops.get(request.params["shop"])
        if shop is None:
            raise UnknownError(request.params["shop"])
        return shop

    def _order_of(self, request: Request) -> tuple[Shop, dict[str, Any]]:
        shop = self._of(request)
        if request.params["order"] not in shop.orders:
            raise UnknownError(request.params["order"])
        return shop, shop.orders[request.params["order"]]

    def _now(self) -> str:
        return to_rfc3339(self._world.clock.unix())


def _checked(request: Request, known: set[str]) -> dict[str, Any]:
    body = request.json()
    if not isinstance(body, dict):
        raise BadRequestError("the body is a JSON object")
    if unknown := sorted(set(body) - known):
        raise BadRequestError(f"unknown keys {unknown}; known are {sorted(known)}")
    return body
