"""``python -m tests.mutation.trying PART SAMPLE FILE…``: tries changes, keeps a line of JSON of each, and a file's row.

Each is tried in a fork of a process that has read the modules and collected the tests already. What is kept as noticed,
or as explained, is not tried again. SAMPLE changes of a file are drawn by its path, or all of them where it is 0.
"""

import gc
import json
import os
import random
import resource
import signal
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import CodeType, FrameType
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.mutation.changes import Replacement, replacements
from tests.mutation.parts import PARTS, ROOT
from tests.mutation.reporting import explained, identity, kept, record, result, said

NOTICED: Final = 1
SECONDS_MAX: Final = 1.0
TIMES_MAX: Final = 4
WAITING_SECONDS_MAX: Final = 300.0
EXAMPLES_MAX: Final = 40
MEMORY_BYTES_MAX: Final = 2 * 2**30

Where = frozenset[CodeType]


class Trying:
    """A plugin of pytest: in place of one run of the tests there is a run for each change."""

    def __init__(self, paths: Sequence[str], at_once: int, sample: int) -> None:
        self._paths = paths
        self._sample = sample
        self._at_once = at_once
        self._seconds: dict[str, float] = {}
        self._noticed_by: dict[CodeType, Counter[str]] = defaultdict(Counter)
        self._parent: int | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """The first test that fails ends the process that tries a change, before anybody writes down how it failed."""
        failed = call.excinfo is not None and not isinstance(call.excinfo.value, pytest.skip.Exception)
        if failed and self._parent is not None:
            os.write(self._parent, item.nodeid.encode())
            os._exit(NOTICED)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Nothing is tried while a test fails on the code as it is."""
        if report.failed:
            pytest.exit(f"{report.nodeid} fails on the code as it is: {report.longrepr}", 1)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> object:
        """Runs all tests once, sees which function each of them enters, and then tries the changes."""
        if session.testsfailed:
            raise pytest.UsageError("the tests cannot be collected")
        for item in session.items:
            _draws_few(item)
        changes = {path: list(replacements(ROOT, path)) for path in self._paths}
        wanted = frozenset(one.function.__code__ for some in changes.values() for one in some)
        entered = self._entered(session, wanted)
        gc.collect()
        gc.freeze()
        if wanted and self._tried(lambda: None, session.items)[0]:
            pytest.exit("a fork of the code as it is fails too, so that nothing can be said of changes", 1)
        for path, some in changes.items():
            no_more = {one["change"] for one in said(path) if one["killed"] or identity(one) in explained()}
            drawn = _drawn(path, len(some), self._sample)
            left = [number for number in drawn if number not in no_more]

            def try_some(numbers: Sequence[int], path: str = path, some: Sequence[Replacement] = some) -> None:
                for number in numbers:
                    code = some[number].function.__code__
                    items = [item for item in session.items if code in entered[item.nodeid]]
                    self._try(path, number, some[number], items)

            self._shared(left, try_some)
            if some:
                record(result(path, len(some)))
        return True

    def _shared(self, numbers: Sequence[int], work: Callable[[Sequence[int]], None]) -> None:
        """Does work in several processes, each with its share of the numbers."""
        if self._at_once == 1:
            work(numbers)
            return
        children = []
        for place in range(self._at_once):
            child = os.fork()
            if not child:
                with suppress(BaseException):
                    work(numbers[place :: self._at_once])
                    os._exit(0)
                os._exit(NOTICED)
            children.append(child)
        ended = [os.waitpid(child, 0)[1] for child in children]
        if any(ended):
            pytest.exit("one of the processes that try changes has failed", 1)

    def _try(self, path: str, number: int, one: Replacement, items: list[pytest.Item]) -> None:
        noticed_by = self._noticed_by[one.function.__code__]
        items.sort(key=lambda item: self._seconds[item.nodeid] / (1 + noticed_by[item.nodeid]))
        began = time.monotonic()
        killed, how = self._tried(one.make, items) if items else (False, "no test goes there")
        noticed_by[how] += killed
        what = {"change": number, "path": path, "function": one.change.function, "killed": killed}
        what |= {"less": one.change.less, "more": one.change.more, "how": how}
        with kept(path).open("a") as file:
            seconds = round(time.monotonic() - began, 2)
            file.write(json.dumps({**what, "seconds": seconds}, ensure_ascii=False) + "\n")

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
        hears, says = os.pipe()
        child = os.fork()
        if not child:
            self._parent = says
            with suppress(BaseException):
                _bounded(seconds)
                change()
                for item in items:
                    self._run(item)
                os._exit(0)
            os._exit(NOTICED)
        _, status = os.waitpid(child, 0)
        os.close(says)
        # What the child started may hold the other end, so that the end of the pipe is not waited for.
        os.set_blocking(hears, False)
        with suppress(BlockingIOError), os.fdopen(hears, "rb", buffering=0) as pipe:
            test = (pipe.read() or b"").decode()
        if os.WIFSIGNALED(status):
            return True, f"ended by {signal.Signals(os.WTERMSIG(status)).name}"
        return os.WEXITSTATUS(status) == NOTICED, test or f"{len(items)} tests"

    def _run(self, item: pytest.Item) -> None:
        # Whatever is next, only what the whole session shares stays up.
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=item.session)


def _draws_few(item: pytest.Item) -> None:
    """A property is tried with few examples: what only many would show deserves a test of its own."""
    owner, test = getattr(item, "cls", None), getattr(item, "obj", None)
    if isinstance(given := getattr(owner, "settings", None), settings):
        owner.settings = settings(given, max_examples=min(given.max_examples, EXAMPLES_MAX))  # type: ignore[union-attr] # it has settings, so it is a class
    elif isinstance(given := getattr(test, "_hypothesis_internal_use_settings", None), settings):
        test = getattr(test, "__func__", test)
        few = settings(given, max_examples=min(given.max_examples, EXAMPLES_MAX))
        test._hypothesis_internal_use_settings = few  # type: ignore[union-attr] # Hypothesis keeps them there; it has no setter


def _drawn(path: str, changes: int, sample: int) -> list[int]:
    """The numbers of the changes to try: those of a smaller sample are among those of a larger one."""
    numbers = random.Random(path).sample(range(changes), changes)  # noqa: S311 - it is to come out the same each time
    return sorted(numbers[: sample or changes])


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
        max_examples=EXAMPLES_MAX,
        deadline=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("mutation")
    tests = [str(ROOT / test) for test in part.tests]
    options = ["-q", "-s", "-p", "no:cacheprovider", "-o", "timeout=0"]
    if part.at_once > 1:
        options += ["-m", "not parts"]
    return int(pytest.main([*options, *tests], [Trying(arguments[2:], part.at_once, int(arguments[1]))]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
