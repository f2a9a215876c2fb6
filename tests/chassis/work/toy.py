"""A service of one stream kind whose chain of calls is its whole business, and a vendor that answers as it is told."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import Field

from chassis.aggregate import (
    EffectPlan,
    EventCodec,
    Lane,
    Plan,
    PublicMessage,
    Recorded,
    StreamKind,
    StreamKinds,
    TaskPlan,
)
from chassis.domain import Event, Problem
from chassis.engine import Command, Engine
from chassis.ids import TenantId
from chassis.outcomes import Deferred, Ok, Outcome, Retryable
from chassis.work.handlers import (
    Confirmed,
    EffectCall,
    EffectPolicy,
    Found,
    NotFound,
    Permit,
    PermitClass,
    Probe,
    ProbeResult,
    RejectedFinally,
    Settled,
    Undecidable,
)
from chassis.work.operations import OperationMessages, operation_kinds
from contracts.envelope import Message

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ACCOUNT = "toy:main"


class StepOrdered(Event, name="StepOrdered"):
    """A call is to be made."""

    number: int
    steps: int
    account: str
    group: str = ""
    copies: int = 1


class StepEnded(Event, name="StepEnded"):
    """A call came to its end."""

    number: int
    copy_of: int
    how: Literal["confirmed", "rejected", "undecidable"]
    remote_id: str = ""


class LookOrdered(Event, name="LookOrdered"):
    """A task is to be run."""

    kind: str
    key: str
    in_seconds: float = 0.0
    payload: dict[str, Any] = Field(default_factory=dict)


class LookEnded(Event, name="LookEnded"):
    """A task ran."""

    key: str


@dataclass(frozen=True, slots=True)
class Begin:
    """Command: a chain of ``steps`` calls, each of ``copies`` effects in one group."""

    steps: int = 1
    account: str = ACCOUNT
    group: str = ""
    copies: int = 1


@dataclass(frozen=True, slots=True)
class End:
    """Command: a call's end."""

    number: int
    copy_of: int
    how: Literal["confirmed", "rejected", "undecidable"]
    remote_id: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """Command: a task is wanted."""

    kind: str
    key: str
    in_seconds: float = 0.0
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Looked:
    """Command of a task's result."""

    key: str


@dataclass(frozen=True, slots=True)
class Chain:
    """The state of a stream."""

    steps: int = 0
    account: str = ACCOUNT
    group: str = ""
    ended: tuple[StepEnded, ...] = ()
    looked: int = 0


class BrokenError(Exception):
    """A defect of the toy's domain, on demand."""


class Said(Message, name="Said"):
    """Any message of the toy."""

    text: str = ""


class WorkDelayed(Message, name="WorkDelayed"):
    """As the contract has it, in short; the toy's deals are its chains."""

    work_id: str
    account: str
    deal_id: str = ""


class WorkResumed(Message, name="WorkResumed"):
    """As the contract has it, in short; the toy's deals are its chains."""

    work_id: str
    account: str
    deal_id: str = ""


class OutageBegan(Message, name="OutageBegan"):
    """As the contract has it, in short."""

    vendor: str
    accounts: tuple[str, ...]


class OutageEnded(Message, name="OutageEnded"):
    """As the contract has it, in short."""

    vendor: str
    accounts: tuple[str, ...]


class LettersBegan(Message, name="DeadLettersBegan"):
    """As the contract has it, in short; the toy reads nothing, so it has none."""


class LettersEnded(Message, name="DeadLettersEnded"):
    """The same."""


def decide(state: Chain, command: Begin | End | Look | Looked, now: datetime) -> Sequence[Event]:
    """The toy's rules: a confirmed step orders the next."""
    match command:
        case Begin():
            return (
                StepOrdered(
                    number=1, steps=command.steps, account=command.account, group=command.group, copies=command.copies
                ),
            )
        case End():
            if command.remote_id == "break-the-domain":
                raise BrokenError
            ended = StepEnded(
                number=command.number, copy_of=command.copy_of, how=command.how, remote_id=command.remote_id
            )
            if command.how != "confirmed" or command.number >= state.steps:
                return (ended,)
            following = StepOrdered(
                number=command.number + 1, steps=state.steps, account=state.account, group=state.group
            )
            return (ended, following)
        case Look():
            return (
                LookOrdered(
                    kind=command.kind, key=command.key, in_seconds=command.in_seconds, payload=dict(command.payload)
                ),
            )
        case Looked():
            return (LookEnded(key=command.key),)


def evolve(state: Chain, event: Event) -> Chain:
    """The toy's memory."""
    match event:
        case StepOrdered():
            return replace(state, steps=event.steps, account=event.account, group=event.group)
        case StepEnded():
            return replace(state, ended=(*state.ended, event))
        case LookEnded():
            return replace(state, looked=state.looked + 1)
        case _:
            return state


