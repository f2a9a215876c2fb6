"""memory: of each service at rest and under a burst of deals, and of a whole demonstration with all its processes."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import psutil  # type: ignore[import-untyped]

from bench import burst
from bench.measuring import parts_under, proportional_bytes, resident_bytes
from bench.options import read_options
from bench.report import Bar, Report, Row
from bench.whole import PRODUCT, whole

LOOK_SECONDS: Final = 0.5
MIB: Final = 2**20


class Peak:
    """Looks at the memory below a process again and again, in a thread; keeps the highest of each part."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.resident: dict[str, float] = {}
        self.proportional_in_all = 0.0

    def __enter__(self) -> "Peak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            self.look()

    def look(self) -> None:
        """Once. Shared pages count once in the sum (PSS); a part is the sum of its processes' RSS."""
        in_all = 0.0
        for part, processes in parts_under(self._root).items():
            resident = 0.0
            for process in processes:
                try:
                    resident += resident_bytes(process) / MIB
                    in_all += proportional_bytes(process) / MIB
                except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
                    continue  # it has ended meanwhile
            self.resident[part] = max(resident, self.resident.get(part, 0.0))
        self.proportional_in_all = max(in_all, self.proportional_in_all)


def _watched(root: int, work: Callable[[], object]) -> Peak:
    with Peak(root) as peak:
        work()
        peak.look()
    return peak


def _rows(when: str, peak: Peak, at_most: float) -> list[Row]:
    return [_row(f"{part} {when}", peak.resident[part], "MB (RSS)", Bar("max", at_most=at_most)) for part in PRODUCT]


def _row(name: str, value: float, unit: str, bar: Bar, settings: Mapping[str, Any] | None = None) -> Row:
    shown = round(value, 1)
    return Row(name, shown, shown, shown, unit, settings=settings or {}, bars=[bar])


def _demo(report: Report) -> Row:
    command = [sys.executable, "-m", "sverka", "demo"]
    code: list[int] = []

    def run() -> None:
        code.append(
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode
        )

    peak = _watched(os.getpid(), run)
    if "postgres" not in peak.resident:
        raise RuntimeError(f"the demonstration did not start: exit code {code[0]}")
    if code != [0]:
        report.note(f"the demonstration ended with exit code {code[0]}; its memory is that of the run up to there")
    parts = {part: round(value) for part, value in sorted(peak.resident.items())}
    bar = Bar("max", at_most=2_560)
    return _row("whole demonstration", peak.proportional_in_all, "MB (PSS)", bar, {"rss_mb_by_part": parts})


def main() -> int:
    """Runs the benchmark; the exit code says whether all bars are met."""
    options = read_options("memory", __doc__ or "", seconds=10, warmup=5, repeats=1, concurrency=2_000)
    report = Report("memory", options)
    report.set(load=f"the benchmark `burst` with {options.concurrency} deals", looks_every_seconds=LOOK_SECONDS)
    with whole() as at:
        root = at.run.launcher.pid
        time.sleep(options.warmup)
        rest = _watched(root, lambda: time.sleep(options.seconds))
        for row in _rows("at rest", rest, 150):
            report.add(row)
        loaded = _watched(root, lambda: burst.play(options.concurrency, at))
        for row in _rows("under load", loaded, 300):
            report.add(row)
        parts = {part: round(value) for part, value in sorted(loaded.resident.items())}
        report.set(under_load_rss_mb_by_part=parts, under_load_pss_mb_in_all=round(loaded.proportional_in_all))
    report.add(_demo(report))
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
