"""Statement files and bank operations over HTTP: lists, and what a person does with one operation."""

import uuid

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.engine import Command, Engine
from chassis.ids import TenantId
from chassis.internal_api.requests import (
    checked_tenant,
    json_of,
    limit_of,
    refusal,
    reply,
    tenant_of,
    text_of,
    uuid_of,
)
from chassis.openapi import answers
from chassis.postgres import Database
from chassis.values.purpose import plain_number
from chassis.wakeups import WORK
from services.payments.domain import bankday, listing
from services.payments.domain.bank import Match
from services.payments.store.bank import BankStore, PayableRow

NUMBER_LENGTH_MAX = 60


class BankApi:
    """What ``ingest`` forwards of ``/api/v1/statements`` and ``/api/v1/operations``."""

    def __init__(self, database: Database, engine: Engine, store: BankStore, clock: Clock) -> None:
        self._database = database
        self._engine = engine
        self._store = store
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """The addresses."""
        return [
            Route("/internal/statements", self.statements, methods=["GET"]),
            Route("/internal/operations", self.operations, methods=["GET"]),
            Route("/internal/operations/{payment_id}/match", self.matched, methods=["POST"]),
            Route("/internal/operations/{payment_id}/release", self.released, methods=["POST"]),
        ]

    @answers(200, 400)
    async def statements(self, request: Request) -> Response:
        """``?tenant=&limit=``: files, newest first, each with what was not taken and on which line."""
        return reply({"statements": await self._store.statements(_needed_tenant(request), limit_of(request))})

    @answers(200, 400)
    async def operations(self, request: Request) -> Response:
        """``?tenant=&state=&limit=``: bank operations, newest first; ``state`` is one or several by comma."""
        text = request.query_params.get("state", "")
        states = [one for one in text.split(",") if one]
        found = await self._store.operations(_needed_tenant(request), states, limit_of(request))
        return reply({"operations": found})

    @answers(200, 400, 404, 409)
    async def matched(self, request: Request) -> Response:
        """``{tenant, number, by}``: the operation pays the invoice of this number."""
        body = await json_of(request)
        tenant, number = checked_tenant(text_of(body, "tenant")), text_of(body, "number")[:NUMBER_LENGTH_MAX].strip()
        stream, operation = await self._operation(tenant, request)
        rows = await self._store.payables(tenant, {plain_number(number)}, ())
        exact = [row for row in rows if row.number.casefold() == number.casefold()] or list(rows)
        if len(exact) != 1:
            code = "invoice_of_number_unknown" if not exact else "invoice_number_of_several"
            return refusal(Problem(code, {"number": number, "count": len(exact)}))
        found = _whole(operation, exact[0], text_of(body, "by", "operator"))
        return await self._told(tenant, stream, bankday.SettleMatches((found,)))

    @answers(200, 400, 404, 409)
    async def released(self, request: Request) -> Response:
        """``{tenant, by}``: the operation pays nothing, and waits for a person."""
        body = await json_of(request)
        tenant = checked_tenant(text_of(body, "tenant"))
        stream, operation = await self._operation(tenant, request)
        command = bankday.ReleaseOperation(operation.payment_id, text_of(body, "by", "operator"))
        return await self._told(tenant, stream, command)

    async def _operation(self, tenant: TenantId, request: Request) -> tuple[str, bankday.BankOperation]:
        payment_id = str(uuid_of(request.path_params["payment_id"]))
        stream = await self._store.stream_of(tenant, payment_id)
        if stream is None:
            raise HTTPException(404, "there is no such operation; the list of operations shows what there is")
        return stream, (await self._store.day(tenant, stream)).operations[payment_id]

    async def _told(self, tenant: TenantId, stream: str, body: bankday.Command) -> Response:
        command = Command(tenant, stream, body, f"person:{uuid.uuid4()}", {"cause": "operator"})
        async with self._database.transaction([tenant]) as connection:
            (executed,) = await self._engine.execute(connection, [command], self._clock.now())
        if executed.refused is not None:
            return refusal(executed.refused.problem)
        self._database.wake(WORK)
        return reply({"changed": bool(executed.recorded)})


def _whole(operation: bankday.BankOperation, row: PayableRow, by: str) -> Match:
    return listing.tied(
        operation,
        invoice_id=row.invoice_id,
        number=row.number,
        deal_id=row.stream.partition("-")[2],
        by=by,
    )


def _needed_tenant(request: Request) -> TenantId:
    tenant = tenant_of(request.query_params)
    if tenant is None:
        raise HTTPException(400, "name the tenant: ?tenant=ID")
    return tenant
