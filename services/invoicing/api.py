"""What a person may do with a deal's invoice over HTTP: cancel it, replace it, repeat it."""

import uuid
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chassis.clock import Clock
from chassis.engine import Command, Engine
from chassis.internal_api.requests import checked_tenant, json_of, refusal, reply, text_of
from chassis.openapi import answers
from chassis.postgres import Database
from chassis.wakeups import WORK
from services.invoicing.domain import DEAL_PREFIX
from services.invoicing.domain import commands as c

BY_OPERATOR: Final = "operator"
NUMBER_LENGTH_MAX: Final = 100


class InvoicesApi:
    """What ``ingest`` forwards of ``/api/v1/deals/{tenant}/{deal}/invoice/…``."""

    def __init__(self, database: Database, engine: Engine, clock: Clock) -> None:
        self._database = database
        self._engine = engine
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
        return await self._told(request, c.RepeatInvoice(text_of(body, "by", BY_OPERATOR), number))

    async def _told(self, request: Request, command: c.CancelInvoice | c.RepeatInvoice) -> Response:
        tenant = checked_tenant(request.path_params["tenant"])
        stream = f"{DEAL_PREFIX}-{request.path_params['deal']}"
        whole = Command(tenant, stream, command, f"person:{uuid.uuid4()}", {"by": command.by, "cause": "person"})
        async with self._database.transaction([tenant]) as connection:
            (executed,) = await self._engine.execute(connection, [whole], self._clock.now())
        if executed.refused is not None:
            return refusal(executed.refused.problem)
        self._database.wake(WORK)
        return reply({"changed": bool(executed.recorded)})
