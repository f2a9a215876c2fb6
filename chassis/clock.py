"""Business time: the machine's own, or anchor + rate x elapsed real time.

Due times, polls, retries, reminders, limits and token expiry go by it. Socket timeouts, leases and the fallbacks of
polls are real seconds and never come from here.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import httpx

from chassis.http.transport import internal_client

FOLLOW_WAIT_SECONDS = 20.0
FOLLOW_TIMEOUT_SECONDS = 30.0
FOLLOW_RETRY_SECONDS = 0.25
RATE_MAX = 100_000.0
SET_SECONDS_MIN = 5.0
"""A machine's clock that differs by so much more from its uptime than a moment ago was set; less is drift."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Anchor:
    """Business time ``business_unix`` (unix seconds) held when the monotonic clock showed ``monotonic`` seconds."""

    business_unix: float
    monotonic: float
    rate: float
    revision: int = 0


class Clock:
    """Business time of one process. ``rate`` 1 is real time, 60 an hour a minute, 0 a stopped clock.

    Waits wake when the clock is changed under them.
    """

    LOOK_AGAIN_SECONDS: ClassVar[float] = math.inf
    """Real seconds after which a wait reads the clock again, for a clock that changes without a word."""

    set_forward_at: datetime | None = None
    """To what a clock that has to measure time was last set forward: of what began before, it shows more time than has
    passed. None where it was not, or where business time is moved on purpose."""

    known_since: datetime | None = None
    """Since when this process would have noticed that a clock which has to measure time was set; nobody knows of the
    time before. None where business time is moved on purpose."""

    def __init__(self, rate: float = 1.0, start: datetime | None = None) -> None:
        if not 0 <= rate <= RATE_MAX:
            raise ValueError(f"the clock's rate is between 0 and {RATE_MAX:.0f}, not {rate}")
        business = time.time() if start is None else start.timestamp()
        self._anchor = Anchor(business, time.monotonic(), rate)
        self._changed: asyncio.Event = asyncio.Event()

    @property
    def anchor(self) -> Anchor:
        """What the clock stands on at present."""
        return self._anchor

    @property
    def rate(self) -> float:
        """Business seconds in a real second."""
        return self._anchor.rate

    def now(self) -> datetime:
        """Business time in UTC."""
        return datetime.fromtimestamp(self._unix(), UTC)

    def real_seconds_until(self, moment: datetime) -> float:
        """Real seconds until a business moment, never negative; infinite for a stopped clock."""
        left = moment.timestamp() - self._unix()
        if left <= 0:
            return 0.0
        return left / self.rate if self.rate > 0 else math.inf

    async def sleep(self, seconds: float) -> None:
        """Sleeps for business seconds; a change of the clock shortens or lengthens the sleep."""
        await self.sleep_until(datetime.fromtimestamp(self._unix() + seconds, UTC))

    async def sleep_until(self, moment: datetime) -> None:
        """Sleeps until a business moment."""
        while (left := self.real_seconds_until(moment)) > 0:
            await self.wait_changed(min(left, self.LOOK_AGAIN_SECONDS))

    async def wait(self, event: asyncio.Event, until: datetime | None, real_seconds_max: float = math.inf) -> bool:
        """Waits for an event until a business moment or for real seconds. True when the event is set, False otherwise.

        A change of the clock is looked at and waited on; ``until`` None waits for the event alone.
        """
        deadline = time.monotonic() + real_seconds_max
        while not event.is_set():
            left = min(deadline - time.monotonic(), math.inf if until is None else self.real_seconds_until(until))
            if left <= 0:
                return False
            await _first_of(event, self._changed, seconds=min(left, self.LOOK_AGAIN_SECONDS))
        return True

    async def wait_changed(self, real_seconds: float = math.inf) -> bool:
        """Waits for a change of the clock, at most for real seconds. True when it changed."""
        changed = self._changed
        try:
            async with asyncio.timeout(None if math.isinf(real_seconds) else real_seconds):
                await changed.wait()
        except TimeoutError:
            return False
        return True

    def _unix(self) -> float:
        anchor = self._anchor
        return anchor.business_unix + anchor.rate * (time.monotonic() - anchor.monotonic)

    def _take(self, anchor: Anchor) -> None:
        self._anchor = anchor
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


