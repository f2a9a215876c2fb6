"""What is measured: latencies, rates over windows, and the CPU time and memory of processes by their part."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]

LOOK_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Window:
    """One repeat: how many operations in how many seconds, and the CPU seconds of each part meanwhile."""

    operations: int
    seconds: float
    cpu_seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Operations in a second."""
        return self.operations / self.seconds


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile; ``share`` is 0.5 for the median."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


def median(values: Iterable[float]) -> float:
    """The median."""
    return statistics.median(values)


def part_of(process: psutil.Process) -> str:
    """What a process is: postgres, kafka, sandbox, a service's name, the launcher, or load (this benchmark)."""
    name: str = process.name()
    words: list[str] = process.cmdline()
    if name == "postgres":
        return "postgres"
    if name == "java":
        return "kafka"
    if "-m" in words:
        module = words[words.index("-m") + 1]
        if module == "cProfile":
            module = words[-1]
        if module.startswith("services."):
            return module.partition(".")[2]
        if module == "sandbox":
            return "sandbox"
        if module == "sverka":
            return "launcher"
        return module
    return "other"


def parts_under(root: int) -> dict[str, list[psutil.Process]]:
    """All processes below one, by their part; the root itself is left out."""
    found: dict[str, list[psutil.Process]] = {}
    for process in psutil.Process(root).children(recursive=True):
        try:
            found.setdefault(part_of(process), []).append(process)
        except psutil.NoSuchProcess:
            continue  # it ended while it was looked at
    return found


def cpu_seconds(root: int) -> dict[str, float]:
    """CPU time used so far by the parts under a process, and by the process itself as ``load``."""
    used: dict[str, float] = {}
    for part, processes in parts_under(root).items():
        for process in processes:
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue  # as above
            used[part] = used.get(part, 0.0) + times.user + times.system
    own = psutil.Process(root).cpu_times()
    used["load"] = own.user + own.system
    return used


def between(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """CPU seconds used between two looks."""
    return {part: max(0.0, after[part] - before.get(part, 0.0)) for part in after}


def resident_bytes(process: psutil.Process) -> int:
    """The process' resident memory (RSS)."""
    return int(process.memory_info().rss)


def proportional_bytes(process: psutil.Process) -> int:
    """The process' share of memory with shared pages divided among their users (PSS)."""
    for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the kernel shows no proportional set size")


async def windows(
    count: Callable[[], Awaitable[int]], *, root: int, warmup: float, seconds: float, repeats: int
) -> list[Window]:
    """Watches a counter that rises by itself: the rate in each of ``repeats`` windows after the warm-up."""
    await asyncio.sleep(warmup)
    found = []
    for _ in range(repeats):
        cpu, started, first = cpu_seconds(root), time.perf_counter(), await count()
        await asyncio.sleep(seconds)
        last, ended = await count(), time.perf_counter()
        found.append(Window(last - first, ended - started, between(cpu, cpu_seconds(root))))
    return found
