"""Permits to call vendor accounts: asked of ``ingest`` over HTTP, and taken from it in small blocks."""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self, assert_never

import aiohttp
import orjson

from chassis import metrics
from chassis.clock import Clock
from chassis.crash_points import crash_point
from chassis.domain import Problem
from chassis.http.transport import HttpSession
from chassis.outcomes import Deferred, Failure, Retryable
from chassis.work.handlers import TOKEN_REFUSED, Permit, PermitClass, Permits

PERMITS_PATH: Final = "/internal/permits"
REPORT_PATH: Final = "/internal/permits/report"
REQUEST_TIMEOUT_SECONDS: Final = 10.0
TOKEN_MARK: Final = "token"  # noqa: S105 - the name of a value
PERMITS_AWAY: Final = "permits_away"
ACCOUNT_UNKNOWN: Final = "account_unknown"
LIMIT_USED_UP: Final = "limit_used_up"
"""Our own bucket is empty, which is no word of the vendor's."""
USED_UP: Final = timedelta(seconds=1)
REFILL_SECONDS_MAX: Final = 0.05
REFILL_SECONDS_MIN: Final = 0.01
IN_LINE_SECONDS_MAX: Final = 0.25
"""Real seconds: whoever meets a bucket that fills again so soon waits for it, for so long in all; asked more often than
that it would give a call at a time."""
LIMIT_SECONDS_MAX: Final = 5.0
LIMIT_LOOK_SECONDS: Final = 0.05

_AWAY_STATUSES: Final = frozenset({502, 503, 504})
_NEVER: Final = datetime.min.replace(tzinfo=UTC)

_log = logging.getLogger(__name__)

PermitAnswer = Permit | Deferred | Retryable


async def in_line(permits: Permits, clock: Clock, account: str, count: int, permit_class: PermitClass) -> PermitAnswer:
    """A permit, waited for up to LIMIT_SECONDS_MAX (real) where the account's calls are used up for a moment.

    For whoever cannot well come back: of many that hold one permit, ask for another and give both back, none ever gets
    it, since together they hold all that there is.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + LIMIT_SECONDS_MAX
    while True:
        answer = await permits.acquire(account, count, permit_class)
        if not isinstance(answer, Deferred) or answer.until is None:
            return answer
        wait = max(clock.real_seconds_until(answer.until), LIMIT_LOOK_SECONDS)
        if loop.time() + wait > deadline:
            return answer
        await asyncio.sleep(wait)


def token_mark(token: str) -> str:
    """What names a token without showing it."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]


def told_of_token(failure: Failure, token: str) -> Failure:
    """The failure with the mark of the token that was refused: a late word about an old one drops no newer one."""
    if not isinstance(failure, Retryable) or failure.problem.code != TOKEN_REFUSED or not token:
        return failure
    values = {**failure.problem.values, TOKEN_MARK: token_mark(token)}
    return replace(failure, problem=Problem(TOKEN_REFUSED, values))


def answer_to_json(answer: PermitAnswer) -> dict[str, Any]:
    """The body of ``ingest``'s answer: ``{"permit": …}``, ``{"deferred": …}`` or ``{"retryable": …}``; times RFC
    3339."""
    match answer:
        case Permit():
            return {
                "permit": {
                    "account": answer.account,
                    "endpoint": answer.endpoint,
                    "access_token": answer.access_token,
                    "count": answer.count,
                    "expires_at": answer.expires_at.isoformat(),
                    "options": dict(answer.options),
                }
            }
        case Deferred():
            until = None if answer.until is None else answer.until.isoformat()
            return {"deferred": {"problem": problem_to_json(answer.problem), "until": until}}
        case Retryable():
            return {"retryable": {"problem": problem_to_json(answer.problem), "outage": answer.outage}}
        case _:
            assert_never(answer)


def answer_from_json(body: Mapping[str, Any]) -> PermitAnswer:
    """Reads ``answer_to_json`` back. Raises ValueError for anything else."""
    try:
        if (given := body.get("permit")) is not None:
            return Permit(
                account=given["account"],
                endpoint=given["endpoint"],
                access_token=given["access_token"],
                count=int(given["count"]),
                expires_at=datetime.fromisoformat(given["expires_at"]),
                options=dict(given["options"]),
            )
        if (given := body.get("deferred")) is not None:
            until = given["until"]
            return Deferred(
                problem_from_json(given["problem"]), None if until is None else datetime.fromisoformat(until)
            )
        given = body["retryable"]
        return Retryable(problem_from_json(given["problem"]), outage=bool(given["outage"]))
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"the answer to a request for permits has no usable {error}") from error


