"""burst: 2,000 deals enter the invoicing stage at once; until number, link and PDF stand on every one of them."""

import sys
import time
from typing import Final

from bench.measuring import Window, between, cpu_seconds
from bench.options import read_options
from bench.report import Bar, Report, Row
from bench.tenants import PDF_BYTES
from bench.whole import PRODUCT, Whole, postgres_of, whole

TENANTS: Final = 10
WARM_DEALS: Final = 50
REST_SECONDS_MAX: Final = 60.0
DEAL_SECONDS_MAX: Final = 0.5
"""The whole burst is given up after so many seconds for each of its deals."""


def play(count: int, at: Whole) -> tuple[Window, list[float]]:
    """One burst. Raises RuntimeError when a deal does not arrive."""
    tenants = at.open_tenants(TENANTS, seed=11)
    deals = at.prepare(tenants, count + WARM_DEALS)
    at.settle(REST_SECONDS_MAX)
    warm, burst = deals[:WARM_DEALS], deals[WARM_DEALS:]
    at.move_all(warm)
    at.passages(warm, 60.0)
    at.settle(REST_SECONDS_MAX)
    root = at.run.launcher.pid
    cpu = cpu_seconds(root)
    at.move_all(burst)
    found = at.passages(burst, max(60.0, DEAL_SECONDS_MAX * count))
    used = between(cpu, cpu_seconds(root))
    if len(found) < len(burst):
        raise RuntimeError(f"{len(burst) - len(found)} of {len(burst)} deals have not arrived")
    first = min(passage.sent_at for passage in found.values())
    last = max(passage.done_at for passage in found.values())
    return Window(len(burst), last - first, used), [passage.milliseconds for passage in found.values()]


def main() -> int:
    """Runs the benchmark; the exit code says whether all bars are met."""
    options = read_options("burst", __doc__ or "", seconds=1, warmup=0, repeats=1, concurrency=2_000)
    report = Report("burst", options)
    windows, latencies = [], []
    began = time.perf_counter()
    for _ in range(options.repeats):
        with whole() as at:
            report.set(postgres=postgres_of(at))
            window, its = play(options.concurrency, at)
            windows.append(window)
            latencies += its
    report.set(
        role="application and delivery roles, row-level security in force",
        telemetry="traces sampled at the default ratio 0.1, no exporter address",
        sandbox=f"no limits, no delays, a PDF of {PDF_BYTES // 1024} KiB at once; every answer after an fsync",
        product_limits="unlimited in the tenants' files",
        processes="as `sverka up --sandbox` starts them",
        seconds_in_all=round(time.perf_counter() - began),
    )
    row = Row.of_windows(
        "deals from webhook to number, link and PDF",
        "deals/s",
        windows,
        product=PRODUCT,
        latencies_ms=latencies,
        settings={"deals_at_once": options.concurrency, "tenants": TENANTS},
        bars=[Bar("median", at_least=30)],
    )
    report.add(row)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
