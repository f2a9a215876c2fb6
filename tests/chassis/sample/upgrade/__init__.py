"""The sample in four builds, from roubles to kopecks, of which any two neighbours work side by side.

| Build | Reads events | Says | Fills in the read row |
|---|---|---|---|
| ``roubles`` | roubles | roubles | roubles |
| ``both`` (expand) | roubles, kopecks | roubles | roubles, kopecks |
| ``kopecks`` (migrate) | roubles, kopecks | kopecks | kopecks |
| ``contracted`` | roubles, kopecks | kopecks | kopecks; its migration drops roubles |
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from chassis.aggregate import EventCodec, ReadRow, StreamKind, StreamKinds
from chassis.domain import Event
from chassis.engine import Engine
from tests.chassis.sample import domain as sample
from tests.chassis.sample.domain import Account, Add, AmountAdded

MIGRATIONS = Path(__file__).parent / "migrations"
FIRST = sample.MIGRATIONS / "0001_create_total.sql"
EXPAND = MIGRATIONS / "0002_add_kopecks.sql"
CONTRACT = MIGRATIONS / "0003_drop_roubles.sql"


class KopecksAdded(Event, name="KopecksAdded"):
    """What ``AmountAdded`` says, in kopecks: another meaning is another name."""

    kopecks: int


def roubles() -> Engine:
    """The build before, as it is."""
    return sample.engine()


def both() -> Engine:
    """Expand: understands what its successor will say, and still says what its predecessor understands."""
    return _engine(_say_roubles, _row_of_both)


def kopecks() -> Engine:
    """Migrate: says and shows kopecks."""
    return _engine(_say_kopecks, _row_of_kopecks)


def contracted() -> Engine:
    """Contract: roubles are left in old events alone."""
    return _engine(_say_kopecks, _row_of_kopecks)


def _say_roubles(state: Account, command: Add, now: datetime) -> Sequence[Event]:
    return [AmountAdded(amount=command.amount)]


def _say_kopecks(state: Account, command: Add, now: datetime) -> Sequence[Event]:
    return [KopecksAdded(kopecks=command.amount * 100)]


def _evolve(state: Account, event: AmountAdded | KopecksAdded) -> Account:
    """The account in kopecks, whatever an event says them in."""
    added = event.amount * 100 if isinstance(event, AmountAdded) else event.kopecks
    return Account(state.name, (*state.amounts, added))


def _row_of_both(stream: str, state: Account) -> Sequence[ReadRow]:
    (row,) = _row_of_kopecks(stream, state)
    amounts = [one // 100 for one in state.amounts]
    return [ReadRow(row.table, row.key, {**(row.values or {}), "amounts": amounts, "sum": sum(amounts)})]


def _row_of_kopecks(stream: str, state: Account) -> Sequence[ReadRow]:
    values = {"kopecks": list(state.amounts), "sum_kopecks": sum(state.amounts)}
    return [ReadRow("total", {"account": state.name}, values)]


def _engine(
    decide: Callable[[Account, Add, datetime], Sequence[Event]], projected: Callable[[str, Account], Sequence[ReadRow]]
) -> Engine:
    kind = StreamKind(
        prefix="account",
        initial=lambda stream: Account(stream.partition("-")[2]),
        decide=decide,
        evolve=_evolve,
        codec=EventCodec([AmountAdded, KopecksAdded]),
        aggregate=sample.aggregate,
        projected=projected,
    )
    return Engine("sample", StreamKinds([kind]))