class MachineClock(Clock):
    """The machine's own time, read each time: a machine that slept, or whose clock was set right after the process had
    begun, would date documents wrongly until the process ends, since monotonic time knows of neither."""

    LOOK_AGAIN_SECONDS = 60.0

    def __init__(self) -> None:
        super().__init__()
        self._booted_unix = _booted_unix()
        self.known_since = self.now()

    def _unix(self) -> float:
        unix, booted = time.time(), _booted_unix()
        by, self._booted_unix = booted - self._booted_unix, booted
        if by > SET_SECONDS_MIN:
            self.set_forward_at = datetime.fromtimestamp(unix, UTC)
            _log.warning("the machine's clock was set forward by %.0f s; doubts are measured anew", by)
        elif by < -SET_SECONDS_MIN:
            _log.warning("the machine's clock was set back by %.0f s; what waits is due so much later", -by)
        return unix


def _booted_unix() -> float:
    # This clock of the uptime runs on while the machine sleeps.
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


class ManualClock(Clock):
    """A clock for tests that moves only when it is told to."""

    def __init__(self, start: datetime) -> None:
        super().__init__(rate=0.0, start=start)

    def advance(self, seconds: float) -> None:
        """Moves business time forward, or back when negative."""
        self._take(Anchor(self._unix() + seconds, time.monotonic(), 0.0, self._anchor.revision + 1))

    def set(self, moment: datetime) -> None:
        """Moves business time to a moment."""
        self._take(Anchor(moment.timestamp(), time.monotonic(), 0.0, self._anchor.revision + 1))


class FollowingClock(Clock):
    """Follows the clock of a sandbox by long poll and keeps the last anchor while the sandbox is away.

    ``GET {control_url}/clock?client=NAME&after=REVISION&wait_seconds=N`` answers at once when the revision is another,
    else when it changes or the time is over: ``{revision, anchor_business (RFC 3339), anchor_unix (seconds), rate}``.
    The next poll acknowledges the revision.
    """

    def __init__(self, control_url: str, client_name: str) -> None:
        super().__init__()
        self._url = control_url.rstrip("/") + "/clock"
        self._client_name = client_name
        self._followed = asyncio.Event()
        self._away = False

    async def wait_followed(self) -> None:
        """Returns when the first anchor has come; without it business time would jump back after a restart."""
        await self._followed.wait()

    async def run(self, progress: Callable[[], None] = lambda: None) -> None:
        """Follows until cancelled; ``progress`` is called after every poll, also a failed one."""
        async with internal_client(timeout_seconds=FOLLOW_TIMEOUT_SECONDS) as client:
            while True:
                try:
                    await self._poll(client)
                    self._away = False
                except (httpx.HTTPError, OSError, ValueError) as error:
                    if not self._away:
                        _log.warning(
                            "the sandbox's clock is away, the last anchor is kept: %s",
                            type(error.__cause__ or error).__name__,
                        )
                    self._away = True
                    await asyncio.sleep(FOLLOW_RETRY_SECONDS)
                progress()

    async def _poll(self, client: httpx.AsyncClient) -> None:
        after = self._anchor.revision if self._followed.is_set() else 0
        answer = await client.get(
            self._url,
            params={"client": self._client_name, "after": str(after), "wait_seconds": str(FOLLOW_WAIT_SECONDS)},
        )
        answer.raise_for_status()
        anchor = _anchor_of(answer.json())
        if not self._followed.is_set() or anchor.revision != self._anchor.revision:
            self._take(anchor)
            self._followed.set()


def _anchor_of(body: Mapping[str, Any]) -> Anchor:
    try:
        revision, rate = int(body["revision"]), float(body["rate"])
        business = datetime.fromisoformat(body["anchor_business"]).timestamp()
        anchor_unix = float(body["anchor_unix"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"the sandbox's clock answered without {error}") from error
    return Anchor(business, time.monotonic() - (time.time() - anchor_unix), rate, revision)


def build_clock(*, environment: str, rate: float, control_url: str, client_name: str) -> Clock:
    """The clock that the settings ask for. Raises ValueError in production for anything but real time."""
    if environment == "production" and (rate != 1.0 or control_url):
        raise ValueError("production runs on real time: unset SVERKA_CLOCK_RATE and SVERKA_SANDBOX_CONTROL_URL")
    if control_url:
        return FollowingClock(control_url, client_name)
    return MachineClock() if rate == 1.0 else Clock(rate)


async def _first_of(*events: asyncio.Event, seconds: float) -> None:
    async with _waiting(*(event.wait for event in events)) as tasks:
        await asyncio.wait(tasks, timeout=None if math.isinf(seconds) else seconds, return_when=asyncio.FIRST_COMPLETED)


@contextlib.asynccontextmanager
async def _waiting(*waits: Callable[[], Awaitable[Any]]) -> AsyncIterator[Sequence[asyncio.Future[Any]]]:
    tasks = [asyncio.ensure_future(wait()) for wait in waits]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
