"""Which rows the relay has in hand: a full window, a failed request."""

from datetime import UTC, date, datetime

from chassis.aggregate import Lane
from chassis.messaging.outgoing import Outgoing
from chassis.messaging.windows import ROWS_MAX, Window


def row(seq: int, key: str = "k", lane: Lane = Lane.INTERACTIVE) -> Outgoing:
    return Outgoing(seq, date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC), lane, "t", key, "id", "[]", b"")


def test_a_full_window_leaves_all_later_rows_until_it_has_room() -> None:
    window = Window()
    assert all(window.offer(row(seq), promoted=False) for seq in range(1, ROWS_MAX + 1))
    assert not window.offer(row(ROWS_MAX + 1), promoted=False)
    window.begin(ROWS_MAX - 10)
    window.finish()
    assert not window.offer(row(ROWS_MAX + 2), promoted=False), "an earlier row was left, so this one waits too"
    assert window.room() == ROWS_MAX + 1
    assert window.offer(row(ROWS_MAX + 1), promoted=False)


def test_a_failed_request_comes_first_again_in_its_order() -> None:
    window = Window()
    for each in (row(1, lane=Lane.BULK), row(2, lane=Lane.BULK), row(3), row(4, "other")):
        window.offer(each, promoted=False)
    assert [r.seq for r in window.next_rows()] == [4, 1, 2, 3], "3 waits for its key"
    window.begin(3)
    window.put_back()
    assert [r.seq for r in window.next_rows()] == [4, 1, 2, 3]
