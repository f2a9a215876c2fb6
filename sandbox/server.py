"""The HTTP and HTTPS servers of the sandbox: started and ended by their owner, with open long polls let go first."""

from __future__ import annotations

import socket
import ssl

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
    """Serves one application on one listening socket, and over TLS on a second one where that is given."""

    def __init__(
        self, app: SandboxApp, listener: socket.socket, secure: tuple[socket.socket, ssl.SSLContext] | None = None
    ) -> None:
        self._app, self._listener = app, listener
        self._secure = None if secure is None else secure[0]
        self._server = _server(app, None)
        self._secure_server = None if secure is None else _server(app, secure[1])

    @property
    def url(self) -> str:
        return f"http://{address(self._listener)}"

    async def start(self) -> None:
        """Returns when the state is replayed and the ports are open; SystemExit when that fails."""
        await self._server.startup(sockets=[self._listener])
        if self._secure is not None and self._secure_server is not None:
            await self._secure_server.startup(sockets=[self._secure])

    async def stop(self) -> None:
        """Lets waiting calls go, finishes the others, writes the ledger, closes."""
        self._app.let_go()
        if self._secure is not None and self._secure_server is not None:
            await self._secure_server.shutdown(sockets=[self._secure])
        await self._server.shutdown(sockets=[self._listener])


def address(listener: socket.socket) -> str:
    """Host and port of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"{host}:{port}"


def _server(app: SandboxApp, context: ssl.SSLContext | None) -> uvicorn.Server:
    """The plain one starts and ends the world; the other, over TLS, lives within its time."""
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="on" if context is None else "off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        ssl_context_factory=None if context is None else lambda config, default: context,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    return server
