"""Liveness from the progress of loops, readiness from dependencies, and a detector that writes down what is stuck."""

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from types import FrameType
from typing import Final

from chassis import log, metrics

LOOP_CHECK_SECONDS: Final = 0.5
LOOP_BLOCKED_SECONDS: Final = 5.0
CHECK_SECONDS_MAX: Final = 3.0
STACK_FRAMES_MAX: Final = 12
TASKS_MAX: Final = 50

_log = log.get(__name__)

Check = Callable[[], Awaitable[str]]
"""A dependency's state: "" when it is there, else a sentence that says what is missing."""


@dataclass(slots=True)
class Heartbeat:
    """The progress of one loop. ``beat`` at every turn, also an idle one; real seconds."""

    name: str
    age_seconds_max: float
    last: float = field(default_factory=time.monotonic)
    reported: bool = False

    def beat(self) -> None:
        """The loop makes progress."""
        self.last = time.monotonic()
        self.reported = False

    @property
    def age_seconds(self) -> float:
        """Real seconds since the last beat."""
        return time.monotonic() - self.last


class Health:
    """What ``/healthz`` and ``/readyz`` answer. Readiness asks dependencies; liveness never does."""

    def __init__(self) -> None:
        self._heartbeats: dict[str, Heartbeat] = {}
        self._checks: dict[str, Check] = {}
        self._troubles: dict[str, Callable[[], str]] = {}
        self._unready = "the service is starting"

    def heartbeat(self, name: str, age_seconds_max: float) -> Heartbeat:
        """Registers a loop; it must beat at least every ``age_seconds_max`` while it lives."""
        heartbeat = Heartbeat(name, age_seconds_max)
        self._heartbeats[name] = heartbeat
        return heartbeat

    def forget(self, name: str) -> None:
        """A loop ended as it should."""
        self._heartbeats.pop(name, None)

    def trouble(self, name: str, trouble: Callable[[], str]) -> None:
        """Registers a part that knows by itself whether it is stuck: "" or a sentence."""
        self._troubles[name] = trouble

    def check(self, name: str, check: Check) -> None:
        """Registers a dependency for readiness."""
        self._checks[name] = check

    def set_ready(self) -> None:
        """The service has started and takes work."""
        self._unready = ""

    def set_unready(self, reason: str) -> None:
        """The service takes no work: it starts, or it ends."""
        self._unready = reason
        metrics.READY.set(0)

    def stuck(self) -> list[Heartbeat]:
        """Loops that are older than they may be."""
        return [beat for beat in self._heartbeats.values() if beat.age_seconds > beat.age_seconds_max]

    def alive(self) -> dict[str, str]:
        """What is wrong with the process, by loop; empty while every loop makes progress."""
        found = {name: sentence for name, trouble in self._troubles.items() if (sentence := trouble())}
        return found | {
            beat.name: f"no progress for {beat.age_seconds:.0f} s, at most {beat.age_seconds_max:.0f} s are usual"
            for beat in self.stuck()
        }

    async def ready(self) -> dict[str, str]:
        """What is missing, by dependency; empty when the service takes work. Takes at most 3 s."""
        missing = {"service": self._unready} if self._unready else {}
        checks = dict(self._checks)  # a service that starts adds to them while they are asked
        answers = await asyncio.gather(*(_ask(check) for check in checks.values()))
        missing |= {name: answer for name, answer in zip(checks, answers, strict=True) if answer}
        metrics.READY.set(0 if missing else 1)
        return missing

    async def watch(self) -> None:
        """Measures the event loop's lag and writes the tasks' stacks when a loop is stuck; until cancelled."""
        own = self.heartbeat("event loop", LOOP_BLOCKED_SECONDS * 4)
        with BlockedLoopDetector() as detector:
            while True:
                due = time.monotonic() + LOOP_CHECK_SECONDS
                await asyncio.sleep(LOOP_CHECK_SECONDS)
                metrics.LOOP_LAG.observe(max(0.0, time.monotonic() - due))
                own.beat()
                detector.beat()
                for beat in self._heartbeats.values():
                    metrics.HEARTBEAT_AGE.labels(beat.name).set(beat.age_seconds)
                self._report_stuck()

    def _report_stuck(self) -> None:
        news = [beat for beat in self.stuck() if not beat.reported]
        for beat in news:
            beat.reported = True
            _log.error(
                "a loop makes no progress",
                loop=beat.name,
                age_seconds=round(beat.age_seconds, 1),
                stacks=task_stacks(asyncio.all_tasks()),
            )


async def _ask(check: Check) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS_MAX):
            return await check()
    except TimeoutError:
        return f"no answer within {CHECK_SECONDS_MAX:.0f} s"
    except Exception as error:  # noqa: BLE001 - whatever a dependency throws, the answer is "not ready"
        return f"{type(error).__name__}"


def task_stacks(tasks: Iterable[asyncio.Task[object]]) -> list[str]:
    """Where each task waits: its name and its frames, outermost first; no values."""
    found = []
    for task in list(tasks)[:TASKS_MAX]:
        frames = [_frame(frame) for frame in task.get_stack(limit=STACK_FRAMES_MAX)]
        found.append(f"{task.get_name()}: {' > '.join(frames)}")
    return sorted(found)


def _frame(frame: FrameType) -> str:
    name = "/".join(frame.f_code.co_filename.split("/")[-2:])
    return f"{name}:{frame.f_lineno} {frame.f_code.co_name}"


class BlockedLoopDetector:
    """A thread that writes down where the event loop's thread stands when it has not turned for 5 s.

    A task cannot do this: while the loop is blocked no task runs.
    """

    def __init__(self, blocked_seconds: float = LOOP_BLOCKED_SECONDS) -> None:
        self._blocked_seconds = blocked_seconds
        self._thread_id = threading.get_ident()
        self._last = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="blocked-loop-detector", daemon=True)

    def beat(self) -> None:
        """The event loop turned."""
        self._last = time.monotonic()

    def __enter__(self) -> "BlockedLoopDetector":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        reported = 0.0
        while not self._ended.wait(self._blocked_seconds / 5):
            last = self._last
            if time.monotonic() - last > self._blocked_seconds and reported != last:
                reported = last
                frame = sys._current_frames().get(self._thread_id)
                stack = [_frame(found) for found, _ in traceback.walk_stack(frame)][:STACK_FRAMES_MAX][::-1]
                _log.error("the event loop is blocked", age_seconds=round(time.monotonic() - last, 1), stack=stack)
