"""``python -m tests.mutation.trying PART OUT [FILE]``: tries every change, and adds a line of JSON for each to OUT.

Each is tried in a fork of a process that has read the modules and collected the tests already.
"""

import gc
import json
import os
import resource
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.mutation.changes import replacements
from tests.mutation.parts import PARTS, ROOT, Part

NOTICED: Final = 1
SECONDS_MAX: Final = 3.0
TIMES_MAX: Final = 4
WAITING_SECONDS_MAX: Final = 300.0
MEMORY_BYTES_MAX: Final = 2 * 2**30

Where = frozenset[CodeType]


class Trying:
    """A plugin of pytest: in place of one run of the tests there is a run for each change."""

    def __init__(self, part: Part, out: Path, only: str) -> None:
        self._part = part
        self._out = out
        self._only = only
        self._seconds: dict[str, float] = {}
        self._forked = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """The first test that fails ends the process that tries a change."""
        if report.failed:
            sys.stderr.write(f"{report.nodeid}\n{report.longrepr}\n")
            if self._forked:
                os._exit(NOTICED)
            pytest.exit(f"{report.nodeid} fails on the code as it is: {report.longrepr}", 1)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> object:
        """Runs all tests once, sees which function each of them enters, and then tries the changes."""
        if session.testsfailed:
            raise pytest.UsageError("the tests cannot be collected")
        changes = [one for path in self._part.paths() if self._only in path for one in replacements(ROOT, path)]
        wanted = frozenset(one.function.__code__ for one in changes)
        entered = self._entered(session, wanted)
        gc.collect()
        gc.freeze()
        if changes and self._tried(lambda: None, session.items)[0]:
            pytest.exit("a fork of the code as it is fails too, so that nothing can be said of changes", 1)
        for one in changes:
            items = [item for item in session.items if one.function.__code__ in entered[item.nodeid]]
            items.sort(key=lambda item: self._seconds[item.nodeid])
            began = time.monotonic()
            killed, how = self._tried(one.make, items) if items else (False, "no test goes there")
            said = {"path": one.change.path, "function": one.change.function, "killed": killed, "how": how}
            said |= {"less": one.change.less, "more": one.change.more, "seconds": round(time.monotonic() - began, 2)}
            with self._out.open("a") as file:
                file.write(json.dumps(said, ensure_ascii=False) + "\n")
        return True

    def _entered(self, session: pytest.Session, wanted: Where) -> dict[str, set[CodeType]]:
        """For each test the functions that it enters. What tests share, as servers, stays up for all forks."""
        entered: dict[str, set[CodeType]] = defaultdict(set)
        for item in session.items:
            began = time.process_time()
            with _profiled(wanted, entered[item.nodeid].add):
                self._run(item)
            self._seconds[item.nodeid] = time.process_time() - began
        return entered

    def _tried(self, change: Callable[[], None], items: list[pytest.Item]) -> tuple[bool, str]:
        seconds = SECONDS_MAX + TIMES_MAX * sum(self._seconds[item.nodeid] for item in items)
        child = os.fork()
        if not child:
            self._forked = True
            with suppress(BaseException):
                _bounded(seconds)
                change()
                for item in items:
                    self._run(item)
                os._exit(0)
            os._exit(NOTICED)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            return True, f"ended by {signal.Signals(os.WTERMSIG(status)).name}"
        return os.WEXITSTATUS(status) == NOTICED, f"{len(items)} tests"

    def _run(self, item: pytest.Item) -> None:
        # Whatever is next, only what the whole session shares stays up.
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=item.session)


def _bounded(seconds: float) -> None:
    """A change that never comes to an end does, by the processor's time or, where it waits, by the clock's."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    threading.Timer(WAITING_SECONDS_MAX + seconds * TIMES_MAX, os._exit, [NOTICED]).start()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)


@contextmanager
def _profiled(wanted: Where, saw: Callable[[CodeType], object]) -> Iterator[None]:
    def profile(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code in wanted:
            saw(frame.f_code)

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def main(arguments: list[str]) -> int:
    """Examples are drawn the same each time, and what fails is not made smaller."""
    part = next(one for one in PARTS if one.name == arguments[0])
    settings.register_profile(
        "mutation",
        derandomize=True,
        deadline=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("mutation")
    tests = [str(ROOT / test) for test in part.tests]
    options = ["-q", "-s", "-p", "no:cacheprovider", "-o", "timeout=0"]
    return int(
        pytest.main([*options, *tests], [Trying(part, Path(arguments[1]), arguments[2] if arguments[2:] else "")])
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
