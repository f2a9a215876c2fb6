"""Buckets to the second: when the next call may go, what comes back, and how a vendor's refusals are forgotten."""

from datetime import timedelta

import pytest

from services.ingest.domain.buckets import Bucket, Given, Limit, NotYet, Share, relimited, returned, shrink, take
from tests.services.ingest.test_buckets import NOW, after, drained


def asked(bucket: Bucket, share: Share, seconds: float, count: int = 1) -> Given | NotYet:
    """What a share is told so many seconds later."""
    return take(bucket, count, share, after(seconds))[1]


@pytest.mark.parametrize(("share", "seconds"), [("interactive", 0.5), ("bulk", 2.5)])
def test_who_comes_too_early_is_told_when_there_will_be_a_call(share: Share, seconds: float) -> None:
    """Ten at once, two a second; two of the burst are people's."""
    bucket, _ = drained(Bucket.full(Limit(10, 2.0), NOW), "interactive", NOW, 1)
    bucket, told = take(bucket, 1, share, NOW)
    expected = {"interactive": 0.5, "bulk": 1.5}[share]
    assert told == NotYet(after(expected))
    assert asked(bucket, share, expected) == Given(1)
    assert seconds >= expected


def test_half_of_the_rate_is_the_moment_twice_as_far_away() -> None:
    bucket = shrink(Bucket.full(Limit(10, 2.0), NOW), after(1), NOW)
    told = asked(bucket, "interactive", 1.0)
    assert told == Given(1), "a second of half the rate is one call"
    bucket, _ = take(bucket, 1, "interactive", after(1))
    told = asked(bucket, "interactive", 1.0)
    assert isinstance(told, NotYet)
    assert 0.9 < (told.until - after(1)).total_seconds() < 1.0


def test_work_after_an_outage_is_told_when_its_own_half_will_have_come() -> None:
    bucket, given = drained(Bucket.full(Limit(20, 2.0), NOW), "resume", NOW, 1)
    assert given == 10
    told = asked(bucket, "resume", 0)
    assert told == NotYet(after(1.0)), "half of two a second"
    assert asked(bucket, "bulk", 0) == Given(1), "others have theirs"


def test_work_after_an_outage_goes_on_under_the_smallest_limit() -> None:
    bucket, given = drained(Bucket.full(Limit(1, 1.0), NOW), "resume", NOW, 1)
    assert given in (0, 1)
    bucket, given = drained(bucket, "resume", after(60), 1)
    assert given == 1


def test_a_sweep_that_waits_is_told_when_its_twentieth_will_have_come() -> None:
    bucket, _ = drained(Bucket.full(Limit(10, 2.0), NOW), "interactive", NOW, 1)
    bucket, told = take(bucket, 1, "sweep", NOW)
    assert told == NotYet(after(1.5)), "if nobody else calls"
    bucket, _ = drained(bucket, "interactive", after(1), 1)
    told = asked(bucket, "sweep", 1)
    assert isinstance(told, NotYet)
    assert told.until <= after(2.5)


def test_what_gathered_for_a_sweep_is_kept_from_others_while_it_waits() -> None:
    bucket, _ = drained(Bucket.full(Limit(10, 2.0), NOW), "interactive", NOW, 1)
    bucket, _ = take(bucket, 1, "sweep", NOW)
    for second in range(1, 12):
        bucket, _ = drained(bucket, "interactive", after(second), 1)
    assert asked(bucket, "sweep", 11) == Given(1)


@pytest.mark.parametrize(("share", "resumed"), [("resume", 4), ("bulk", 0)])
def test_calls_of_work_after_an_outage_come_back_to_it_alone(share: Share, resumed: int) -> None:
    bucket, _ = drained(Bucket.full(Limit(20, 0.001), NOW), "resume", NOW, 1)
    _, total = drained(returned(bucket, 4, share, NOW), "resume", NOW, 1)
    assert total == resumed


def test_a_single_call_comes_back() -> None:
    bucket, _ = drained(Bucket.full(Limit(10, 0.001), NOW), "interactive", NOW, 1)
    assert drained(returned(bucket, 1, "interactive", NOW), "interactive", NOW, 1)[1] == 1
    assert drained(returned(bucket, 0, "interactive", NOW), "interactive", NOW, 1)[1] == 0


def test_refusals_one_after_another_close_for_twice_as_long_each_time() -> None:
    bucket, closed = Bucket.full(Limit(10, 2.0), NOW), []
    for _ in range(8):
        bucket = shrink(bucket, None, NOW)
        assert bucket.closed_until is not None
        closed.append((bucket.closed_until - NOW).total_seconds())
    assert closed == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_call_that_went_makes_the_next_refusal_the_first() -> None:
    bucket = shrink(shrink(Bucket.full(Limit(10, 2.0), NOW), None, NOW), None, NOW)
    bucket, given = take(bucket, 1, "interactive", after(30))
    assert given == Given(1)
    assert shrink(bucket, None, after(30)).closed_until == after(31)


@pytest.mark.parametrize("own", [None, -5.0, 0.0])
def test_a_moment_that_is_over_is_no_moment_of_the_vendors(own: float | None) -> None:
    until = None if own is None else after(own)
    assert shrink(Bucket.full(Limit(10, 2.0), NOW), until, NOW).closed_until == NOW + timedelta(seconds=1)


def test_another_limit_begins_at_its_full_rate_from_now_on() -> None:
    bucket = shrink(Bucket.full(Limit(10, 2.0), NOW), after(1), NOW)
    changed = relimited(bucket, Limit(4, 1.0), after(2))
    assert (changed.limit, changed.at, changed.factor) == (Limit(4, 1.0), after(2), 1.0)
    assert changed.tokens == 0.0
    assert relimited(changed, Limit(4, 1.0), after(9)) is changed
