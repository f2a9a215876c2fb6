"""Seconds of a machine of one's own: what of a machine's time was ours to use, where others work on it too.

Written bounds are for a machine that does nothing else, at the speed that it had when they were written. Elsewhere a
second counts for the share of the processors that this campaign had or could have had, its own processes' time and the
time in which nobody wanted them, and on slower processors for as much as they do in it.
"""

import asyncio
import os
import time
from pathlib import Path
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")
IDLE: Final = slice(4, 6)
"""Of the first line of /proc/stat: idle, and idle while waiting for a disk."""
TIMES: Final = slice(11, 15)
"""Of a process' stat after its name: its own time, and that of its ended children."""
PARENT: Final = 1
REAL_MAX: Final = 8
LOOK_SECONDS: Final = 1.0
LOOP_PASSES: Final = 20_000
LOOP_SECONDS: Final = LOOP_PASSES * 14e-9
"""A plain loop took from 12 to 15 ns a pass in the hours in which the bounds were written; in slow ones 24 to 30."""
LOOPS: Final = 3


class OwnTime:
    """Counts from its making on. All processes are looked at once a second at most, which takes some milliseconds."""

    def __init__(self) -> None:
        self._at = time.monotonic()
        self._idle, self._ours = _idle(), _of_tree(os.getpid())
        self._seconds = 0.0

    def seconds(self, *, now: bool = False) -> float:
        """So far; never more than have passed. Not ``now``: as of a second ago at most."""
        if not now and time.monotonic() - self._at < LOOK_SECONDS:
            return self._seconds
        at, idle, ours = time.monotonic(), _idle(), _of_tree(os.getpid())
        had = max(0, idle - self._idle) + max(0, ours - self._ours)
        self._seconds += min(at - self._at, had / TICKS / (os.cpu_count() or 1)) * _speed()
        self._at, self._idle, self._ours = at, idle, ours
        return self._seconds

    async def run(self) -> None:
        """Looks on until it is cancelled: how fast a machine is, and how much of it is ours, changes all the time."""
        while True:
            self.seconds(now=True)
            await asyncio.sleep(LOOK_SECONDS)


class Allowance:
    """So many seconds of a machine of one's own, from now on; never more than ``REAL_MAX`` times as many real ones."""

    def __init__(self, seconds_max: float) -> None:
        self._seconds_max = seconds_max
        self._ends = time.monotonic() + REAL_MAX * seconds_max
        self._own = OwnTime()

    def left(self) -> bool:
        """Whether some of it is left."""
        return self._own.seconds() < self._seconds_max and time.monotonic() < self._ends


def _speed() -> float:
    """What the processors do in a second, to what they did when the bounds were written; 1 at most."""
    took = []
    for _ in range(LOOPS):
        began = time.thread_time()
        for _ in range(LOOP_PASSES):
            pass
        took.append(time.thread_time() - began)
    return min(1.0, LOOP_SECONDS / max(min(took), 1e-9))


def _idle() -> int:
    with Path("/proc/stat").open() as file:
        return sum(map(int, file.readline().split()[IDLE]))


def _of_tree(root: int) -> int:
    """The processor time of a process and all under it, in ticks; what is ended counts in who waited for it."""
    times: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has ended meanwhile
                continue
            times[int(entry)] = sum(map(int, fields[TIMES]))
            children.setdefault(int(fields[PARENT]), []).append(int(entry))
    total, waiting = 0, [root]
    while waiting:
        pid = waiting.pop()
        total += times.get(pid, 0)
        waiting += children.get(pid, ())
    return total
