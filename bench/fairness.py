"""fairness: what a quiet tenant pays while another one has thousands of deals queued."""

import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.measuring import percentile
from bench.options import Options, read_options
from bench.report import Bar, Report, Row
from bench.tenants import open_tenants
from bench.whole import Deal, Whole, postgres_of, whole

WARM_DEALS: Final = 3
PASSAGE_SECONDS_MAX: Final = 120.0
REST_SECONDS_MAX: Final = 60.0
FEED_SECONDS_MAX: Final = 900.0
LOOK_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True)
class Setting:
    """Whether vendors' limits hold, how often the quiet tenant has a deal, and how many times as long it may take."""

    name: str
    limited: bool
    every_seconds: float
    times_max: float


# A deal is about five requests to the portal: one in three seconds stays below the two a second that a vendor allows.
SETTINGS: Final = (Setting("on", True, 3.0, 1.2), Setting("off", False, 0.5, 3.0))


@dataclass(frozen=True, slots=True)
class Passages:
    """Latencies of the quiet tenant's deals in milliseconds, alone and beside; how many of the other's were still on
    their way when the measurement began and when it ended."""

    alone: Sequence[float]
    beside: Sequence[float]
    queued: int
    left: int


def in_turn(at: Whole, deals: list[Deal], count: int, every_seconds: float) -> list[float]:
    """So many deals taken from the list, each when the one before has arrived and its time has come. Raises
    RuntimeError when one does not arrive."""
    found: list[float] = []
    for _ in range(count):
        began = time.monotonic()
        deal = deals.pop()
        at.move(deal)
        passages = at.passages([deal], PASSAGE_SECONDS_MAX)
        if deal not in passages:
            raise RuntimeError(f"a deal of the quiet tenant did not arrive in {PASSAGE_SECONDS_MAX:.0f} s")
        found.append(passages[deal].milliseconds)
        time.sleep(max(0.0, began + every_seconds - time.monotonic()))
    return found


def feed(at: Whole, deals: Sequence[Deal]) -> None:
    """Moves them all; returns when every webhook has been taken. Raises RuntimeError when that does not end."""
    at.move_all(deals)
    deadline = time.monotonic() + FEED_SECONDS_MAX
    while at.control.get("/status")["events_pending"]:
        if time.monotonic() > deadline:
            raise RuntimeError(f"not all webhooks were taken in {FEED_SECONDS_MAX:.0f} s")
        time.sleep(LOOK_SECONDS)


def play(options: Options, at: Whole, setting: Setting) -> Passages:
    """A quiet tenant alone, then beside one with ``deals`` deals in the queue."""
    quiet, busy = open_tenants(at.control, at.ingest, 2, seed=23, unlimited=not setting.limited, subscribed=True)
    count = max(1, math.ceil(options.seconds / setting.every_seconds))
    mine = at.prepare([quiet], WARM_DEALS + 2 * count)
    others = at.prepare([busy], options.sizes["deals"])
    at.settle(REST_SECONDS_MAX)
    if setting.limited:
        at.control.post("/limits", {"enabled": True})
    in_turn(at, mine, WARM_DEALS, setting.every_seconds)
    alone = in_turn(at, mine, count, setting.every_seconds)
    feed(at, others)
    queued = len(others) - at.arrived(others)
    beside = in_turn(at, mine, count, setting.every_seconds)
    return Passages(alone, beside, queued, len(others) - at.arrived(others))


def main() -> int:
    """Runs the benchmark; the exit code says whether all bars are met."""
    options = read_options(
        "fairness", __doc__ or "", seconds=90, warmup=0, repeats=1, concurrency=1,
        sizes={"deals": (10_000, "deals that the busy tenant has queued")},
    )  # fmt: skip
    report = Report("fairness", options)
    report.set(
        quiet="a deal in three seconds (on) or half a second (off), each from its webhook to number, link and PDF",
        busy="all its webhooks taken before the measurement begins; nobody waits until its deals are done",
        limits_on="the sandbox's limits and the product's buckets as shipped: Bitrix24 2 a second, Elba 5 a second",
        limits_off="neither; the machine is as busy as the other tenant's deals make it",
    )
    for setting in SETTINGS:
        with whole() as at:
            report.set(postgres=postgres_of(at))
            found = play(options, at, setting)
        report.add(_row(setting, options, found))
        if not found.left:
            report.note(f"limits {setting.name}: the other's queue was empty before the end; give it more --deals")
    return report.finish()


def _row(setting: Setting, options: Options, found: Passages) -> Row:
    alone, beside = (percentile(one, 0.95) for one in (found.alone, found.beside))
    ratio = round(beside / alone, 3)
    return Row(
        f"p95 of a quiet tenant beside a busy one, to its p95 alone, limits {setting.name}", ratio, ratio, ratio, "×",
        settings={
            "deals_queued": options.sizes["deals"],
            "still_queued_at_begin_and_end": (found.queued, found.left),
            "quiet_deals_alone_and_beside": (len(found.alone), len(found.beside)),
            "p50_ms_alone_and_beside": tuple(round(percentile(one, 0.5)) for one in (found.alone, found.beside)),
            "p95_ms_alone_and_beside": (round(alone), round(beside)),
        },
        bars=[Bar("median", at_most=setting.times_max)],
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