def planned(recorded: Recorded, state: Chain) -> Sequence[Plan]:
    """Orders become effects and tasks."""
    event = recorded.event
    if isinstance(event, StepOrdered):
        return [
            EffectPlan(
                kind="call",
                key=(recorded.stream, str(event.number), str(copy)),
                account=event.account,
                request={"step": event.number, "copy": copy, "stream": recorded.stream},
                marker=f"[{recorded.stream}:{event.number}]",
                group=event.group,
            )
            for copy in range(event.copies)
        ]
    if isinstance(event, LookOrdered):
        due = recorded.recorded_at + timedelta(seconds=event.in_seconds) if event.in_seconds else None
        return (TaskPlan(event.kind, event.key, event.payload, account=ACCOUNT, lane=Lane.BULK, due_at=due),)
    return ()


def published(recorded: Recorded, state: Chain) -> Sequence[PublicMessage]:
    """The end of a chain is told."""
    event = recorded.event
    if isinstance(event, StepEnded) and event.number == state.steps:
        return (PublicMessage("toys", Said(text=event.remote_id)),)
    return ()


CHAIN: StreamKind[Chain, Any] = StreamKind(
    prefix="chain",
    initial=lambda stream: Chain(),
    decide=decide,
    evolve=evolve,
    codec=EventCodec((StepOrdered, StepEnded, LookOrdered, LookEnded)),
    aggregate=lambda stream: stream,
    planned=planned,
    published=published,
)
MESSAGES = OperationMessages(WorkDelayed, WorkResumed, OutageBegan, OutageEnded, LettersBegan, LettersEnded)


def toy_engine() -> Engine:
    """The toy's command side, with the streams of outages and delays."""
    kinds = operation_kinds("toy.operations", MESSAGES, (CHAIN,), lambda stream: stream)
    return Engine("toy", StreamKinds((CHAIN, *kinds)))


class Vendor:
    """Answers the calls of one account by a script: a function of the call. Keeps what exists and what was asked."""

    kind = "call"

    def __init__(self, policy: EffectPolicy | None = None, batch_max: int = 1) -> None:
        self.policy = policy or EffectPolicy(Probe.EXACT)
        self.batch_max = batch_max
        self.exists: dict[str, str] = {}
        self.sent: list[EffectCall] = []
        self.requests: list[int] = []
        self.probed: Counter[str] = Counter()
        self.asked_before: Counter[str] = Counter()
        self.answer: Callable[[EffectCall], Outcome[Mapping[str, Any]]] = self.create
        self.look: Callable[[EffectCall], ProbeResult] | None = None
        self.gate: asyncio.Event | None = None
        self.arrived = asyncio.Event()
        self.broken_told = False

    def policy_for(self, account: str) -> EffectPolicy:
        """As it was made."""
        return self.policy

    async def before(self, call: EffectCall) -> Mapping[str, Any] | None:
        """A cursor as of now."""
        self.asked_before[call.effect_id] += 1
        return {"known": len(self.exists)}

    async def send(self, calls: Sequence[EffectCall]) -> Sequence[Outcome[Mapping[str, Any]]]:
        """One request."""
        self.requests.append(len(calls))
        self.sent.extend(calls)
        self.arrived.set()
        outcomes = [self.answer(call) for call in calls]
        if self.gate is not None:
            await self.gate.wait()
        return outcomes

    async def probe(self, call: EffectCall) -> ProbeResult:
        """Looks into what exists."""
        self.probed[call.effect_id] += 1
        if self.look is not None:
            return self.look(call)
        if call.effect_id in self.exists:
            return Found({"remote_id": self.exists[call.effect_id]})
        return NotFound()

    def told(self, call: EffectCall, settled: Settled) -> Any:
        """The chain's next command."""
        number, copy = int(call.request["step"]), int(call.request["copy"])
        match settled:
            case Confirmed():
                return End(number, copy, "confirmed", str(settled.result["remote_id"]))
            case RejectedFinally():
                return End(number, copy, "rejected")
            case Undecidable():
                return End(number, copy, "undecidable")

    def create(self, call: EffectCall) -> Outcome[Mapping[str, Any]]:
        """Makes the effect exist; a second one with the same id would be a duplicate."""
        assert call.effect_id not in self.exists, "a second document"
        self.exists[call.effect_id] = f"remote-{len(self.exists)}"
        return Ok({"remote_id": self.exists[call.effect_id]})


class OpenHand:
    """Gives every permit, unless told otherwise; counts what was asked."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.asked: list[tuple[str, int, PermitClass]] = []
        self.unused = 0
        self.reported: list[tuple[str, str]] = []
        self.answer: Deferred | Retryable | None = None

    async def acquire(
        self, account: str, count: int, permit_class: PermitClass, *, least: int = 1, unused: int = 0
    ) -> Permit | Deferred | Retryable:
        """A block of permits for five seconds."""
        self.asked.append((account, count, permit_class))
        self.unused += unused
        await asyncio.sleep(0)
        if self.answer is not None:
            return self.answer
        return Permit(account, "http://127.0.0.1:1", "token", count, self.now() + timedelta(seconds=5))

    async def report(self, account: str, problem: Problem, until: datetime | None) -> None:
        """Notes it."""
        self.reported.append((account, problem.code))


def begin(tenant: str, chain: str, **fields: Any) -> Command:
    """A command that begins a chain."""
    return Command(TenantId(tenant), f"chain-{chain}", Begin(**fields), f"begin-{chain}")