def problem_to_json(problem: Problem) -> dict[str, Any]:
    """A problem as JSON."""
    return {"code": problem.code, "values": dict(problem.values)}


def problem_from_json(body: Mapping[str, Any]) -> Problem:
    """Reads ``problem_to_json`` back."""
    return Problem(str(body["code"]), dict(body.get("values") or {}))


class PermitClient:
    """Asks ``ingest`` for permits. While it is away the answer is Retryable without outage: work waits, no breaker
    opens."""

    def __init__(self, base_url: str, service_token: str) -> None:
        self._session = HttpSession(read_seconds=REQUEST_TIMEOUT_SECONDS)
        self._base_url = base_url.rstrip("/")
        self._headers = {"authorization": f"Bearer {service_token}", "content-type": "application/json"}
        self._wrong = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        await self._session.close()

    async def acquire(
        self, account: str, count: int, permit_class: PermitClass, *, least: int = 1, unused: int = 0
    ) -> PermitAnswer:
        """A permit for up to ``count`` calls and not for fewer than ``least``, or why not; ``unused`` calls of earlier
        permits go back. Where the answer is lost they are lost with it: given back twice they would break the limit."""
        body = {
            "account": account,
            "count": count,
            "class": permit_class.value,
            "least": least,
            "unused": unused,
        }
        try:
            answer = answer_from_json(orjson.loads(await self._posted(PERMITS_PATH, body)))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            wrong = _wrong(error)
            metrics.PERMITS_REFUSED.labels("wrong_answer" if wrong else "away").inc()
            if wrong and not self._wrong:  # once until there is another; work asks again every few seconds
                _log.error("ingest answers, but gives no permits: %s", wrong)
            self._wrong = bool(wrong)
            return Retryable(Problem(PERMITS_AWAY, {"error": type(error).__name__}), outage=False)
        self._wrong = False
        return answer

    async def report(self, account: str, problem: Problem, until: datetime | None) -> None:
        """Passes the vendor's limit or refused token on; a lost report is made again by the next such answer."""
        body = {
            "account": account,
            "problem": problem_to_json(problem),
            "until": None if until is None else until.isoformat(),
        }
        try:
            await self._posted(REPORT_PATH, body)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            _log.warning("a report on a vendor account did not arrive: %s", type(error).__name__)

    async def _posted(self, path: str, body: Mapping[str, Any]) -> bytes:
        url, content = self._base_url + path, orjson.dumps(body, default=str)
        crash_point("request.before", path)
        async with self._session.exchange("POST", url, headers=self._headers, content=content) as response:
            response.raise_for_status()
            answer = await response.read()
        crash_point("request.after", path)
        return answer


def _wrong(error: Exception) -> str:
    """What is wrong with an answer that no waiting will mend: a token that is not taken, a defect, another program at
    the address; "" where ingest is away."""
    if isinstance(error, aiohttp.ClientResponseError):
        return "" if error.status in _AWAY_STATUSES else f"HTTP {error.status}"
    return str(error) if isinstance(error, ValueError) else ""


@dataclass(slots=True)
class _Account:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    block: Permit | None = None
    left: int = 0
    unused: int = 0
    wanted: int = 0
    fetched_at: datetime = _NEVER
    refused: int = 0
    refusal: Deferred | None = None
    quick: bool = False
    """Whether the bucket, when it was last found empty, was to fill again within a moment."""
    emptied_at: float = 0.0
    """When less was given than was wished for, by the loop's time."""


