"""A callback of an accounting service that is really its own: a hint that something is to be read again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chassis.aggregate import EventCodec
from chassis.domain import Event, Refused
from chassis.ids import deterministic_id

PREFIX = "callback"


class CallbackTaken(Event, name="CallbackTaken"):
    """An account told of an object of its own."""

    account: str
    name: str
    kind: str
    object_id: str
    delivery_id: str


@dataclass(frozen=True, slots=True)
class TakeCallback:
    """A signed callback came."""

    account: str
    name: str
    kind: str
    object_id: str
    delivery_id: str


CODEC = EventCodec((CallbackTaken,))


@dataclass(frozen=True, slots=True)
class State:
    """What one object's callbacks told last."""

    last: CallbackTaken | None = None


def stream_of(account: str, object_id: str) -> str:
    """The stream of one object's callbacks."""
    return f"{PREFIX}-{deterministic_id('callback', account, object_id)}"


def initial(stream: str) -> State:
    """An object nobody told of."""
    return State()


def evolve(state: State, event: CallbackTaken) -> State:
    """The state after one event."""
    return replace(state, last=event)


def decide(state: State, command: TakeCallback, now: datetime) -> Sequence[Event] | Refused:
    """Each delivery is taken once: its command has the delivery's id."""
    taken = CallbackTaken(
        account=command.account,
        name=command.name,
        kind=command.kind,
        object_id=command.object_id,
        delivery_id=command.delivery_id,
    )
    return (taken,)
