"""The bucket of one vendor account, in business time: who may call now, and who keeps a share for whom."""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Final, Literal

PERMITS_MAX: Final = 10
TOGETHER_MAX: Final = 5
PERMIT_SECONDS: Final = 5.0
INTERACTIVE_RESERVE: Final = 0.2
SWEEP_SHARE: Final = 0.05
RESUME_SHARE: Final = 0.5
SWEEP_PATIENCE_SECONDS_MIN: Final = 30.0
FACTOR_MIN: Final = 0.1
RECOVERY_SECONDS: Final = 600.0
PAUSE_SECONDS_MAX: Final = 60.0

Share = Literal["interactive", "bulk", "sweep", "resume"]


@dataclass(frozen=True, slots=True)
class Limit:
    """``burst`` calls at once, ``per_second`` come back each business second."""

    burst: int
    per_second: float


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is left of a limit at a moment.

    ``sweep`` is what has gathered for a sweep that was turned away at ``sweep_waits_since``; ``resume`` is a second
    meter for work that waited for an outage to end. ``factor`` is the part of the rate that the vendor's own refusals
    left; it grows back. Nothing is given before ``closed_until``.
    """

    limit: Limit
    at: dt.datetime
    tokens: float
    sweep: float = 0.0
    sweep_waits_since: dt.datetime | None = None
    resume: float = 0.0
    factor: float = 1.0
    closed_until: dt.datetime | None = None
    refusals: int = 0

    @classmethod
    def full(cls, limit: Limit, now: dt.datetime) -> "Bucket":
        """A bucket that nobody has taken from."""
        return cls(limit, now, float(limit.burst), resume=limit.burst * RESUME_SHARE)


@dataclass(frozen=True, slots=True)
class Given:
    """How many calls may go, at least one."""

    count: int


@dataclass(frozen=True, slots=True)
class NotYet:
    """Nothing now; asking before ``until`` is no use."""

    until: dt.datetime


def take(
    bucket: Bucket, count: int, share: Share, now: dt.datetime, *, least: int = 1
) -> tuple[Bucket, Given | NotYet]:
    """Takes up to ``count`` calls, as many as are there and ``least`` (one piece of work) or none.

    Where the burst is smaller than one piece of work, a full bucket is overdrawn for it.
    """
    bucket = flowed(bucket, now)
    if bucket.closed_until is not None and now < bucket.closed_until:
        return bucket, NotYet(bucket.closed_until)
    free = _free(bucket, share)
    least = min(least, count)
    needed = min(least, _most(bucket, share))
    if free + 1e-9 < needed:
        if share == "sweep" and bucket.sweep_waits_since is None:
            bucket = replace(bucket, sweep_waits_since=now)
        return bucket, NotYet(now + dt.timedelta(seconds=max(_seconds_to(bucket, share, needed), 0.001)))
    given = max(least, min(count, PERMITS_MAX, int(free + 1e-9)))
    bucket = replace(bucket, tokens=bucket.tokens - given, refusals=0)
    if share == "sweep":
        bucket = replace(bucket, sweep=max(0.0, bucket.sweep - given), sweep_waits_since=None)
    if share == "resume":
        bucket = replace(bucket, resume=bucket.resume - given)
    return bucket, Given(given)


def returned(bucket: Bucket, count: int, share: Share, now: dt.datetime) -> Bucket:
    """The bucket with ``count`` calls again that were given and not made; one that the vendor closed stays empty."""
    bucket = flowed(bucket, now)
    if count == 0 or bucket.closed_until is not None:
        return bucket
    burst = float(bucket.limit.burst)
    resume = bucket.resume + (count if share == "resume" else 0)
    return replace(bucket, tokens=min(burst, bucket.tokens + count), resume=min(_resume_most(burst), resume))


def shrink(bucket: Bucket, until: dt.datetime | None, now: dt.datetime) -> Bucket:
    """The vendor said "too many": the bucket is empty, its rate halves and grows back over ten minutes; it stays closed
    until the vendor's own moment, or for 1, 2, 4 … seconds."""
    bucket = flowed(bucket, now)
    pause = min(2.0**bucket.refusals, PAUSE_SECONDS_MAX)
    return replace(
        bucket,
        tokens=0.0,
        resume=0.0,
        factor=max(FACTOR_MIN, bucket.factor / 2),
        closed_until=until if until is not None and until > now else now + dt.timedelta(seconds=pause),
        refusals=min(bucket.refusals + 1, 10),
    )


