"""Whether a bank operation in a new load is one we know: natural key, ordinals, and matching of loads (R20).

Three shapes of a load have three functions, since what an absent or an extra row means differs:

* :func:`match_statement`: whole days, every row of them, with or without ids (statement files, registers of a day);
* :func:`match_feed`: changed operations with ids, never a whole day (lists by date of change, callbacks);
* :func:`match_listing`: everything the source lists now for one scope, e.g. an invoice that was read again.

All are pure: they name what each row is, the caller records it.
"""

import hashlib
from collections import defaultdict, deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

Direction = Literal["in", "out"]


@dataclass(frozen=True, slots=True)
class OperationFacts:
    """What a payment order says. ``order_date`` is the document's date, not the day when the bank booked it."""

    direction: Direction
    own_account: str
    number: str
    order_date: date
    amount_kopecks: int
    payer_account: str = ""
    payer_inn: str = ""
    payee_account: str = ""
    payee_inn: str = ""


@dataclass(frozen=True, slots=True)
class LoadedRow:
    """A row of a load. ``details`` digests what may change without making it another payment (purpose, payer's name).

    ``revoked`` marks a row which the source itself lists as removed or reversed. ``known_key`` stands where the key was
    made before, from facts that are not all kept.
    """

    facts: OperationFacts
    statement_day: date
    operation_id: str | None = None
    details: str = ""
    revoked: bool = False
    known_key: str = ""

    @property
    def key(self) -> str:
        """The natural key of the row."""
        return self.known_key or natural_key(self.facts)


@dataclass(frozen=True, slots=True)
class KnownOperation:
    """An operation as recorded. Unique by (key, statement day, ordinal); ordinals begin with 1."""

    payment_id: str
    key: str
    statement_day: date
    ordinal: int
    operation_id: str | None = None
    details: str = ""
    suspect: bool = False
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class New:
    """A payment not seen before; it counts."""

    row: LoadedRow
    ordinal: int


@dataclass(frozen=True, slots=True)
class Same:
    """A payment seen before, unchanged. When ``renamed`` the source gave it another id, which is to be recorded."""

    known: KnownOperation
    row: LoadedRow

    @property
    def renamed(self) -> bool:
        """Whether the row carries another operation id than the one recorded."""
        return self.row.operation_id is not None and self.row.operation_id != self.known.operation_id


@dataclass(frozen=True, slots=True)
class Revised:
    """A known payment whose data changed in the source; ``ordinal`` is its place under the new key and day."""

    known: KnownOperation
    row: LoadedRow
    ordinal: int


@dataclass(frozen=True, slots=True)
class Restored:
    """A payment that had vanished stands in the source again, and is again what it was: counted, or suspect."""

    known: KnownOperation
    row: LoadedRow
    ordinal: int


@dataclass(frozen=True, slots=True)
class Suspect:
    """A row added to a day already loaded whole: shown, not applied."""

    row: LoadedRow
    ordinal: int


@dataclass(frozen=True, slots=True)
class RereadNeeded:
    """A known key under a new id: read the invoice's payments again and give them to :func:`match_listing`.

    Both ids listed are two payments; only the new one is one of ``candidates`` renamed.
    """

    row: LoadedRow
    candidates: tuple[KnownOperation, ...]


@dataclass(frozen=True, slots=True)
class Revoked:
    """A known payment that the source no longer has: shown, never silently dropped."""

    known: KnownOperation


Outcome = New | Same | Revised | Restored | Suspect | RereadNeeded | Revoked


