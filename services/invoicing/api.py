"""What a person may do over HTTP: cancel, replace or repeat a deal's invoice; see and map goods of the mapping list."""

import uuid
from collections.abc import Mapping
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.engine import Command, Engine
from chassis.ids import TenantId
from chassis.internal_api.requests import (
    LIST_MAX,
    checked_tenant,
    json_of,
    limit_of,
    refusal,
    reply,
    tenant_of,
    text_of,
)
from chassis.openapi import answers
from chassis.postgres import Database
from chassis.tenants import TenantDirectory
from chassis.wakeups import WORK
from services.invoicing.domain import DEAL_PREFIX, goods
from services.invoicing.domain import commands as c
from services.invoicing.domain.values import Tax
from services.invoicing.store import DocumentStore

BY_OPERATOR: Final = "operator"
NUMBER_LENGTH_MAX: Final = 100
ITEM_LENGTH_MAX: Final = 100


class InvoicesApi:
    """What ``ingest`` forwards of ``/api/v1/deals/{tenant}/{deal}/invoice/…``."""

    def __init__(self, database: Database, engine: Engine, directory: TenantDirectory, clock: Clock) -> None:
        self._database = database
        self._engine = engine
        self._directory = directory
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """The addresses."""
        return [
            Route("/internal/deals/{tenant}/{deal}/invoice/cancel", self.cancelled, methods=["POST"]),
            Route("/internal/deals/{tenant}/{deal}/invoice/repeat", self.repeated, methods=["POST"]),
        ]

    @answers(200, 400, 409)
    async def cancelled(self, request: Request) -> Response:
        """``{number, replace, by}``: voids the invoice; 409 with the reason where there is none to void."""
        body = await json_of(request)
        number = text_of(body, "number", "")[:NUMBER_LENGTH_MAX].strip()
        by = text_of(body, "by", BY_OPERATOR)
        return await self._told(request, c.CancelInvoice(by, number, body.get("replace") is True))

    @answers(200, 400, 409)
    async def repeated(self, request: Request) -> Response:
        """``{number, by}``: one more invoice with the same lines."""
        body = await json_of(request)
        number = text_of(body, "number", "")[:NUMBER_LENGTH_MAX].strip()
        view = await self._directory.view(checked_tenant(request.path_params["tenant"]))
        command = c.RepeatInvoice(text_of(body, "by", BY_OPERATOR), number, taxes_of(view.settings))
        return await self._told(request, command)

    async def _told(self, request: Request, command: c.CancelInvoice | c.RepeatInvoice) -> Response:
        tenant = checked_tenant(request.path_params["tenant"])
        stream = f"{DEAL_PREFIX}-{request.path_params['deal']}"
        return await executed(self._database, self._engine, self._clock, tenant, stream, command, command.by)


def taxes_of(settings: Mapping[str, Any]) -> Mapping[str, tuple[Tax, ...]]:
    """The sellers' tax profiles in a tenant's settings, by account."""
    return {
        seller["connection"]["account"]: tuple(Tax.model_validate(one) for one in seller.get("tax", ()))
        for seller in settings.get("sellers", ())
    }


class GoodsApi:
    """What ``ingest`` forwards of ``/api/v1/goods``."""

    def __init__(self, database: Database, engine: Engine, store: DocumentStore, clock: Clock) -> None:
        self._database = database
        self._engine = engine
        self._store = store
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """The addresses."""
        return [
            Route("/internal/goods", self.goods, methods=["GET"]),
            Route("/internal/goods/map", self.mapped, methods=["POST"]),
        ]

    @answers(200, 400)
    async def goods(self, request: Request) -> Response:
        """``?tenant=&state=&limit=``: the mapping list, what waits for a person first; ``state`` is one or several of
        open, mapped, created by comma."""
        tenant = tenant_of(request.query_params)
        if tenant is None:
            raise HTTPException(400, "name the tenant: ?tenant=ID")
        states = [one for one in request.query_params.get("state", "").split(",") if one]
        found = await self._store.goods(tenant, states=states, limit=limit_of(request))
        return reply({"goods": [_shown(row) for row in found]})

    @answers(200, 400, 404, 409)
    async def mapped(self, request: Request) -> Response:
        """``{tenant, product_id, item_id, seller, by}``: the product of the CRM is this item of the accounting; what
        waited for it goes on. 409 where several sellers have the product and none is named."""
        body = await json_of(request)
        tenant, product_id = checked_tenant(text_of(body, "tenant")), text_of(body, "product_id").strip()
        item_id, seller = text_of(body, "item_id").strip(), text_of(body, "seller", "")
        if not 0 < len(item_id) <= ITEM_LENGTH_MAX:
            raise HTTPException(400, f"item_id is the accounting's id of the item, 1 to {ITEM_LENGTH_MAX} characters")
        rows = await self._store.goods(tenant, product_id=product_id, limit=LIST_MAX) if product_id else []
        accounts = [row["account"] for row in rows if seller in ("", _seller_of(row["account"]))]
        if not accounts:
            raise HTTPException(404, "the mapping list has no such product; the list of goods shows what it has")
        if len(accounts) > 1:
            sellers = ", ".join(map(_seller_of, accounts))
            return refusal(Problem("goods_of_several_sellers", {"product": product_id, "sellers": sellers}))
        by = text_of(body, "by", BY_OPERATOR)
        stream = goods.stream_of(accounts[0], product_id)
        command = goods.MapGoods(item_id, by)
        return await executed(self._database, self._engine, self._clock, tenant, stream, command, by)


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"seller": _seller_of(row["account"]), **row}


def _seller_of(account: str) -> str:
    """An account's name ends with its seller."""
    return account.rpartition(":")[2]


async def executed(
    database: Database, engine: Engine, clock: Clock, tenant: TenantId, stream: str, command: object, by: str
) -> Response:
    """What a person's command came to: ``{changed}``, or 409 with the reason why not."""
    whole = Command(tenant, stream, command, f"person:{uuid.uuid4()}", {"by": by, "cause": "person"})
    async with database.transaction([tenant]) as connection:
        (done,) = await engine.execute(connection, [whole], clock.now())
    if done.refused is not None:
        return refusal(done.refused.problem)
    database.wake(WORK)
    return reply({"changed": bool(done.recorded)})
