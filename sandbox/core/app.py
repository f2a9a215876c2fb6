"""The ASGI application: every vendor, the control API and the pages under one base address."""

from __future__ import annotations

import logging
import re
import traceback
from dataclasses import replace
from urllib.parse import urlsplit

from sandbox.core.control import control_routes
from sandbox.core.ledger import LedgerError
from sandbox.core.openapi import CONTROL, PAGES, Served, document
from sandbox.core.pages import index_routes
from sandbox.core.wire import (
    BadRequestError,
    Receive,
    Reply,
    Request,
    Route,
    Router,
    Scope,
    Send,
    read_body,
    send_reply,
)
from sandbox.core.world import World

log = logging.getLogger("sandbox")
SLASHES = re.compile("/{2,}")
"""A run of slashes is one, as web servers have it: clients join addresses carelessly."""


class SandboxApp:
    """Knows the world's vendors at the time it is made; starts and stops the world with the server."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._prefix = urlsplit(world.public_url).path.rstrip("/") if world.public_url else ""
        own = [
            *index_routes(world),
            Route("GET", "/healthz", self._health, "liveness"),
            Route("GET", "/openapi.json", self._described, "this document"),
        ]
        self.served = [Served("sandbox", route, (200,)) for route in own]
        for vendor in world.vendors.values():
            self.served += [Served(vendor.name, route, vendor.statuses) for route in vendor.routes()]
            pages = [replace(route, pattern=f"/pages/{vendor.name}{route.pattern}") for route in vendor.pages()]
            self.served += [Served("pages", route, PAGES) for route in pages]
        self.served += [Served("control", route, CONTROL) for route in control_routes(world)]
        self._router = Router([one.route for one in self.served])
        world.dispatch = self.dispatch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        method: str = scope["method"].upper()
        try:
            request = self._request(scope, method, await read_body(receive))
            request.disconnected = receive
            reply = await self.dispatch(request)
        except BadRequestError as error:
            reply = Reply(status=400, payload={"error": str(error)})
        except ConnectionResetError:
            return
        except LedgerError as error:
            reply = Reply(status=503, payload={"error": str(error)})
        await send_reply(reply, receive, send, method, self._world.stopping)

    def let_go(self) -> None:
        """Ends calls that only wait: long polls and hanging answers."""
        self._world.stopping.set()

    async def dispatch(self, request: Request) -> Reply:
        """Routes one request; an error in a handler becomes a 500 that names it, so that tests see it."""
        found = self._router.find("GET" if request.method == "HEAD" else request.method, request.path)
        if found is None:
            return Reply(status=404, payload={"error": f"nothing is served at {request.path}"})
        if found == "method":
            return Reply(status=405, payload={"error": f"{request.method} is not served at {request.path}"})
        route, request.params = found
        try:
            return await route.handler(request)
        except (BadRequestError, LedgerError):
            raise
        except Exception as error:
            log.exception("%s %s failed", request.method, request.path)
            trace = traceback.format_exc(limit=-3)
            return Reply(status=500, payload={"error": f"sandbox failure: {error!r}", "trace": trace})

    def _request(self, scope: Scope, method: str, body: bytes) -> Request:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        path: str = scope["path"]
        prefix = self._prefix or headers.get("x-forwarded-prefix", "").rstrip("/")
        if prefix and path.lower().startswith(prefix.lower() + "/"):
            path = path[len(prefix) :]
        base_url = self._world.public_url or ""
        if not base_url:
            scheme = str(headers.get("x-forwarded-proto", scope["scheme"])).split(",")[0].strip()
            base_url = f"{scheme}://{headers.get('host', 'localhost')}{prefix}"
        return Request(
            method=method,
            path=SLASHES.sub("/", path),
            query_string=scope["query_string"].decode("latin-1"),
            headers=headers,
            body=body,
            base_url=base_url,
        )

    async def _described(self, request: Request) -> Reply:
        return Reply(payload=document("Sandbox", self.served, request.base_url))

    async def _health(self, request: Request) -> Reply:
        if self._world.ledger.broken:
            return Reply(status=503, payload={"status": "the ledger cannot be written"})
        return Reply(payload={"status": "ok", "seq": self._world.ledger.seq})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._world.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._world.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return
