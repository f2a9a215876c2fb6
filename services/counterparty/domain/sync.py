"""The first sync of one accounting account, pure: how far it is, and what follows. What was read and compared lies in
tables, one row per company; what is decided about a buyer is said on its party's stream."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, assert_never

from chassis.aggregate import EventCodec, Lane, Plan, Recorded, TaskPlan
from chassis.domain import Event, Problem, Refused

PREFIX: Final = "sync"
READ_CRM = "sync-read-crm"
READ_ACCOUNTING = "sync-read-accounting"
LOOK_UP_ALL = "sync-look-up"
COMPARE_ALL = "sync-compare"
LINK_ALL = "sync-link"
CREATE_ALL = "sync-create"
ENTER_ALL = "sync-enter"
FRESH: Final = dt.timedelta(hours=24)
"""A comparison so old is not applied: everything is read anew."""

Phase = Literal["none", "reading", "comparing", "compared", "linking", "creating", "entering", "done"]


class SyncBegan(Event, name="SyncBegan"):
    """Everything is read and compared; ``apply`` whether it is then carried out too. ``listed``: the accounting service
    lists its records; without that it is asked about each INN. ``enter``: companies that accounting alone has are
    written into the CRM."""

    tenant: str
    account: str
    crm_account: str
    run: int
    apply: bool
    listed: bool
    began_at: dt.datetime
    by: str = ""
    enter: bool = False


class SyncCrmRead(Event, name="SyncCrmRead"):
    """All companies of the CRM are known."""

    run: int


class SyncAccountingRead(Event, name="SyncAccountingRead"):
    """All records of the accounting service are known that there is something to compare with."""

    run: int


class SyncCompared(Event, name="SyncCompared"):
    """What comes of each company is known; nothing was changed outside."""

    run: int
    counts: dict[str, int]
    compared_at: dt.datetime


class SyncApplied(Event, name="SyncApplied"):
    """A person wants what was compared to be carried out."""

    run: int
    by: str = ""


class SyncLinked(Event, name="SyncLinked"):
    """Found pairs are linked, or, where something is missing, are linked while that is created."""

    run: int


class SyncCreated(Event, name="SyncCreated"):
    """What accounting lacked is there; what the CRM lacks is written into it."""

    run: int


class SyncEnded(Event, name="SyncEnded"):
    """Everything is carried out."""

    run: int
    counts: dict[str, int]
    ended_at: dt.datetime


@dataclass(frozen=True, slots=True)
class BeginSync:
    """A person wants a comparison, and with ``apply`` what follows from it. One that is under way goes on."""

    tenant: str
    account: str
    crm_account: str
    apply: bool
    listed: bool
    by: str = ""
    enter: bool = False


@dataclass(frozen=True, slots=True)
class SeeCrmRead:
    """The CRM's companies are in the tables."""

    run: int


@dataclass(frozen=True, slots=True)
class SeeAccountingRead:
    """The accounting service's records are in the tables."""

    run: int


@dataclass(frozen=True, slots=True)
class SeeCompared:
    """Every company has its verdict."""

    run: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SeeLinked:
    """Every found pair is linked."""

    run: int


@dataclass(frozen=True, slots=True)
class SeeCreated:
    """Nothing is left to create in accounting."""

    run: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SeeEntered:
    """Nothing is left that the CRM lacks."""

    run: int
    counts: Mapping[str, int]


Command = BeginSync | SeeCrmRead | SeeAccountingRead | SeeCompared | SeeLinked | SeeCreated | SeeEntered
StoredEvent = (
    SyncBegan | SyncCrmRead | SyncAccountingRead | SyncCompared | SyncApplied | SyncLinked | SyncCreated | SyncEnded
)
EVENTS: tuple[type[Event], ...] = (
    SyncBegan,
    SyncCrmRead,
    SyncAccountingRead,
    SyncCompared,
    SyncApplied,
    SyncLinked,
    SyncCreated,
    SyncEnded,
)
CODEC = EventCodec(EVENTS)


@dataclass(frozen=True, slots=True)
class State:
    """The last run of an account; ``run`` 0 before the first."""

    stream: str
    phase: Phase = "none"
    run: int = 0
    apply: bool = False
    crm_read: bool = False
    accounting_read: bool = False
    began: SyncBegan | None = None
    compared_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def under_way(self) -> bool:
        """Whether something is still to be done without anybody asking."""
        return self.phase in ("reading", "comparing", "linking", "creating", "entering")


def initial(stream: str) -> State:
    """An account that was never synced."""
    return State(stream)


def stream_of(account: str) -> str:
    """The stream of an accounting account."""
    return f"{PREFIX}-{account}"