def natural_key(facts: OperationFacts) -> str:
    """Key v1: SHA-256, in hex, of the facts joined by ``|``; without an account the INN stands in its place.

    ``v1|direction|own_account|number|date|amount_kopecks|payer|payee``, the number without leading zeros.
    """
    number = _plain(facts.number)
    parts = (
        "v1",
        facts.direction,
        _plain(facts.own_account),
        number.lstrip("0") or number[:1],
        facts.order_date.isoformat(),
        str(facts.amount_kopecks),
        _plain(facts.payer_account) or _plain(facts.payer_inn),
        _plain(facts.payee_account) or _plain(facts.payee_inn),
    )
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def match_statement(
    known: Iterable[KnownOperation],
    rows: Iterable[LoadedRow],
    *,
    days: Collection[date],
    days_loaded_whole: Collection[date],
    ids_stable: bool,
) -> tuple[Outcome, ...]:
    """Matches a load that lists ``days`` from their beginning with the operations known of that account.

    ``known`` holds every operation of those days, revoked ones too, and with ``ids_stable`` also those of other days
    that may have moved. Equal rows of one load all count. What a load adds to one of ``days_loaded_whole`` is suspect,
    elsewhere new; what it lacks of ``days`` is revoked. Raises ValueError for a row of a day outside ``days``.
    """
    listed = [row for row in _last_of_each_id(rows, ids_stable=ids_stable) if not row.revoked]
    strays = sorted({row.statement_day.isoformat() for row in listed if row.statement_day not in days})
    if strays:
        raise ValueError(f"the load has rows of days which it does not list: {', '.join(strays)}")
    matching = _Matching(known, listed)
    if ids_stable:
        matching.pair_by_id()
    matching.pair_by_key(same_day=True)
    outcomes = matching.outcomes_of_pairs()
    for row, key in matching.rows_left():
        ordinal = matching.next_ordinal(key, row.statement_day)
        outcomes.append(Suspect(row, ordinal) if row.statement_day in days_loaded_whole else New(row, ordinal))
    outcomes += [Revoked(gone) for gone in matching.live_left() if gone.statement_day in days]
    return tuple(outcomes)


def match_feed(known: Iterable[KnownOperation], rows: Iterable[LoadedRow]) -> tuple[Outcome, ...]:
    """Matches rows of a feed with ids; what the feed lacks means nothing.

    ``known`` holds every operation with an id or a key that stands among the rows. A row that the source lists as
    revoked revokes the known one, and is nothing when we never knew it. Raises ValueError for a row without an id.
    """
    listed = _last_of_each_id(rows, ids_stable=True)
    if any(row.operation_id is None for row in listed):
        raise ValueError("every row of a feed needs its operation id; without ids only whole days can be matched")
    matching = _Matching(known, listed)
    matching.pair_by_id()
    outcomes = matching.outcomes_of_pairs()
    unlisted: dict[str, list[KnownOperation]] = defaultdict(list)
    for operation in matching.live_left():
        unlisted[operation.key].append(operation)
    for row, key in matching.rows_left():
        if row.revoked:
            continue
        if candidates := unlisted.get(key):
            outcomes.append(RereadNeeded(row, tuple(candidates)))
        else:
            outcomes.append(New(row, matching.next_ordinal(key, row.statement_day)))
    return tuple(outcomes)


def match_listing(known: Iterable[KnownOperation], rows: Iterable[LoadedRow]) -> tuple[Outcome, ...]:
    """Matches all that the source lists now for a scope (an invoice) with all that we know of the same scope.

    By id first; then a key under a new id is the known payment renamed, since its old id is listed no more.
    """
    matching = _Matching(known, [row for row in _last_of_each_id(rows, ids_stable=True) if not row.revoked])
    matching.pair_by_id()
    matching.pair_by_key(same_day=True)
    matching.pair_by_key(same_day=False)
    outcomes = matching.outcomes_of_pairs()
    outcomes += [New(row, matching.next_ordinal(key, row.statement_day)) for row, key in matching.rows_left()]
    outcomes += [Revoked(gone) for gone in matching.live_left()]
    return tuple(outcomes)