class PermitBlocks:
    """Shares blocks of permits among concurrent calls on an account: one request fetches what all of them want, ≤ 10.

    More than is wanted at that moment is asked for only while blocks are used up within USED_UP (business time): then
    twice the last one. What is not used goes back with the next question, since it is a call lost to the account.
    A "not now" answers all who want as much: of the work that was claimed together at the limit one piece asks. A "now
    in a moment" is waited for in line, since work that is put back and claimed again costs more than the moment.
    """

    def __init__(self, permits: Permits, clock: Clock, *, block_max: int, vendor_of: Callable[[str], str]) -> None:
        self._permits = permits
        self._clock = clock
        self._block_max = block_max
        self._vendor_of = vendor_of
        self._accounts: dict[tuple[str, PermitClass], _Account] = {}

    async def take(self, account: str, count: int, permit_class: PermitClass) -> PermitAnswer:
        """A permit for ``count`` calls right now, or why not."""
        state = self._accounts.setdefault((account, permit_class), _Account())
        taken = self._from_block(state, count)
        if taken is not None:
            return taken
        started = asyncio.get_running_loop().time()
        state.wanted += count
        try:
            await asyncio.sleep(0)  # whoever asks in the same turn of the loop comes into the same block
            async with state.lock:
                while True:
                    known = self._from_block(state, count) or self._refusal(state, count)
                    answer = known or await self._fetch(state, account, count, permit_class)
                    moment = self._moment(answer)
                    if isinstance(answer, Deferred):
                        state.quick = moment is not None
                    if moment is None or asyncio.get_running_loop().time() - started > IN_LINE_SECONDS_MAX:
                        return answer
                    await asyncio.sleep(moment)
        finally:
            state.wanted -= count
            waited = asyncio.get_running_loop().time() - started
            metrics.PERMIT_WAIT_SECONDS.labels(self._vendor_of(account)).observe(waited)

    def give_back(self, account: str, count: int, permit_class: PermitClass) -> None:
        """Takes ``count`` calls back that were taken and not made."""
        state = self._accounts[account, permit_class]
        if state.block is not None and self._clock.now() < state.block.expires_at:
            state.left += count
        else:
            state.unused += count

    async def report(self, account: str, problem: Problem, until: datetime | None) -> None:
        """Passes a limit or a refused token on, and drops what was fetched before it."""
        for permit_class in PermitClass:
            state = self._accounts.get((account, permit_class))
            if state is not None:
                state.block = None
        await self._permits.report(account, problem, until)

    async def _fetch(self, state: _Account, account: str, count: int, permit_class: PermitClass) -> PermitAnswer:
        if state.quick:  # what was just emptied would say no
            await asyncio.sleep(max(0.0, state.emptied_at + REFILL_SECONDS_MIN - asyncio.get_running_loop().time()))
        now, last = self._clock.now(), state.block
        likely = 2 * last.count if last is not None and now - state.fetched_at <= USED_UP else 0
        wish = max(count, min(max(state.wanted, likely), self._block_max))
        unused = state.unused + (state.left if last is not None else 0)
        state.block, state.fetched_at, state.unused = None, now, 0
        answer = await self._permits.acquire(account, wish, permit_class, least=count, unused=unused)
        if not isinstance(answer, Permit):
            state.refused, state.refusal = count, answer if isinstance(answer, Deferred) else None
            return answer
        state.block, state.left, state.refusal = answer, answer.count, None
        if answer.count < wish:
            state.emptied_at = asyncio.get_running_loop().time()
        if answer.count < count:
            metrics.PERMITS_REFUSED.labels("limit").inc()
            return Deferred(Problem("permits_used_up", {"account": account}), answer.expires_at)
        state.left -= count
        return replace(answer, count=count)

    def _refusal(self, state: _Account, count: int) -> Deferred | None:
        """The last "not now" while it is young and nothing has come back to the account."""
        refusal, now = state.refusal, self._clock.now()
        if refusal is None or refusal.until is None or state.unused or count < state.refused:
            return None
        return refusal if now < refusal.until and now - state.fetched_at <= USED_UP else None

    def _moment(self, answer: PermitAnswer) -> float | None:
        """How long to wait for a bucket that fills again at once; None where that is no use."""
        if not isinstance(answer, Deferred) or answer.until is None:
            return None
        seconds = self._clock.real_seconds_until(answer.until)
        return max(seconds, REFILL_SECONDS_MIN) if 0 < seconds <= REFILL_SECONDS_MAX else None

    def _from_block(self, state: _Account, count: int) -> Permit | None:
        block = state.block
        if block is None or state.left < count or self._clock.now() >= block.expires_at:
            return None
        state.left -= count
        return replace(block, count=count)
