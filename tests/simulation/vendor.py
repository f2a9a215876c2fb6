"""What both vendors have in common in memory: what becomes of a call, by chance, and a ledger of what happened."""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.http.transport import first_byte_hook
from chassis.outcomes import Deferred, Failure, Ok, Outcome, Rejected, Retryable, Uncertain
from tests.simulation.chance import Chance, Rates, Trace

T = TypeVar("T")

LATE_SECONDS_MAX = 120.0
SEEN_LATE_SECONDS_MAX = 40.0
"""Together less than the 180 seconds of quiet before an absence is believed: beyond them nothing can be proven."""


class Fate(enum.StrEnum):
    """What becomes of a call that changes something."""

    DONE = "done"
    REFUSED = "refused"
    NOT_SENT = "not sent"
    AT_LIMIT = "at its limit"
    LOST = "lost on the way"
    ANSWER_LOST = "done, its answer lost"
    LATE = "done after the caller hung up"

    @property
    def in_doubt(self) -> bool:
        """Whether the caller cannot know."""
        return self in (Fate.LOST, Fate.ANSWER_LOST, Fate.LATE)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a ledger. ``about`` is what the call was about, in the vendor's words (a marker, an INN); ``key`` is
    the effect's id that came along; ``found`` is what a look-up saw."""

    at: datetime
    account: str
    operation: str
    about: str
    fate: Fate
    key: str = ""
    found: int = 0


class HandlerBroke(Exception):  # noqa: N818 - what happens
    """A defect in the middle of a call."""


class Vendor:
    """A vendor with accounts. ``later`` has a function called at a moment."""

    name = "vendor"

    def __init__(
        self,
        clock: Clock,
        chance: Chance,
        rates: Rates,
        trace: Trace,
        later: Callable[[datetime, Callable[[], None]], None],
    ) -> None:
        self._clock = clock
        self._chance = chance
        self.rates = rates
        self._trace = trace
        self._later = later
        self.ledger: list[Line] = []
        self.away_until: dict[str, datetime] = {}
        self._moments = 0

    def moment(self) -> datetime:
        """Now, and never the same moment twice."""
        self._moments += 1
        return self._clock.now() + timedelta(microseconds=self._moments)

    def begin_outage(self, account: str, seconds: float) -> None:
        """Nobody reaches an account for a time."""
        until = self._clock.now() + timedelta(seconds=seconds)
        self.away_until[account] = max(until, self.away_until.get(account, until))
        self._later(until, lambda: None)

    def is_away(self, account: str) -> bool:
        """Whether nobody reaches an account now."""
        until = self.away_until.get(account)
        return until is not None and self._clock.now() < until

    def seen_from(self) -> datetime:
        """From when on lists show what is written now."""
        if not self._chance.happens(self.rates.seen_late):
            return self._clock.now()
        seen = self._clock.now() + timedelta(seconds=self._chance.between(1, SEEN_LATE_SECONDS_MAX))
        self._later(seen, lambda: None)
        return seen

    def read(self, account: str, operation: str) -> Failure | None:
        """Whether a read fails."""
        failure: Failure | None = None
        if self.is_away(account) or self._chance.happens(self.rates.read_fails):
            failure = Retryable(Problem("vendor_fault", {"vendor": self.name}))
        elif self._chance.happens(self.rates.at_limit):
            failure = Deferred(Problem("vendor_limit", {"vendor": self.name}))
        if failure is not None:
            self._trace.add(f"{self.name} {account} {operation} fails: {failure.problem.code}")
        return failure

    def looked(self, account: str, operation: str, about: str, found: int) -> None:
        """A look-up was answered."""
        self.ledger.append(Line(self._clock.now(), account, operation, about, Fate.DONE, found=found))
        self._trace.add(f"{self.name} {account} {operation} {about}: {found}")

    def change(
        self,
        account: str,
        operation: str,
        about: str,
        commit: Callable[[], T],
        *,
        key: str = "",
        refused: Problem | None = None,
    ) -> Outcome[T]:
        """A call that changes something: ``commit`` does, unless it is ``refused``. Raises what the guard of the send
        raises."""
        fate = self._fate(account)
        if fate is not Fate.NOT_SENT:
            first_byte()
        if refused is not None and fate is Fate.DONE:
            fate = Fate.REFUSED
        self.ledger.append(Line(self._clock.now(), account, operation, about, fate, key))
        self._trace.add(f"{self.name} {account} {operation} {about}: {fate.value}")
        outcome: Outcome[T] = Uncertain(Problem("no_answer_in_time", {}))
        match fate:
            case Fate.DONE:
                outcome = Ok(commit())
            case Fate.REFUSED:
                assert refused is not None
                outcome = Rejected(refused)
            case Fate.NOT_SENT:
                outcome = Retryable(Problem("no_connection", {}))
            case Fate.AT_LIMIT:
                outcome = Deferred(Problem("vendor_limit", {"vendor": self.name}))
            case Fate.ANSWER_LOST if refused is None:
                commit()
            case Fate.LATE if refused is None:
                at = self._clock.now() + timedelta(seconds=self._chance.between(1, LATE_SECONDS_MAX))
                self._later(at, lambda: self._commit_late(account, operation, about, commit))
            case _:
                pass
        if fate.in_doubt and self._chance.happens(self.rates.handler_raises):
            raise HandlerBroke(operation)
        return outcome

    def _commit_late(self, account: str, operation: str, about: str, commit: Callable[[], object]) -> None:
        commit()
        self._trace.add(f"{self.name} {account} {operation} {about} late")

    def _fate(self, account: str) -> Fate:
        if self.is_away(account):
            return Fate.NOT_SENT
        rates, happens = self.rates, self._chance.happens
        for fate, share in (
            (Fate.NOT_SENT, rates.call_not_sent),
            (Fate.AT_LIMIT, rates.at_limit),
            (Fate.LOST, rates.call_lost),
            (Fate.ANSWER_LOST, rates.answer_lost),
            (Fate.LATE, rates.commit_late),
        ):
            if happens(share):
                return fate
        return Fate.DONE


def first_byte() -> None:
    """Asks the guard of the send, as the HTTP client does right before it writes. Raises what the guard raises."""
    guard = first_byte_hook.get()
    if guard is not None:
        guard()
