"""The HTTP server of a service: uvicorn in its event loop, with limits on heads, bodies, time and requests."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Generator, MutableMapping
from itertools import chain
from typing import Any, Final

import orjson
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX: Final = 16 * 1024
HEAD_SECONDS_MAX: Final = 5.0
BODY_BYTES_MAX: Final = 1024 * 1024
BODY_SECONDS_MAX: Final = 5.0
ARRIVING_BYTES_MAX: Final = 32 * 1024 * 1024
KEEP_ALIVE_SECONDS: Final = 60
BACKLOG: Final = 1024
ARRIVING_MAX: Final = 2_000
CONNECTIONS_PER_PEER_MAX: Final = 2_000
"""An address may be a proxy with all portals behind it: whoever holds connections open there takes them from others."""

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
BodyBytesMax = Callable[[str], int]
"""The longest body that a path takes."""


class PortTaken(OSError):  # noqa: N818 - named after what happened
    """Another process listens there."""


class _Peers:
    """The connections of each address: those that were never answered, the oldest first, then by their last answer."""

    def __init__(self, connections_max: int) -> None:
        self._connections_max = connections_max
        self._open: dict[str, tuple[dict[_BoundedProtocol, None], dict[_BoundedProtocol, None]]] = {}

    def enter(self, peer: str, connection: "_BoundedProtocol") -> bool:
        """Whether a connection may stay: at the limit the peer's first one that waits for him makes room for it."""
        unanswered, answered = self._open.setdefault(peer, ({}, {}))
        if len(unanswered) + len(answered) >= self._connections_max:
            waiting = next((one for one in chain(unanswered, answered) if one.waits_for_peer()), None)
            if waiting is None:
                return False
            self.leave(peer, waiting)
            waiting.transport.abort()
            unanswered, answered = self._open.setdefault(peer, (unanswered, answered))
        unanswered[connection] = None
        return True

    def answered(self, peer: str, connection: "_BoundedProtocol") -> None:
        """A request of the connection has its whole answer: who only begins requests makes room before it."""
        unanswered, answered = self._open.get(peer, ({}, {}))
        if connection in unanswered or connection in answered:
            unanswered.pop(connection, None)
            answered.pop(connection, None)
            answered[connection] = None

    def leave(self, peer: str, connection: "_BoundedProtocol") -> None:
        """The connection has ended."""
        unanswered, answered = self._open.get(peer, ({}, {}))
        unanswered.pop(connection, None)
        answered.pop(connection, None)
        if not unanswered and not answered:
            self._open.pop(peer, None)


