"""A raw socket server that counts bytes and answers what a test tells it to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Handler = Callable[["Raw", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


@dataclass
class Raw:
    """``received`` is everything that came in; ``requests`` the heads; ``connections`` and ``closed`` count sockets."""

    port: int = 0
    received: bytearray = field(default_factory=bytearray)
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    closed: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def read_request(self, reader: asyncio.StreamReader) -> bytes:
        """One request's head and body; b"" when the client closed."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            chunk = await reader.read(1)
            if not chunk:
                return b""
            self.received += chunk
            head += chunk
        self.requests.append(head)
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                body = await reader.readexactly(int(line.split(b":")[1]))
                self.received += body
        return head


async def answer_ok(raw: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers every request on the connection."""
    while await raw.read_request(reader):
        writer.write(OK)
        await writer.drain()


@asynccontextmanager
async def raw_server(handler: Handler = answer_ok) -> AsyncIterator[Raw]:
    """Serves until the block ends."""
    raw = Raw()

    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raw.connections += 1
        try:
            await handler(raw, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            raw.closed += 1
            writer.close()

    # Tasks of our own: asyncio's server makes an error of one that is cancelled when the loop ends.
    server = await asyncio.start_server(lambda *ends: tasks.add(asyncio.create_task(serve(*ends))), "127.0.0.1", 0)
    raw.port = server.sockets[0].getsockname()[1]
    try:
        yield raw
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
