"""Dead letters over HTTP."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chassis.internal_api.requests import limit_of, reply, tenant_of, uuid_of
from chassis.messaging import letters
from chassis.messaging.letters import Letter
from chassis.postgres import Database


class DeadLettersApi:
    """Dead letters of this service: list, show, replay."""

    def __init__(self, service: str, database: Database) -> None:
        self._service = service
        self._database = database

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/internal/dead", self.listed, methods=["GET"]),
            Route("/internal/dead/{event_id}", self.shown, methods=["GET"]),
        ]

    async def listed(self, request: Request) -> Response:
        """``?tenant=&topic=&limit=``: open letters in the order of their death, without their bodies."""
        tenant, topic = tenant_of(request.query_params), request.query_params.get("topic")
        equal: dict[str, Any] = {}
        if tenant is not None:
            equal["tenant_id"] = tenant
        if topic:
            equal["topic"] = topic
        async with self._database.delivery_connection() as connection:
            found = await letters.find(connection, self._service, limit=limit_of(request), **equal)
        return reply({"dead": [described(letter) for letter in found]})

    async def shown(self, request: Request) -> Response:
        """One letter by the id of its message, open or resolved, with headers and body."""
        event_id = uuid_of(request.path_params["event_id"])
        async with self._database.delivery_connection() as connection:
            found = await letters.find(connection, self._service, only_open=False, limit=1, event_id=event_id)
        if not found:
            raise HTTPException(404, "there is no such dead letter; `sverka dead list` shows those that are open")
        (letter,) = found
        headers = {name: value.decode(errors="replace") for name, value in letter.headers}
        return reply({**described(letter), "headers": headers, "body": letter.body})


def described(letter: Letter) -> dict[str, Any]:
    """A letter without headers and body."""
    return {name: getattr(letter, name) for name in Letter.__slots__ if name not in ("headers", "body")}
