"""What became of one call to a vendor, grouped by how one recovers from it.

Ok            the vendor's answer, parsed and matched to what was asked
Rejected      a definite no: repeating the same call cannot help, a person reads why
Deferred      a definite "not now" (limits): the same call later, no failure
Retryable     a definite "nothing was done" (not sent, refused before the first byte, a failed read)
Uncertain     sent, and nobody knows: only a look-up may tell
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from chassis.domain import Problem

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ok(Generic[T]):
    """A definite success with the vendor's answer."""

    value: T


@dataclass(frozen=True, slots=True)
class Rejected:
    """A definite refusal; ``problem`` is for a person."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class Deferred:
    """Limits: try again at ``until`` (business time), or after the bucket allows when None. Never opens a breaker.
    ``of_account`` False: what was asked for is not ready yet, and the account may be asked for other things."""

    problem: Problem
    until: datetime | None = None
    of_account: bool = True


@dataclass(frozen=True, slots=True)
class Retryable:
    """Nothing was done at the vendor. ``outage`` failures in a row open the account's breaker."""

    problem: Problem
    outage: bool = True


@dataclass(frozen=True, slots=True)
class Uncertain:
    """The call left, and its effect is unknown. ``outage`` failures in a row open the account's breaker; False where
    the vendor did answer, and only what came of the call is to be looked up."""

    problem: Problem
    outage: bool = True


Failure = Rejected | Deferred | Retryable | Uncertain
Outcome = Ok[T] | Failure


def is_outage(outcome: Outcome[Any]) -> bool:
    """Whether an outcome is a failure of the account, of which some in a row open its breaker."""
    return isinstance(outcome, Retryable | Uncertain) and outcome.outage
