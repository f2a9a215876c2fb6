"""Seconds of a machine of one's own: what of a machine's time was ours to use, where others work on it too.

Written bounds are for a machine that does nothing else. Elsewhere a second counts for the share of the processors that
this campaign had or could have had: its own processes' time and the time in which nobody wanted them. They are also for
a machine of a certain speed; on a slower one, or in a slower hour of a rented one, a second counts for less.
"""

import json
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
WORK_ROWS: Final = 20_000
WORK_MS: Final = 50.0
"""CPU time of ``work_ms`` on the machine that bounds are written for."""
SPEED_MIN: Final = 0.5
"""No machine counts as slower: others who work meanwhile slow the measurement too."""


def speed() -> float:
    """How fast this machine is now, as a share of the one that bounds are written for; 1 for a faster one."""
    return min(1.0, max(SPEED_MIN, WORK_MS / work_ms()))


def work_ms() -> float:
    """CPU time of objects made, written as JSON, read back and sorted, the best of three: where others wear out a
    host's caches, a service takes 1.7 times as long and a plain loop 1.1 times."""
    return min(_work_ms() for _ in range(3))


class OwnTime:
    """Counts from its making on. All processes are looked at once a second at most, which takes some milliseconds."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._at = time.monotonic()
        self._idle, self._ours = _idle(), _of_tree(os.getpid())
        self._seconds = 0.0

    def seconds(self, *, now: bool = False) -> float:
        """So far; never more than have passed. Not ``now``: as of a second ago at most."""
        if not now and time.monotonic() - self._at < LOOK_SECONDS:
            return self._seconds
        at, idle, ours = time.monotonic(), _idle(), _of_tree(os.getpid())
        had = max(0, idle - self._idle) + max(0, ours - self._ours)
        self._seconds += self._speed * min(at - self._at, had / TICKS / (os.cpu_count() or 1))
        self._at, self._idle, self._ours = at, idle, ours
        return self._seconds


class Allowance:
    """So many seconds of a machine of one's own, from now on; never more than ``REAL_MAX`` times as many real ones."""

    def __init__(self, seconds_max: float, speed: float) -> None:
        self._seconds_max = seconds_max
        self._ends = time.monotonic() + REAL_MAX * seconds_max
        self._own = OwnTime(speed)

    def left(self) -> bool:
        """Whether some of it is left."""
        return self._own.seconds() < self._seconds_max and time.monotonic() < self._ends


def _work_ms() -> float:
    began = time.process_time()
    rows = [
        {"id": n, "name": f"row {n}", "parts": [n, n + 1], "at": str(n * 7919 % WORK_ROWS)} for n in range(WORK_ROWS)
    ]
    back = json.loads(json.dumps(rows))
    back.sort(key=lambda row: row["at"])
    return 1000 * (time.process_time() - began)


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
