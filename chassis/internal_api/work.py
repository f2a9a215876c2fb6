"""Due and delayed work over HTTP."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chassis.clock import Clock
from chassis.internal_api.requests import limit_of, refusal, reply, tenant_of, uuid_of
from chassis.openapi import answers
from chassis.outcomes import Rejected
from chassis.postgres import Database
from chassis.wakeups import WORK
from chassis.work import queries
from chassis.work.handlers import PolicyFor


class WorkApi:
    """Due and delayed work: list, show, try now."""

    def __init__(self, database: Database, clock: Clock, policies: Mapping[str, PolicyFor]) -> None:
        self._database = database
        self._clock = clock
        self._policies = policies

    def routes(self) -> list[BaseRoute]:
        """The addresses."""
        return [
            Route("/internal/work", self.listed, methods=["GET"]),
            Route("/internal/work/{work_id}", self.shown, methods=["GET"]),
            Route("/internal/work/{work_id}/retry", self.retried, methods=["POST"]),
        ]

    @answers(200, 400)
    async def listed(self, request: Request) -> Response:
        """``?tenant=&limit=``: the longest waiting first."""
        async with self._database.delivery_connection() as connection:
            found = await queries.open_work(
                connection, self._clock.now(), tenant=tenant_of(request.query_params), limit=limit_of(request)
            )
        return reply({"work": found})

    @answers(200, 400, 404)
    async def shown(self, request: Request) -> Response:
        """One row, open or closed."""
        async with self._database.delivery_connection() as connection:
            found = await queries.find(connection, uuid_of(request.path_params["work_id"]), self._clock.now())
        if found is None:
            raise HTTPException(404, "there is no such work; `sverka work list` shows what is open")
        return reply(found)

    @answers(200, 400, 409)
    async def retried(self, request: Request) -> Response:
        """Has it tried now; 409 with the reason when that cannot be."""
        async with self._database.delivery() as connection:
            found = await queries.retry(
                connection, uuid_of(request.path_params["work_id"]), self._policies, self._clock.now()
            )
        if isinstance(found, Rejected):
            return refusal(found.problem)
        self._database.wake(WORK)
        return reply(found.value)
