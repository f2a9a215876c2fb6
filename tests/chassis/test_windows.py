"""What the relay has in hand: no row overtakes an earlier one of its key, and none is passed by while reading."""

from datetime import UTC, date, datetime

import pytest

from chassis.aggregate import Lane
from chassis.messaging.outgoing import Outgoing
from chassis.messaging.windows import ROWS_MAX, Floor, Window, seqs


def row(seq: int, key: str = "k", lane: Lane = Lane.INTERACTIVE, headers: str = "[]") -> Outgoing:
    """An unsent row."""
    return Outgoing(seq, date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC), lane, "t", key, "id", headers, b"")


def offered(*rows: Outgoing, promoted: bool = False) -> Window:
    """A window that took the rows."""
    window = Window()
    assert all(window.offer(one, promoted=promoted) for one in rows)
    return window


def order(window: Window) -> list[int]:
    """In which order the rows may be sent."""
    return [one.seq for one in window.next_rows()]


def test_interactive_rows_go_first_and_bulk_rows_keep_their_order() -> None:
    window = offered(row(1, "a", Lane.BULK), row(2, "b", Lane.BULK), row(3, "c"), row(4, "d"))
    assert order(window) == [3, 4, 1, 2]
    assert len(window) == 4


def test_a_later_row_waits_for_every_bulk_row_of_its_key() -> None:
    window = offered(row(1, "k", Lane.BULK), row(2, "k", Lane.BULK))
    assert [one.seq for one in window.begin(1)] == [1]
    window.finish()
    window.offer(row(3, "k"), promoted=False)
    window.offer(row(4, "other"), promoted=False)
    assert order(window) == [4, 2, 3]


def test_a_key_without_waiting_bulk_rows_is_interactive_again() -> None:
    window = offered(row(1, "k", Lane.BULK), row(2, "k"), row(3, "z", Lane.BULK), row(4, "z", Lane.BULK))
    window.begin(2)
    window.finish()
    window.offer(row(5, "k"), promoted=False)
    window.offer(row(6, "z"), promoted=False)
    assert order(window) == [5, 3, 4, 6]


def test_a_promoted_bulk_row_goes_with_the_interactive_one_of_its_key() -> None:
    window = offered(row(1, "bulk", Lane.BULK))
    window.offer(row(2, "k", Lane.BULK), promoted=True)
    window.offer(row(3, "k"), promoted=False)
    assert order(window) == [2, 3, 1]


def test_a_promoted_row_does_not_overtake_what_already_waits_of_its_key() -> None:
    window = offered(row(1, "k", Lane.BULK))
    window.offer(row(2, "k", Lane.BULK), promoted=True)
    assert order(window) == [1, 2]
    window.offer(row(3, "other"), promoted=False)
    assert order(window) == [3, 1, 2]


def test_a_request_takes_rows_from_both_queues_and_one_is_under_way_at_a_time() -> None:
    window = offered(row(1, "a", Lane.BULK), row(2, "b", Lane.BULK), row(3, "c"), row(4, "d"))
    assert [one.seq for one in window.begin(3)] == [3, 4, 1]
    assert (order(window), len(window), seqs([window])) == ([2], 4, [2, 3, 4, 1])
    with pytest.raises(AssertionError, match="one request at a time"):
        window.begin(1)
    window.failures = 2
    window.finish()
    assert (window.under_way, window.failures, len(window)) == ([], 0, 1)
    assert [one.seq for one in window.begin(1)] == [2]


def test_a_request_that_failed_is_the_first_again() -> None:
    window = offered(row(1, "a"), row(2, "b"), row(3, "c"))
    window.begin(2)
    window.put_back()
    assert (order(window), window.under_way) == ([1, 2, 3], [])


def test_a_full_window_leaves_rows_from_the_first_that_it_did_not_take() -> None:
    window = offered(*(row(seq) for seq in range(1, ROWS_MAX)))
    assert window.offer(row(ROWS_MAX), promoted=False), "this one fills it"
    assert not window.offer(row(ROWS_MAX + 5), promoted=False)
    assert not window.offer(row(ROWS_MAX + 7), promoted=False)
    assert window.left_from == ROWS_MAX + 5
    assert not window.offer(row(ROWS_MAX + 2), promoted=False), "committed later than its number says"
    assert window.left_from == ROWS_MAX + 2
    assert len(window) == ROWS_MAX


