"""One statement file: that it came, and what reading it gave."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from pydantic import Field

from chassis.aggregate import EventCodec, Lane, Plan, ReadRow, Recorded, TaskPlan
from chassis.cards import CardOpened, Cards, CardTaken, TakeCard, card_rows
from chassis.domain import Event, Refused
from chassis.ids import deterministic_id
from services.payments.domain.bank import Value

PREFIX = "statement"
LOAD = "load-statement"
PROBLEMS_KEPT_MAX = 200
UNREADABLE = "statement_refused"
INCOMPLETE = "statement_incomplete"
BYTES_LOST = "statement_bytes_lost"
"""Why a file was not read that is read after all once its bytes are there again."""
WITHDRAWN = "withdrawn"


class LineProblem(Value):
    """What was not taken, by its line; ``section``: a whole operation of the bank."""

    line: int
    code: str
    values: dict[str, Any] = Field(default_factory=dict)
    section: bool = True


class StatementSeen(Event, name="StatementSeen"):
    """A file came; its bytes lie in the blobs."""

    statement_id: str
    blob: str
    file_name: str
    size_bytes: int
    received_at: dt.datetime


class StatementRead(Event, name="StatementRead"):
    """The file was read. ``sections`` are those that it has, each taken or among ``problems``, of which at most 200 are
    kept here; ``refused`` is why nothing was taken."""

    sections: int
    taken: int
    accounts: tuple[str, ...] = ()
    first_day: dt.date | None = None
    last_day: dt.date | None = None
    problems: tuple[LineProblem, ...] = ()
    problem_count: int = 0
    refused: LineProblem | None = None


@dataclass(frozen=True, slots=True)
class SeeStatement:
    """A file came."""

    statement_id: str
    blob: str
    file_name: str
    size_bytes: int
    received_at: dt.datetime


@dataclass(frozen=True, slots=True)
class SeeRead:
    """The file was read to its end."""

    read: StatementRead


Command = SeeStatement | SeeRead | TakeCard
StoredEvent = StatementSeen | StatementRead | CardOpened | CardTaken
CODEC = EventCodec((StatementSeen, StatementRead, CardOpened, CardTaken))


@dataclass(frozen=True, slots=True)
class State:
    """One file."""

    stream: str
    seen: StatementSeen | None = None
    read: StatementRead | None = None
    cards: Cards = field(default_factory=Cards)


def initial(stream: str) -> State:
    """A file that nobody has seen."""
    return State(stream)


def evolve(state: State, event: StoredEvent) -> State:
    """The state after one event."""
    match event:
        case StatementSeen():
            return replace(state, seen=event)
        case StatementRead():
            return replace(state, read=event)
        case CardOpened() | CardTaken():
            return replace(state, cards=state.cards.evolve(event))
        case _:
            assert_never(event)


def decide(state: State, command: Command, now: dt.datetime) -> Sequence[Event] | Refused:
    """The events of one command; a file is read once, but for one whose bytes were not there."""
    match command:
        case SeeStatement():
            if state.seen is not None:
                return ()
            seen = StatementSeen(
                statement_id=command.statement_id,
                blob=command.blob,
                file_name=command.file_name,
                size_bytes=command.size_bytes,
                received_at=command.received_at,
            )
            return (seen,)
        case SeeRead():
            if state.seen is None or (state.read is not None and (not _is_lost(state.read) or _is_lost(command.read))):
                return ()
            card = _card(state, state.seen, command.read, now)
            return (command.read, *_withdrawn(state, now), *(() if card is None else (card,)))
        case TakeCard():
            taken = state.cards.take(command, now)
            return taken if isinstance(taken, Refused) else (taken,)
        case _:
            assert_never(command)


def _is_lost(read: StatementRead) -> bool:
    return read.refused is not None and read.refused.code == BYTES_LOST


def _withdrawn(state: State, now: dt.datetime) -> Sequence[CardTaken]:
    """Nobody is asked to load what was read after all."""
    return tuple(
        CardTaken(
            card_id=card.opened.card_id,
            kind=card.opened.kind,
            subject=card.opened.subject,
            choice=WITHDRAWN,
            by="",
            taken_at=now,
        )
        for card in state.cards.by_id.values()
        if card.taken is None
    )


def _card(state: State, seen: StatementSeen, read: StatementRead, now: dt.datetime) -> CardOpened | None:
    """A person hears of what was not taken; nothing is left out without a word."""
    if read.refused is None and not read.problem_count:
        return None
    first = read.refused or read.problems[0]
    number = len(state.cards.by_id)
    return CardOpened(
        card_id=str(deterministic_id("card", state.stream, seen.statement_id, *([str(number)] if number else []))),
        kind=UNREADABLE if read.refused is not None else INCOMPLETE,
        choices=("understood",),
        subject=seen.statement_id,
        opened_at=now,
        values={
            "file": seen.file_name,
            "taken": read.taken,
            "sections": read.sections,
            "count": read.problem_count,
            "line": first.line,
            "code": first.code,
            "field": str(first.values.get("field", "")),
            "found": str(first.values.get("found", "")),
        },
    )


def planned(recorded: Recorded, state: State) -> Sequence[Plan]:
    """A file that came is read."""
    event = recorded.event
    if not isinstance(event, StatementSeen):
        return ()
    payload = {"statement_id": event.statement_id, "blob": event.blob}
    return (TaskPlan(LOAD, event.statement_id, payload, lane=Lane.BULK),)


def projected(stream: str, state: State) -> Sequence[ReadRow]:
    """The list of files, and cards."""
    seen, read = state.seen, state.read
    if seen is None:
        return ()
    values = {
        "stream": stream,
        "file_name": seen.file_name,
        "size_bytes": seen.size_bytes,
        "received_at": seen.received_at.isoformat(),
        "status": "waiting" if read is None else "refused" if read.refused is not None else "read",
        "sections": read.sections if read is not None else 0,
        "taken": read.taken if read is not None else 0,
        "problem_count": read.problem_count if read is not None else 0,
        "problems": [one.model_dump(mode="json") for one in _problems(read)],
        "accounts": list(read.accounts) if read is not None else [],
        "first_day": read.first_day.isoformat() if read is not None and read.first_day else None,
        "last_day": read.last_day.isoformat() if read is not None and read.last_day else None,
    }
    return (ReadRow("statements", {"statement_id": seen.statement_id}, values), *card_rows(stream, state.cards))


def _problems(read: StatementRead | None) -> tuple[LineProblem, ...]:
    if read is None:
        return ()
    return read.problems if read.refused is None else (read.refused,)
