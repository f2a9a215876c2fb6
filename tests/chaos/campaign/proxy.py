"""A TCP proxy between two processes that delays, slows, cuts, swallows or refuses what passes, as it is told."""

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final, cast

HOST: Final = "127.0.0.1"
BUFFER_BYTES_MAX: Final = 1024 * 1024
RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER of zero seconds: close sends RST."""
TICK_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Weather:
    """What happens to connections. The default is fair weather.

    ``delay_seconds`` for every block of bytes; ``bytes_per_second`` of answers (None: no limit); ``swallow``: bytes are
    taken and none is passed on, as behind a dead router; ``refuse``: no new connection stands.
    """

    delay_seconds: float = 0.0
    bytes_per_second: float | None = None
    swallow: bool = False
    refuse: bool = False

    @property
    def fair(self) -> bool:
        """Whether bytes pass as they come."""
        return not (self.delay_seconds or self.bytes_per_second or self.swallow)


FAIR: Final = Weather()

Rewrite = Callable[["Connection", bytes], bytes | None]
"""Sees a block before it is passed on: the block to pass, or None where the connection was dealt with."""


class Proxy:
    """Passes every connection on to one place. ``touched`` counts the connections and blocks that met bad weather."""

    def __init__(self, name: str, target_port: int) -> None:
        self.name = name
        self.target_port = target_port
        self.port = 0
        self.weather = FAIR
        self.touched = 0
        self.rewrite_question: Rewrite | None = None
        self.rewrite_answer: Rewrite | None = None
        self.connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begins to listen, on a free port where none is set."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Closes all connections."""
        assert self._server is not None, "it was started"
        self._server.close()
        for connection in tuple(self.connections):
            connection.reset()
        await self._server.wait_closed()

    def reset_all(self) -> int:
        """Cuts every connection by RST; returns how many there were."""
        cut = 0
        for connection in tuple(self.connections):
            connection.reset()
            cut += 1
        self.touched += cut
        return cut

    def clear(self) -> None:
        """Fair weather again: what was swallowed is lost, so those connections are cut."""
        was, self.weather = self.weather, FAIR
        self.rewrite_question = self.rewrite_answer = None
        for connection in tuple(self.connections):
            if was.swallow and connection.swallowed:
                connection.reset()
            else:
                connection.wake()


