"""One day of one of our bank accounts: its operations by their identity (R20), and what each of them pays."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, assert_never

from chassis.aggregate import EventCodec, ReadRow
from chassis.cards import CardOpened, Cards, CardTaken, TakeCard, card_rows
from chassis.domain import Event
from chassis.values.payment_identity import KnownOperation
from services.payments.domain.bank import Allotment, BankRow, Match, Value

PREFIX = "bankday"


class RowChange(Value):
    """What a load says of one operation: ``new``, added to a whole day (``suspect``), ``revised``, ``restored``, or
    ``vanished``, then without a row."""

    payment_id: str
    what: Literal["new", "suspect", "revised", "restored", "vanished"]
    ordinal: int = 0
    row: BankRow | None = None


class DayListed(Event, name="DayListed"):
    """A statement listed the day. ``whole``: from its beginning to its end, so that nothing can be missing now;
    ``complete``: from its beginning to the moment when it was made. ``touched`` are invoices that were paid by what has
    changed."""

    statement_id: str
    made_at: dt.datetime | None = None
    whole: bool
    complete: bool = False
    changes: tuple[RowChange, ...] = ()
    touched: tuple[str, ...] = ()


class OperationsMatched(Event, name="OperationsMatched"):
    """What operations of the day pay, by our own rules or by a person. ``touched`` are invoices that are paid
    otherwise now; ``heard`` are operations of which people heard before that they fit nothing, ``found`` those of them
    that have found their place."""

    matches: tuple[Match, ...]
    touched: tuple[str, ...] = ()
    heard: tuple[str, ...] = ()
    found: tuple[str, ...] = ()


class OperationPointed(Event, name="OperationPointed"):
    """A person named the invoice that an operation pays; it is to be looked up."""

    payment_id: str
    number: str
    by: str


@dataclass(frozen=True, slots=True)
class ListDay:
    """The rows that a statement has of the day. ``complete``: it lists the day from the beginning, and no section of it
    was left out, so that what it lacks is gone; ``whole``: also to the end."""

    statement_id: str
    rows: tuple[BankRow, ...]
    made_at: dt.datetime | None
    complete: bool
    whole: bool


@dataclass(frozen=True, slots=True)
class SettleMatches:
    """What the rules of matching, or a person, found for operations of the day."""

    matches: tuple[Match, ...]


@dataclass(frozen=True, slots=True)
class ReleaseOperation:
    """A person unties an operation from its invoices."""

    payment_id: str
    by: str


@dataclass(frozen=True, slots=True)
class LookAgain:
    """Operations that count by themselves, though their order counts on another day too: they are matched again."""

    payment_ids: tuple[str, ...]


Command = ListDay | SettleMatches | ReleaseOperation | LookAgain | TakeCard
StoredEvent = DayListed | OperationsMatched | OperationPointed | CardOpened | CardTaken
EVENTS: tuple[type[Event], ...] = (DayListed, OperationsMatched, OperationPointed, CardOpened, CardTaken)
CODEC = EventCodec(EVENTS)


@dataclass(frozen=True, slots=True)
class BankOperation:
    """An operation of the day. ``suspect`` ones and those that ``vanished`` pay nothing."""

    payment_id: str
    ordinal: int
    row: BankRow
    statement_id: str
    suspect: bool = False
    vanished: bool = False
    match: Match | None = None

    @property
    def open(self) -> bool:
        """Whether the rules of matching are to look at it."""
        looked_at = self.match is not None and self.match.what != "open"
        return not self.suspect and not self.vanished and not self.row.internal and not looked_at

    @property
    def settled(self) -> bool:
        """Whether a name or purpose that is written otherwise leaves its match as it is."""
        return self.match is not None and self.match.what in ("allotted", "released", "aside")

    @property
    def told(self) -> bool:
        """Whether people heard that it fits no invoice; a purpose that is written otherwise is looked at once more."""
        return self.match is not None and self.match.ours and self.match.what in ("unmatched", "open")

    @property
    def pays(self) -> tuple[Allotment, ...]:
        """What it counts for now."""
        found = self.match
        return () if found is None or found.what != "allotted" or self.vanished else found.allotments

    @property
    def alone(self) -> bool:
        """Whether it counts by our own rules, and no person said so."""
        return bool(self.pays) and self.match is not None and not self.match.by

    @property
    def unsettled(self) -> bool:
        """Whether an invoice that appears later may be what it pays."""
        return self.open or (
            not self.suspect and not self.vanished and self.match is not None and self.match.what == "unmatched"
        )

    @property
    def state(self) -> str:
        """How it stands, in one word."""
        if self.vanished:
            return "vanished"
        if self.row.internal:
            return "internal"
        if self.match is not None:
            return self.match.what
        return "suspect" if self.suspect else "open"

    def known(self) -> KnownOperation:
        """The operation as the rules of identity take it."""
        return KnownOperation(
            payment_id=self.payment_id,
            key=self.row.key,
            statement_day=self.row.statement_day,
            ordinal=self.ordinal,
            details=self.row.details,
            suspect=self.suspect,
            revoked=self.vanished,
        )


@dataclass(frozen=True, slots=True)
class State:
    """A day. ``made_at`` is when the newest statement that listed it was made, ``complete_until`` when the newest of
    those that left nothing out was."""

    stream: str
    operations: Mapping[str, BankOperation] = field(default_factory=dict)
    whole: bool = False
    made_at: dt.datetime | None = None
    cards: Cards = field(default_factory=Cards)
    complete_until: dt.datetime | None = None


def stream_of(own_account: str, day: dt.date) -> str:
    """The stream of a day of an account."""
    return f"{PREFIX}-{own_account}/{day.isoformat()}"


def day_of(stream: str) -> dt.date:
    """The day of a stream."""
    return dt.date.fromisoformat(stream.rpartition("/")[2])


def account_of(stream: str) -> str:
    """The account of a stream."""
    return stream.removeprefix(f"{PREFIX}-").rpartition("/")[0]


def initial(stream: str) -> State:
    """A day that no statement has listed."""
    return State(stream)


def evolve(state: State, event: StoredEvent) -> State:
    """The state after one event."""
    match event:
        case DayListed():
            operations = dict(state.operations)
            for change in event.changes:
                operations[change.payment_id] = _changed(operations.get(change.payment_id), change, event.statement_id)
            until = _later(state.complete_until, event.made_at) if event.complete else state.complete_until
            whole, made_at = state.whole or event.whole, _later(state.made_at, event.made_at)
            return replace(state, operations=operations, whole=whole, made_at=made_at, complete_until=until)
        case OperationsMatched():
            operations = dict(state.operations)
            for found in event.matches:
                before = operations[found.payment_id]
                # Whoever has it looked at, or ties it, says that it is a payment of its own.
                suspect = before.suspect and found.what not in ("open", "allotted")
                operations[found.payment_id] = replace(before, match=found, suspect=suspect)
            return replace(state, operations=operations)
        case OperationPointed():
            return state
        case CardOpened() | CardTaken():
            return replace(state, cards=state.cards.evolve(event))
        case _:
            assert_never(event)


def _later(one: dt.datetime | None, other: dt.datetime | None) -> dt.datetime | None:
    return max((moment for moment in (one, other) if moment is not None), default=None)


def _changed(before: BankOperation | None, change: RowChange, statement_id: str) -> BankOperation:
    if change.row is None:
        assert before is not None, "only what was listed can vanish"
        return replace(before, vanished=True)
    if before is None:
        suspect = change.what == "suspect"
        return BankOperation(change.payment_id, change.ordinal, change.row, statement_id, suspect=suspect)
    match = before.match if change.row.key == before.row.key and before.settled else None
    if before.told:
        match = Match(payment_id=before.payment_id, what="open", ours=True)
    return replace(
        before, ordinal=change.ordinal, row=change.row, statement_id=statement_id, vanished=False, match=match
    )


def projected(stream: str, state: State) -> Sequence[ReadRow]:
    """Operations for lists, what they pay by invoice, and cards."""
    rows: list[ReadRow] = []
    for operation in state.operations.values():
        rows.append(ReadRow("bank_operations", {"payment_id": operation.payment_id}, _listed(stream, operation)))
        rows.append(_allotted(stream, operation))
    return (*rows, *card_rows(stream, state.cards))


def _listed(stream: str, operation: BankOperation) -> dict[str, Any]:
    row, found = operation.row, operation.match
    return {
        "stream": stream,
        "state": operation.state,
        "unsettled": operation.unsettled,
        "statement_id": operation.statement_id,
        "line": row.line,
        "own_account": row.own_account,
        "operation_day": row.statement_day.isoformat(),
        "order_number": row.number,
        "order_date": row.order_date.isoformat(),
        "signed_kopecks": row.signed_kopecks,
        "their_inn": row.their_inn,
        "their_name": row.their_name,
        "numbers": [one.number for one in row.hints.references],
        "score": found.score if found is not None else 0,
        "reasons": list(found.reasons) if found is not None else [],
        "candidates": [one.number for one in found.candidates] if found is not None else [],
    }


def _allotted(stream: str, operation: BankOperation) -> ReadRow:
    """What it pays now; no row where that is nothing."""
    row, live = operation.row, operation.pays
    values = {
        "stream": stream,
        "allotments": {one.invoice_id: one.amount_kopecks for one in live},
        "own_account": row.own_account,
        "operation_day": row.statement_day.isoformat(),
        "order_number": row.number,
        "their_inn": row.their_inn,
        "their_name": row.their_name,
    }
    return ReadRow("allotments", {"payment_id": operation.payment_id}, values if live else None)
