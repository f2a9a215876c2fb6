"""How a process runs: its event loop, its signals, and background loops of which none may die unseen."""

import asyncio
import contextlib
import gc
import resource
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

import uvloop

from chassis import log
from chassis.cancelling import cancel_all

T = TypeVar("T")

WAIT_FIRST_SECONDS: Final = 0.1
WAIT_SECONDS_MAX: Final = 2.0
PAUSE_TIMES: Final = 20
GARBAGE_THRESHOLDS: Final = (50_000, 5, 8)
"""Objects and rounds between collections. With the interpreter's own 700 a batch of messages was walked through many
times over, which took a quarter of the time of handling it; with 10,000 still a tenth, with these half of that."""
OPEN_FILES_MAX: Final = 65_536
EXIT_DONE: Final = 0
EXIT_FAILED: Final = 1
EXIT_WRONG_USE: Final = 2

_log = log.get(__name__)


class LoopEnded(Exception):  # noqa: N818 - named after what happened
    """A background loop came to an end by itself, which none may do."""


class Loops:
    """The background loops of a service. When one ends, by an error or not, the service ends: its supervisor starts it
    again in a known state, where a half-dead process would keep its leases and partitions."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        self._ended = asyncio.Event()
        self._failure: BaseException | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._stopping = False

    def start(self, name: str, loop: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs a loop until ``stop``, or until it is cancelled by whoever holds the task."""
        task = asyncio.create_task(loop, name=name)
        task.add_done_callback(self._watch)
        self._tasks.append(task)
        return task

    def start_once(self, name: str, errand: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs something that comes to an end; only its error is a failure."""

        async def forever() -> None:
            await errand
            await asyncio.Event().wait()

        return self.start(name, forever())

    def let_end(self, task: asyncio.Task[None]) -> None:
        """This loop was told to end: from now on its end is no failure."""
        self._ending.add(task)

    async def failure(self) -> BaseException:
        """Returns when a loop has ended by itself, with the reason."""
        await self._ended.wait()
        assert self._failure is not None, "the event is set after the reason"
        return self._failure

    async def stop(self) -> None:
        """Cancels all loops, the newest first, and waits for them."""
        self._stopping = True
        for task in reversed(self._tasks):
            await cancel_all([task])
        self._tasks.clear()

    def _watch(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if self._stopping or task in self._ending or self._ended.is_set():
            if error is not None:
                _log.warning("a loop failed while it was being stopped", loop=task.get_name(), exc_info=error)
            return
        self._failure = error or LoopEnded(f"the loop {task.get_name()} ended by itself")
        _log.error("a loop has ended; the service ends with it", loop=task.get_name(), exc_info=self._failure)
        self._ended.set()


def pause_seconds(took_seconds: float, seconds_min: float) -> float:
    """The pause after something that is done now and then and took so long: what it costs may grow with what it walks
    over, its share of the time does not grow past a twentieth."""
    return max(seconds_min, PAUSE_TIMES * took_seconds)


async def until_available(
    what: str,
    attempt: Callable[[], Awaitable[T | None]],
    errors: tuple[type[BaseException], ...],
    say: Callable[[str], None],
) -> T:
    """Tries until there is an answer other than None; waits without an end, and says once what it waits for."""
    delay = WAIT_FIRST_SECONDS
    while True:
        reason = "not yet"
        try:
            found = await attempt()
            if found is not None:
                return found
        except errors as error:
            reason = type(error).__name__
        say(f"waiting for {what} ({reason})")
        if delay == WAIT_FIRST_SECONDS:
            _log.warning("waiting for a dependency", component=what, reason=reason)
        await asyncio.sleep(delay)
        delay = min(delay * 2, WAIT_SECONDS_MAX)


@contextlib.contextmanager
def stop_on_signals(stop: asyncio.Event) -> Any:
    """SIGTERM and SIGINT ask for an end in order; the same a second time ends the process at once."""
    loop = asyncio.get_running_loop()

    def asked(number: signal.Signals) -> None:
        _log.info("ending in order", signal=number.name)
        loop.remove_signal_handler(number)  # a second one has its default effect
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked, number)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def open_files() -> int:
    """Lets the process open as many files as its hard limit allows, at most ``OPEN_FILES_MAX``, and returns how many:
    the 1,024 that shells give are fewer than the connections that a service lets one address keep."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = OPEN_FILES_MAX if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES_MAX)
    if soft == resource.RLIM_INFINITY or soft >= most:
        return soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most


def run_process(main: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Runs a process' main coroutine on uvloop and returns its exit code."""
    open_files()
    gc.collect()
    gc.freeze()  # what the imports made lives as long as the process
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())


def refuse(sentence: str) -> int:
    """Says on stderr why a process cannot start, and gives the exit code of wrong use."""
    sys.stderr.write(sentence.rstrip() + "\n")
    return EXIT_WRONG_USE
