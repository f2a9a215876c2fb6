"""Business time of the whole sandbox: anchor + rate x elapsed real time, in revisions that clients follow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from math import floor

CLIENT_RECENT_SECONDS = 30.0
RATE_MAX = 100_000.0
EXAMPLE = "2026-11-20T09:00:00+03:00"


def to_rfc3339(unix: float) -> str:
    """Unix seconds as RFC 3339 in UTC with milliseconds."""
    return f"{_second(floor(unix))}{int(unix * 1000) % 1000:03d}Z"


@lru_cache(maxsize=64)
def _second(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%S.")


def from_rfc3339(text: str) -> float:
    """RFC 3339 with a zone to unix seconds; `ValueError` says what to write otherwise."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{text!r} is no time; write for example {EXAMPLE}") from error
    if moment.tzinfo is None:
        raise ValueError(f"time {text!r} has no zone; write for example {EXAMPLE}")
    return moment.timestamp()


@dataclass(frozen=True, slots=True)
class ClockState:
    """One revision: business time `anchor_business` (unix seconds) held at real unix time `anchor_unix`."""

    revision: int
    anchor_business: float
    anchor_unix: float
    rate: float

    def as_json(self) -> dict[str, object]:
        return {
            "revision": self.revision,
            "anchor_business": to_rfc3339(self.anchor_business),
            "anchor_unix": self.anchor_unix,
            "rate": self.rate,
        }


class SandboxClock:
    """The current business time, its changes, and which clients know the newest revision."""

    def __init__(self, real_unix: Callable[[], float] = time.time) -> None:
        self._real_unix = real_unix
        start = real_unix()
        self.state = ClockState(revision=1, anchor_business=start, anchor_unix=start, rate=1.0)
        self._changed = asyncio.Event()
        self._acknowledged: dict[str, tuple[int, float]] = {}
        self._acknowledgement = asyncio.Event()

    def real_unix(self) -> float:
        return self._real_unix()

    def unix(self) -> float:
        """Business time as unix seconds."""
        state = self.state
        return state.anchor_business + state.rate * (self._real_unix() - state.anchor_unix)

    def now(self) -> datetime:
        """Business time in UTC."""
        return datetime.fromtimestamp(self.unix(), UTC)

    def real_seconds_until(self, business_unix: float) -> float:
        """Real seconds until a business moment, never negative; a stopped clock never gets there."""
        left = business_unix - self.unix()
        if left <= 0:
            return 0.0
        return left / self.state.rate if self.state.rate > 0 else float("inf")

    def altered(
        self, *, set_to: float | None = None, advance_seconds: float | None = None, rate: float | None = None
    ) -> ClockState:
        """The next revision; it takes force by `take`. Raises ValueError for a rate outside 0..RATE_MAX."""
        if rate is not None and not 0 <= rate <= RATE_MAX:
            raise ValueError(f"rate must be between 0 and {RATE_MAX:.0f}, not {rate}")
        real = self._real_unix()
        business = self.unix() if set_to is None else set_to
        return ClockState(
            revision=self.state.revision + 1,
            anchor_business=business + (advance_seconds or 0.0),
            anchor_unix=real,
            rate=self.state.rate if rate is None else rate,
        )

    def take(self, state: ClockState) -> None:
        """Puts a revision in force, live and in replay alike."""
        self.state = state
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def wait_changed(self, timeout_seconds: float) -> bool:
        """True when a revision came within the real time given."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def saw(self, client: str, revision: int) -> None:
        """A client polled and so acknowledged a revision."""
        self._acknowledged[client] = (revision, self._real_unix())
        acknowledgement, self._acknowledgement = self._acknowledgement, asyncio.Event()
        acknowledgement.set()

    def forget(self, client: str) -> None:
        """A client hung up in the middle of its poll; nobody waits for it until it polls again."""
        self._acknowledged.pop(client, None)

    def behind(self) -> list[str]:
        """Clients that polled lately and have not acknowledged the newest revision."""
        horizon = self._real_unix() - CLIENT_RECENT_SECONDS
        return sorted(
            name
            for name, (revision, seen) in self._acknowledged.items()
            if seen >= horizon and revision != self.state.revision
        )

    async def wait_followed(self, timeout_seconds: float = 2.0) -> list[str]:
        """Waits until all recent clients have the newest revision; returns those still behind."""
        try:
            async with asyncio.timeout(timeout_seconds):
                while self.behind():
                    await self._acknowledgement.wait()
        except TimeoutError:
            pass
        return self.behind()
