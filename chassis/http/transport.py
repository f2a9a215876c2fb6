"""The transport under every client: aiohttp's pool of connections, with a hook right before the first byte.

An exception out of aiohttp's connection signals leaves the socket open, so the hook sits in the connector, the one
place that every request passes before it is written.
"""

import asyncio
import inspect
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any, Final

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from httpx_aiohttp import AiohttpTransport

CONNECT_SECONDS: Final = 3.0
KEEPALIVE_SECONDS: Final = 4.0
"""How long an unused connection is kept. Under the 5 s after which many servers close one (Node and Apache by default),
with room for the way: a request that is written as the server closes is lost, and of a write nobody knows."""
CONNECTIONS_MAX: Final = 200
CONNECTIONS_PER_HOST_MAX: Final = 50
HEADER_BYTES_MAX: Final = 16 * 1024
_NO_TIMEOUT: Final = aiohttp.ClientTimeout(total=None)

FirstByteHook = Callable[[], Awaitable[None] | None]

before_write: ContextVar[FirstByteHook | None] = ContextVar("before_write", default=None)
"""Called, in the task of the call, when a connection stands and before the first byte of a request is written. Raising
in it sends nothing and gives the connection back. Set by VendorHttp for one call; others set ``first_byte_hook``."""

first_byte_hook: ContextVar[FirstByteHook | None] = ContextVar("first_byte_hook", default=None)
"""What whoever answers for a change outside wants asked before its first byte: is the lease still ours, is there time
left. VendorHttp asks it for calls with ``changes`` alone; raising in it sends nothing."""


class HookedConnector(aiohttp.TCPConnector):
    """A TCP connector that looks at the peer and asks the hook before it hands out a connection."""

    def __init__(self, *, check_peer: Callable[[str], None] | None, **options: Any) -> None:
        super().__init__(**options)
        self._check_peer = check_peer

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the base class's signature
    ) -> Connection:
        connection = await super().connect(req, traces, timeout)
        if self._check_peer is not None and connection.transport is not None:
            try:
                self._check_peer(_peer_of(connection.transport))
            except BaseException:
                connection.close()
                raise
        hook = before_write.get()
        if hook is not None:
            try:
                waiting = hook()
                if inspect.isawaitable(waiting):
                    await waiting
            except BaseException:
                connection.release()  # nothing was written, so it may serve another request
                raise
        return connection


def _peer_of(transport: asyncio.Transport) -> str:
    """The address at the other end. Raises ClientConnectionError where it hung up as soon as it had accepted."""
    peer = transport.get_extra_info("peername")
    if peer is None:
        raise aiohttp.ClientConnectionError("the connection was reset before a byte was written")
    return str(peer[0])


class HttpSession:
    """A bounded pool without proxies from the environment, cookies, redirects and repeats.

    Bytes go and come as they are. It is opened at its first request, since it belongs to the running loop. Timeouts in
    seconds: for a connection from the pool, for connecting, and between two reads.
    """

    def __init__(
        self,
        *,
        read_seconds: float,
        pool_seconds: float | None = None,
        resolver: AbstractResolver | None = None,
        check_peer: Callable[[str], None] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._resolver = resolver
        self._tls = tls
        self._check_peer = check_peer
        self._timeout = aiohttp.ClientTimeout(
            total=None, connect=pool_seconds, sock_connect=CONNECT_SECONDS, sock_read=read_seconds
        )
        self._opened: aiohttp.ClientSession | None = None

    def exchange(
        self, method: str, url: str, *, headers: Mapping[str, str], content: bytes | None
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """One request; entered, the answer's head, with its body still to be read."""
        if self._opened is None:
            self._opened = _session(self._resolver, self._check_peer, self._timeout, self._tls)
        return self._opened.request(method, url, headers=headers, data=content or None, allow_redirects=False)

    async def close(self) -> None:
        """Closes the pool; requests under way fail."""
        if self._opened is not None:
            await self._opened.close()
            self._opened = None


@cache
def _tls() -> ssl.SSLContext:
    """One for all sessions: reading the authorities' certificates takes some 20 ms of CPU each time."""
    return httpx.create_ssl_context(verify=True, trust_env=False)


def trusting(authorities: Path) -> ssl.SSLContext:
    """A context that takes certificates of the usual authorities and of those in a PEM file. Raises OSError."""
    context = httpx.create_ssl_context(verify=True, trust_env=False)
    context.load_verify_locations(cafile=authorities)
    return context


def _session(
    resolver: AbstractResolver | None = None,
    check_peer: Callable[[str], None] | None = None,
    timeout: aiohttp.ClientTimeout = _NO_TIMEOUT,
    tls: ssl.SSLContext | None = None,
) -> aiohttp.ClientSession:
    connector = HookedConnector(
        check_peer=check_peer,
        ssl=tls or _tls(),
        resolver=resolver,
        use_dns_cache=resolver is None,  # a guarded name is looked at for every connection
        limit=CONNECTIONS_MAX,
        limit_per_host=CONNECTIONS_PER_HOST_MAX,
        keepalive_timeout=KEEPALIVE_SECONDS,
        enable_cleanup_closed=True,
    )
    opened = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        max_line_size=HEADER_BYTES_MAX,
        max_field_size=HEADER_BYTES_MAX,
        timeout=timeout,
    )
    # aiohttp writes PUT and DELETE a second time when a kept connection breaks; a repeat is ours to decide.
    opened._retry_connection = False
    return opened


def no_cookies() -> CookieJar:
    """A jar that keeps nothing: one client serves many tenants."""
    return CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))


def internal_client(*, timeout_seconds: float, token: str = "", base_url: str = "") -> httpx.AsyncClient:
    """A client for our own services: plain addresses from settings, a service token, no redirects, no hook.

    ``timeout_seconds`` bounds each read; connecting has 3 s.
    """
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return httpx.AsyncClient(
        transport=AiohttpTransport(verify=_tls(), client=_session, trust_env=False),
        base_url=base_url,
        headers=headers,
        timeout=httpx.Timeout(timeout_seconds, connect=CONNECT_SECONDS),
        follow_redirects=False,
        trust_env=False,
        cookies=no_cookies(),
    )
