"""One call: the moment of the first byte, what a broken call is known to have done, and the bounds of an answer."""

import asyncio
import errno
import gzip
import logging
import os
import socket
import time
from decimal import Decimal

import pytest

from chassis.domain import Problem
from chassis.http import AddressPolicy, Answer, Call, NotSent, SentUnknown, VendorHttp, as_read, as_write
from chassis.http.client import counted_calls
from chassis.http.transport import first_byte_hook
from chassis.outcomes import Retryable, Uncertain
from tests.chassis.http.raw_server import OK, Handler, Raw, answer_ok, raw_server

LOCAL = AddressPolicy(development=True)


class LeaseLost(Exception):  # noqa: N818
    """What a guard raises."""


def call(url: str, method: str = "POST", changes: bool = True, **more: object) -> Call:
    return Call("stub", "stub.create", method, url, changes=changes, content=b'{"a": 1}', **more)  # type: ignore[arg-type]


async def refuse() -> None:
    raise LeaseLost


async def test_guard_on_a_new_connection_sends_no_byte_and_leaves_no_socket() -> None:
    async with raw_server() as raw, VendorHttp(LOCAL) as http:
        first_byte_hook.set(refuse)
        with pytest.raises(LeaseLost):
            await http.send(call(raw.url))
        assert bytes(raw.received) == b""
        first_byte_hook.set(None)
        assert isinstance(await http.send(call(raw.url)), Answer)
        assert raw.connections == 1, "the connection that the guard refused served the next call"


async def test_guard_on_a_kept_connection_sends_no_byte() -> None:
    async with raw_server() as raw, VendorHttp(LOCAL) as http:
        await http.send(call(raw.url))
        before = len(raw.received)
        first_byte_hook.set(refuse)
        with pytest.raises(LeaseLost):
            await http.send(call(raw.url))
        assert len(raw.received) == before
        first_byte_hook.set(None)
        await http.send(call(raw.url))
        assert raw.connections == 1


async def test_guard_is_asked_once_and_only_for_changes() -> None:
    asked: list[int] = []
    first_byte_hook.set(lambda: asked.append(1))
    async with raw_server() as raw, VendorHttp(LOCAL) as http:
        await http.send(call(raw.url, "GET", changes=False))
        assert asked == []
        await http.send(call(raw.url))
        assert asked == [1]


async def test_calls_are_counted_when_their_first_byte_leaves() -> None:
    async with raw_server() as raw, VendorHttp(LOCAL) as http:
        with counted_calls() as calls:
            await http.send(call("http://127.0.0.1:1"))
            found = await asyncio.gather(*(http.send(call(raw.url)) for _ in range(3)))
        await http.send(call(raw.url))
    assert [type(each) for each in found] == [Answer] * 3
    assert calls.made == 3


async def test_refused_connection_is_not_sent() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        async with VendorHttp(LOCAL) as http:
            found = await http.send(call(f"http://127.0.0.1:{taken.getsockname()[1]}/x"))
    assert isinstance(found, NotSent)
    assert found.problem.code == "no_connection"


async def test_unknown_host_is_not_sent() -> None:
    async with VendorHttp(LOCAL) as http:
        found = await http.send(call("http://nobody.invalid/x"))
    assert isinstance(found, NotSent)


