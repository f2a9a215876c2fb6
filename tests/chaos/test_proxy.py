"""The proxy of campaigns passes what comes, and delays, slows, swallows, refuses, cuts and rewrites when it is told."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from tests.chaos.campaign.chance import chance_of
from tests.chaos.campaign.postgres_wire import COMMIT, ROLLBACK, cut_commits, query, ready, refuse_commits
from tests.chaos.campaign.proxy import FAIR, HOST, Proxy, Weather, proxied

DEADLINE_SECONDS = 5.0
BIG = b"x" * 3_000_000


class Echo:
    """A server that says what it is told, and remembers it."""

    def __init__(self) -> None:
        self.heard = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            while data := await reader.read(65_536):
                self.heard += data
                writer.write(data)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def through() -> AsyncIterator[tuple[Proxy, Echo]]:
    """A proxy in front of an echo."""
    echo = Echo()
    server = await asyncio.start_server(echo.serve, HOST, 0)
    async with server, proxied("echo", server.sockets[0].getsockname()[1]) as proxy:
        yield proxy, echo


async def opened(proxy: Proxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(HOST, proxy.port, limit=8 * 1024 * 1024)


async def said(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> bytes:
    async with asyncio.timeout(DEADLINE_SECONDS):
        writer.write(data)
        return await reader.readexactly(len(data))


async def test_fair_weather_passes_everything_in_order() -> None:
    async with through() as (proxy, _):
        reader, writer = await opened(proxy)
        assert await said(reader, writer, b"hello") == b"hello"
        assert await said(reader, writer, BIG) == BIG
        writer.close()
        assert not proxy.touched


async def test_an_end_of_questions_lets_the_answers_through() -> None:
    async with through() as (proxy, _):
        reader, writer = await opened(proxy)
        writer.write(b"last words")
        writer.write_eof()
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert await reader.read() == b"last words"


async def test_delay_holds_every_block() -> None:
    async with through() as (proxy, _):
        proxy.weather = Weather(delay_seconds=0.1)
        reader, writer = await opened(proxy)
        began = time.monotonic()
        assert await said(reader, writer, b"hello") == b"hello"
        assert time.monotonic() - began >= 0.2, "once there and once back"
        assert proxy.touched


async def test_slow_answers_come_at_their_rate() -> None:
    async with through() as (proxy, _):
        proxy.weather = Weather(bytes_per_second=1_000)
        reader, writer = await opened(proxy)
        began = time.monotonic()
        assert await said(reader, writer, b"y" * 300) == b"y" * 300
        assert time.monotonic() - began >= 0.2


async def test_what_is_swallowed_is_lost_and_the_connection_is_cut_afterwards() -> None:
    async with through() as (proxy, echo):
        reader, writer = await opened(proxy)
        assert await said(reader, writer, b"one") == b"one"
        proxy.weather = Weather(swallow=True)
        writer.write(b"two")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await reader.readexactly(3)
        proxy.clear()
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(3)
        assert echo.heard == b"one"
        assert proxy.weather == FAIR


async def test_refused_connections_do_not_stand() -> None:
    async with through() as (proxy, _):
        proxy.weather = Weather(refuse=True)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await said(*await opened(proxy), b"hello")
        proxy.clear()
        assert await said(*await opened(proxy), b"hello") == b"hello"


async def test_connections_are_cut_by_a_reset() -> None:
    async with through() as (proxy, _):
        reader, writer = await opened(proxy)
        assert await said(reader, writer, b"one") == b"one"
        assert proxy.reset_all() == 1
        with pytest.raises(ConnectionResetError):
            await said(reader, writer, b"two")


async def test_a_commit_is_cut_whether_or_not_the_server_has_got_it() -> None:
    heard = set()
    for seed in range(12):
        async with through() as (proxy, echo):
            cut_commits(proxy, chance_of(seed), most=1)
            reader, writer = await opened(proxy)
            assert await said(reader, writer, query(b"SELECT 1;\0")) == query(b"SELECT 1;\0")
            writer.write(query(COMMIT))
            async with asyncio.timeout(DEADLINE_SECONDS):
                with contextlib.suppress(ConnectionResetError):
                    assert await reader.read() == b""
            heard.add(query(COMMIT) in echo.heard)
            assert proxy.touched == 1
    assert heard == {True, False}


async def test_a_refused_commit_is_rolled_back_and_answered_by_its_code() -> None:
    async with through() as (proxy, echo):
        refuse_commits(proxy, ["40001"])
        reader, writer = await opened(proxy)
        writer.write(query(COMMIT))
        await _until(lambda: echo.heard == query(ROLLBACK))
        writer.write(ready())  # the echo says it back, as a server ends its answer
        async with asyncio.timeout(DEADLINE_SECONDS):
            answer = await reader.readuntil(ready())
        assert answer.startswith(b"E")
        assert b"C40001\0" in answer
        assert await said(reader, writer, query(COMMIT)) == query(COMMIT), "only as many as were asked for"


async def _until(probe: object) -> None:
    assert callable(probe)
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not probe():  # noqa: ASYNC110 - the other side is a socket
            await asyncio.sleep(0.005)
