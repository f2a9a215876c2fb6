"""Crash points: named moments of the money path at which a test has this process killed, by kill -9 of itself.

A point is named ``moment[what]``. Where the code does not say what it is about, that is the function on whose behalf it
runs: ``commit.before[chassis.work.claims.claim]``.
"""

import asyncio
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Final

ENVIRONMENT: Final = "test"
SOON_SECONDS: Final = 0.002


class _Armed:
    """The points at which this process dies, read from ``<folder>/<service>.plan``.

    Each line of a plan is for one start of the process: names by blanks, ``name:3`` at the third time that it is
    passed, ``name>other`` when the next start is to die at the other one. The process dies at whichever comes first,
    and before it strikes that one off and notes it in ``<service>.killed``. A plan that is written anew counts from
    there on.
    """

    def __init__(self, plan: Path) -> None:
        self._plan = plan
        self._read_at = 0
        self._points: dict[str, int] = {}
        self._passed: Counter[str] = Counter()

    def passed(self, name: str) -> None:
        self._read()
        if name not in self._points:
            return
        self._passed[name] += 1
        if self._passed[name] >= self._points[name]:
            self._strike_off(name)
            os.kill(os.getpid(), signal.SIGKILL)

    def _read(self) -> None:
        try:
            written_at = self._plan.stat().st_mtime_ns
        except FileNotFoundError:
            written_at = 0
        if written_at == self._read_at:
            return
        self._read_at = written_at
        lines = self._plan.read_text().splitlines() if written_at else []
        self._passed.clear()
        self._points = {}
        for point in lines[0].split() if lines else ():
            name, _, nth = point.partition(">")[0].partition(":")
            self._points.setdefault(name, int(nth or 1))

    def _strike_off(self, name: str) -> None:
        first, *others = self._plan.read_text().splitlines() or [""]  # emptied at this very moment
        points = first.split()
        struck = next((point for point in points if point.partition(">")[0].partition(":")[0] == name), "")
        rest = [point for point in points if point is not struck]
        if following := struck.partition(">")[2]:
            rest.append(following)
        lines = [" ".join(rest), *others] if rest else others
        unfinished = self._plan.with_suffix(".unfinished")
        unfinished.write_text("".join(f"{line}\n" for line in lines))
        unfinished.replace(self._plan)
        with self._plan.with_suffix(".killed").open("a") as killed:
            killed.write(f"{name}\n")


_armed: _Armed | None = None


def arm(service: str, environment: str, plans: Path | None) -> None:
    """Arms the points of this process where the environment is ``test`` and there is a folder of plans; else none."""
    global _armed
    _armed = _Armed(plans / f"{service}.plan") if environment == ENVIRONMENT and plans is not None else None


def crash_point(moment: str, *what: str) -> None:
    """A moment between two steps of which each must survive the loss of what follows; ``what`` it is about, if the
    caller's name does not say it. Costs a function call while nothing is armed."""
    if _armed is not None:
        for one in what or (_on_behalf_of(sys._getframe(1)),):
            _armed.passed(f"{moment}[{one}]")


def crash_point_soon(moment: str, what: str) -> None:
    """The moment when what is about to be done here has been done, and nobody knows yet what came of it."""
    if _armed is not None:
        asyncio.get_running_loop().call_later(SOON_SECONDS, crash_point, moment, what)


def _on_behalf_of(frame: FrameType) -> str:
    """The nearest caller outside the module of the point."""
    asked: FrameType | None = frame
    while asked is not None:
        module = asked.f_globals.get("__name__", "")
        if module not in (frame.f_globals.get("__name__"), "contextlib"):
            return f"{module}.{asked.f_code.co_qualname}"
        asked = asked.f_back
    return ""
