"""Runs callbacks at business times and keeps up when the clock is set, advanced or made faster."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections.abc import Callable

from sandbox.core.clock import SandboxClock
from sandbox.core.wire import first_of

log = logging.getLogger("sandbox")

IDLE_SECONDS = 60.0


class Timeline:
    """Pending callbacks in order of their business time; durable work registers itself again on replay."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._earlier = asyncio.Event()

    def at(self, due_unix: float, action: Callable[[], None]) -> None:
        """Calls `action` once business time reaches `due_unix`."""
        heapq.heappush(self._heap, (due_unix, next(self._order), action))
        if self._heap[0][0] == due_unix:
            self._earlier.set()

    def clear(self) -> None:
        self._heap.clear()

    async def run(self) -> None:
        """Serves until cancelled."""
        while True:
            while self._heap and self._heap[0][0] <= self._clock.unix():
                action = heapq.heappop(self._heap)[2]
                try:
                    action()
                except Exception:
                    log.exception("work that was due failed")
            self._earlier.clear()
            wait = min(IDLE_SECONDS, self._clock.real_seconds_until(self._heap[0][0])) if self._heap else IDLE_SECONDS
            await first_of(self._clock.wait_changed(wait), self._earlier.wait())
