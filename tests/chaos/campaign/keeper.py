"""Keeps the processes of a campaign alive as an init system does, and does to them what faults ask for."""

import asyncio
import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from typing import Final

from deploy.local.child import describe_exit
from tests.chaos.campaign.share import Allowance
from tests.chaos.campaign.stage import NotStarted, Stage

LOOK_SECONDS: Final = 0.1
PAUSE_SECONDS: Final = 0.3
"""From a death to the next start."""


class Keeper:
    """Starts again whatever died, unless a fault holds it down."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._held: Counter[str] = Counter()
        self._frozen: set[str] = set()
        self._dead_at: dict[str, float] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._starting: set[asyncio.Task[None]] = set()
        self.kills: Counter[str] = Counter()
        self._struck: Counter[str] = Counter()
        self.unasked: list[str] = []
        """Deaths that no fault asked for, in words."""
        self._expected: set[int] = set()

    async def run(self) -> None:
        """Looks after all until it is cancelled."""
        while True:
            for name, running in tuple(self._stage.running.items()):
                if self._held[name]:
                    continue
                code = running.child.exit_code()
                if code is None:
                    continue
                if name not in self._dead_at:
                    self._note_death(name, running.child.pid, code)
                elif time.monotonic() - self._dead_at[name] >= PAUSE_SECONDS:
                    await self._start(name)
            await asyncio.sleep(LOOK_SECONDS)

    def _note_death(self, name: str, pid: int, code: int) -> None:
        self._dead_at[name] = time.monotonic()
        service = name.partition("-")[0]
        if (struck := self.struck(service)) > self._struck[service]:
            self._struck[service] = struck
            self.kills[service] += 1
        elif pid not in self._expected:
            self.unasked.append(f"{name} ended by itself: {describe_exit(code)}")

    def struck(self, service: str) -> int:
        """How often a service has killed itself at a crash point."""
        killed = self._stage.crash_plans / f"{service}.killed"
        return len(killed.read_text().splitlines()) if killed.exists() else 0

    async def _start(self, name: str) -> None:
        self._dead_at.pop(name, None)
        if name in ("postgres", "kafka"):
            self._held[name] += 1  # its start takes a while, and it is looked after again when it is ready
            task = asyncio.create_task(self._start_part(name))
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)
        else:
            self._stage.spawn(name)

    async def _start_part(self, name: str) -> None:
        try:
            with contextlib.suppress(NotStarted):  # killed again while it started: it is found dead and started anew
                await self._stage.start_part(name)
        finally:
            self._held[name] -= 1

    def lock(self, name: str) -> asyncio.Lock:
        """One fault at a time for a process or a proxy."""
        return self._locks.setdefault(name, asyncio.Lock())

    async def kill(self, name: str, away_seconds: float = 0.0) -> None:
        """SIGKILL; the process is started again after a while."""
        running = self._stage.running[name]
        self._expected.add(running.child.pid)
        self._held[name] += 1
        try:
            await asyncio.to_thread(running.child.kill)
            self.kills[name] += 1
            self._dead_at[name] = time.monotonic()
            await asyncio.sleep(away_seconds)
        finally:
            self._held[name] -= 1

    async def freeze(self, name: str, seconds: float) -> None:
        """SIGSTOP to its whole group, SIGCONT later."""
        pid = self._stage.running[name].child.pid
        self._frozen.add(name)
        _signal_group(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            _signal_group(pid, signal.SIGCONT)
            self._frozen.discard(name)

    async def end(self, name: str, seconds_max: float = 15.0) -> int:
        """SIGTERM once it is ready, and its end waited for; started again after a while. Its exit code."""
        await self._stage.ready(name)
        running = self._stage.running[name]
        self._expected.add(running.child.pid)
        self._held[name] += 1
        try:
            running.child.send(signal.SIGTERM)
            return await asyncio.to_thread(running.child.finish, seconds_max)
        finally:
            self._dead_at[name] = time.monotonic()
            self._held[name] -= 1

    async def end_replica(self, name: str) -> int:
        """SIGTERM to a second process, which is not started again."""
        running = self._stage.running.pop(name)
        self._expected.add(running.child.pid)
        running.child.send(signal.SIGTERM)
        return await asyncio.to_thread(running.child.finish, 15.0)

    @contextlib.contextmanager
    def held(self, name: str) -> Iterator[None]:
        """In the block nobody starts the process but the block."""
        self._held[name] += 1
        try:
            yield
        finally:
            self._held[name] -= 1

    async def all_ready(self, allowance: Allowance) -> list[str]:
        """Waits until everything can be used; the names of what cannot."""
        names = list(self._stage.running)
        while names and allowance.left():
            name = names[0]
            running = self._stage.running[name]
            if not self._held[name] and await asyncio.to_thread(running.is_ready):
                names.pop(0)
            else:
                await asyncio.sleep(LOOK_SECONDS)
        return names


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
