"""A TCP proxy whose connections a test cuts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

HOST = "127.0.0.1"
CHUNK_BYTES = 65_536


@dataclass(slots=True)
class Proxy:
    """Passes bytes on. ``answer_bytes_max`` is after how many bytes of answers a connection is cut; None never."""

    target_host: str
    target_port: int
    answer_bytes_max: int | None = None
    port: int = 0
    cuts: int = 0
    _connections: set[asyncio.Task[None]] = field(default_factory=set)

    def url(self, url: str) -> str:
        """The same address, through this proxy."""
        parts = urlsplit(url)
        at = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{at[0]}{at[1]}{HOST}:{self.port}"))

    def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        task = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def stop(self) -> None:
        """Cuts all connections."""
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, answers = await asyncio.open_connection(self.target_host, self.target_port)
        tasks = [
            asyncio.create_task(self._pass(reader, answers, None)),
            asyncio.create_task(self._pass(upstream, writer, self.answer_bytes_max)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for end in (writer, answers):
                end.transport.abort()

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, bytes_max: int | None) -> None:
        passed = 0
        with contextlib.suppress(ConnectionError):
            while data := await source.read(CHUNK_BYTES):
                if bytes_max is not None and passed + len(data) > bytes_max:
                    target.write(data[: bytes_max - passed])
                    await target.drain()
                    self.cuts += 1
                    return
                passed += len(data)
                target.write(data)
                await target.drain()


@contextlib.asynccontextmanager
async def proxied(host: str, port: int) -> AsyncIterator[Proxy]:
    """A proxy before ``host:port`` until the block ends."""
    proxy = Proxy(host, port)
    server = await asyncio.start_server(proxy.serve, HOST, 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.stop()