def evolve(state: State, event: StoredEvent) -> State:
    """The state after one event."""
    match event:
        case SyncBegan():
            return State(state.stream, "reading", event.run, event.apply, began=event)
        case SyncCrmRead():
            return _read(replace(state, crm_read=True))
        case SyncAccountingRead():
            return _read(replace(state, accounting_read=True))
        case SyncCompared():
            phase: Phase = "linking" if state.apply else "compared"
            return replace(state, phase=phase, counts=event.counts, compared_at=event.compared_at)
        case SyncApplied():
            return replace(state, apply=True, phase="linking" if state.phase == "compared" else state.phase)
        case SyncLinked():
            return replace(state, phase="creating")
        case SyncCreated():
            return replace(state, phase="entering")
        case SyncEnded():
            return replace(state, phase="done", counts=event.counts, ended_at=event.ended_at)
        case _:
            assert_never(event)


def _read(state: State) -> State:
    return replace(state, phase="comparing") if state.crm_read and state.accounting_read else state


def decide(state: State, command: Command, now: dt.datetime) -> Sequence[Event] | Refused:
    """The events of one command; what belongs to an earlier run, or comes again, is nothing."""
    if isinstance(command, BeginSync):
        return _begin(state, command, now)
    if command.run != state.run:
        return ()
    match command:
        case SeeCrmRead() if state.phase == "reading" and not state.crm_read:
            return (SyncCrmRead(run=state.run),)
        case SeeAccountingRead() if state.phase == "reading" and not state.accounting_read:
            return (SyncAccountingRead(run=state.run),)
        case SeeCompared() if state.phase == "comparing":
            return (SyncCompared(run=state.run, counts=dict(command.counts), compared_at=now),)
        case SeeLinked() if state.phase == "linking":
            return (SyncLinked(run=state.run),)
        case SeeCreated() if state.phase == "creating" and state.began is not None and state.began.enter:
            return (SyncCreated(run=state.run),)
        case SeeCreated() if state.phase == "creating":
            return (SyncEnded(run=state.run, counts=dict(command.counts), ended_at=now),)
        case SeeEntered() if state.phase == "entering":
            return (SyncEnded(run=state.run, counts=dict(command.counts), ended_at=now),)
        case _:
            return ()


def _begin(state: State, command: BeginSync, now: dt.datetime) -> Sequence[Event] | Refused:
    if state.under_way:
        if command.apply and not state.apply:
            return (SyncApplied(run=state.run, by=command.by),)
        if state.apply and not command.apply:
            return Refused(Problem("sync_is_applied", {"account": command.account}))
        return ()
    fresh = state.compared_at is not None and now - state.compared_at < FRESH
    if command.apply and state.phase == "compared" and fresh:
        return (SyncApplied(run=state.run, by=command.by),)
    began = SyncBegan(
        tenant=command.tenant,
        account=command.account,
        crm_account=command.crm_account,
        run=state.run + 1,
        apply=command.apply,
        listed=command.listed,
        began_at=now,
        by=command.by,
        enter=command.enter,
    )
    return (began,)


def planned(recorded: Recorded, state: State) -> Sequence[Plan]:
    """The next piece of reading, comparing or carrying out; all of it in the bulk lane, behind people's work."""
    event, began = recorded.event, state.began
    if began is None:
        return ()
    match event:
        case SyncBegan():
            plans = [_task(READ_CRM, began, account=began.crm_account)]
            return (*plans, _task(READ_ACCOUNTING, began, account=began.account)) if began.listed else plans
        case SyncCrmRead() if not began.listed:
            return (_task(LOOK_UP_ALL, began, account=began.account),)
        case SyncCrmRead() | SyncAccountingRead() if state.phase == "comparing":
            return (_task(COMPARE_ALL, began),)
        case SyncCompared() if state.phase == "linking":
            return (_task(LINK_ALL, began),)
        case SyncApplied() if state.phase == "linking":
            return (_task(LINK_ALL, began),)
        case SyncLinked():
            # The account is named so that nothing is begun while it does not answer.
            return (_task(CREATE_ALL, began, account=began.account),)
        case SyncCreated():
            return (_task(ENTER_ALL, began, account=began.account),)
        case _:
            return ()


def _task(kind: str, began: SyncBegan, *, account: str = "") -> TaskPlan:
    payload: dict[str, Any] = {
        "tenant": began.tenant,
        "account": began.account,
        "crm_account": began.crm_account,
        "run": began.run,
        "listed": began.listed,
        "enter": began.enter,
        "began_at": began.began_at.isoformat(),
    }
    return TaskPlan(kind, f"{began.account}:{began.run}", payload, account=account, lane=Lane.BULK)
