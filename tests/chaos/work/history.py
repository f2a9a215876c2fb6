"""What a run of work left: the vendor's ledger, every change of a row of work, and the streams that were told."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Called:
    """A request as the vendor saw it: who made it, for which effect and which send of it (0 for a look-up), and when
    its first byte was there."""

    runner: str
    effect: str
    send: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Granted:
    """Leave for ``count`` calls that a runner got; ``unused`` ones of before it gave back with the question."""

    runner: str
    count: int
    unused: int = 0


Entry = Called | Granted


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a row of work stands."""

    epoch: int
    queue: Literal["waiting", "ready", "taken", "person", "closed"]
    state: str
    sends: int
    lease_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A committed change of a row, by the runner whose connection made it."""

    runner: str
    effect: str
    at: datetime
    before: Stand
    after: Stand


@dataclass(frozen=True, slots=True)
class Told:
    """A stream was told of an effect's end."""

    effect: str
    how: str
    document: str


@dataclass(slots=True)
class History:
    """A whole run. ``ledger`` and ``changes`` are in the order of the vendor and of the database; ``documents`` has
    what each effect made at the vendor; ``rows`` is where every effect stands at the end."""

    ledger: list[Entry] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    documents: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, Stand] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
