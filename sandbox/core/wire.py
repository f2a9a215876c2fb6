"""Requests, replies and case-insensitive routes, and the writing of a reply onto an ASGI connection with its faults."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl

import orjson

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

BODY_BYTES_MAX = 100 * 1024 * 1024
CLOSE_SECONDS_MAX = 5.0
Manner = Literal["whole", "hang", "hang_up", "slow", "truncated", "reset"]


class BadRequestError(ValueError):
    """The request cannot be read; the text says what is expected."""


class UnknownError(LookupError):
    """A name that the request gives is not known."""


@dataclass(slots=True)
class Request:
    """One HTTP request: decoded path without the public prefix, `params` of the route, `base_url` as the sender sees
    us."""

    method: str
    path: str
    query_string: str
    headers: dict[str, str]
    body: bytes
    base_url: str
    params: dict[str, str] = field(default_factory=dict)
    late: str = ""
    """The timer of a commit that a fault postponed: nobody waits for the answer, tokens and limits do not matter."""
    disconnected: Receive | None = None

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").split(";")[0].strip().lower()

    @property
    def host(self) -> str:
        return self.headers.get("host", "")

    def query(self) -> dict[str, str]:
        """Query parameters; the last of equal names wins."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    def form(self) -> dict[str, str]:
        """A urlencoded body; the last of equal names wins."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def json(self) -> Any:
        """The JSON body ({} when empty); raises BadRequestError."""
        if not self.body.strip():
            return {}
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise BadRequestError(f"the body is not JSON: {error}") from error

    def stored(self) -> dict[str, Any]:
        """What is needed to carry the request out later; the body goes elsewhere."""
        return {
            "method": self.method, "path": self.path, "query_string": self.query_string,
            "headers": self.headers, "base_url": self.base_url,
        }  # fmt: skip


@dataclass(slots=True)
class Reply:
    """An answer: `payload` (JSON) or `body` (bytes), and how it goes out.

    `error` and `note` (ids, markers, what was decided) go into the ledger's request line.
    """

    status: int = 200
    payload: Any = None
    body: bytes | None = None
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    error: str | None = None
    note: dict[str, Any] = field(default_factory=dict)
    manner: Manner = "whole"
    manner_params: dict[str, Any] = field(default_factory=dict)

    def content(self) -> bytes:
        if self.body is not None:
            return self.body
        if self.status == 204:
            return b""
        return orjson.dumps(self.payload)


def html(text: str, status: int = 200) -> Reply:
    return Reply(status=status, body=text.encode(), content_type="text/html; charset=utf-8")


Handler = Callable[[Request], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Route:
    """`pattern` like `/api/v1/invoices/{id}`; `{rest:path}` takes slashes too; letter case never matters."""

    method: str
    pattern: str
    handler: Handler
    summary: str = ""
    example: Any = None


class Router:
    """Finds the handler; parameters keep their letter case."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._fixed: dict[str, dict[str, Route]] = {}
        self._patterns: list[tuple[re.Pattern[str], Route]] = []
        for route in routes:
            if "{" in route.pattern:
                self._patterns.append((_compile(route.pattern), route))
            else:
                self._fixed.setdefault(route.pattern.lower(), {})[route.method.upper()] = route

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | Literal["method"] | None:
        """The route and its parameters, "method" when only the method does not fit, None when nothing does."""
        lowered = path.rstrip("/").lower() or "/"
        by_method = self._fixed.get(lowered)
        if by_method is not None:
            route = by_method.get(method) or by_method.get("*")
            if route is not None:
                return route, {}
        other_method = by_method is not None
        for pattern, route in self._patterns:
            if match := pattern.fullmatch(path):
                if route.method in (method, "*"):
                    return route, match.groupdict()
                other_method = True
        return "method" if other_method else None


def _compile(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)(:path)?\}", pattern)
    text = re.escape(parts[0])
    for name, kind, literal in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        text += f"(?P<{name}>{'.+' if kind else '[^/]+'}){re.escape(literal)}"
    return re.compile(text + "/?", re.IGNORECASE)


async def read_body(receive: Receive) -> bytes:
    """The whole body; BadRequestError over BODY_BYTES_MAX."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ConnectionResetError("the client hung up while sending")
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > BODY_BYTES_MAX:
            raise BadRequestError(f"the body is over {BODY_BYTES_MAX} bytes")
        if not message.get("more_body"):
            return part if not parts else b"".join([*parts, part])
        parts.append(part)


async def disconnected(receive: Receive) -> None:
    """Returns when the client hangs up; the body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def first_of(*waits: Awaitable[object], seconds: float | None = None) -> int | None:
    """The place of the wait that ended first, None when none did within the real seconds; the others are cancelled."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return next((place for place, task in enumerate(tasks) if task.done()), None)
    finally:
        for task in tasks:
            task.cancel()


async def send_reply(reply: Reply, receive: Receive, send: Send, method: str, stopping: asyncio.Event) -> None:
    """Writes the reply in its manner; real seconds everywhere, since they meet the client's socket timeouts."""
    params = reply.manner_params
    if reply.manner == "hang":
        await first_of(disconnected(receive), stopping.wait(), seconds=float(params.get("hang_seconds", 120)))
        await _hang_up(receive, send)
        return
    if reply.manner == "hang_up":
        await _hang_up(receive, send)
        return
    content = reply.content()
    headers: list[tuple[bytes, bytes]] = []
    if reply.status != 204:
        headers = [(b"content-type", reply.content_type.encode()), (b"content-length", str(len(content)).encode())]
    headers += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    if reply.manner == "whole":
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else content})
        return
    if reply.manner == "slow":
        await _send_slowly(content, float(params.get("bytes_per_second", 1)), receive, send, stopping)
        return
    keep = int(params.get("keep_bytes", len(content) // 2))
    await send({"type": "http.response.body", "body": content[:keep], "more_body": True})
    await _hang_up(receive, send, hard=reply.manner == "reset")


async def _send_slowly(
    content: bytes, bytes_per_second: float, receive: Receive, send: Send, stopping: asyncio.Event
) -> None:
    gone = asyncio.ensure_future(first_of(disconnected(receive), stopping.wait()))
    try:
        for start in range(len(content)):
            await send({"type": "http.response.body", "body": content[start : start + 1], "more_body": True})
            await asyncio.wait({gone}, timeout=1 / bytes_per_second)
            if gone.done():
                await _hang_up(receive, send)
                return
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()


async def _hang_up(receive: Receive, send: Send, *, hard: bool = False) -> None:
    """Closes the connection under uvicorn's request cycle, by a TCP reset if `hard`, and waits until it is closed."""
    cycle = getattr(send, "__self__", None)
    transport = getattr(cycle, "transport", None)
    if transport is None:
        raise RuntimeError("the server gives no access to the connection; run the sandbox under uvicorn")
    if hard:
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
    await first_of(disconnected(receive), seconds=CLOSE_SECONDS_MAX)