class Connection(asyncio.Protocol):
    """One connection: our client's side is this protocol, the other's is `_Upstream`."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.swallowed = False
        self.notes: dict[str, Any] = {}
        self._questions = _Pipe(self, answers=False)
        self._answers = _Pipe(self, answers=True)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        client = cast(asyncio.Transport, transport)
        self._answers.target = self._questions.source = client
        if self.proxy.weather.refuse:
            self.proxy.touched += 1
            _reset(client)
            return
        self.proxy.connections.add(self)
        asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            transport, _ = await loop.create_connection(lambda: _Upstream(self), HOST, self.proxy.target_port)
        except OSError:
            self.reset()
            return
        if self not in self.proxy.connections:  # the client has gone meanwhile
            transport.abort()
            return
        self._questions.target = self._answers.source = transport
        self._questions.pump()

    def data_received(self, data: bytes) -> None:
        self._questions.feed(data)

    def eof_received(self) -> bool:
        self._questions.end()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self.close()

    def pause_writing(self) -> None:
        self._answers.blocked(True)

    def resume_writing(self) -> None:
        self._answers.blocked(False)

    def answer(self, data: bytes) -> None:
        """Says something to the client that its server did not say."""
        self._answers.put(data)

    def upstream_data(self, data: bytes) -> None:
        """From the other side."""
        self._answers.feed(data)

    def upstream_end(self) -> None:
        """The other side will say nothing more."""
        self._answers.end()

    def upstream_blocked(self, blocked: bool) -> None:
        """Whether the other side takes no more for now."""
        self._questions.blocked(blocked)

    def wake(self) -> None:
        """The weather changed."""
        self._questions.pump()
        self._answers.pump()

    def close(self) -> None:
        """Ends both sides."""
        self.proxy.connections.discard(self)
        for pipe in (self._questions, self._answers):
            pipe.close()

    def cut_client(self, data: bytes) -> None:
        """Passes a last block on and cuts the client by RST before any answer."""
        self.proxy.connections.discard(self)
        self.proxy.touched += 1
        questions, answers = self._questions.target, self._answers.target
        if questions is not None and not questions.is_closing():
            questions.write(data)
            questions.close()
        if answers is not None:
            _reset(answers)

    def reset(self) -> None:
        """Ends both sides by RST."""
        self.proxy.connections.discard(self)
        for pipe in (self._questions, self._answers):
            if pipe.target is not None:
                _reset(pipe.target)


class _Upstream(asyncio.Protocol):
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def data_received(self, data: bytes) -> None:
        self._connection.upstream_data(data)

    def eof_received(self) -> bool:
        self._connection.upstream_end()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self._connection.close()

    def pause_writing(self) -> None:
        self._connection.upstream_blocked(True)

    def resume_writing(self) -> None:
        self._connection.upstream_blocked(False)


class _Pipe:
    """One direction: a queue of blocks with the moment at which each may pass."""

    def __init__(self, connection: Connection, *, answers: bool) -> None:
        self.source: asyncio.Transport | None = None
        self.target: asyncio.Transport | None = None
        self._connection = connection
        self._answers = answers
        self._blocks: deque[tuple[float, bytes]] = deque()
        self._bytes = 0
        self._ended = False
        self._timer: asyncio.TimerHandle | None = None

    def feed(self, data: bytes) -> None:
        proxy = self._connection.proxy
        if proxy.weather.swallow:
            proxy.touched += not self._connection.swallowed
            self._connection.swallowed = True
            return
        rewrite = proxy.rewrite_answer if self._answers else proxy.rewrite_question
        if rewrite is not None:
            changed = rewrite(self._connection, data)
            if changed is None:
                return
            data = changed
        self.put(data)

    def put(self, data: bytes) -> None:
        weather = self._connection.proxy.weather
        if weather.fair and not self._blocks and self.target is not None and not self.target.is_closing():
            self.target.write(data)
            return
        if not weather.fair:
            self._connection.proxy.touched += 1
        self._blocks.append((asyncio.get_running_loop().time() + weather.delay_seconds, data))
        self._bytes += len(data)
        if self._bytes > BUFFER_BYTES_MAX:
            self.blocked(True)
        self.pump()

    def pump(self) -> None:
        """Passes on what may pass now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        weather = self._connection.proxy.weather
        target = self.target
        if target is None or target.is_closing():
            return
        while self._blocks:
            due, data = self._blocks[0]
            if not weather.fair and due > loop.time():
                self._timer = loop.call_at(due, self.pump)
                return
            self._blocks.popleft()
            if self._answers and weather.bytes_per_second is not None:
                share = max(1, int(weather.bytes_per_second * TICK_SECONDS))
                if len(data) > share:
                    self._blocks.appendleft((loop.time() + TICK_SECONDS, data[share:]))
                    data = data[:share]
            self._bytes -= len(data)
            target.write(data)
        if self._bytes <= BUFFER_BYTES_MAX // 2:
            self.blocked(False)
        if self._ended and target.can_write_eof():
            target.write_eof()

    def end(self) -> None:
        self._ended = True
        self.pump()

    def blocked(self, blocked: bool) -> None:
        source = self.source
        if source is None or source.is_closing():
            return
        with contextlib.suppress(RuntimeError):
            if blocked:
                source.pause_reading()
            else:
                source.resume_reading()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self.target is not None and not self.target.is_closing():
            self.target.close()


def _reset(transport: asyncio.Transport) -> None:
    found = transport.get_extra_info("socket")
    if found is not None:
        # A peer that has gone leaves no socket to set anything on (uvloop says ValueError).
        with contextlib.suppress(OSError, ValueError):
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    transport.abort()


@contextlib.asynccontextmanager
async def proxied(name: str, target_port: int) -> AsyncIterator[Proxy]:
    """A proxy until the block ends."""
    proxy = Proxy(name, target_port)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
