"""What was read of a base and is used for a while without asking again."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

from chassis.clock import Clock
from chassis.work.handlers import Permit
from connectors.onec import address

BASES_MAX: Final = 1_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[T]):
    until: datetime
    value: T


class Kept(Generic[T]):
    """One ``new()`` for each base, its user and our organisation in it; a fresh one after ``kept_for``."""

    def __init__(self, clock: Clock, kept_for: timedelta, new: Callable[[], T]) -> None:
        self._clock = clock
        self._kept_for = kept_for
        self._new = new
        self._entries: dict[tuple[str, ...], _Entry[T]] = {}

    def of(self, permit: Permit) -> T:
        """What is kept of this base."""
        now, place = self._clock.now(), _place(permit)
        entry = self._entries.get(place)
        if entry is not None and now < entry.until <= now + self._kept_for:
            return entry.value
        if len(self._entries) >= BASES_MAX:
            self._entries = {held: one for held, one in self._entries.items() if now < one.until}
        if len(self._entries) >= BASES_MAX:
            self._entries.clear()
        entry = self._entries[place] = _Entry(now + self._kept_for, self._new())
        return entry.value

    def forget(self, permit: Permit) -> None:
        """It is asked for anew: the base refused something that was made of it."""
        self._entries.pop(_place(permit), None)


def _place(permit: Permit) -> tuple[str, ...]:
    user = permit.access_token.partition(":")[0]
    return address.infobase_of(permit.endpoint), user, permit.options.get("organization", "")
