"""The story of a deal over HTTP: what this service recorded and tried, in order."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chassis import event_store
from chassis.ids import TenantId
from chassis.internal_api.requests import checked_tenant, reply
from chassis.openapi import answers
from chassis.postgres import Connection, Database
from chassis.work import queries

DealStreams = Callable[[str], Sequence[str]]
"""The streams of a deal, by its id."""


@dataclasses.dataclass(frozen=True, slots=True)
class StoryEvent:
    """One event of a deal's story. ``cause`` is the command that led to it."""

    at: datetime | None
    stream: str
    version: int
    type: str
    data: Mapping[str, Any]
    cause: str
    by: str
    traceparent: str


@dataclasses.dataclass(frozen=True, slots=True)
class Story:
    """What one service did about a deal: its events in order, and its work with every attempt."""

    service: str
    tenant: TenantId
    deal: str
    events: Sequence[StoryEvent]
    work: Sequence[queries.WorkItem]


class StoryApi:
    """A deal's story as this service knows it."""

    def __init__(self, service: str, database: Database, streams: DealStreams) -> None:
        self._service = service
        self._database = database
        self._streams = streams

    def routes(self) -> list[BaseRoute]:
        """The addresses."""
        return [Route("/internal/deals/{tenant}/{deal}", self.told, methods=["GET"])]

    @answers(200, 400)
    async def told(self, request: Request) -> Response:
        """Events and work of the deal's streams; empty lists where the service has not heard of it."""
        tenant = checked_tenant(request.path_params["tenant"])
        deal = request.path_params["deal"]
        async with self._database.transaction([tenant]) as connection:
            story = await self._story(connection, tenant, deal)
        return reply(story)

    async def _story(self, connection: Connection, tenant: TenantId, deal: str) -> Story:
        streams = self._streams(deal)
        loaded = await event_store.load(connection, [(tenant, stream) for stream in streams])
        events = [
            StoryEvent(
                at=stored.recorded_at,
                stream=stored.stream,
                version=stored.version,
                type=stored.type,
                data=orjson.loads(stored.data),
                cause=str(stored.metadata.get("cause", stored.command_id)),
                by=str(stored.metadata.get("by", "")),
                traceparent=str(stored.metadata.get("traceparent", "")),
            )
            for found in loaded.values()
            for stored in found
        ]
        events.sort(key=lambda event: (str(event.at), event.stream, event.version))
        work = await queries.of_streams(connection, tenant, streams)
        return Story(self._service, tenant, deal, events, work)