def relimited(bucket: Bucket, limit: Limit, now: dt.datetime) -> Bucket:
    """The bucket under another limit; what was taken stays taken."""
    if bucket.limit == limit:
        return bucket
    taken = bucket.limit.burst - flowed(bucket, now).tokens
    return replace(
        bucket, limit=limit, at=now, tokens=max(0.0, min(limit.burst - taken, float(limit.burst))), factor=1.0
    )


def flowed(bucket: Bucket, now: dt.datetime) -> Bucket:
    """The bucket at a later moment. A clock that was set back lets nothing flow."""
    seconds = (now - bucket.at).total_seconds()
    if seconds <= 0:
        return bucket if seconds == 0 else replace(bucket, at=now)
    if bucket.closed_until is not None and now >= bucket.closed_until:
        bucket = replace(bucket, closed_until=None)
    burst, flow = float(bucket.limit.burst), seconds * bucket.limit.per_second * bucket.factor
    waits = bucket.sweep_waits_since
    if waits is not None and (now - waits).total_seconds() > _patience_seconds(bucket):
        waits = None
    return replace(
        bucket,
        at=now,
        tokens=min(burst, bucket.tokens + flow),
        sweep=0.0 if waits is None else min(_sweep_most(burst), bucket.sweep + flow * SWEEP_SHARE),
        sweep_waits_since=waits,
        resume=min(_resume_most(burst), bucket.resume + flow * RESUME_SHARE),
        factor=min(1.0, bucket.factor + seconds / RECOVERY_SECONDS),
    )


def _free(bucket: Bucket, share: Share) -> float:
    """What a share may take: a waiting sweep's part is left to it, a fifth of the burst to people's work."""
    if share == "sweep":
        return max(bucket.tokens - _reserve(bucket), min(bucket.tokens, bucket.sweep))
    free = bucket.tokens - bucket.sweep
    if share == "interactive":
        return free
    free -= _reserve(bucket)
    return min(free, bucket.resume) if share == "resume" else free


def _resume_most(burst: float) -> float:
    return max(1.0, burst * RESUME_SHARE)


def _sweep_most(burst: float) -> float:
    return max(min(float(TOGETHER_MAX), burst), burst * SWEEP_SHARE)


def _seconds_to(bucket: Bucket, share: Share, needed: int) -> float:
    """How long a share has to wait when nobody else takes anything."""
    rate = bucket.limit.per_second * bucket.factor
    kept = bucket.sweep if share != "sweep" else 0.0
    kept += 0 if share == "interactive" else _reserve(bucket)
    seconds = (needed + kept - bucket.tokens) / rate
    if share == "sweep":
        seconds = min(seconds, (needed - bucket.sweep) / (rate * SWEEP_SHARE))
    if share == "resume":
        seconds = max(seconds, (needed - bucket.resume) / (rate * RESUME_SHARE))
    return seconds


def _patience_seconds(bucket: Bucket) -> float:
    """How long a part is kept for a sweep that does not come back for it."""
    return max(SWEEP_PATIENCE_SECONDS_MIN, 2 / (bucket.limit.per_second * bucket.factor * SWEEP_SHARE))


def _most(bucket: Bucket, share: Share) -> int:
    """What a share can ever be given at once."""
    burst = bucket.limit.burst
    if share == "interactive":
        return burst
    most = max(1, burst - _reserve(bucket))
    return min(most, max(1, int(burst * RESUME_SHARE))) if share == "resume" else most


def _reserve(bucket: Bucket) -> int:
    return int(bucket.limit.burst * INTERACTIVE_RESERVE)
