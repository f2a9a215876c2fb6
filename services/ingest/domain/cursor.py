"""Where a look over a portal's stage history begins: at the activation moment once, then with an overlap."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

OVERLAP_IDS: Final = 500
OVERLAP: Final = dt.timedelta(minutes=15)
_FIRST_STEP: Final = 1_024


@dataclass(frozen=True, slots=True)
class Search:
    """Finds the id after which entries are as new as a moment, in few reads: leaps, then halves.

    All ids up to ``low`` are older than the moment; ``high`` is not, once it is known.
    """

    low: int = 0
    high: int | None = None
    step: int = 0

    @property
    def ask_after(self) -> int:
        """The id after which the next page is to be read."""
        if self.high is None:
            return self.low + self.step
        return self.low + (self.high - self.low) // 2

    @property
    def found(self) -> bool:
        """Whether ``low`` is the id that was looked for."""
        return self.high is not None and self.high <= self.low + 1

    def seen(self, entries: Sequence[tuple[int, dt.datetime]], moment: dt.datetime) -> "Search":
        """After reading the page behind ``ask_after``; entries ascend by id, and time does so nearly."""
        asked = self.ask_after
        if not entries:
            return Search(self.low, asked) if asked > self.low else Search(self.low, self.low)
        older = [entry_id for entry_id, entered_at in entries if entered_at < moment]
        if len(older) == len(entries):  # the whole page is older: go on behind it
            low = max(self.low, older[-1])
            step = max(_FIRST_STEP, self.step * 2) if self.high is None else self.step
            return replace(self, low=low, high=None if self.high is None else max(self.high, low), step=step)
        if older or asked == self.low:  # the border lies in this page
            low = max(self.low, older[-1] if older else asked)
            return Search(low, low)
        return Search(self.low, asked)

    def to_json(self) -> dict[str, Any]:
        """For the task's payload."""
        return {"low": self.low, "high": self.high, "step": self.step}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Search":
        """Reads ``to_json`` back."""
        return cls(stored["low"], stored["high"], stored["step"])


@dataclass(frozen=True, slots=True)
class Cursor:
    """The newest id seen, and those that were the newest at earlier moments: rows become visible late, out of order."""

    newest: int
    marks: tuple[tuple[int, dt.datetime], ...] = ()

    def start(self, now: dt.datetime) -> int:
        """The id after which a pass begins: 500 ids or 15 minutes back, whichever is further."""
        old = [mark for mark, at in self.marks if at <= now - OVERLAP]
        back = max(old) if old else min((mark for mark, _ in self.marks), default=self.newest)
        return max(0, min(self.newest - OVERLAP_IDS, back))

    def passed(self, newest: int, began_at: dt.datetime) -> "Cursor":
        """After a pass that began at a moment and came to an id."""
        newest = max(self.newest, newest)
        horizon = began_at - OVERLAP
        kept = [mark for mark in self.marks if mark[1] > horizon]
        last_old = [mark for mark in self.marks if mark[1] <= horizon][-1:]
        return Cursor(newest, (*last_old, *kept, (newest, began_at))[-200:])

    def to_json(self) -> dict[str, Any]:
        """For the task's payload."""
        return {"newest": self.newest, "marks": [[mark, at.isoformat()] for mark, at in self.marks]}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Cursor":
        """Reads ``to_json`` back."""
        marks = tuple((mark, dt.datetime.fromisoformat(at)) for mark, at in stored["marks"])
        return cls(stored["newest"], marks)
