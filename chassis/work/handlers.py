"""What a service gives the work runner: handlers of effects and of tasks, and the answers they may give."""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from chassis.domain import Problem
from chassis.ids import TenantId
from chassis.outcomes import Deferred, Outcome, Retryable

TOKEN_REFUSED: Final = "token_refused"  # noqa: S105 - a problem's code
"""An access token is spent: the next permit brings a fresh one, so the first such refusal in a row costs no wait."""


class PermitClass(enum.StrEnum):
    """Whose share of a bucket a call takes: interactive has a reserve of 20 %, sweeps of 5 %; work that waited for
    an outage to end (resume) takes at most 50 %."""

    INTERACTIVE = "interactive"
    BULK = "bulk"
    SWEEP = "sweep"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to call one vendor account ``count`` times before ``expires_at`` (business time).

    ``access_token`` is the secret to send ("" where the endpoint itself is the secret); ``options`` are the
    connection's non-secret settings (vendor, profile, organisation).
    """

    account: str
    endpoint: str
    access_token: str = field(repr=False)
    count: int
    expires_at: datetime
    options: Mapping[str, str] = field(default_factory=dict)


class Permits(Protocol):
    """Where permits come from: ``ingest`` alone gives them out."""

    async def acquire(
        self, account: str, count: int, permit_class: PermitClass, *, least: int = 1, unused: int = 0
    ) -> Permit | Deferred | Retryable:
        """A permit for ``least`` to ``count`` calls, or "not now" (Deferred: the bucket is empty; Retryable: ingest is
        away, the connection is broken). ``unused`` calls that were allowed before and not made go back."""
        ...

    async def report(self, account: str, problem: Problem, until: datetime | None) -> None:
        """Tells the bucket that the vendor answered with its own limit, so that it shrinks; or that a token was refused
        (``problem.code`` "token_refused"), so that the next permit carries a fresh one."""
        ...


class Probe(enum.StrEnum):
    """How a lost answer is proven."""

    EXACT = "exact"  # by our own key
    LIST = "list"  # by a list and the visible marker
    FEED = "feed"  # by a feed from the cursor saved before the call
    NONE = "none"  # no look-up can exist: a person decides
    REPEAT = "repeat"  # the same call again does no harm: it is simply repeated, up to ``sends_max``


@dataclass(frozen=True, slots=True)
class EffectPolicy:
    """The policy of one kind of effect, as data. One send makes ``calls`` requests, ``before`` included. Absence
    needs ``negative_probes_min`` look-ups that found nothing, each ``probe_gap_seconds`` apart and the last
    ``quiet_seconds`` after the lease of the lost call ended."""

    probe: Probe
    sends_max: int = 2
    negative_probes_min: int = 2
    probe_gap_seconds: float = 60.0
    quiet_seconds: float = 180.0
    undecided_seconds_max: float = 900.0
    human_when_exhausted: bool = True
    calls: int = 1


PolicyFor = Callable[[str], EffectPolicy]
"""The policy of one kind of effect for an account."""


@dataclass(frozen=True, slots=True)
class EffectCall:
    """One effect on its way out. ``send_number`` is 1 for the first send; ``permit`` is valid for this call.
    ``doubted``: an answer was lost before, so that a call of ours may still come into effect at the vendor."""

    tenant: TenantId
    effect_id: str
    kind: str
    stream: str
    account: str
    request: Mapping[str, Any]
    marker: str
    send_number: int
    permit: Permit
    cursor_before: Mapping[str, Any] | None = None
    planned_at: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    doubted: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A probe saw the effect at the vendor; ``result`` is what a confirmed send would have given."""

    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NotFound:
    """A probe that would have seen the effect did not."""


@dataclass(frozen=True, slots=True)
class Inconclusive:
    """A probe that cannot tell (failed, several candidates)."""

    problem: Problem


ProbeResult = Found | NotFound | Inconclusive


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The effect exists at the vendor."""

    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RejectedFinally:
    """The vendor refused it for good."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class Undecidable:
    """Nobody can tell whether it exists: a person must look. ``sent_at`` is when the last call left."""

    problem: Problem
    sent_at: datetime | None


Settled = Confirmed | RejectedFinally | Undecidable


TENANT_REMOVED = Problem("tenant_removed")
"""Why work of a removed tenant ends without a call."""


class NotNow(Exception):  # noqa: N818 - an expected answer, not a fault
    """Raised by ``before`` when the call cannot begin: nothing has been sent."""

    def __init__(self, why: Deferred | Retryable) -> None:
        super().__init__(why.problem.code)
        self.why = why


class EffectHandler(Protocol):
    """One kind of effect. Never touches the database: it calls out, and says what its stream should be told.

    Calls go through VendorHttp with ``changes`` set, so that the guard of the send is asked before the first byte.
    What a handler raises out of ``send`` counts as Uncertain.
    """

    kind: str
    batch_max: int  # calls of one group that may travel in one request

    def policy_for(self, account: str) -> EffectPolicy:
        """The policy of its calls to an account; accounts of one vendor have one."""
        ...

    async def before(self, call: EffectCall) -> Mapping[str, Any] | None:
        """What must be known before the call so that a look-up can prove it (a feed's cursor, the document's date);
        None when nothing. Asked once, before the first INTENT, which stores it. Raises NotNow."""
        ...

    async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
        """Calls the vendor once; one outcome for each call, in order."""
        ...

    async def probe(self, call: EffectCall) -> ProbeResult:
        """Looks whether an uncertain effect exists."""
        ...

    def told(self, call: EffectCall, settled: Settled) -> Any | None:
        """The command for the effect's stream; None when the stream need not know. Pure; the call's permit is of no
        use."""
        ...


@dataclass(frozen=True, slots=True)
class StreamCommand:
    """A command that a task's result gives to a stream of the same tenant."""

    stream: str
    body: Any
    command_id: str


@dataclass(frozen=True, slots=True)
class Done:
    """The task ran. ``commands`` are executed with its completion in one transaction; ``again_at`` (business time)
    makes it recurring; ``payload`` replaces the task's payload (a cursor) for the next run. From now on a plan of this
    task waits ``debounce_seconds`` (business time), and what is planned meanwhile is seen in the same run."""

    commands: Sequence[StreamCommand] = ()
    again_at: datetime | None = None
    payload: Mapping[str, Any] | None = None
    found_something: bool = True
    debounce_seconds: float = 0.0


TaskResult = Done | Deferred | Retryable


@dataclass(frozen=True, slots=True)
class Task:
    """One claimed task. ``permit`` is there when its plan named an account."""

    tenant: TenantId
    work_id: str
    kind: str
    key: str
    payload: Mapping[str, Any]
    stream: str
    account: str
    attempt: int
    permit: Permit | None
    due_at: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)


class TaskHandler(Protocol):
    """One kind of task: reads outside or across streams, then commands.

    A recurring handler that makes calls counts as a poll, whose last pass ``quiet_since`` looks at, unless it has an
    attribute ``polls = False`` (a nightly check). It ends with its account, and begins anew with the tenant's file that
    names it again; one that follows a single object has ``of_one_object = True``, and waits for the account like any
    other task. With a removed tenant it is put by as they are, and goes on when the tenant is back.
    """

    kind: str
    recurring: bool  # polls, sweeps and reminders: they never make an installation busy
    permits: int  # calls to the account that one run may make; 0 without an account

    async def run(self, task: Task) -> TaskResult:
        """Runs once, at most 50 s. Reads of the own database go through the store given at construction, outside any
        transaction of the runner; a vendor's failures come back as Deferred or Retryable."""
        ...