class _Matching:
    """Pairs rows with known operations step by step; what no step paired is left over."""

    def __init__(self, known: Iterable[KnownOperation], rows: Iterable[LoadedRow]) -> None:
        # Sorted, so that the outcome does not depend on the order in which a source happens to list its rows.
        self._known = dict(enumerate(sorted(known, key=_known_order)))
        self._rows = dict(enumerate(sorted(((row, row.key) for row in rows), key=_row_order)))
        self._pairs: list[tuple[KnownOperation, LoadedRow, str]] = []
        self._last_ordinal: dict[tuple[str, date], int] = {}
        for operation in self._known.values():
            self._last_ordinal[operation.key, operation.statement_day] = operation.ordinal

    def pair_by_id(self) -> None:
        """Pairs what carries one operation id."""
        by_id = {operation.operation_id: n for n, operation in self._known.items() if operation.operation_id}
        for place, (row, _) in tuple(self._rows.items()):
            if row.operation_id in by_id:
                self._pair(by_id[row.operation_id], place)

    def pair_by_key(self, *, same_day: bool) -> None:
        """Pairs equal rows one to one: operations not revoked before revoked ones, those equal in details first."""
        for revoked in (False, True):
            for details_too in (True, False):
                waiting: dict[tuple[str, date | None, str | None], deque[int]] = defaultdict(deque)
                for place, known in self._known.items():
                    if known.revoked is revoked:
                        day, details = known.statement_day, known.details
                        waiting[known.key, day if same_day else None, details if details_too else None].append(place)
                for place, (row, key) in tuple(self._rows.items()):
                    day, details = row.statement_day, row.details
                    if candidates := waiting.get((key, day if same_day else None, details if details_too else None)):
                        self._pair(candidates.popleft(), place)

    def outcomes_of_pairs(self) -> list[Outcome]:
        """What each pair is."""
        named = (self._outcome(known, row, key) for known, row, key in self._pairs)
        return [outcome for outcome in named if outcome is not None]

    def next_ordinal(self, key: str, day: date) -> int:
        """Takes the next free ordinal of a key on a day."""
        self._last_ordinal[key, day] = self._last_ordinal.get((key, day), 0) + 1
        return self._last_ordinal[key, day]

    def rows_left(self) -> list[tuple[LoadedRow, str]]:
        """Rows that nothing known fits, with their keys."""
        return list(self._rows.values())

    def live_left(self) -> list[KnownOperation]:
        """Known operations, not revoked before, that no row fits."""
        return [operation for operation in self._known.values() if not operation.revoked]

    def _pair(self, known_place: int, row_place: int) -> None:
        row, key = self._rows.pop(row_place)
        self._pairs.append((self._known.pop(known_place), row, key))

    def _outcome(self, known: KnownOperation, row: LoadedRow, key: str) -> Outcome | None:
        if row.revoked:
            return None if known.revoked else Revoked(known)
        stays = (key, row.statement_day) == (known.key, known.statement_day)
        if stays and row.details == known.details and not known.revoked:
            return Same(known, row)
        ordinal = known.ordinal if stays else self.next_ordinal(key, row.statement_day)
        return Restored(known, row, ordinal) if known.revoked else Revised(known, row, ordinal)


def _last_of_each_id(rows: Iterable[LoadedRow], *, ids_stable: bool) -> list[LoadedRow]:
    """Rows with an operation listed twice (overlapping pages) kept once, as it stands last."""
    listed = list(rows)
    if not ids_stable:
        return listed
    last = {row.operation_id: place for place, row in enumerate(listed) if row.operation_id is not None}
    return [row for place, row in enumerate(listed) if row.operation_id is None or last[row.operation_id] == place]


def _known_order(operation: KnownOperation) -> tuple[str, date, int]:
    return (operation.key, operation.statement_day, operation.ordinal)


def _row_order(keyed: tuple[LoadedRow, str]) -> tuple[str, date, str, str]:
    row, key = keyed
    return (key, row.statement_day, row.details, row.operation_id or "")


def _plain(text: str) -> str:
    # The separator inside a field would let two different payments meet under one key.
    return "".join(text.split()).replace("|", "/")
