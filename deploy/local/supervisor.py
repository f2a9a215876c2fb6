"""Keeps parts alive: starts them, waits until they are ready, starts again one that dies, ends them in order."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from deploy.local.child import Child, describe_exit, log_tail
from deploy.local.refusal import Refusal

Say = Callable[[str], None]

POLL_SECONDS: Final = 0.02
BACKOFF_SECONDS_MIN: Final = 0.2
BACKOFF_SECONDS_MAX: Final = 15.0
ALIVE_SECONDS_FOR_RESET: Final = 10.0
DEATHS_AT_START_MAX: Final = 3


class Part(Protocol):
    """Something that runs as one child process."""

    @property
    def name(self) -> str:
        """Short, unique, also the name of its log."""

    @property
    def title(self) -> str:
        """For people."""

    @property
    def ready_seconds_max(self) -> float:
        """How long it may take from its first start until it is ready."""

    def spawn(self) -> Child:
        """Start it; returns at once."""

    def is_ready(self, child: Child) -> bool:
        """Whether it can be used."""

    def ask_to_end(self, child: Child) -> None:
        """Send the signal for an end in order."""

    def finish(self, child: Child) -> None:
        """Wait for that end, at last by force; nothing of it is left."""


class Stopped(Exception):  # noqa: N818 - not an error: somebody asked for it
    """The end was asked for while parts were starting."""


@dataclass(slots=True)
class _Kept:
    part: Part
    child: Child
    started: float
    """When it was started last, by the monotonic clock, as `again_at` is."""
    deaths: int = 0
    """In a row, each sooner than ALIVE_SECONDS_FOR_RESET after the start."""
    again_at: float | None = None
    """When to start it again; None while it runs."""


class Supervisor:
    """The children of one process. Use it from one thread, the one whose end shall end them."""

    def __init__(
        self,
        say: Say,
        *,
        stop_asked: Callable[[], bool],
        changed: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`changed` is called after every restart, since ids have changed."""
        self._say = say
        self._stop_asked = stop_asked
        self._changed = changed
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    def pid(self, name: str) -> int | None:
        """The process id of a part; None if it is not one of ours."""
        kept = self._kept.get(name)
        return None if kept is None else kept.child.pid

    def start(self, parts: Sequence[Part]) -> None:
        """Start all of them and wait until each is ready. Refusal if one is not; Stopped if the end was asked for."""
        began = self._clock()
        for part in parts:
            self._kept[part.name] = _Kept(part, part.spawn(), self._clock())
        waiting = [self._kept[part.name] for part in parts]
        while waiting:
            if self._stop_asked():
                raise Stopped
            self.tick()
            for kept in tuple(waiting):
                if kept.again_at is None and kept.part.is_ready(kept.child):
                    waiting.remove(kept)
                    self._say(f"{kept.part.title} is ready ({self._clock() - began:.1f} s)")
                    continue
                self._give_up_if_late(kept, self._clock() - began)
            time.sleep(POLL_SECONDS)

    def tick(self) -> None:
        """Look at every part once: note the dead, start again those whose time has come."""
        for kept in self._kept.values():
            code = kept.child.exit_code()
            if code is None:
                continue
            now = self._clock()
            if kept.again_at is None:
                self._note_death(kept, code, now)
            elif now >= kept.again_at:
                self._spawn_again(kept, now)

    def stop(self, names: Iterable[str]) -> None:
        """End these parts together."""
        ending = [kept for name in names if (kept := self._kept.pop(name, None)) is not None]
        for kept in ending:
            kept.part.ask_to_end(kept.child)
        for kept in ending:
            kept.part.finish(kept.child)

    def kill(self) -> None:
        """End everything at once, without order."""
        for kept in self._kept.values():
            kept.child.kill()
        self._kept.clear()

    def _note_death(self, kept: _Kept, code: int, now: float) -> None:
        alive = now - kept.started
        kept.deaths = 1 if alive >= ALIVE_SECONDS_FOR_RESET else kept.deaths + 1
        pause = min(BACKOFF_SECONDS_MAX, BACKOFF_SECONDS_MIN * 2 ** (kept.deaths - 1))
        kept.again_at = now + pause
        kept.child.finish(0)  # its group may outlive it
        self._say(
            f"{kept.part.title} ended with {describe_exit(code)} after {alive:.0f} s; "
            f"it is started again in {pause:.1f} s ({kept.child.log})"
        )

    def _spawn_again(self, kept: _Kept, now: float) -> None:
        try:
            kept.child = kept.part.spawn()
        except OSError as error:  # out of memory or of processes: the others go on, and this one is tried again
            kept.again_at = now + BACKOFF_SECONDS_MAX
            self._say(f"{kept.part.title} could not be started ({error}); tried again in {BACKOFF_SECONDS_MAX:.0f} s")
            return
        kept.started = now
        kept.again_at = None
        self._changed()

    def _give_up_if_late(self, kept: _Kept, seconds: float) -> None:
        if kept.deaths >= DEATHS_AT_START_MAX:
            raise Refusal(f"{kept.part.title} does not start. {log_tail(kept.child.log)}")
        if seconds > kept.part.ready_seconds_max:
            raise Refusal(f"{kept.part.title} was not ready within {seconds:.0f} s. {log_tail(kept.child.log)}")