def test_reading_goes_on_where_rows_were_left_once_half_is_sent() -> None:
    window = offered(*(row(seq) for seq in range(1, ROWS_MAX + 1)))
    assert window.room() is None, "nothing was left"
    window.offer(row(ROWS_MAX + 1), promoted=False)
    assert window.room() is None, "and no room"
    window.begin(ROWS_MAX // 2 - 1)
    window.finish()
    assert window.room() is None
    window.begin(1)
    window.finish()
    assert len(window) == ROWS_MAX // 2
    assert window.room() == ROWS_MAX + 1
    assert (window.left_from, window.room()) == (None, None)


def test_what_is_in_hand_is_what_waits_and_what_is_under_way() -> None:
    one, other = offered(row(1, "a"), row(2, "b"), row(3, "c", Lane.BULK)), offered(row(9))
    one.begin(1)
    assert sorted(seqs([one, other])) == [1, 2, 3, 9]
    assert seqs([]) == []


def test_headers_are_read_as_kafka_takes_them() -> None:
    assert row(1, headers='[["ce_id", "7"], ["ce_subject", "Счёт"]]').kafka_headers() == [
        ("ce_id", b"7"),
        ("ce_subject", "Счёт".encode()),
    ]


def settled(floor: Floor, seq: int, transaction: int) -> None:
    """All up to ``seq`` is read, and ``transaction`` is younger than whoever may bring a lower number."""
    floor.saw(seq)
    floor.bound(transaction - 1)
    floor.bound(transaction)


def test_the_floor_follows_when_whoever_may_bring_a_lower_number_has_ended() -> None:
    floor = Floor()
    assert (floor.seq, floor.follows) == (0, False)
    settled(floor, 7, transaction=100)
    floor.rise(oldest=100, read_to=None)
    assert (floor.seq, floor.follows) == (0, True), "the hundredth may be one of them"
    floor.rise(oldest=101, read_to=None)
    assert (floor.seq, floor.follows) == (7, False)


def test_what_was_read_since_the_last_look_does_not_count_yet() -> None:
    floor = Floor()
    floor.saw(1)
    floor.bound(100)
    floor.saw(2)
    floor.bound(101)
    floor.rise(oldest=200, read_to=None)
    assert floor.seq == 1


def test_the_floor_rises_as_far_as_the_older_ones_have_ended() -> None:
    floor = Floor()
    for seq in (1, 2, 3):
        floor.saw(seq)
        floor.bound(100 + seq)
    floor.rise(oldest=103, read_to=None)
    assert floor.seq == 1, "1 was read before 102 began, 2 before 103"
    floor.rise(oldest=104, read_to=None)
    assert floor.seq == 2


def test_the_floor_does_not_pass_what_a_limited_read_has_left() -> None:
    floor = Floor()
    settled(floor, 100, transaction=10)
    floor.rise(oldest=11, read_to=40)
    assert floor.seq == 40
    floor.rise(oldest=11, read_to=None)
    assert floor.seq == 100


def test_a_row_of_a_lower_number_does_not_hold_the_floor_back() -> None:
    floor = Floor()
    floor.saw(7)
    settled(floor, 3, transaction=10)
    floor.rise(oldest=11, read_to=None)
    assert floor.seq == 7


def test_a_lowered_floor_reads_again_from_there() -> None:
    floor = Floor()
    settled(floor, 100, transaction=10)
    floor.saw(300)
    floor.rise(oldest=11, read_to=None)
    assert floor.seq == 100
    floor.lower(50)
    assert (floor.seq, floor.follows) == (49, False)
    settled(floor, 50, transaction=20)
    floor.rise(oldest=20, read_to=None)
    assert floor.seq == 49, "what was known of the higher ones is forgotten"
    floor.rise(oldest=21, read_to=None)
    assert floor.seq == 50


def test_lowering_never_raises_the_floor_and_keeps_what_lies_below() -> None:
    floor = Floor()
    settled(floor, 10, transaction=10)
    settled(floor, 60, transaction=20)
    floor.lower(50)
    assert floor.seq == 0
    floor.rise(oldest=30, read_to=None)
    assert floor.seq == 10
    floor.lower(50)
    assert floor.seq == 10
