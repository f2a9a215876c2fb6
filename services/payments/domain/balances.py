"""A sum that the accounting service tells in place of payments → the operations that would come to it."""

import datetime as dt
from collections.abc import Collection, Sequence
from itertools import count

from services.payments.domain.events import Operation

SOURCE = "balance"
"""The source of an operation that is a difference of sums: its date is the day when the sum was seen."""


def operation_id(remote_id: str, fact_id: int | None, given: Collection[str]) -> str:
    """An operation's id: of a fact by its number, of a card (None) by the next number that no operation was given yet,
    since two operations of one id would be one."""
    if fact_id is not None:
        return f"{SOURCE}-{remote_id}-{fact_id}"
    names = (f"{SOURCE}-{remote_id}-card-{number}" for number in count(len(given) + 1))
    return next(name for name in names if name not in given)


def grown(known: Sequence[Operation], kopecks: int, operation_id: str, on: dt.date) -> tuple[Operation, ...]:
    """The operations with one more, of what the sum has grown by."""
    return (
        *known,
        Operation(operation_id=operation_id, direction="in", amount_kopecks=kopecks, date=on, source=SOURCE),
    )


def fallen(known: Sequence[Operation], kopecks: int) -> tuple[Operation, ...]:
    """The operations without what the sum has fallen by: the newest one of exactly this amount, else the newest ones,
    of which the last may stay in part."""
    listed = list(known)
    exact = [place for place, one in enumerate(listed) if one.direction == "in" and one.amount_kopecks == kopecks]
    if exact:
        del listed[exact[-1]]
        return tuple(listed)
    for place in reversed(range(len(listed))):
        one = listed[place]
        if kopecks == 0 or one.direction == "out":
            continue
        left = max(one.amount_kopecks - kopecks, 0)
        kopecks -= one.amount_kopecks - left
        listed[place] = one.model_copy(update={"amount_kopecks": left})
    return tuple(one for one in listed if one.amount_kopecks)
