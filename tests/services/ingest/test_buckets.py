"""Buckets: never more than the limit, a share for everybody, and no call lost to a clock that is set back."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.buckets import (
    TOGETHER_MAX,
    Bucket,
    Given,
    Limit,
    NotYet,
    Share,
    relimited,
    returned,
    shrink,
    take,
)

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
SHARES: list[Share] = ["interactive", "bulk", "sweep", "resume"]


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def drained(bucket: Bucket, share: Share, now: datetime, count: int = 10) -> tuple[Bucket, int]:
    """Takes until there is nothing."""
    total = 0
    while True:
        bucket, given = take(bucket, count, share, now)
        if isinstance(given, NotYet):
            return bucket, total
        total += given.count


asks = st.lists(
    st.tuples(st.floats(0, 20), st.integers(1, 10), st.integers(1, 5), st.integers(0, 10), st.sampled_from(SHARES)),
    min_size=1,
    max_size=60,
)


@given(st.integers(1, 60), st.floats(0.1, 20), asks)
def test_no_more_is_called_than_burst_and_rate_allow(
    burst: int, per_second: float, asked: list[tuple[float, int, int, int, Share]]
) -> None:
    bucket, now, made, unused = Bucket.full(Limit(burst, per_second), NOW), NOW, 0, 0
    for seconds, count, least, not_made, share in asked:
        now += timedelta(seconds=seconds)
        bucket, given = take(returned(bucket, unused, share, now), count, share, now, least=least)
        allowed = given.count if isinstance(given, Given) else 0
        unused = min(allowed, not_made)
        made += allowed - unused
    assert made <= max(burst, TOGETHER_MAX) + per_second * (now - NOW).total_seconds() + 1e-6


@given(st.integers(1, 60), st.floats(0.1, 20), st.integers(1, 10), st.sampled_from(SHARES))
def test_whoever_waits_as_long_as_told_is_served(burst: int, per_second: float, count: int, share: Share) -> None:
    bucket, _ = drained(Bucket.full(Limit(burst, per_second), NOW), "interactive", NOW, 1)
    now = NOW
    for _ in range(12):
        bucket, given = take(bucket, count, share, now, least=min(count, TOGETHER_MAX))
        if isinstance(given, Given):
            return
        assert given.until > now
        now = given.until + timedelta(milliseconds=1)
    raise AssertionError("never served")


def test_a_fifth_is_left_to_peoples_work() -> None:
    bucket, total = drained(Bucket.full(Limit(50, 2), NOW), "bulk", NOW)
    assert total == 40
    _, left = drained(bucket, "interactive", NOW, 1)
    assert left == 10


def test_a_sweep_gets_its_twentieth_however_busy_the_others_are() -> None:
    bucket, _ = drained(Bucket.full(Limit(50, 2), NOW), "interactive", NOW, 1)
    served = 0
    for tick in range(1, 1201):  # two minutes in tenths of a second, interactive work always first
        now = after(tick / 10)
        bucket, _ = drained(bucket, "interactive", now, 1)
        bucket, given = take(bucket, 1, "sweep", now)
        served += given.count if isinstance(given, Given) else 0
    assert served >= 120 * 2 * 0.05 - 1


def test_a_sweep_that_nobody_makes_keeps_nothing_back() -> None:
    bucket, _ = drained(Bucket.full(Limit(1, 1), NOW), "interactive", NOW, 1)
    bucket, turned_away = take(bucket, 1, "sweep", NOW)
    assert isinstance(turned_away, NotYet)
    bucket, _ = drained(bucket, "interactive", after(41), 1)
    bucket, given = take(bucket, 1, "interactive", after(43))
    assert isinstance(given, Given)


def test_work_after_an_outage_takes_half_of_the_rate() -> None:
    bucket, _ = drained(Bucket.full(Limit(50, 2), NOW), "resume", NOW)
    total = 0
    for second in range(1, 101):
        bucket, given = drained(bucket, "resume", after(second), 1)
        total += given
    assert 90 <= total <= 101


def test_one_piece_of_work_gets_its_calls_together_or_none() -> None:
    bucket, _ = drained(Bucket.full(Limit(2, 0.2), NOW), "interactive", NOW, 1)
    bucket, early = take(bucket, 2, "interactive", after(5.5), least=2)
    assert isinstance(early, NotYet)
    assert abs((early.until - after(10)).total_seconds()) < 0.01
    _, given = take(bucket, 2, "interactive", after(10.1), least=2)
    assert given == Given(2)


def test_work_that_is_larger_than_the_burst_is_done_and_paid_for_afterwards() -> None:
    bucket, given = take(Bucket.full(Limit(2, 1), NOW), 5, "bulk", NOW, least=5)
    assert given == Given(5)
    bucket, early = take(bucket, 1, "interactive", after(3))
    assert isinstance(early, NotYet)
    _, given = take(bucket, 1, "interactive", after(4))
    assert given == Given(1)


def test_a_vendors_refusal_empties_the_bucket_slows_it_down_and_is_forgotten_in_time() -> None:
    bucket = shrink(Bucket.full(Limit(50, 2), NOW), None, NOW)
    assert isinstance(take(bucket, 1, "interactive", after(0.5))[1], NotYet)
    _, soon = drained(bucket, "interactive", after(11), 1)
    assert 8 <= soon <= 13, "about half of the rate"
    _, later = drained(bucket, "interactive", after(3600), 1)
    assert later == 50


def test_calls_that_were_not_made_can_be_made_by_others() -> None:
    bucket, _ = drained(Bucket.full(Limit(10, 0.1), NOW), "interactive", NOW, 1)
    _, total = drained(returned(bucket, 4, "interactive", NOW), "interactive", NOW, 1)
    assert total == 4


def test_nothing_comes_back_to_a_bucket_that_the_vendor_emptied() -> None:
    bucket = returned(shrink(Bucket.full(Limit(10, 0.1), NOW), None, NOW), 9, "interactive", NOW)
    assert isinstance(take(bucket, 1, "interactive", after(2))[1], NotYet)


def test_a_vendors_own_moment_is_kept() -> None:
    bucket = shrink(Bucket.full(Limit(50, 2), NOW), after(300), NOW)
    assert take(bucket, 1, "interactive", after(299))[1] == NotYet(after(300))
    assert isinstance(take(bucket, 1, "interactive", after(301))[1], Given)


def test_a_clock_that_is_set_back_gives_nothing_away() -> None:
    bucket, _ = drained(Bucket.full(Limit(5, 1), NOW), "interactive", NOW, 1)
    bucket, given = take(bucket, 1, "interactive", after(-3600))
    assert isinstance(given, NotYet)
    assert isinstance(take(bucket, 1, "interactive", after(-3598))[1], Given)


def test_another_limit_takes_what_was_taken_with_it() -> None:
    bucket, _ = drained(Bucket.full(Limit(50, 2), NOW), "interactive", NOW, 1)
    _, total = drained(relimited(bucket, Limit(60, 2), NOW), "interactive", NOW, 1)
    assert total == 10
