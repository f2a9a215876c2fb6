"""The HTTP server of the sandbox: started and ended by its owner, with open long polls let go first."""

from __future__ import annotations

import socket

import uvicorn

from sandbox.core.app import SandboxApp

SHUTDOWN_SECONDS = 3
KEEP_ALIVE_SECONDS = 75
BACKLOG = 2048


class SandboxServer:
    """Serves one application on one listening socket."""

    def __init__(self, app: SandboxApp, listener: socket.socket) -> None:
        self._app, self._listener = app, listener
        config = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
        config.load()
        self._server = uvicorn.Server(config)
        self._server.lifespan = config.lifespan_class(config)

    @property
    def url(self) -> str:
        host, port = self._listener.getsockname()[:2]
        return f"http://{host}:{port}"

    async def start(self) -> None:
        """Returns when the state is replayed and the port is open; SystemExit when that fails."""
        await self._server.startup(sockets=[self._listener])

    async def stop(self) -> None:
        """Lets waiting calls go, finishes the others, writes the ledger, closes."""
        self._app.let_go()
        await self._server.shutdown(sockets=[self._listener])