async def test_a_connection_that_is_reset_as_soon_as_it_stands_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket has no peer any more when it is looked at: a call was taken for a defect of its handler."""

    def gone(self: socket.socket) -> None:
        raise OSError(errno.ENOTCONN, "not connected")

    async with raw_server() as raw, VendorHttp(LOCAL) as http:
        monkeypatch.setattr(socket.socket, "getpeername", gone)
        found = await http.send(call(raw.url))
        assert bytes(raw.received) == b""
    assert isinstance(found, NotSent)
    assert found.problem.code == "no_connection"


async def hang_up(raw: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await raw.read_request(reader)
    writer.transport.abort()


async def silent(raw: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await raw.read_request(reader)
    await reader.read()


async def half_an_answer(raw: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await raw.read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
    await writer.drain()


async def no_http(raw: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await raw.read_request(reader)
    writer.write(b"what?\r\n\r\n")
    await writer.drain()


@pytest.mark.parametrize(
    ("handler", "code"),
    [
        (hang_up, "connection_broken"),
        (silent, "no_answer_in_time"),
        (half_an_answer, "connection_broken"),
        (no_http, "connection_broken"),
    ],
)
async def test_what_breaks_after_the_first_byte_is_unknown(handler: Handler, code: str) -> None:
    async with raw_server(handler) as raw, VendorHttp(LOCAL) as http:
        found = await http.send(call(raw.url, total_seconds=0.5))
    assert isinstance(found, SentUnknown)
    assert found.problem.code == code
    assert isinstance(as_write(found), Uncertain)
    assert isinstance(as_read(found), Retryable)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
async def test_a_broken_kept_connection_is_never_written_twice(method: str) -> None:
    async def one_then_hang_up(raw: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await raw.read_request(reader)
        writer.write(OK)
        await writer.drain()
        await hang_up(raw, reader, writer)

    async with raw_server(one_then_hang_up) as raw, VendorHttp(LOCAL) as http:
        assert isinstance(await http.send(call(raw.url, method)), Answer)
        assert isinstance(await http.send(call(raw.url, method)), SentUnknown)
        assert len(raw.requests) == 2


async def test_redirects_and_cookies_are_not_followed() -> None:
    async def redirect(raw: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await raw.read_request(reader):
            writer.write(
                b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\nset-cookie: a=b; path=/\r\n"
                b"content-length: 0\r\n\r\n"
            )
            await writer.drain()

    async with raw_server(redirect) as raw, VendorHttp(LOCAL) as http:
        found = await http.send(call(raw.url))
        assert isinstance(found, Answer)
        assert found.status == 302
        assert found.headers["location"] == "http://127.0.0.1:1/"
        await http.send(call(raw.url))
        assert b"cookie" not in raw.requests[1].lower()


async def test_environment_proxies_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with raw_server() as raw, VendorHttp(LOCAL) as http:
        assert isinstance(await http.send(call(raw.url)), Answer)


def body_server(body: bytes, headers: bytes = b"") -> Handler:
    async def handler(raw: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await raw.read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n" + headers + b"connection: close\r\n\r\n" + body)
        await writer.drain()

    return handler


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"x" * 200_000, b""),
        (b"x", b"content-length: 200000\r\n"),
        (gzip.compress(b"x" * 200_000), b"content-encoding: gzip\r\n"),
        (b"x", b"content-encoding: br\r\n"),
    ],
)
async def test_answers_over_the_limit_are_refused(body: bytes, headers: bytes) -> None:
    async with raw_server(body_server(body, headers)) as raw, VendorHttp(LOCAL) as http:
        found = await http.send(call(raw.url, answer_bytes_max=100_000))
    assert isinstance(found, SentUnknown)
    assert found.problem.code == "answer_too_large"


async def test_gzip_bomb_is_refused_by_its_ratio() -> None:
    bomb = gzip.compress(b"\0" * 4_000_000)
    async with raw_server(body_server(bomb, b"content-encoding: gzip\r\n")) as raw, VendorHttp(LOCAL) as http:
        found = await http.send(call(raw.url))
    assert isinstance(found, SentUnknown)
    assert "20 times" in found.problem.values["reason"]


@pytest.mark.parametrize("cut", [1, 10])
async def test_truncated_or_broken_gzip_is_unknown(cut: int) -> None:
    packed = gzip.compress(os.urandom(1000))[:-cut]
    async with raw_server(body_server(packed, b"content-encoding: gzip\r\n")) as raw, VendorHttp(LOCAL) as http:
        assert isinstance(await http.send(call(raw.url)), SentUnknown)
    async with (
        raw_server(body_server(b"no gzip at all", b"content-encoding: gzip\r\n")) as raw,
        VendorHttp(LOCAL) as http,
    ):
        assert isinstance(await http.send(call(raw.url)), SentUnknown)


async def test_gzip_is_unpacked_and_json_keeps_decimals() -> None:
    packed = gzip.compress(b'{"price": 10.10}')
    async with raw_server(body_server(packed, b"content-encoding: gzip\r\n")) as raw, VendorHttp(LOCAL) as http:
        found = await http.send(call(raw.url))
    assert isinstance(found, Answer)
    assert found.json() == {"price": Decimal("10.10")}


async def test_html_is_no_json() -> None:
    with pytest.raises(ValueError, match="not JSON"):
        Answer(200, {}, b"<html>").json()
    with pytest.raises(ValueError, match="not JSON"):
        Answer(200, {}, b"\xff\xfe").json()


async def test_refused_address_is_no_outage_and_nothing_leaves() -> None:
    async with raw_server() as raw, VendorHttp(AddressPolicy()) as http:
        for url in (raw.url, f"https://localhost:{raw.port}/x", "https://localhost/x", "not a url"):
            found = await http.send(call(url))
            assert found == NotSent(found.problem, outage=False)  # type: ignore[union-attr]
            assert isinstance(as_write(found), Retryable)
        assert raw.connections == 0


async def test_secrets_of_an_address_reach_neither_problem_nor_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "q1w2e3r4t5y6"
    async with raw_server(hang_up) as raw, VendorHttp(LOCAL) as http:
        found = await http.send(call(f"{raw.url}/rest/1/{secret}/crm.deal.add?auth={secret}"))
    assert isinstance(found, SentUnknown)
    assert secret not in repr(found)
    ours = [r for r in caplog.records if not r.name.startswith(("httpx", "httpcore", "aiohttp", "asyncio"))]
    assert all(secret not in r.getMessage() for r in ours)


async def test_no_call_takes_longer_than_the_service_allows() -> None:
    async with raw_server(silent) as raw, VendorHttp(LOCAL, total_seconds_max=0.5) as http:
        result = await http.send(call(raw.url))
    assert isinstance(result, SentUnknown)
    assert result.problem.code == "no_answer_in_time"


async def test_cancelled_call_is_cancelled() -> None:
    async with raw_server(silent) as raw, VendorHttp(LOCAL) as http:
        task = asyncio.create_task(http.send(call(raw.url)))
        async with asyncio.timeout(5):
            while not raw.requests:  # noqa: ASYNC110 - a probe with a deadline
                await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_many_calls_share_connections() -> None:
    async with raw_server(answer_ok) as raw, VendorHttp(LOCAL) as http:
        for _ in range(20):
            await http.send(call(raw.url))
        assert raw.connections == 1


@pytest.mark.parametrize(("idle_seconds", "connections"), [(3.5, 1), (4.9, 2)])
async def test_a_connection_is_given_up_before_the_server_closes_it(
    idle_seconds: float, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle = [0.0]
    monkeypatch.setattr("aiohttp.connector.monotonic", lambda: time.monotonic() + idle[0])
    async with raw_server(answer_ok) as raw, VendorHttp(LOCAL) as http:
        await http.send(call(raw.url))
        idle[0] = idle_seconds
        assert isinstance(await http.send(call(raw.url)), Answer)
        assert raw.connections == connections


def test_words_for_the_runner() -> None:
    problem = Problem("x")
    assert as_write(NotSent(problem, outage=False)) == Retryable(problem, outage=False)
    assert as_read(NotSent(problem)) == Retryable(problem, outage=True)
