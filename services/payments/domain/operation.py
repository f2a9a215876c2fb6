"""A bank operation that belongs to no invoice we know: kept and listed until its invoice appears."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from chassis.aggregate import EventCodec, ReadRow
from chassis.domain import Event, Refused
from services.payments.domain.events import Operation

PREFIX = "operation"


class OperationUnmatched(Event, name="OperationUnmatched"):
    """The accounting service lists an operation for an invoice that is not ours, or not known yet. ``ours``: it looks
    like a payment of an invoice of ours."""

    account: str
    remote_invoice: str
    operation: Operation
    ours: bool = False


class OperationMatched(Event, name="OperationMatched"):
    """The operation's invoice is known now, and counts it."""

    invoice_id: str


@dataclass(frozen=True, slots=True)
class SeeUnmatched:
    """The feed has an operation without an invoice of ours; ``ours``: it looks like a payment of one."""

    account: str
    remote_invoice: str
    operation: Operation
    ours: bool = False


@dataclass(frozen=True, slots=True)
class SeeMatched:
    """The operation's invoice is known now."""

    invoice_id: str


Command = SeeUnmatched | SeeMatched
StoredEvent = OperationUnmatched | OperationMatched
CODEC = EventCodec((OperationUnmatched, OperationMatched))


@dataclass(frozen=True, slots=True)
class State:
    """One operation."""

    stream: str
    last: OperationUnmatched | None = None
    matched: bool = False


def stream_of(account: str, operation_id: str) -> str:
    """The stream of an operation of an account."""
    return f"{PREFIX}-{account}/{operation_id}"


def initial(stream: str) -> State:
    """An operation nobody has seen."""
    return State(stream)


def evolve(state: State, event: StoredEvent) -> State:
    """The state after one event."""
    if isinstance(event, OperationUnmatched):
        return State(state.stream, event)
    return replace(state, matched=True)


def decide(state: State, command: Command, now: dt.datetime) -> Sequence[Event] | Refused:
    """The events of one command."""
    if isinstance(command, SeeMatched):
        return () if state.last is None or state.matched else (OperationMatched(invoice_id=command.invoice_id),)
    seen = OperationUnmatched(
        account=command.account, remote_invoice=command.remote_invoice, operation=command.operation, ours=command.ours
    )
    return () if seen == state.last and not state.matched else (seen,)


def projected(stream: str, state: State) -> Sequence[ReadRow]:
    """The list of unmatched operations."""
    if state.last is None:
        return ()
    operation = state.last.operation
    signed = operation.amount_kopecks if operation.direction == "in" else -operation.amount_kopecks
    values = {
        "account": state.last.account,
        "remote_invoice": state.last.remote_invoice,
        "signed_kopecks": signed,
        "operation_date": operation.date.isoformat(),
    }
    return (ReadRow("unmatched_operations", {"operation": stream}, None if state.matched else values),)