class _BoundedProtocol(HttpToolsProtocol):
    """Ends a connection whose request head is too long or too slow, which uvicorn itself would await for ever, and one
    too many of a peer."""

    peers = _Peers(CONNECTIONS_PER_PEER_MAX)

    _peer = ""
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()
        self._peer = str((transport.get_extra_info("peername") or ("",))[0])
        if not self.peers.enter(self._peer, self):
            transport.abort()

    def waits_for_peer(self) -> bool:
        """Whether no whole request of it is being answered."""
        return not self.pipeline and (self.cycle is None or self.cycle.response_complete or self.cycle.more_body)

    def on_response_complete(self) -> None:
        self.peers.answered(self._peer, self)
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self.peers.leave(self._peer, self)
        self._head_arrived()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._head_timer is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        self._head_arrived()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head_timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
                self._refuse_head()

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(HEAD_SECONDS_MAX, self._refuse_head)

    def _head_arrived(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse_head(self) -> None:
        self._head_arrived()
        self.transport.abort()


class _Server(uvicorn.Server):
    """Signals belong to the process, not to its HTTP server; and its owner waits until it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


class HttpServer:
    """Serves an ASGI application on an address; ``port`` is the real one when 0 was asked for."""

    def __init__(
        self,
        app: App,
        *,
        host: str,
        port: int,
        stop_seconds_max: float,
        connections_per_peer_max: int = CONNECTIONS_PER_PEER_MAX,
    ) -> None:
        self.host = host
        self.port = port
        self._server = _Server(
            uvicorn.Config(
                app,
                http=type("_Protocol", (_BoundedProtocol,), {"peers": _Peers(connections_per_peer_max)}),
                ws="none",
                lifespan="off",
                loop="none",
                interface="asgi3",
                access_log=False,
                log_config=None,
                server_header=False,
                date_header=False,
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=max(1, int(stop_seconds_max)),
                reset_contextvars=True,
            )
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listens. Raises PortTaken with a sentence that names the port."""
        listener = _listen(self.host, self.port)
        self.port = listener.getsockname()[1]
        self._task = asyncio.create_task(self._server.serve([listener]), name="http server")
        await self._server.listening.wait()

    async def stop(self) -> None:
        """Takes no new connections and waits for the requests in flight, at most the time given."""
        if self._task is not None:
            self._server.should_exit = True
            await self._task


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise PortTaken(
            error.errno, f"{host}:{port} cannot be listened on ({error.strerror}); set SVERKA_PORT to a free one"
        ) from error
    listener.setblocking(False)
    return listener


class Limits:
    """ASGI middleware: so many requests in flight, bodies bounded in size and time; the rest is refused early.

    A request is in flight once its body has arrived, so that slow senders take nobody's place. So many may be sending
    their bodies, ``ARRIVING_BYTES_MAX`` in all; when there are more the oldest is broken off.
    """

    def __init__(
        self, app: App, *, in_flight_max: int, body_bytes_max: BodyBytesMax, arriving_max: int = ARRIVING_MAX
    ) -> None:
        self._app = app
        self._in_flight_max = in_flight_max
        self._arriving_max = arriving_max
        self._body_bytes_max = body_bytes_max
        self._in_flight = 0
        self._arriving: dict[asyncio.Timeout, int] = {}
        self._arriving_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if self._in_flight >= self._in_flight_max:
            await _come_again(send)
            return
        bytes_max = self._body_bytes_max(scope["path"])
        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        if declared.isdigit() and int(declared) > bytes_max:
            await answer(send, 413, {"error": f"the body is longer than {bytes_max} bytes"}, {"connection": "close"})
            return
        if _has_body(scope):
            try:
                receive = _whole(await self._body(receive, bytes_max), receive)
            except _BodyRefused as refusal:
                await answer(send, refusal.status, {"error": str(refusal)}, {"connection": "close"})
                return
            if self._in_flight >= self._in_flight_max:
                await _come_again(send)
                return
        self._in_flight += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._in_flight -= 1

    async def _body(self, receive: Receive, bytes_max: int) -> bytes:
        body = b""
        try:
            async with asyncio.timeout(BODY_SECONDS_MAX) as patience:
                try:
                    self._arrives(patience, 0)
                    while True:
                        message = await receive()
                        if message["type"] != "http.request":
                            raise _BodyRefused(400, "the body was broken off")
                        piece: bytes = message.get("body", b"")
                        body = body + piece if body else piece
                        if len(body) > bytes_max:
                            raise _BodyRefused(413, f"the body is longer than {bytes_max} bytes")
                        if not message.get("more_body", False):
                            return body
                        self._arrives(patience, len(body))
                finally:
                    self._arriving_bytes -= self._arriving.pop(patience, 0)
        except TimeoutError as error:
            raise _BodyRefused(408, f"the body did not come within {BODY_SECONDS_MAX:.0f} s") from error

    def _arrives(self, patience: asyncio.Timeout, size: int) -> None:
        """So much of a body is there; the oldest ones are broken off while there are too many."""
        self._arriving_bytes += size - self._arriving.get(patience, 0)
        self._arriving[patience] = size
        while len(self._arriving) > self._arriving_max or self._arriving_bytes > ARRIVING_BYTES_MAX:
            oldest = next(iter(self._arriving))
            self._arriving_bytes -= self._arriving.pop(oldest)
            oldest.reschedule(asyncio.get_running_loop().time())


class _BodyRefused(Exception):  # noqa: N818 - named after what happened
    """A body is too long, too slow, or was broken off."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0"))
        for name, value in scope["headers"]
    )


def _whole(body: bytes, receive: Receive) -> Receive:
    """What an application receives of a body that has arrived; then the end of the connection, as long as it takes."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Message:
        return first.pop() if first else await receive()

    return received


async def _come_again(send: Send) -> None:
    await answer(send, 503, {"error": "too many requests at once; try again"}, {"retry-after": "1"})


async def answer(send: Send, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
    """Sends a whole JSON answer."""
    data = orjson.dumps(body)
    pairs = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
    pairs += [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": data})
