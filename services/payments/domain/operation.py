"""A bank operation that belongs to no invoice we know: kept and listed until its invoice appears."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from chassis.aggregate import EventCodec, ReadRow
from chassis.domain import Event, Refused
from services.payments.domain.events import Operation

PREFIX = "operation"


class OperationUnmatched(Event, name="OperationUnmatched"):
    """The accounting service lists an operation for an invoice that is not ours, or not known yet. ``ours``: it looks
    like a payment of an invoice of ours; ``heard``: people were told so before."""

    account: str
    remote_invoice: str
    operation: Operation
    ours: bool = False
    heard: bool = False


class OperationMatched(Event, name="OperationMatched"):
    """The operation's invoice is known now, and counts it."""

    invoice_id: str
    number: str = ""


class OperationGone(Event, name="OperationGone"):
    """The accounting service has deleted or reversed the operation, or all of it pays invoices by now."""


@dataclass(frozen=True, slots=True)
class SeeUnmatched:
    """The feed has an operation without an invoice of ours; ``ours``: it looks like a payment of one."""

    account: str
    remote_invoice: str
    operation: Operation
    ours: bool = False


@dataclass(frozen=True, slots=True)
class SeeWaited:
    """An invoice of ours became known that a listed operation may pay."""


@dataclass(frozen=True, slots=True)
class SeeMatched:
    """The operation's invoice is known now."""

    invoice_id: str
    number: str = ""


@dataclass(frozen=True, slots=True)
class SeeGone:
    """Nothing of the operation is without an invoice any more."""


Command = SeeUnmatched | SeeWaited | SeeMatched | SeeGone
StoredEvent = OperationUnmatched | OperationMatched | OperationGone
CODEC = EventCodec((OperationUnmatched, OperationMatched, OperationGone))


@dataclass(frozen=True, slots=True)
class State:
    """One operation. ``told``: people heard that it fits no invoice, and not yet that it has found its own."""

    stream: str
    last: OperationUnmatched | None = None
    matched: bool = False
    gone: bool = False
    told: bool = False

    @property
    def listed(self) -> bool:
        """Whether it stands among those without an invoice."""
        return self.last is not None and not self.matched and not self.gone


def stream_of(account: str, operation_id: str) -> str:
    """The stream of an operation of an account."""
    return f"{PREFIX}-{account}/{operation_id}"


def initial(stream: str) -> State:
    """An operation nobody has seen."""
    return State(stream)


def evolve(state: State, event: StoredEvent) -> State:
    """The state after one event."""
    match event:
        case OperationUnmatched():
            told = state.told and state.listed
            return State(state.stream, event, told=told or (event.ours and not event.remote_invoice))
        case OperationMatched():
            return replace(state, matched=True)
        case OperationGone():
            return replace(state, gone=True)
        case _:
            assert_never(event)


def decide(state: State, command: Command, now: dt.datetime) -> Sequence[Event] | Refused:
    """The events of one command."""
    match command:
        case SeeMatched():
            matched = OperationMatched(invoice_id=command.invoice_id, number=command.number)
            return (matched,) if state.listed else ()
        case SeeGone():
            return (OperationGone(),) if state.listed else ()
        case SeeWaited():
            last = state.last
            if last is None or not state.listed or last.ours or last.remote_invoice:
                return ()
            return (last.model_copy(update={"ours": True, "heard": state.told}),)
        case SeeUnmatched():
            return _unmatched(state, command)
        case _:
            assert_never(command)


def _unmatched(state: State, command: SeeUnmatched) -> Sequence[Event]:
    """What is told of the same money once more is no news to people."""
    last = state.last if state.listed else None
    same = last is not None and _money(last.operation) == _money(command.operation)
    told = same and state.told and not command.remote_invoice
    seen = OperationUnmatched(
        account=command.account,
        remote_invoice=command.remote_invoice,
        operation=command.operation,
        ours=command.ours or told,
        heard=told,
    )
    known = last is not None and seen.model_copy(update={"heard": last.heard}) == last
    return () if known else (seen,)


def _money(operation: Operation) -> tuple[str, int]:
    return operation.direction, operation.amount_kopecks


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
        "payer_inn": operation.payer_inn,
        "ours": state.last.ours,
    }
    return (ReadRow("unmatched_operations", {"operation": stream}, values if state.listed else None),)
