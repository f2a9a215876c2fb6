"""A bank statement file that was taken: the same bytes are the same statement, however often they come."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from chassis.aggregate import EventCodec
from chassis.domain import Event, Refused

PREFIX = "statement"
ID_LENGTH = 32


class StatementTaken(Event, name="StatementTaken"):
    """The file's bytes are durable in the blobs."""

    statement_id: str
    blob: str
    file_name: str
    size_bytes: int
    received_at: dt.datetime
    source: Literal["upload", "folder"] = "upload"


@dataclass(frozen=True, slots=True)
class TakeStatement:
    """A file came; its bytes are durable already."""

    statement_id: str
    blob: str
    file_name: str
    size_bytes: int
    source: Literal["upload", "folder"]


CODEC = EventCodec((StatementTaken,))


@dataclass(frozen=True, slots=True)
class State:
    """One file."""

    taken: StatementTaken | None = None


def statement_id(sha256: str) -> str:
    """The id of a file by the sum over its bytes, in hex."""
    return sha256[:ID_LENGTH]


def initial(stream: str) -> State:
    """A file that nobody has sent."""
    return State()


def evolve(state: State, event: StatementTaken) -> State:
    """The state after one event."""
    return replace(state, taken=event)


def decide(state: State, command: TakeStatement, now: dt.datetime) -> Sequence[Event] | Refused:
    """A file is taken once."""
    if state.taken is not None:
        return ()
    taken = StatementTaken(
        statement_id=command.statement_id,
        blob=command.blob,
        file_name=command.file_name,
        size_bytes=command.size_bytes,
        received_at=now,
        source=command.source,
    )
    return (taken,)
