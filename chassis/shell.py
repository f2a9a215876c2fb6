"""The outside of every service's HTTP: health, metrics, the service token before ``/internal``, errors as sentences."""

import asyncio
import hmac
from collections.abc import Sequence
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chassis import log, metrics, telemetry
from chassis.health import Health
from chassis.internal_api.requests import reply
from chassis.messaging.kafka import KafkaError
from chassis.openapi import OPENAPI, answers, document
from chassis.postgres import INFRASTRUCTURE_ERRORS
from chassis.serving import App, Receive, Scope, Send, answer

INTERNAL: Final = "/internal"

_log = log.get(__name__)


class Shell:
    """The ASGI application of a service. Until ``open`` it answers health and metrics, and 503 to everything else."""

    def __init__(self, health: Health, service_token: str) -> None:
        self._health = health
        self._token = service_token.encode()
        self._app: App | None = None
        self.routes: Sequence[BaseRoute] = ()
        self._named = ("", "")
        self._document: dict[str, Any] | None = None

    def open(self, routes: Sequence[BaseRoute], *, title: str = "Sverka", version: str = "0") -> None:
        """Takes requests from now on, and says at ``/openapi.json`` which."""
        self._named = (title, version)
        self.routes = [*routes, Route(OPENAPI, self._described, methods=["GET"])]
        handlers: dict[Any, Any] = {HTTPException: _said, Exception: _failed}
        handlers |= dict.fromkeys((*INFRASTRUCTURE_ERRORS, KafkaError), _away)
        self._app = Starlette(routes=list(self.routes), exception_handlers=handlers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        match path:
            case "/healthz":
                await self._state(send, self._health.alive())
            case "/readyz":
                await self._state(send, await self._health.ready())
            case "/metrics":
                body, content_type = metrics.exposition()
                await Response(body, media_type=content_type)(scope, receive, send)
            case _:
                await self._serve(path, scope, receive, send)

    @answers(200)
    async def _described(self, request: Request) -> Response:
        """This document."""
        if self._document is None:
            self._document = await asyncio.to_thread(document, *self._named, self.routes, internal=INTERNAL)
        return reply(self._document)

    async def _state(self, send: Send, wrong: dict[str, str]) -> None:
        await answer(send, 503 if wrong else 200, {"ok": not wrong, **wrong})

    async def _serve(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        internal = path == INTERNAL or path.startswith(f"{INTERNAL}/")
        if internal and not self._authenticated(scope):
            await answer(send, 401, {"error": "this address takes calls between services, with their token"})
            return
        if self._app is None:
            await answer(send, 503, {"error": "the service is starting; try again"}, {"retry-after": "1"})
            return
        # A trace is continued for callers that have the token; others might have us record what they like.
        carrier = _trace_headers(scope) if internal else {}
        name = f"{scope['method']} /{path.split('/', 2)[1]}"
        with telemetry.span(name, kind="server", parent=carrier):
            try:
                await self._app(scope, receive, send)
            except INFRASTRUCTURE_ERRORS as error:  # after the answer had begun
                _log.warning("an answer was broken off", operation=name, error=type(error).__name__)
            except Exception as error:  # noqa: BLE001 - Starlette has answered 500 and raises for us to write it down
                _log.error("a request failed", operation=name, exc_info=error)

    def _authenticated(self, scope: Scope) -> bool:
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        scheme, _, token = given.partition(b" ")
        return hmac.compare_digest(token, self._token) and scheme.lower() == b"bearer"


def _trace_headers(scope: Scope) -> dict[str, str]:
    wanted = (b"traceparent", b"tracestate")
    return {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in wanted}


async def _said(request: Request, error: HTTPException) -> Response:
    found = reply({"error": error.detail}, error.status_code)
    found.headers.update(error.headers or {})
    return found


async def _failed(request: Request, error: Exception) -> Response:
    return reply({"error": "this failed on our side and is written down"}, 500)


async def _away(request: Request, error: Exception) -> Response:
    _log.warning("a request met a dependency that is away", error=type(error).__name__, method=request.method)
    found = reply({"error": "a part that this needs is away; try again"}, 503)
    found.headers["retry-after"] = "1"
    return found
