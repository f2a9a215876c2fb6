"""VendorHttp: one bounded call to a vendor, and a definite word on whether it may have arrived."""

import asyncio
import inspect
import ssl
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from json import JSONDecodeError
from json import loads as json_loads
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
from aiohttp.abc import AbstractResolver

from chassis import metrics, telemetry
from chassis.crash_points import crash_point, crash_point_soon
from chassis.domain import Problem
from chassis.http.addresses import AddressPolicy, AddressRefused, GuardedResolver, policy_of_call
from chassis.http.transport import HttpSession, before_write, first_byte_hook
from chassis.outcomes import Retryable, Uncertain
from chassis.redact import redact, redact_url

TOTAL_SECONDS: Final = 25.0
POOL_SECONDS: Final = 10.0
ANSWER_BYTES_MAX: Final = 5 * 1024 * 1024
PDF_BYTES_MAX: Final = 20 * 1024 * 1024
GZIP_RATIO_MAX: Final = 20
GZIP_RATIO_FROM_BYTES: Final = 1024 * 1024  # small answers of equal rows compress better than a bomb
_CHUNK_BYTES: Final = 64 * 1024
_HEADERS: Final = {"accept": "*/*", "user-agent": "sverka", "accept-encoding": "gzip"}


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a vendor.

    ``operation`` names it in spans and metrics (``elba.create_invoice``), never with ids. ``changes`` says that the
    call changes something outside: then, and only then, ``first_byte_hook`` is asked before the first byte.
    ``networks`` are private ones (CIDR) that an administrator opened to whoever calls.
    """

    vendor: str
    operation: str
    method: str
    url: str
    changes: bool
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    answer_bytes_max: int = ANSWER_BYTES_MAX
    total_seconds: float = TOTAL_SECONDS
    networks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer of a vendor, whatever its status. Header names are lower-case; ``body`` is decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON with Decimal for every number that has a point. Raises ValueError for anything else."""
        try:
            return json_loads(self.body, parse_float=Decimal)
        except (JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(f"the answer (status {self.status}) is not JSON") from error


@dataclass(frozen=True, slots=True)
class NotSent:
    """No byte of the request left: nothing can have happened. ``outage`` False: asking again is no use."""

    problem: Problem
    outage: bool = True


@dataclass(frozen=True, slots=True)
class SentUnknown:
    """The request left in part or whole and no whole answer came: a write may or may not have happened."""

    problem: Problem


@dataclass(slots=True)
class CallCount:
    """How many requests left, in part or whole."""

    made: int = 0


_calls: ContextVar[CallCount | None] = ContextVar("calls", default=None)


@contextmanager
def counted_calls() -> Iterator[CallCount]:
    """Counts the requests of every ``VendorHttp`` that are made within, by tasks begun within too."""
    count = CallCount()
    token = _calls.set(count)
    try:
        yield count
    finally:
        _calls.reset(token)


def as_read(failure: NotSent | SentUnknown) -> Retryable:
    """What a failed read comes to: reading again is harmless."""
    return Retryable(failure.problem, outage=not isinstance(failure, NotSent) or failure.outage)


def as_write(failure: NotSent | SentUnknown) -> Retryable | Uncertain:
    """What a failed write comes to: after the first byte only a look-up may tell."""
    if isinstance(failure, NotSent):
        return Retryable(failure.problem, outage=failure.outage)
    return Uncertain(failure.problem)


class _AnswerTooLarge(Exception):  # noqa: N818
    """The answer is longer than the call allows, or unpacks suspiciously."""


class VendorHttp:
    """The HTTP client of a service for its vendors: one pool for all, bounded in time, size and connections.

    Never follows redirects, keeps no cookies, takes no proxy from the environment, never repeats a request.
    """

    def __init__(
        self,
        policy: AddressPolicy,
        *,
        resolver: AbstractResolver | None = None,
        total_seconds_max: float = TOTAL_SECONDS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """``total_seconds_max`` bounds every call, whatever it allows itself; ``tls`` says whose certificates are
        taken, where that is more than the usual authorities'."""
        self._policy = policy
        self._total_seconds_max = total_seconds_max
        self._session = HttpSession(
            read_seconds=TOTAL_SECONDS,
            pool_seconds=POOL_SECONDS,
            resolver=GuardedResolver(policy, resolver),
            check_peer=self._check_peer,
            tls=tls,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the pool; calls under way fail."""
        await self._session.close()

    async def send(self, call: Call) -> Answer | NotSent | SentUnknown:
        """Makes one call. Returns a value for everything that a network or a vendor can do.

        What ``first_byte_hook`` raises comes out as it is, and then nothing was sent; so does a cancellation.
        """
        watch = _Watch(call.operation, first_byte_hook.get() if call.changes else None)
        started = time.perf_counter()
        address = redact_url(call.url) if telemetry.recording() else ""
        with telemetry.client_span(call.method, call.operation, address) as span:
            result = await self._attempt(call, watch)
            outcome = _outcome_label(result)
            if isinstance(result, Answer):
                span.set("http.response.status_code", result.status)
            else:
                span.fail(result.problem.code)
        metrics.VENDOR_CALL_SECONDS.labels(call.vendor, call.operation).observe(time.perf_counter() - started)
        metrics.VENDOR_CALLS.labels(call.vendor, call.operation, outcome).inc()
        return result

    async def _attempt(self, call: Call, watch: "_Watch") -> Answer | NotSent | SentUnknown:
        policy = self._policy.reaching(call.networks)
        try:
            policy.check_url(call.url)
        except AddressRefused as error:
            return NotSent(Problem("address_refused", {"reason": str(error)}), outage=False)
        token, in_force = before_write.set(watch.first_byte), policy_of_call.set(policy)
        try:
            async with asyncio.timeout(min(call.total_seconds, self._total_seconds_max)):
                return await self._exchange(call)
        except AddressRefused as error:
            return NotSent(Problem("address_refused", {"reason": str(error)}), outage=False)
        except _AnswerTooLarge as error:
            return SentUnknown(Problem("answer_too_large", {"reason": str(error)}))
        except aiohttp.InvalidURL as error:
            return NotSent(Problem("address_refused", {"reason": redact(str(error))}), outage=False)
        except (aiohttp.ClientError, TimeoutError, OSError, zlib.error) as error:
            return _classified(error, call, sent=watch.sent)
        finally:
            policy_of_call.reset(in_force)
            before_write.reset(token)

    def _check_peer(self, host: str) -> None:
        # A kept connection may have been opened for a call that was allowed to reach further.
        (policy_of_call.get() or self._policy).check_peer(host)

    async def _exchange(self, call: Call) -> Answer:
        headers = {**_HEADERS, **{name.lower(): value for name, value in call.headers.items()}}
        async with self._session.exchange(call.method, call.url, headers=headers, content=call.content) as response:
            declared = response.headers.get("content-length", "")
            if declared.isdigit() and int(declared) > call.answer_bytes_max:
                raise _AnswerTooLarge(f"the answer has {declared} bytes, at most {call.answer_bytes_max} are taken")
            crash_point("answer.before", call.operation)
            body = await _bounded_body(response, call.answer_bytes_max)
            crash_point("answer.after", call.operation)
        return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, body)


@dataclass(slots=True)
class _Watch:
    """Notes that the first byte of a call is about to be written, after whoever answers for the call agreed."""

    operation: str
    guard: Callable[[], Any] | None
    sent: bool = False

    async def first_byte(self) -> None:
        if self.guard is not None:
            waiting = self.guard()
            if inspect.isawaitable(waiting):
                await waiting
        crash_point("first_byte.before", self.operation)
        self.sent = True
        if (count := _calls.get()) is not None:
            count.made += 1
        crash_point_soon("first_byte.after", self.operation)


async def _bounded_body(response: aiohttp.ClientResponse, bytes_max: int) -> bytes:
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "", "gzip", "x-gzip"}:
        raise _AnswerTooLarge(f"the answer is packed as {encoding}, which was not asked for")
    unpacker = None if encoding in {"identity", ""} else zlib.decompressobj(16 + zlib.MAX_WBITS)
    body = bytearray()
    received = 0
    async for raw in response.content.iter_any():
        received += len(raw)
        pending = raw
        while pending:
            if unpacker is None:
                body += pending
                pending = b""
            else:
                body += unpacker.decompress(pending, _CHUNK_BYTES)
                pending = unpacker.unconsumed_tail
            if len(body) > bytes_max:
                raise _AnswerTooLarge(f"the answer has more than {bytes_max} bytes")
            if len(body) > GZIP_RATIO_FROM_BYTES and len(body) > GZIP_RATIO_MAX * received:
                raise _AnswerTooLarge(f"the answer unpacks to more than {GZIP_RATIO_MAX} times its size")
    if unpacker is not None and received and not unpacker.eof:
        raise aiohttp.ClientPayloadError("the packed answer ends in the middle")
    return bytes(body)


def _classified(error: Exception, call: Call, *, sent: bool) -> NotSent | SentUnknown:
    # The error's type does not tell what may have arrived; whether the first byte was about to be written does.
    values = {"error": type(error).__name__, "address": redact_url(call.url)}
    if isinstance(error, TimeoutError):
        code = "no_answer_in_time" if sent else "no_connection_in_time"
    else:
        code = "connection_broken" if sent else "no_connection"
    problem = Problem(code, values)
    return SentUnknown(problem) if sent else NotSent(problem)


def _outcome_label(result: Answer | NotSent | SentUnknown) -> str:
    if isinstance(result, Answer):
        return f"{result.status // 100}xx"
    return "not_sent" if isinstance(result, NotSent) else "unknown"
