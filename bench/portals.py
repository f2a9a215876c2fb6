"""Portals that post webhooks, honest ones and others: each on connections of its own, whatever becomes of them."""

import asyncio
import contextlib
import hashlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from bench.load import post

FORM: Final = "application/x-www-form-urlencoded"
ANSWER_SECONDS_MAX: Final = 15.0
AGAIN_SECONDS: Final = 0.05
DRIP_SECONDS: Final = 0.5
CUT: Final = 0
"""The status of a request whose connection ended, or never began."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, and the id under which the webhook was stored."""

    status: int
    delivery_id: int = 0


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A webhook that was answered 200."""

    delivery_id: int
    object_id: str
    sha256: bytes


@dataclass(slots=True)
class Where:
    """An ingest, and the portal's address and token there."""

    host: str
    port: int
    path: str
    token: str

    def webhook(self, object_id: str, mark: int, token: str = "") -> bytes:
        """The body of a webhook; ``mark`` makes it one of its kind."""
        form = {
            "event": "ONCRMDEALUPDATE", "event_handler_id": "58", "data[FIELDS][ID]": object_id, "ts": str(mark),
            "auth[application_token]": token or self.token,
        }  # fmt: skip
        return urlencode(form).encode()

    def request(self, body: bytes, content_type: str = FORM) -> bytes:
        """A whole request."""
        return post(self.path, f"{self.host}:{self.port}", content_type, body)


@dataclass(slots=True)
class Line:
    """A kept connection that is made anew when it has ended."""

    where: Where
    _ends: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> Answer:
        """The answer to one request. A request is sent once: one whose connection ends has the status CUT."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                if self._ends is None:
                    self._ends = await asyncio.open_connection(self.where.host, self.where.port)
                reader, writer = self._ends
                writer.write(request)
                return await self._answer(reader)
        except (OSError, EOFError, TimeoutError):
            self.close()
            return Answer(CUT)

    async def _answer(self, reader: asyncio.StreamReader) -> Answer:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
        await reader.readexactly(int(fields.get(b"content-length", b"0")))
        if fields.get(b"connection") == b"close":
            self.close()
        return Answer(int(head[9:12]), int(fields.get(b"x-delivery-id", b"0")))

    def close(self) -> None:
        """Ends it."""
        if self._ends is not None:
            self._ends[1].transport.abort()
            self._ends = None


@dataclass(slots=True)
class Honest:
    """A portal that posts webhooks about ``deals`` deals until it is stopped."""

    where: Where
    deals: int
    acknowledged: list[Acknowledged] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)
    _marks: int = 0

    async def run(self, lines: int) -> None:
        """Posts on so many connections until it is cancelled."""
        await asyncio.gather(*(self._post() for _ in range(lines)))

    async def _post(self) -> None:
        line = Line(self.where)
        try:
            while True:
                self._marks += 1
                object_id = str(1 + self._marks % self.deals)
                body = self.where.webhook(object_id, self._marks)
                began = time.perf_counter()
                answer = await line.ask(self.where.request(body))
                self.latencies_ms.append(1000 * (time.perf_counter() - began))
                self.statuses[answer.status] += 1
                if answer.status == 200:
                    one = Acknowledged(answer.delivery_id, object_id, hashlib.sha256(body).digest())
                    self.acknowledged.append(one)
                else:
                    await asyncio.sleep(AGAIN_SECONDS)
        finally:
            line.close()


@dataclass(slots=True)
class Hostile:
    """Somebody who knows the address of ``target``, and has the token of ``other``: seven ways to be in the way."""

    target: Where
    other: Where
    statuses: dict[str, Counter[int]] = field(default_factory=dict)

    async def run(self, *, lines: int, slow: int) -> None:
        """All ways at once until it is cancelled: ``lines`` connections for each quick one, ``slow`` for each slow."""
        target = self.target
        endless = f"POST {target.path} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: 900000000\r\n\r\n"
        junk = [target.request(body) for body in (b"", b"\xff\xfe", b"event=" + b"[" * 9_000, b"a=1&" * 2_000)]
        junk.append(target.request(b"[" * 50_000, "application/json"))
        quick: dict[str, list[bytes]] = {
            "forged": [target.request(target.webhook("1", 1, token=f"guess-{one}")) for one in range(50)],
            "foreign": [target.request(target.webhook("1", 1, token=self.other.token))],
            "replayed": [target.request(target.webhook("7", 7))],
            "malformed": junk,
            "oversized": [endless.encode(), target.request(b"x" * 70_000)],
        }
        whole = [self._quick(kind, requests) for kind, requests in quick.items() for _ in range(lines)]
        whole += [self._slow("slow body", endless.replace("900000000", "900").encode()) for _ in range(slow)]
        whole += [self._slow("slow head", b"POST / HTTP/1.1\r\nHost: ") for _ in range(slow // 2)]
        await asyncio.gather(*whole)

    async def _quick(self, kind: str, requests: list[bytes]) -> None:
        line = Line(self.target)
        try:
            for request in _cycle(requests):
                answer = await line.ask(request)
                self.statuses.setdefault(kind, Counter())[answer.status] += 1
                await asyncio.sleep(AGAIN_SECONDS if answer.status == CUT else 0)
        finally:
            line.close()

    async def _slow(self, kind: str, begin: bytes) -> None:
        while True:
            status = CUT
            with contextlib.suppress(OSError, EOFError):
                reader, writer = await asyncio.open_connection(self.target.host, self.target.port)
                try:
                    writer.write(begin)
                    status = await _dripped(reader, writer)
                finally:
                    writer.transport.abort()
            self.statuses.setdefault(kind, Counter())[status] += 1
            await asyncio.sleep(AGAIN_SECONDS)


async def _dripped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    """Sends a byte now and then until there is an answer; its status."""
    answer = asyncio.ensure_future(reader.readexactly(12))
    try:
        while not answer.done():
            writer.write(b"x")
            await asyncio.wait([answer], timeout=DRIP_SECONDS)
        return int(answer.result()[9:])
    finally:
        answer.cancel()


@contextlib.asynccontextmanager
async def at_work(*runs: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Has them run until the block ends. Raises what one of them failed with."""
    tasks = [asyncio.create_task(run) for run in runs]
    try:
        yield
    finally:
        failed = [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in failed:
        task.result()


def _cycle(requests: list[bytes]) -> Iterator[bytes]:
    while True:
        yield from requests
