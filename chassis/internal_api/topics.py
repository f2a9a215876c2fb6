"""Republishing over HTTP: a topic is written anew from the events."""

from datetime import datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chassis.engine import Engine
from chassis.internal_api.requests import json_of, reply, text_of
from chassis.messaging.republish import republish
from chassis.openapi import answers
from chassis.postgres import Database


class TopicsApi:
    """Topics that this service writes."""

    def __init__(self, database: Database, engine: Engine, written: set[str]) -> None:
        self._database = database
        self._engine = engine
        self._written = written

    def routes(self) -> list[BaseRoute]:
        """The addresses."""
        return [Route("/internal/republish", self.republished, methods=["POST"])]

    @answers(200, 400, 404)
    async def republished(self, request: Request) -> Response:
        """``{topic, since}``: messages of events recorded since a business time (RFC 3339), or of all; how many."""
        body = await json_of(request)
        topic, since = text_of(body, "topic"), text_of(body, "since", "")
        if topic not in self._written:
            raise HTTPException(
                404, f"this service does not write {topic}; it writes {', '.join(sorted(self._written))}"
            )
        count = await republish(self._database, self._engine, topic, _moment(since))
        return reply({"topic": topic, "messages": count})


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise HTTPException(400, "`since` is a time with zone, for example 2026-11-20T09:00:00+03:00")
    return moment
