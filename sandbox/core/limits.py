"""Rate limits in business time: leaky buckets and operating-time buckets, switchable off."""

from __future__ import annotations

from collections import deque

from sandbox.core.clock import SandboxClock


class LeakyBuckets:
    """One bucket per key: a call adds a drop, `per_second` drops leave per business second, `burst` is the brim."""

    def __init__(self, clock: SandboxClock, *, enabled: bool) -> None:
        self._clock = clock
        self.enabled = enabled
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, key: str, *, burst: float, per_second: float) -> float:
        """0.0 when the call is let through, else the business seconds until one would be."""
        if not self.enabled:
            return 0.0
        now = self._clock.unix()
        level, at = self._levels.get(key, (0.0, now))
        level = max(0.0, level - max(0.0, now - at) * per_second)
        if level + 1 > burst:
            self._levels[key] = (level, now)
            return (level + 1 - burst) / per_second
        self._levels[key] = (level + 1, now)
        return 0.0

    def clear(self) -> None:
        self._levels.clear()


class OperatingTime:
    """Seconds of execution per key in one-minute buckets over ten business minutes."""

    BUCKET_SECONDS = 60
    BUCKETS = 10

    def __init__(self, clock: SandboxClock, *, limits: LeakyBuckets) -> None:
        self._clock = clock
        self._limits = limits
        self._spent: dict[str, deque[tuple[int, float]]] = {}

    def spend(self, key: str, seconds: float) -> None:
        minute = int(self._clock.unix() // self.BUCKET_SECONDS)
        buckets = self._spent.setdefault(key, deque())
        if buckets and buckets[-1][0] == minute:
            buckets[-1] = (minute, buckets[-1][1] + seconds)
        else:
            buckets.append((minute, seconds))

    def operating(self, key: str) -> float:
        """Seconds accumulated in the window."""
        return sum(seconds for _, seconds in self._window(key))

    def reset_at(self, key: str) -> int:
        """Unix business time at which the oldest bucket leaves the window."""
        window = self._window(key)
        oldest = window[0][0] if window else int(self._clock.unix() // self.BUCKET_SECONDS)
        return (oldest + self.BUCKETS) * self.BUCKET_SECONDS

    def exceeded(self, key: str, limit_seconds: float) -> bool:
        return self._limits.enabled and self.operating(key) > limit_seconds

    def _window(self, key: str) -> deque[tuple[int, float]]:
        buckets = self._spent.get(key, deque())
        oldest = int(self._clock.unix() // self.BUCKET_SECONDS) - self.BUCKETS
        while buckets and buckets[0][0] <= oldest:
            buckets.popleft()
        return buckets

    def clear(self) -> None:
        self._spent.clear()
