"""What the relay has in hand for each partition: the order of every key kept, interactive messages first."""

from collections import Counter, deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from chassis.aggregate import Lane
from chassis.messaging.outgoing import Outgoing

ROWS_MAX = 500


@dataclass(slots=True)
class Window:
    """The rows of one partition: those that wait, and those of the one request under way.

    A bulk row waits in a queue of its own, and so does every later row of its key, whatever its lane. When the window
    is full, all rows are left in the table from ``left_from`` on, so that none is taken before an earlier one.
    """

    interactive: deque[Outgoing] = field(default_factory=deque)
    bulk: deque[Outgoing] = field(default_factory=deque)
    under_way: list[Outgoing] = field(default_factory=list)
    left_from: int | None = None
    failures: int = 0
    retry_at: float = 0.0
    _bulk_keys: Counter[str] = field(default_factory=Counter)

    def offer(self, row: Outgoing, *, promoted: bool) -> bool:
        """Takes a row, or leaves it in the table; rows are offered in the order of their ``seq``.

        ``promoted``: an interactive row of this key comes later, so that this one must not lie behind other bulk rows.
        """
        if self.left_from is not None or len(self) >= ROWS_MAX:
            self.left_from = row.seq if self.left_from is None else min(self.left_from, row.seq)
            return False
        if (row.lane == Lane.INTERACTIVE or promoted) and not self._bulk_keys[row.key]:
            self.interactive.append(row)
        else:
            self.bulk.append(row)
            self._bulk_keys[row.key] += 1
        return True

    def __len__(self) -> int:
        return len(self.interactive) + len(self.bulk) + len(self.under_way)

    def next_rows(self) -> Iterable[Outgoing]:
        """The waiting rows in the order in which they may be sent."""
        yield from self.interactive
        yield from self.bulk

    def begin(self, count: int) -> list[Outgoing]:
        """Moves the first ``count`` of ``next_rows`` under way."""
        assert not self.under_way, "one request at a time keeps the order"
        while count and self.interactive:
            self.under_way.append(self.interactive.popleft())
            count -= 1
        while count:
            row = self.bulk.popleft()
            self._bulk_keys[row.key] -= 1
            self.under_way.append(row)
            count -= 1
        self._bulk_keys += Counter()  # forgets keys without rows
        return self.under_way

    def finish(self) -> None:
        """The request was acknowledged."""
        self.under_way.clear()
        self.failures = 0

    def put_back(self) -> None:
        """The request failed: its rows are the first again, before anything else of their keys."""
        self.interactive.extendleft(reversed(self.under_way))
        self.under_way.clear()

    def room(self) -> int | None:
        """Where to read again when rows were left in the table and there is room now; None otherwise."""
        if self.left_from is None or len(self) > ROWS_MAX // 2:
            return None
        where, self.left_from = self.left_from, None
        return where


def seqs(windows: Collection[Window]) -> list[int]:
    """The rows that are in hand."""
    return [row.seq for w in windows for rows in (w.interactive, w.bulk, w.under_way) for row in rows]


class Floor:
    """Where reading begins: behind what was read, once every transaction that may yet bring a lower ``seq`` has ended.

    A row's number is drawn before its row is committed. Whoever stands still in between brings it late, and what
    follows it under its key would be read without it if reading began behind it by then.
    """

    def __init__(self) -> None:
        self._highest = 0
        self._settled = 0
        self._bounds: deque[tuple[int, int]] = deque()
        self.seq = 0

    @property
    def follows(self) -> bool:
        """Whether it lies lower than what was read."""
        return self._highest > self.seq

    def saw(self, seq: int) -> None:
        """A row was read."""
        self._highest = max(self._highest, seq)

    def bound(self, transaction: int) -> None:
        """Remembers a transaction that is younger than all that drew numbers lower than what was read up to the call
        before this one."""
        if self._settled > (self._bounds[-1][1] if self._bounds else self.seq):
            self._bounds.append((transaction, self._settled))
        self._settled = self._highest

    def rise(self, oldest: int, read_to: int | None) -> None:
        """After a read that saw all that was committed when ``oldest`` was the oldest transaction under way; it came to
        its limit at ``read_to``, or saw everything (None)."""
        while self._bounds and self._bounds[0][0] < oldest:
            seq = self._bounds[0][1]
            if read_to is not None and seq > read_to:
                self.seq = max(self.seq, read_to)
                return
            self.seq = max(self.seq, seq)
            self._bounds.popleft()

    def lower(self, seq: int) -> None:
        """Rows from ``seq`` on are to be read again."""
        while self._bounds and self._bounds[-1][1] >= seq:
            self._bounds.pop()
        self._highest = min(self._highest, seq - 1)
        self._settled = min(self._settled, seq - 1)
        self.seq = min(self.seq, seq - 1)
