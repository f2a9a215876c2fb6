"""What a run has no use for: metrics, spans and timers of real seconds. They are an eighth of its time."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Self
from unittest.mock import patch

from chassis import metrics, telemetry

UNCOUNTED = ("WORK_RUNS", "WORK_SECONDS", "EFFECT_PROBES", "EFFECT_REPEATS")


class _Nothing:
    """A metric, its series, and a span."""

    def labels(self, *_: object) -> Self:
        """Itself."""
        return self

    def inc(self) -> None:
        """Counts nothing."""

    def observe(self, _: float) -> None:
        """Observes nothing."""

    def set(self, *_: object) -> None:
        """Keeps no attribute."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Lets what is raised pass."""


_NOTHING = _Nothing()


@contextmanager
def uncounted() -> Iterator[None]:
    """Work is neither counted nor traced within."""
    with ExitStack() as patches:
        for name in UNCOUNTED:
            patches.enter_context(patch.object(metrics, name, _NOTHING))
        patches.enter_context(patch.object(telemetry, "work_span", lambda *_, **__: _NOTHING))
        yield


class _Timeless(asyncio.SelectorEventLoop):
    """A loop whose timers never ring: nothing here waits, and no call may run into a deadline of real seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._never = asyncio.TimerHandle(0.0, lambda: None, (), self)
        self._never.cancel()

    def call_at(  # type: ignore[override]  # whatever is to be called never is
        self, when: float, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        return self._never


def run(main: Coroutine[Any, Any, None]) -> None:
    """Runs what never waits to its end."""
    with asyncio.Runner(loop_factory=_Timeless) as runner:
        runner.run(main)
