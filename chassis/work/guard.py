"""The guard of a send: asked right before the first byte of a change outside, it refuses a late or a lost sender."""

import time
from contextvars import Token
from datetime import datetime
from types import TracebackType
from typing import Self

from chassis.clock import Clock
from chassis.http.transport import FirstByteHook, first_byte_hook


class SendRefused(Exception):  # noqa: N818 - a refusal is what the guard is for
    """Raised before the first byte: the total deadline is over or the lease may have gone to another sender."""


def lease_clock() -> float:
    """Seconds of a clock that also runs while the machine sleeps, for leases and deadlines of this process."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class SendGuard:
    """Stands between one committed INTENT and the wire; a context manager around the handler's ``send``.

    ``deadline`` and ``lease_ends`` are moments of ``lease_clock``. Within the block every call that changes
    something outside asks the guard before its first byte. A lease's epoch can only change after its end, so that a
    lease which has not ended here is still ours. ``first_byte_at`` (business time) stays None while nothing has
    left.
    """

    def __init__(self, clock: Clock, *, deadline: float, lease_ends: float) -> None:
        self._clock = clock
        self._deadline = deadline
        self._lease_ends = lease_ends
        self._token: Token[FirstByteHook | None] | None = None
        self.first_byte_at: datetime | None = None
        self.refused = False

    def __enter__(self) -> Self:
        self._token = first_byte_hook.set(self.before_first_byte)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            first_byte_hook.reset(self._token)

    def before_first_byte(self) -> None:
        """Notes the first byte. Raises SendRefused, after which not a byte of the request is written."""
        moment = lease_clock()
        if moment >= self._deadline or moment >= self._lease_ends:
            self.refused = True
            late = "the deadline of the call" if moment >= self._deadline else "the lease of the effect"
            raise SendRefused(f"{late} was over before the first byte")
        if self.first_byte_at is None:
            self.first_byte_at = self._clock.now()

    @property
    def surely_not_sent(self) -> bool:
        """True only when the guard itself stopped the call and nothing had left before."""
        return self.refused and self.first_byte_at is None
