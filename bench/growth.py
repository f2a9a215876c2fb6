"""growth: what a deal costs (CPU, statements, rows read) when the stores hold few, many and very many events."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.measuring import between, cpu_seconds, median
from bench.options import Options, read_options
from bench.report import Bar, Report, Row
from bench.stores import CANNOT_NOW, Stores
from bench.tenants import Tenant
from bench.whole import PRODUCT, Whole, postgres_of, whole

TENANTS: Final = 3
TEMPLATE_DEALS: Final = 30
"""Deals that are played first, and then copied."""
LEVELS: Final = (100, 10, 1)
"""The largest store is so many times as large as each."""
DEAL_SECONDS_MAX: Final = 5.0
SERVER_SECONDS_MAX: Final = 120.0
PARTS: Final = (*PRODUCT, "postgres")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one deal."""

    cpu_seconds: float
    statements: float
    rows_read: float


def deals_at_once(at: Whole, tenants: Sequence[Tenant], count: int) -> None:
    """Plays so many deals to number, link and PDF. Raises RuntimeError when one does not arrive."""
    deals = at.prepare(tenants, count)
    at.move_all(deals)
    if len(at.passages(deals, max(120.0, DEAL_SECONDS_MAX * count))) < count:
        raise RuntimeError("not all deals have arrived")
    at.settle(60.0)


def cost(at: Whole, stores: Stores, tenants: Sequence[Tenant], count: int) -> Cost:
    """What each of ``count`` deals took on the average, their making in the sandbox included."""
    at.settle(60.0)
    cpu, before = cpu_seconds(at.run.launcher.pid), asyncio.run(stores.work())
    deals_at_once(at, tenants, count)
    used, after = between(cpu, cpu_seconds(at.run.launcher.pid)), asyncio.run(stores.work())
    return Cost(
        sum(used.get(part, 0.0) for part in PARTS) / count,
        (after.statements - before.statements) / count,
        (after.rows_read - before.rows_read) / count,
    )


def restart_postgres(at: Whole, stores: Stores) -> None:
    """Has the server count statements. Raises RuntimeError where it is not this installation's own."""
    asyncio.run(stores.count_statements())
    if at.run.postgres.pid is None:
        raise RuntimeError("statements can be counted on the embedded PostgreSQL alone: leave DATABASE_URL out")
    os.kill(at.run.postgres.pid, signal.SIGINT)
    deadline = time.monotonic() + SERVER_SECONDS_MAX
    while True:
        try:
            asyncio.run(stores.work())
        except CANNOT_NOW:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def play(options: Options, at: Whole) -> list[tuple[int, list[Cost]]]:
    """For each size of the stores: how many events they held, and the cost in each repeat."""
    stores = Stores(at.run.postgres.url)
    restart_postgres(at, stores)
    tenants = at.open_tenants(TENANTS, seed=19)
    deals_at_once(at, tenants, TEMPLATE_DEALS)
    found = []
    for share in LEVELS:
        held = asyncio.run(stores.fill(options.events // share))
        deals_at_once(at, tenants, max(1, options.concurrency // 4))
        found.append((held, [cost(at, stores, tenants, options.concurrency) for _ in range(options.repeats)]))
    return found


def main() -> int:
    """Runs the benchmark; the exit code says whether all bars are met."""
    options = read_options("growth", __doc__ or "", seconds=1, warmup=0, repeats=2, concurrency=60, events=1_000_000)
    report = Report("growth", options)
    with whole() as at:
        report.set(
            postgres=postgres_of(at),
            filled_by="copies of deals that were played: events, inbox, outbox, closed due work; then VACUUM ANALYZE",
            counted="CPU of services and PostgreSQL; pg_stat_statements; rows of tables, not of catalogues",
            deals_at_once=options.concurrency,
            tenants=TENANTS,
        )
        found = play(options, at)
    for held, costs in found:
        cpu = [1000 * one.cpu_seconds for one in costs]
        settings = {
            "statements_per_deal": round(median(one.statements for one in costs), 1),
            "rows_read_per_deal": round(median(one.rows_read for one in costs), 1),
        }
        report.add(_row(f"a deal at {held:,} events", cpu, "ms CPU", settings=settings))
    (_, first), (_, last) = found[0], found[-1]
    for what in ("cpu_seconds", "statements", "rows_read"):
        few, many = ([float(getattr(one, what)) for one in costs] for costs in (first, last))
        ratios = [value / median(few) for value in many]
        report.add(_row(f"{what} of a deal, last to first", ratios, "×", bars=[Bar("median", at_most=1.1)]))
    return report.finish()


def _row(
    name: str, values: Sequence[float], unit: str, *, settings: dict[str, float] | None = None, bars: Sequence[Bar] = ()
) -> Row:
    low, middle, high = (round(one, 3) for one in (min(values), median(values), max(values)))
    return Row(name, middle, low, high, unit, settings=settings or {}, bars=bars)


if __name__ == "__main__":
    sys.exit(main())
