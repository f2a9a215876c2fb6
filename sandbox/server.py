"""The HTTP server of the sandbox: started and ended by its owner, with open long polls let go first."""

from __future__ import annotations

import socket

import uvicorn

from sandbox.core.app import SandboxApp

SHUTDOWN_SECONDS = 3
KEEP_ALIVE_SECONDS = 75
BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one. Raises OSError."""
    # The protocol is named because asyncio turns Nagle's delay off only where it is.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


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
