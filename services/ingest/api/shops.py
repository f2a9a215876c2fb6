"""POST /shops/{hook_secret}/orders: takes a shop's signed push, and answers when it is durable.

The contract is ``shop-order/v1``, see ``connectors/shop/README.md``.
"""

import hashlib
import re
import time
from collections.abc import Mapping
from typing import Any, Final

import asyncpg
from starlette.routing import BaseRoute, Match

from chassis import log, telemetry
from chassis.clock import Clock
from chassis.domain import Problem
from chassis.openapi import Operation
from chassis.postgres import INFRASTRUCTURE_ERRORS, is_infrastructure
from chassis.serving import Receive, Scope, Send, answer
from chassis.values.orders import OrderId
from connectors.ports.shop import ShopPush, SignedPush
from connectors.shop.mapping import parse_push
from connectors.shop.signature import verify
from services.ingest import metrics
from services.ingest.api.directory import HookDirectory, ShopOwner
from services.ingest.api.hooks import (
    HOOK_SECRET_LENGTH_MAX,
    REFUSALS_KEPT_PER_MINUTE,
    RefusalCounter,
    body_of,
    content_type_of,
)
from services.ingest.api.intake import Intake, NotStored, Unstorable
from services.ingest.domain import order
from services.ingest.store.orders import OrderStore, Push
from services.ingest.store.webhooks import Webhook

PREFIX: Final = "/shops/"
_ORDERS: Final = re.compile(r"/shops/([^/]+)/orders")
_UNAUTHORISED: Final = (401, "the signature is not the shop's, or it is too old")
_STATUSES: Final[Mapping[str, tuple[int, str]]] = {
    "push_delivery": (400, "X-Shop-Delivery is not a UUID"),
    "push_key": _UNAUTHORISED,
    "push_timestamp": _UNAUTHORISED,
    "push_signature": _UNAUTHORISED,
    "push_content_type": (415, "send application/json"),
    "push_unreadable": (400, "the body is not JSON in UTF-8"),
    "push_schema": (422, "the body is not as shop-order/v1 has it"),
    "push_value": (422, "a value of the order cannot be stored; correct the order and save it, its next push is taken"),
}
_AWAY: Final[tuple[type[BaseException], ...]] = (NotStored, asyncpg.PostgresError, *INFRASTRUCTURE_ERRORS)

_log = log.get(__name__)


class Shops:
    """An ASGI application for the paths under ``PREFIX``."""

    def __init__(self, directory: HookDirectory[ShopOwner], orders: OrderStore, intake: Intake, clock: Clock) -> None:
        self._directory = directory
        self._orders = orders
        self._intake = intake
        self._clock = clock
        self._refusals = RefusalCounter(REFUSALS_KEPT_PER_MINUTE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match = _ORDERS.fullmatch(scope["path"])
        if match is None:
            await answer(send, 404, {"error": "orders are posted to /shops/SECRET/orders"})
            return
        if scope["method"] != "POST":
            await answer(send, 405, {"error": "orders are posted"}, {"allow": "POST"})
            return
        body, owner = await body_of(receive), None
        started = time.perf_counter()
        try:
            owner = self._directory.at_hand(match[1]) or await self._looked_up(match[1])
            if owner is None:
                metrics.WEBHOOKS.labels("refused_address").inc()
                await answer(send, _UNAUTHORISED[0], {"error": _UNAUTHORISED[1]})
                return
            try:
                await self._take(owner, scope, body, send)
            except (Unstorable, asyncpg.DataError) as error:
                _log.warning("a push holds what cannot be stored", tenant=owner.tenant, error=type(error).__name__)
                await self._refuse(owner, body, Problem("push_value"), send)
        except _AWAY as error:
            tenant = "" if owner is None else owner.tenant
            away = isinstance(error, NotStored) or is_infrastructure(error)
            say, why = (_log.warning, None) if away else (_log.error, error)  # no outage is a defect of ours
            say("a push was not stored", tenant=tenant, error=type(error).__name__, exc_info=why)
            metrics.WEBHOOKS.labels("unavailable").inc()
            await answer(send, 503, {"error": "it cannot be stored now"}, {"retry-after": "5"})
        finally:
            metrics.WEBHOOK_SECONDS.observe(time.perf_counter() - started)

    async def _looked_up(self, hook_secret: str) -> ShopOwner | None:
        if len(hook_secret) > HOOK_SECRET_LENGTH_MAX:
            return None
        return await self._directory.find(hook_secret)

    async def _take(self, owner: ShopOwner, scope: Scope, body: bytes, send: Send) -> None:
        """The signature first, over the bytes as they came; only then is anything read in them."""
        signed = verify(headers_of(scope), body, owner.keys, self._clock.now().timestamp())
        if isinstance(signed, Problem):
            await self._refuse(owner, body, signed, send)
            return
        kind = content_type_of(scope).partition(";")[0].strip().lower()
        push = parse_push(body) if kind == "application/json" else Problem("push_content_type")
        if isinstance(push, Problem):
            await self._refuse(owner, body, push, send)
            return
        kept = await self._orders.keep(_push(owner, signed, push, body))
        metrics.WEBHOOKS.labels("stored").inc()
        said = {"status": "duplicate" if kept.again else "accepted", "event_id": str(kept.delivery_id)}
        await answer(send, 200, said, {"x-delivery-id": str(kept.delivery_id)})

    async def _refuse(self, owner: ShopOwner, body: bytes, problem: Problem, send: Send) -> None:
        metrics.WEBHOOKS.labels(problem.code.replace("push_", "refused_")).inc()
        headers: dict[str, str] = {}
        if self._refusals.allows(owner.tenant):
            refused = Webhook(
                tenant=owner.tenant,
                event="",
                entity="order",
                object_id="",
                content_type="",
                body=b"",
                sha256=hashlib.sha256(body).digest(),
                refused=problem.code,
            )
            headers["x-delivery-id"] = str(await self._intake.put(refused))
        status, sentence = _STATUSES[problem.code]
        said: dict[str, Any] = {"error": sentence, **({"paths": problem.values["paths"]} if problem.values else {})}
        await answer(send, status, said, headers)


class ShopsRoute(BaseRoute):
    """Whatever begins with ``PREFIX``."""

    operations = (
        Operation(
            "POST",
            PREFIX + "{hook_secret}/orders",
            "A shop's signed push of an order; 200 with X-Delivery-Id once it is stored.",
            {200, _UNAUTHORISED[0], *(status for status, _ in _STATUSES.values())},
        ),
    )

    def __init__(self, shops: Shops) -> None:
        self._shops = shops

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        found = scope["type"] == "http" and scope["path"].startswith(PREFIX)
        return (Match.FULL if found else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._shops(scope, receive, send)


def headers_of(scope: Scope) -> dict[str, str]:
    """The headers of a request; one that is sent twice has its last value, which the signature then decides on."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _push(owner: ShopOwner, signed: SignedPush, push: ShopPush, body: bytes) -> Push:
    order_id = None if push.order_id is None else OrderId(owner.shop_id, push.order_id)
    return Push(
        tenant=owner.tenant,
        shop_id=owner.shop_id,
        push_id=signed.delivery,
        event=push.event,
        order_id=push.order_id,
        version=push.version,
        occurred_at=push.occurred_at,
        body=body,
        sha256=hashlib.sha256(body).digest(),
        stream="" if order_id is None else f"{order.PREFIX}-{order_id}",
        plan=None if order_id is None else order.read_plan(order_id),
        trace=telemetry.inject(),
    )
