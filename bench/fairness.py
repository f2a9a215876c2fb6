"""fairness: what a quiet tenant pays while another one has thousands of deals queued."""

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

QUIET_DEALS_MAX: Final = 400
WARM_DEALS: Final = 3
PASSAGE_SECONDS_MAX: Final = 120.0
REST_SECONDS_MAX: Final = 60.0
BARS: Final = {"on": 1.2, "off": 3.0}


@dataclass(frozen=True, slots=True)
class Passages:
    """Latencies of the quiet tenant's deals in milliseconds, alone and beside; how many of the other's were still on
    their way when the measurement began and when it ended."""

    alone: Sequence[float]
    beside: Sequence[float]
    queued: int
    left: int


def one_by_one(at: Whole, deals: list[Deal], seconds: float) -> list[float]:
    """Deals one after another for so long, taken from the list. Raises RuntimeError when one does not arrive."""
    ended = time.monotonic() + seconds
    found: list[float] = []
    while not found or (time.monotonic() < ended and deals):
        deal = deals.pop()
        at.move(deal)
        passages = at.passages([deal], PASSAGE_SECONDS_MAX)
        if deal not in passages:
            raise RuntimeError(f"a deal of the quiet tenant did not arrive in {PASSAGE_SECONDS_MAX:.0f} s")
        found.append(passages[deal].milliseconds)
    return found


def play(options: Options, at: Whole, *, limited: bool) -> Passages:
    """A quiet tenant alone, then beside one with ``concurrency`` deals in the queue."""
    quiet, busy = open_tenants(at.control, at.ingest, 2, seed=23, unlimited=not limited, subscribed=True)
    mine = at.prepare([quiet], QUIET_DEALS_MAX)
    others = at.prepare([busy], options.concurrency)
    if limited:
        at.control.post("/limits", {"enabled": True})
    at.settle(REST_SECONDS_MAX)
    for _ in range(WARM_DEALS):
        one_by_one(at, mine, 0)
    alone = one_by_one(at, mine, options.seconds)
    at.move_all(others)
    queued = len(others) - at.arrived(others)
    beside = one_by_one(at, mine, options.seconds)
    return Passages(alone, beside, queued, len(others) - at.arrived(others))


def main() -> int:
    """Runs the benchmark; the exit code says whether all bars are met."""
    options = read_options("fairness", __doc__ or "", seconds=30, warmup=0, repeats=1, concurrency=10_000)
    report = Report("fairness", options)
    report.set(
        quiet="deals one after another, each from its webhook to number, link and PDF",
        limits_on="the sandbox's limits and the product's buckets as shipped: Bitrix24 2 a second, Elba 5 a second",
        limits_off="neither; the machine is as busy as the other tenant's deals make it",
    )
    for limits, at_most in BARS.items():
        with whole() as at:
            report.set(postgres=postgres_of(at))
            found = play(options, at, limited=limits == "on")
        alone, beside = (percentile(one, 0.95) for one in (found.alone, found.beside))
        ratio = round(beside / alone, 3)
        settings = {
            "deals_queued": options.concurrency,
            "still_queued_at_begin_and_end": (found.queued, found.left),
            "quiet_deals_alone_and_beside": (len(found.alone), len(found.beside)),
            "p95_ms_alone_and_beside": (round(alone), round(beside)),
        }
        bars = [Bar("median", at_most=at_most)]
        name = f"p95 of a quiet tenant beside a busy one, to its p95 alone, limits {limits}"
        report.add(Row(name, ratio, ratio, ratio, "×", settings=settings, bars=bars))
        if not found.left:
            report.note(f"limits {limits}: the other's queue was empty before the end; give --concurrency more")
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
