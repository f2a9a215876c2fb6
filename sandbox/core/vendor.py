"""What a simulated vendor gives to the sandbox, and the small records that pass between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from sandbox.core.faults import Fault
from sandbox.core.roster import Roster
from sandbox.core.wire import Reply, Route


@dataclass(frozen=True, slots=True)
class Change:
    """One change of state: `apply` of it must depend on nothing but the change and the state before it."""

    seq: int
    at_unix: float
    account: str
    op: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Timer:
    """Work set for a business time; it survives a crash and runs once."""

    id: str
    vendor: str
    account: str
    due_unix: float
    op: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class EventPost:
    """An event on its way out. `retry_seconds` are business seconds after each failure; () means never repeated."""

    id: str
    vendor: str
    account: str
    name: str
    url: str
    headers: dict[str, str]
    body: str
    retry_seconds: tuple[float, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SeedSpec:
    """What `POST /control/seed` asked for; `options` are the keys that only one vendor reads."""

    roster: Roster
    base_url: str
    options: dict[str, Any]


@runtime_checkable
class Signing(Protocol):
    """A vendor whose events are signed anew for each attempt, and given up at some answers."""

    def signed(self, post: EventPost) -> EventPost: ...

    def gives_up(self, status: int | None) -> bool: ...


class Vendor(Protocol):
    """One simulated vendor. All state changes go through `World.change`, which calls `apply`, live and on replay."""

    name: str

    @property
    def statuses(self) -> Sequence[int]:
        """All that its API can answer, faults apart; a failure of the sandbox itself is the core's."""
        ...

    def routes(self) -> Sequence[Route]:
        """The vendor's own API, at absolute paths."""
        ...

    def control_routes(self) -> Sequence[Route]:
        """What people do inside the vendor; mounted under /control/{name}."""
        ...

    def pages(self) -> Sequence[Route]:
        """Web pages for people; mounted under /pages/{name}."""
        ...

    def apply(self, change: Change) -> None: ...

    def run_timer(self, timer: Timer) -> None:
        """Work that became due; runs inside one `together` block and changes state by `World.change`."""
        ...

    def fault_reply(self, fault: Fault, account: str, operation: str) -> Reply:
        """The refusal in the vendor's own envelope for error_before, error_after, limit_503, limit_429,
        operation_time_limit, token_expired and error_in_200."""
        ...

    def forge(self, post: EventPost) -> EventPost:
        """The same event as a stranger would send it."""
        ...

    def accounts(self) -> list[dict[str, str]]:
        """Rows of the index page: `account`, `title`, `page` (path)."""
        ...

    def snapshot(self, account: str | None) -> dict[str, Any]:
        """The state as JSON, of one account or of all, for verdicts; KeyError for an unknown account."""
        ...

    def seed(self, spec: SeedSpec) -> dict[str, str]:
        """Creates an account for each tenant of the roster; returns environment lines."""
        ...

    def clear(self) -> None:
        """Forgets everything."""
        ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...
