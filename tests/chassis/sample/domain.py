"""The account: every amount is added once per command; odd amounts fail on purpose where a test wants it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from chassis.aggregate import EventCodec, Lane, PublicMessage, ReadRow, Recorded, StreamKind, StreamKinds
from chassis.domain import Event, Problem, Refused
from chassis.engine import Engine
from chassis.messaging.codec import MessageCodec
from chassis.messaging.routing import Routed
from contracts.envelope import Envelope, Message

MIGRATIONS = Path(__file__).parent / "migrations"
BULK_FROM = 1_000_000
REFUSED = -13


class AmountAdded(Event, name="AmountAdded"):
    amount: int


class Amount(Message, name="Amount"):
    """What the service consumes: ``accounts`` get the amount each."""

    accounts: tuple[str, ...]
    amount: int


class Total(Message, name="Total"):
    """What it says after each amount."""

    account: str
    amount: int
    sum: int
    version: int


@dataclass(frozen=True, slots=True)
class Add:
    amount: int


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    amounts: tuple[int, ...] = ()


class Poison:
    """Amounts that ``decide`` cannot take while they are in here."""

    def __init__(self) -> None:
        self.amounts: set[int] = set()
        self.decided: list[int] = []

    def decide(self, state: Account, command: Add, now: datetime) -> Sequence[Event] | Refused:
        self.decided.append(command.amount)
        if command.amount in self.amounts:
            raise ArithmeticError(f"{command.amount} is poison")
        if command.amount == REFUSED:
            return Refused(Problem("unlucky"))
        return [AmountAdded(amount=command.amount)]


def evolve(state: Account, event: AmountAdded) -> Account:
    return Account(state.name, (*state.amounts, event.amount))


def aggregate(stream: str) -> str:
    """Accounts ``account-KEY.N`` share the key KEY."""
    return stream.partition("-")[2].partition(".")[0]


def published(recorded: Recorded, state: Account) -> Sequence[PublicMessage]:
    assert isinstance(recorded.event, AmountAdded)
    body = Total(account=state.name, amount=recorded.event.amount, sum=sum(state.amounts), version=recorded.version)
    lane = Lane.BULK if recorded.event.amount >= BULK_FROM else Lane.INTERACTIVE
    return [PublicMessage("totals", body, lane)]


def projected(stream: str, state: Account) -> Sequence[ReadRow]:
    return [ReadRow("total", {"account": state.name}, {"amounts": list(state.amounts), "sum": sum(state.amounts)})]


def route(message: Message, envelope: Envelope) -> Sequence[Routed]:
    assert isinstance(message, Amount)
    return [Routed(f"account-{account}", Add(message.amount)) for account in message.accounts]


def engine(poison: Poison | None = None) -> Engine:
    """The sample's engine."""
    kind = StreamKind(
        prefix="account",
        initial=lambda stream: Account(stream.partition("-")[2]),
        decide=(poison or Poison()).decide,
        evolve=evolve,
        codec=EventCodec([AmountAdded]),
        aggregate=aggregate,
        published=published,
        projected=projected,
    )
    return Engine("sample", StreamKinds([kind]))


CODEC = MessageCodec([Amount])
