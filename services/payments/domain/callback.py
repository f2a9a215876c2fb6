"""What an accounting service told of one object by itself: its feed is looked at at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chassis.aggregate import EventCodec, Plan, Recorded, TaskPlan
from chassis.domain import Event, Refused
from services.payments.domain import plans

PREFIX = "callback"


class AccountCalled(Event, name="AccountCalled"):
    """An account told that there is news of money."""

    account: str
    object_id: str


@dataclass(frozen=True, slots=True)
class SeeCall:
    """An account told that there is news of money."""

    account: str
    object_id: str


CODEC = EventCodec((AccountCalled,))


@dataclass(frozen=True, slots=True)
class State:
    """One object of an account."""

    stream: str


def stream_of(account: str, object_id: str) -> str:
    """The stream of one object's calls."""
    return f"{PREFIX}-{account}/{object_id}"


def initial(stream: str) -> State:
    """An object nobody told of."""
    return State(stream)


def evolve(state: State, event: AccountCalled) -> State:
    """The state does not change."""
    return state


def decide(state: State, command: SeeCall, now: datetime) -> Sequence[Event] | Refused:
    """Each message is heard once."""
    return (AccountCalled(account=command.account, object_id=command.object_id),)


def planned(recorded: Recorded, state: State) -> Sequence[Plan]:
    """One look for an account, however many calls wait for it."""
    called = recorded.event
    assert isinstance(called, AccountCalled), "a call's stream has one kind of event"
    return (TaskPlan(plans.POLL_NOW, called.account, account=called.account),)
