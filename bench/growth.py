"""growth: what a deal costs (CPU, statements, rows read) when the stores hold few, many and very many events."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bench.history import History
from bench.measuring import between, cpu_seconds, median
from bench.options import Options, read_options
from bench.report import Bar, Report, Row
from bench.stores import CANNOT_NOW, Stores
from bench.tenants import Tenant
from bench.whole import PRODUCT, Deal, Whole, postgres_of, whole

TENANTS: Final = 3
TEMPLATE_DEALS: Final = 30
"""Deals that are played and paid first, and then copied."""
LEVELS: Final = (100, 10, 1)
"""The largest store is so many times as large as each."""
DEAL_SECONDS_MAX: Final = 5.0
SERVER_SECONDS_MAX: Final = 120.0
REST_SECONDS_MAX: Final = 60.0
TOLD_SECONDS: Final = 11.0
"""After so long the server's sessions have told what they read."""
UNTIL_POLLED_SECONDS: Final = 3_600
PARTS: Final = (*PRODUCT, "postgres")
TABLES_SHOWN: Final = 8
LEAST: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one deal, or of one second at rest; rows read by service and table."""

    cpu_seconds: float
    statements: float
    rows_read: float
    rows_by_table: Mapping[str, float]

    def less(self, rest: "Cost", times: float, rest_times: float) -> "Cost":
        """The cost without what rest takes in ``rest_times`` (of CPU: ``times``) seconds."""
        return Cost(
            max(0.0, self.cpu_seconds - rest.cpu_seconds * times),
            max(0.0, self.statements - rest.statements * rest_times),
            max(0.0, self.rows_read - rest.rows_read * rest_times),
            {name: rows - rest.rows_by_table.get(name, 0.0) * rest_times for name, rows in self.rows_by_table.items()},
        )


@dataclass(frozen=True, slots=True)
class Level:
    """What the stores held, what a second at rest cost, and what a deal cost in each repeat beyond that."""

    events: int
    rest: Cost
    deals: Sequence[Cost]


class Meter:
    """What the product and its server used, from ``start`` to ``cost``."""

    def __init__(self, at: Whole, stores: Stores) -> None:
        self._root, self._stores = at.run.launcher.pid, stores

    def start(self) -> None:
        """Begins when what was done before has been told."""
        time.sleep(TOLD_SECONDS)
        self._work, self._cpu, self._began = asyncio.run(self._stores.work()), cpu_seconds(self._root), time.monotonic()

    def cost(self, by: int) -> tuple[Cost, float, float]:
        """Of each of ``by``; and the seconds of the CPU's and of the server's part of it, for each of them."""
        used, cpu_ended = between(self._cpu, cpu_seconds(self._root)), time.monotonic()
        time.sleep(TOLD_SECONDS)
        work, ended = asyncio.run(self._stores.work()), time.monotonic()
        rows = {name: (rows - self._work.rows_read.get(name, 0)) / by for name, rows in work.rows_read.items()}
        cost = Cost(
            sum(used.get(part, 0.0) for part in PARTS) / by,
            (work.statements - self._work.statements) / by,
            sum(rows.values()),
            rows,
        )
        return cost, (cpu_ended - self._began) / by, (ended - self._began) / by


def arrive(at: Whole, deals: Sequence[Deal]) -> None:
    """Moves them and waits for number, link and PDF. Raises RuntimeError when one does not arrive."""
    at.move_all(deals)
    if len(at.passages(deals, max(120.0, DEAL_SECONDS_MAX * len(deals)))) < len(deals):
        raise RuntimeError("not all deals have arrived")


def templates(at: Whole, stores: Stores, tenants: Sequence[Tenant]) -> None:
    """Deals from their webhook to the paid invoice. Raises RuntimeError or TimeoutError if not all do."""
    deals = at.prepare(tenants, TEMPLATE_DEALS)
    arrive(at, deals)
    for tenant in tenants:
        for invoice_id in at.control.get("/elba/state", account=tenant.account)["invoices"]:
            at.control.post(f"/elba/{tenant.account}/payments", {"invoice": invoice_id})
    at.control.post("/clock", {"advance_seconds": UNTIL_POLLED_SECONDS, "wait": True})
    asyncio.run(stores.until_all_are_paid(max(120.0, DEAL_SECONDS_MAX * len(deals))))
    at.settle(REST_SECONDS_MAX)


def at_level(at: Whole, stores: Stores, tenants: Sequence[Tenant], options: Options, events: int) -> Level:
    """The costs while the stores are as they are."""
    warm = max(1, options.concurrency // 4)
    deals = at.prepare(tenants, warm + options.repeats * options.concurrency)
    arrive(at, deals[:warm])
    at.settle(REST_SECONDS_MAX)
    meter = Meter(at, stores)
    meter.start()
    time.sleep(options.seconds)
    whole_rest, cpu_part, work_part = meter.cost(1)
    rest = Cost(
        whole_rest.cpu_seconds / cpu_part,
        whole_rest.statements / work_part,
        whole_rest.rows_read / work_part,
        {name: rows / work_part for name, rows in whole_rest.rows_by_table.items()},
    )
    costs = []
    for begin in range(warm, len(deals), options.concurrency):
        meter.start()
        arrive(at, deals[begin : begin + options.concurrency])
        at.settle(REST_SECONDS_MAX)
        found, cpu_part, work_part = meter.cost(options.concurrency)
        costs.append(found.less(rest, cpu_part, work_part))
    return Level(events, rest, costs)


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


def play(options: Options, at: Whole, report: Report) -> list[Level]:
    """Each size of the stores in turn."""
    stores = Stores(at.run.postgres.url)
    history = History(stores)
    restart_postgres(at, stores)
    tenants = at.open_tenants(TENANTS, seed=19)
    templates(at, stores, tenants)
    report.set(copied_rows=asyncio.run(history.keep_originals()))
    found = []
    for share in LEVELS:
        began = time.monotonic()
        held = asyncio.run(history.fill(options.sizes["events"] // share))
        filled = time.monotonic() - began
        found.append(at_level(at, stores, tenants, options, held))
        report.add(_level_row(found[-1], filled))
    return found


def main() -> int:
    """Runs the benchmark; the exit code says whether all bars are met."""
    options = read_options(
        "growth", __doc__ or "", seconds=10, warmup=0, repeats=3, concurrency=60,
        sizes={"events": (1_000_000, "events in all stores together in the end")},
    )  # fmt: skip
    report = Report("growth", options)
    with whole() as at:
        report.set(
            postgres=postgres_of(at),
            filled_by="copies of deals that were played and paid, each with all rows that it left; then VACUUM ANALYZE",
            counted="CPU of services and PostgreSQL; pg_stat_statements; rows of tables, not of catalogues; all of it "
            "beyond what the same time at rest takes",
            deals_at_once=options.concurrency,
            tenants=TENANTS,
        )
        levels = play(options, at, report)
    first, last = levels[0], levels[-1]
    for what in ("cpu_seconds", "statements", "rows_read"):
        few, many = ([float(getattr(one, what)) for one in level.deals] for level in (first, last))
        ratios = [value / max(median(few), LEAST) for value in many]
        report.add(_row(f"{what} of a deal, last to first", ratios, "×", bars=[Bar("median", at_most=1.1)]))
    at_rest = last.rest.rows_read / max(first.rest.rows_read, LEAST)
    report.add(_row("rows_read of a second at rest, last to first", [at_rest], "×"))
    return report.finish()


def _level_row(level: Level, filled_seconds: float) -> Row:
    rows = {
        name: median(one.rows_by_table.get(name, 0.0) for one in level.deals) for name in level.deals[0].rows_by_table
    }
    settings = {
        "statements_per_deal": round(median(one.statements for one in level.deals), 1),
        "rows_read_per_deal": round(median(one.rows_read for one in level.deals), 1),
        "rows_read_most": _most(rows),
        "a_second_at_rest": {
            "cpu_ms": round(1000 * level.rest.cpu_seconds, 1),
            "statements": round(level.rest.statements, 1),
            "rows_read": round(level.rest.rows_read, 1),
            "rows_read_most": _most(level.rest.rows_by_table),
        },
        "filled_in_seconds": round(filled_seconds, 1),
    }
    cpu = [1000 * one.cpu_seconds for one in level.deals]
    return _row(f"a deal at {level.events:,} events", cpu, "ms CPU", settings=settings)


def _most(rows: Mapping[str, float]) -> dict[str, float]:
    most = sorted(rows.items(), key=lambda item: -item[1])[:TABLES_SHOWN]
    return {name: round(count, 1) for name, count in most}


def _row(
    name: str,
    values: Sequence[float],
    unit: str,
    *,
    settings: Mapping[str, object] | None = None,
    bars: Sequence[Bar] = (),
) -> Row:
    low, middle, high = (round(one, 3) for one in (min(values), median(values), max(values)))
    return Row(name, middle, low, high, unit, settings=settings or {}, bars=bars)


if __name__ == "__main__":
    sys.exit(main())
