"""Dead letters over HTTP."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chassis.internal_api.decisions import BY_OPERATOR
from chassis.internal_api.requests import flag_of, json_of, limit_of, reply, tenant_of, text_of, uuid_of
from chassis.messaging.letters import Letter
from chassis.messaging.replay import DeadLetterOffice, LetterNotFound, Replayed
from chassis.openapi import answers

REPLAY_IDS_MAX: Final = 500


class DeadLettersApi:
    """Dead letters of this service: list, show, replay, discard."""

    def __init__(self, office: DeadLetterOffice) -> None:
        self._office = office

    def routes(self) -> list[BaseRoute]:
        """The addresses."""
        return [
            Route("/internal/dead", self.listed, methods=["GET"]),
            Route("/internal/dead/replay", self.replayed, methods=["POST"]),
            Route("/internal/dead/{event_id}", self.shown, methods=["GET"]),
            Route("/internal/dead/{event_id}/discard", self.discarded, methods=["POST"]),
        ]

    @answers(200, 400)
    async def listed(self, request: Request) -> Response:
        """``?tenant=&topic=&all=1&limit=``: open letters (or all) in the order of their death, without their bodies."""
        found = await self._office.search(
            tenant=tenant_of(request.query_params),
            topic=request.query_params.get("topic") or None,
            only_open=not flag_of(request, "all"),
            limit=limit_of(request),
        )
        return reply({"dead": [described(letter) for letter in found]})

    @answers(200, 400, 404)
    async def shown(self, request: Request) -> Response:
        """One letter by the id of its message, open or settled, with headers and body."""
        try:
            letter = await self._office.show(uuid_of(request.path_params["event_id"]))
        except LetterNotFound as error:
            raise HTTPException(404, str(error)) from error
        headers = {name: value.decode(errors="replace") for name, value in letter.headers}
        return reply({**described(letter), "headers": headers, "body": letter.body})

    @answers(200, 400)
    async def replayed(self, request: Request) -> Response:
        """``{ids: [...], dry_run, by}``: handles letters again, and before each the earlier ones of its key.

        ``{results: [{…, result, error}], unknown: [ids that are no open letters here]}``.
        """
        body = await json_of(request)
        ids, by = ids_of(body), text_of(body, "by", BY_OPERATOR)
        results: list[Replayed] = []
        unknown: list[UUID] = []
        for event_id in ids:
            if any(done.letter.event_id == event_id for done in results):
                continue  # it went with a later one of its key
            try:
                results += await self._office.replay(event_id, by, dry_run=body.get("dry_run") is True)
            except LetterNotFound:
                unknown.append(event_id)
        described_results = [{**described(r.letter), "result": r.result, "error": r.error} for r in results]
        return reply({"results": described_results, "unknown": unknown})

    @answers(200, 400, 404)
    async def discarded(self, request: Request) -> Response:
        """``{by}``: gives a letter up, so that its key goes on."""
        event_id = uuid_of(request.path_params["event_id"])
        by = text_of(await json_of(request), "by", BY_OPERATOR)
        try:
            await self._office.discard(event_id, by)
            return reply(described(await self._office.show(event_id)))
        except LetterNotFound as error:
            raise HTTPException(404, str(error)) from error


def described(letter: Letter) -> dict[str, Any]:
    """A letter without headers and body."""
    return {name: getattr(letter, name) for name in Letter.__slots__ if name not in ("headers", "body")}


def ids_of(body: dict[str, Any]) -> Sequence[UUID]:
    """``ids`` of a body: 1 to 500 uuids. Raises 400."""
    ids = body.get("ids")
    if not isinstance(ids, list) or not 0 < len(ids) <= REPLAY_IDS_MAX or not all(isinstance(i, str) for i in ids):
        raise HTTPException(400, f"`ids` is a list of 1 to {REPLAY_IDS_MAX} ids of dead letters")
    return [uuid_of(text) for text in ids]
