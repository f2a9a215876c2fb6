"""chain: from a deal's webhook to number, link and PDF on the deal, one deal at a time on an idle installation."""

import os
import sys
import time
from typing import Final

import psutil  # type: ignore[import-untyped]

from bench.measuring import Window, between, cpu_seconds
from bench.options import Options, read_options
from bench.report import Bar, Report, Row
from bench.tenants import PDF_BYTES
from bench.whole import PRODUCT, Passage, Whole, postgres_of, whole

PASSAGE_SECONDS_MAX: Final = 20.0
REST_SECONDS_MAX: Final = 20.0
PER_SECOND: Final = 1
"""So many deals are played for each second of a repeat, with a rest before each."""


def play(options: Options, at: Whole) -> tuple[list[Window], list[Passage]]:
    """Deals one after another, each when everything is at rest. Raises RuntimeError when one does not arrive."""
    tenants = at.open_tenants(1, seed=7)
    warm, each = max(1, int(options.warmup)), max(1, int(options.seconds * PER_SECOND))
    deals = at.prepare(tenants, warm + each * options.repeats)
    at.settle(REST_SECONDS_MAX)
    windows, passages = [], []
    launcher = psutil.Process(at.run.launcher.pid).pid
    for repeat in range(options.repeats + 1):
        first = 0 if repeat == 0 else warm + each * (repeat - 1)
        mine = deals[first : warm if repeat == 0 else first + each]
        cpu, started = cpu_seconds(launcher), time.perf_counter()
        for deal in mine:
            at.move(deal)
            found = at.passages([deal], PASSAGE_SECONDS_MAX)
            if deal not in found:
                raise RuntimeError(f"{deal} has no number, link and PDF after {PASSAGE_SECONDS_MAX:.0f} s")
            at.settle(REST_SECONDS_MAX)
            if repeat:
                passages.append(found[deal])
        if repeat:
            used = between(cpu, cpu_seconds(launcher))
            windows.append(Window(len(mine), time.perf_counter() - started, used))
    return windows, passages


def main() -> int:
    """Runs the benchmark; the exit code says whether all bars are met."""
    options = read_options("chain", __doc__ or "", seconds=20, warmup=5, repeats=3, concurrency=1)
    report = Report("chain", options)
    with whole() as at:
        report.set(
            postgres=postgres_of(at),
            role="application and delivery roles, row-level security in force",
            telemetry="traces sampled at the default ratio 0.1, no exporter address",
            sandbox=f"no limits, no delays, a PDF of {PDF_BYTES // 1024} KiB at once; every answer after an fsync",
            product_limits="unlimited in the tenant's file",
            processes="as `sverka up --sandbox` starts them",
        )
        windows, passages = play(options, at)
        latencies = [passage.milliseconds for passage in passages]
        row = Row.of_windows(
            "webhook to number, link and PDF",
            "deals/s one by one, with the rest between them",
            windows,
            product=PRODUCT,
            latencies_ms=latencies,
            settings={"deals": len(passages), "under_way": 1, "load_at_end": os.getloadavg()[0]},
            bars=[Bar("p50_ms", at_most=400), Bar("p99_ms", at_most=1_500)],
        )
        report.add(row)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
