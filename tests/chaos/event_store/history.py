"""What writers and readers saw: attempts with their outcomes, reads, and what the relay sent."""

from dataclasses import dataclass, field
from typing import Literal

Result = Literal["ok", "conflict", "repeated", "unknown"]


@dataclass(slots=True)
class Attempt:
    """One attempt to append ``value`` to one or several streams, all or none of them.

    ``expected`` are the versions that an optimistic append named; ``versions`` those that it was told. Several attempts
    may carry the same value: a message that is delivered again, a command that is given again. Times are monotonic.
    """

    value: str
    streams: tuple[str, ...]
    began: float
    ended: float = 0.0
    result: Result = "unknown"
    expected: tuple[int, ...] = ()
    versions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Read:
    """A stream as a reader saw it at one moment."""

    stream: str
    began: float
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as it lies at the broker: which event of which stream it tells."""

    message_id: str
    stream: str
    version: int
    value: str


@dataclass(slots=True)
class History:
    """A whole run. ``sent`` is by Kafka key, in the order of the broker's log; ``telling`` are the values whose appends
    have a message; ``outbox`` has the place of each message in the table."""

    attempts: list[Attempt] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    sent: dict[str, list[Sent]] = field(default_factory=dict)
    telling: set[str] = field(default_factory=set)
    outbox: dict[str, int] = field(default_factory=dict)


Final = dict[str, list[tuple[int, str]]]
"""All streams at the end: version and value of each event, as the store lists them."""
