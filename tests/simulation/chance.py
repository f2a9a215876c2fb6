"""Where all choices of a run come from: a seed, or nobody (then nothing goes wrong and everything keeps its order)."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """Choices by a seed."""

    def __init__(self, *seed: object) -> None:
        self._next = random.Random("/".join(map(str, seed))).random  # noqa: S311 - a seed makes a run repeatable

    def happens(self, share: float) -> bool:
        """True in a share of all cases."""
        return self._next() < share

    def pick(self, several: Sequence[T]) -> T:
        """One of several."""
        return several[int(self._next() * len(several))]

    def weighed(self, several: Sequence[tuple[T, float]]) -> T:
        """One of several by weight."""
        left = self._next() * sum(weight for _, weight in several)
        for one, weight in several:
            left -= weight
            if left < 0:
                return one
        return several[-1][0]

    def between(self, low: float, high: float) -> float:
        """A number from a range."""
        return low + (high - low) * self._next()

    def whole(self, low: int, high: int) -> int:
        """A whole number from a range, its end included."""
        return low + int(self._next() * (high - low + 1))


class Order(Chance):
    """No chance at all: what is asked about does not happen, and the first comes first."""

    def happens(self, share: float) -> bool:
        return share >= 1.0

    def pick(self, several: Sequence[T]) -> T:
        return several[0]

    def weighed(self, several: Sequence[tuple[T, float]]) -> T:
        return several[0][0]

    def between(self, low: float, high: float) -> float:
        return low

    def whole(self, low: int, high: int) -> int:
        return low


@dataclass(frozen=True, slots=True)
class Rates:
    """How often each thing goes wrong, as shares of the occasions for it."""

    consumer_dies: float = 0.0
    offset_lost: float = 0.0
    rewound: float = 0.0
    sent_twice: float = 0.0
    log_lost: float = 0.0
    held_at_first: float = 0.0
    reader_held: float = 0.0
    worker_dies: float = 0.0
    outcome_late: float = 0.0
    no_permit: float = 0.0
    read_fails: float = 0.0
    call_not_sent: float = 0.0
    call_lost: float = 0.0
    answer_lost: float = 0.0
    commit_late: float = 0.0
    at_limit: float = 0.0
    handler_raises: float = 0.0
    hint_lost: float = 0.0
    hint_repeated: float = 0.0
    seen_late: float = 0.0
    outage: float = 0.0


NOTHING = Rates()
ROUGH = Rates(
    consumer_dies=0.05,
    offset_lost=0.05,
    rewound=0.03,
    sent_twice=0.03,
    log_lost=0.2,
    held_at_first=0.4,
    reader_held=0.016,
    worker_dies=0.02,
    outcome_late=0.02,
    no_permit=0.02,
    read_fails=0.04,
    call_not_sent=0.03,
    call_lost=0.03,
    answer_lost=0.05,
    commit_late=0.03,
    at_limit=0.02,
    handler_raises=0.05,
    hint_lost=0.2,
    hint_repeated=0.2,
    seen_late=0.2,
    outage=0.001,
)


class Trace:
    """What happened, as a hash: equal for equal runs. ``lines`` are kept only where somebody wants to read them."""

    def __init__(self, *, keep: bool = False) -> None:
        self._hash = hashlib.blake2b(digest_size=16)
        self.lines: list[str] | None = [] if keep else None

    def add(self, line: str) -> None:
        """The next thing that happened."""
        self._hash.update(line.encode())
        self._hash.update(b"\n")
        if self.lines is not None:
            self.lines.append(line)

    def digest(self) -> str:
        """The hash so far."""
        return self._hash.hexdigest()
