"""The HTTP server's limits: long and slow heads and bodies, too many requests, a taken port, an end in order."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from chassis import serving
from chassis.serving import HttpServer, Limits, PortTaken, Receive, Scope, Send, answer


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = b""
    while True:
        message = await receive()
        body += message["body"]
        if not message.get("more_body"):
            break
    await answer(send, 200, {"path": scope["path"], "bytes": len(body)})


@asynccontextmanager
async def served(
    app: serving.App = echo,
    in_flight_max: int = 10,
    stop_seconds_max: float = 5,
    per_peer_max: int = 500,
    arriving_max: int = 10,
) -> AsyncIterator[HttpServer]:
    limits = Limits(app, in_flight_max=in_flight_max, body_bytes_max=lambda path: 1000, arriving_max=arriving_max)
    server = HttpServer(
        limits, host="127.0.0.1", port=0, stop_seconds_max=stop_seconds_max, connections_per_peer_max=per_peer_max
    )
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def talk(server: HttpServer, *pieces: bytes, close: bool = False) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if close:
            writer.write_eof()
        async with asyncio.timeout(10):
            return await reader.read(65536)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def post(path: str, body: bytes, length: int | None = None) -> bytes:
    return b"POST %b HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (
        path.encode(),
        len(body) if length is None else length,
        body,
    )


async def test_a_request_is_answered() -> None:
    async with served() as server:
        assert b'{"path":"/x","bytes":3}' in await talk(server, post("/x", b"abc"))


@pytest.mark.parametrize(
    "pieces",
    [
        (post("/x", b"a" * 1001),),
        (post("/x", b"", length=10**12),),
        (b"POST /x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n", b"400\r\n" + b"a" * 1024 + b"\r\n"),
    ],
)
async def test_long_bodies_are_refused(pieces: tuple[bytes, ...]) -> None:
    async with served() as server:
        found = await talk(server, *pieces)
    assert b" 413 " in found.split(b"\r\n")[0]
    assert b"longer than 1000 bytes" in found


async def test_slow_bodies_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "BODY_SECONDS_MAX", 0.05)
    async with served() as server:
        assert b" 408 " in await talk(server, post("/x", b"ab", length=10))


async def test_a_broken_off_body_is_no_error_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    async with served() as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(post("/x", b"ab", length=10))
        await writer.drain()
        writer.transport.abort()
        assert b" 200 " in await talk(server, post("/x", b"abc"))
    assert [r for r in caplog.records if r.levelname == "ERROR"] == []


async def test_long_heads_end_the_connection() -> None:
    async with served() as server:
        one_header = b"GET /x HTTP/1.1\r\nhost: x\r\nlong: " + b"a" * 40_000
        assert await talk(server, one_header) == b""
        assert await talk(server, b"GET /x HTTP/1.1\r\n", *[b"h: " + b"a" * 900 + b"\r\n"] * 40) == b""


async def test_slow_heads_end_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "HEAD_SECONDS_MAX", 0.05)
    async with served() as server:
        assert await talk(server, b"GET /x HT") == b""
        assert await talk(server) == b"", "also one that never says a word"


async def test_too_many_requests_are_told_to_come_again() -> None:
    inside, gate = asyncio.Event(), asyncio.Event()

    async def waits(scope: Scope, receive: Receive, send: Send) -> None:
        inside.set()
        await gate.wait()
        await answer(send, 200, {})

    async with served(waits, in_flight_max=1) as server:
        first = asyncio.create_task(talk(server, post("/x", b"")))
        await inside.wait()
        second = await talk(server, post("/x", b""))
        assert b" 503 " in second.split(b"\r\n")[0]
        assert b"retry-after: 1" in second
        gate.set()
        assert b" 200 " in await first


async def test_one_address_keeps_so_many_connections_and_its_oldest_idle_one_makes_room() -> None:
    release, begun = asyncio.Event(), asyncio.Semaphore(0)

    async def held(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/held":
            begun.release()
            await release.wait()
        await answer(send, 200, {"path": scope["path"]})

    get = b"GET %b HTTP/1.1\r\nhost: x\r\n\r\n"
    async with served(held, per_peer_max=2) as server, asyncio.timeout(10):

        async def opened(path: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(get % path)
            await writer.drain()
            return reader, writer

        busy, busy_writer = await opened(b"/held")
        idle, idle_writer = await opened(b"/one")
        assert b"/one" in await idle.readuntil(b"}")
        second, second_writer = await opened(b"/held")
        with suppress(ConnectionResetError):
            assert await idle.read(1) == b"", "the idle one made room"
        for _ in range(2):
            await begun.acquire()
        refused = await talk(server, get % b"/two")
        assert refused == b"", "both are being answered"
        release.set()
        assert b"/held" in await busy.readuntil(b"}")
        assert b"/held" in await second.readuntil(b"}")
        assert b"/two" in (await opened_and_read(server, get % b"/two"))
        for writer in (busy_writer, idle_writer, second_writer):
            writer.close()


@pytest.mark.parametrize("begun", [b"GET / HT", post("/slow", b"half", 900)])
async def test_who_only_begins_requests_takes_no_connection_of_others_at_his_address(begun: bytes) -> None:
    get = b"GET /kept HTTP/1.1\r\nhost: x\r\n\r\n"
    async with served(per_peer_max=3, arriving_max=100) as server, asyncio.timeout(10):
        kept, kept_writer = await asyncio.open_connection("127.0.0.1", server.port)
        kept_writer.write(get)
        await kept.readuntil(b"}")
        writers = []
        for _ in range(8):
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(begun)
            await writer.drain()
            writers.append(writer)
            assert b"/new" in await opened_and_read(server, b"GET /new HTTP/1.1\r\nhost: x\r\n\r\n")
            kept_writer.write(get)
            assert b"/kept" in await kept.readuntil(b"}")
        for writer in (kept_writer, *writers):
            writer.close()


async def opened_and_read(server: HttpServer, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request)
    try:
        return await reader.readuntil(b"}")
    finally:
        writer.close()


async def test_slow_bodies_take_no_place_of_others_and_the_oldest_is_broken_off() -> None:
    async with served(arriving_max=3) as server:
        slow = [asyncio.create_task(talk(server, post(f"/{number}", b"half", 900))) for number in range(6)]
        done, _ = await asyncio.wait(slow, return_when=asyncio.FIRST_COMPLETED)
        assert all(b" 408 " in task.result() for task in done)
        assert not slow[-1].done()
        assert b" 200 " in (await talk(server, post("/quick", b"whole") + b"GET / HTTP/1.0\r\n\r\n"))
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)


async def test_bodies_on_their_way_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "ARRIVING_BYTES_MAX", 1_000)
    async with served() as server:
        first = asyncio.create_task(talk(server, post("/first", b"x" * 600, 900)))
        second = asyncio.create_task(talk(server, post("/second", b"x" * 600, 900)))
        done, _ = await asyncio.wait([first, second], return_when=asyncio.FIRST_COMPLETED)
        assert [b" 408 " in task.result() for task in done] == [True]
        assert b" 200 " in (await talk(server, post("/third", b"x" * 300) + b"GET / HTTP/1.0\r\n\r\n"))
        for task in (first, second):
            task.cancel()
        await asyncio.gather(first, second, return_exceptions=True)


async def closed(server: HttpServer) -> None:
    """Returns when the server takes no more connections."""
    async with asyncio.timeout(10):
        with suppress(ConnectionRefusedError, ConnectionResetError):
            while True:
                _, writer = await asyncio.open_connection("127.0.0.1", server.port)
                writer.close()
                await asyncio.sleep(0.01)


async def test_the_end_waits_for_requests_in_flight() -> None:
    inside, leave = asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        inside.set()
        await leave.wait()
        await answer(send, 200, {})

    async with served(slow) as server:
        request = asyncio.create_task(talk(server, post("/x", b"")))
        await inside.wait()
        ending = asyncio.create_task(closed(server))
        ending.add_done_callback(lambda _: leave.set())
    assert b" 200 " in await request
    await ending


async def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"127.0.0.1:{port} cannot be listened on .* set SVERKA_PORT"):
            await HttpServer(echo, host="127.0.0.1", port=port, stop_seconds_max=1).start()


async def test_nonsense_is_a_400() -> None:
    async with served() as server:
        assert b" 400 " in await talk(server, b"\x00\x01\x02\r\n\r\n")
