"""Load over HTTP/1.1 that costs little: prepared requests on kept connections, one at a time on each."""

import asyncio
import time
from collections.abc import Iterator
from typing import Final

HEAD_END: Final = b"\r\n\r\n"


class Connection(asyncio.Protocol):
    """Sends the next request as soon as the answer to the last one is whole. Answers need a Content-Length."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        self._requests = requests
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._sent_at = 0.0
        self.latencies_ms: list[float] = []
        self.statuses: dict[int, int] = {}
        self.lost: str = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins."""
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]
        self._send()

    def data_received(self, data: bytes) -> None:
        """Waits for the whole answer, notes it, goes on."""
        self._buffer += data
        head, found, rest = self._buffer.partition(HEAD_END)
        if not found or len(rest) < _length(head):
            return
        self.latencies_ms.append(1000 * (time.perf_counter() - self._sent_at))
        status = int(head[9:12])
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self._buffer = b""
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        """The other side has closed."""
        self.lost = repr(error) if error is not None else "closed"

    def close(self) -> None:
        """Ends it."""
        if self._transport is not None:
            self._transport.abort()

    def _send(self) -> None:
        assert self._transport is not None, "connected"
        self._sent_at = time.perf_counter()
        self._transport.write(next(self._requests))


class Load:
    """Several connections to one address under load."""

    def __init__(self, connections: list[Connection]) -> None:
        self._connections = connections

    @classmethod
    async def open(cls, host: str, port: int, count: int, requests: Iterator[bytes]) -> "Load":
        """Connects and begins."""
        loop = asyncio.get_running_loop()
        made = [await loop.create_connection(lambda: Connection(requests), host, port) for _ in range(count)]
        return cls([connection for _, connection in made])

    def answered(self) -> int:
        """How many answers there were so far. Raises RuntimeError when a connection was lost."""
        lost = [connection.lost for connection in self._connections if connection.lost]
        if lost:
            raise RuntimeError(f"{len(lost)} connections were lost: {lost[0]}")
        return sum(sum(connection.statuses.values()) for connection in self._connections)

    def forget_latencies(self) -> None:
        """Begins to measure."""
        for connection in self._connections:
            connection.latencies_ms.clear()

    def close(self) -> tuple[list[float], dict[int, int]]:
        """Ends it; latencies in milliseconds, and answers by status."""
        latencies: list[float] = []
        statuses: dict[int, int] = {}
        for connection in self._connections:
            latencies += connection.latencies_ms
            for status, count in connection.statuses.items():
                statuses[status] = statuses.get(status, 0) + count
            connection.close()
        return latencies, statuses


def post(path: str, host: str, content_type: str, body: bytes) -> bytes:
    """A whole request."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    raise RuntimeError("the answer has no Content-Length")
