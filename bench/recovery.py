"""recovery: from kill -9 of one component to the first deal that it handles again, while deals keep coming."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Final

from bench.measuring import median, percentile
from bench.options import Options, read_options
from bench.report import Report, Row
from bench.stores import Stores
from bench.tenants import Tenant
from bench.whole import PRODUCT, Whole, postgres_of, whole
from deploy.local.folder import DataFolder, Run
from sverka.http import Json

SEEN_IN: Final = {**{name: name for name in PRODUCT}, "postgres": "ingest", "kafka": "counterparty"}
"""Where a component's progress is seen: the store that holds an event of a deal moved after the kill."""
BETWEEN_DEALS_SECONDS: Final = 0.25
RECOVERY_SECONDS_MAX: Final = 300.0
DEALS_AT_ONCE: Final = 20
"""Deals are made in such portions while others move."""


class Traffic:
    """Deals that are moved one after another in a thread; ``moved`` has those whose move began after it was emptied."""

    def __init__(self, at: Whole, tenant: Tenant) -> None:
        self._at, self._tenant = at, tenant
        self._stop = threading.Event()
        self.moved: list[str] = []
        self.failure: Exception | None = None

    def begin_anew(self) -> list[str]:
        """From now on deals are counted in the list that is returned; one that is being moved just now is not."""
        self.moved = []
        return self.moved

    def run(self) -> None:
        """Until it is stopped."""
        with Json(self._at.control.base_url, what="sandbox") as control:
            try:
                while not self._stop.is_set():
                    for deal in self._at.prepare([self._tenant], DEALS_AT_ONCE):
                        counting = self.moved
                        self._at.move(deal, control)
                        counting.append(str(deal.deal_id))
                        if self._stop.wait(BETWEEN_DEALS_SECONDS):
                            return
            except Exception as error:  # noqa: BLE001 - a thread's failure is told by whoever waits for it
                self.failure = error

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """While the block runs."""
        thread = threading.Thread(target=self.run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()
        if self.failure is not None:
            raise RuntimeError(f"deals could not be moved: {self.failure}")


def pid_of(run: Run, name: str) -> int:
    """Whose process it is now. Raises RuntimeError where it is not ours."""
    found = {"postgres": run.postgres.pid, "kafka": run.kafka.pid} | {n: one.pid for n, one in run.services.items()}
    pid = found[name]
    if pid is None:
        raise RuntimeError(f"{name} is not a process of this installation: it cannot be killed")
    return pid


async def until_deals_flow(stores: Stores, traffic: Traffic, tenant: str) -> None:
    """Waits until a deal that begins now has come to the last service, so that every one works. Raises TimeoutError."""
    moved = traffic.begin_anew()
    async with asyncio.timeout(RECOVERY_SECONDS_MAX):
        await stores.until_a_deal_of("notifier", tenant, moved, 0)


async def kill(at: Whole, stores: Stores, traffic: Traffic, tenant: str, name: str) -> float:
    """Seconds from the kill to the first new event of a deal that was moved after it. Raises TimeoutError."""
    run = DataFolder(at.folder).running()
    assert run is not None, "it runs"
    newest = await stores.position(SEEN_IN[name])
    os.kill(pid_of(run, name), signal.SIGKILL)
    began, moved = perf_counter(), traffic.begin_anew()
    async with asyncio.timeout(RECOVERY_SECONDS_MAX):
        await stores.until_a_deal_of(SEEN_IN[name], tenant, moved, newest)
    return perf_counter() - began


async def play(options: Options, at: Whole) -> dict[str, list[float]]:
    """Each component in turn, so many times as there are repeats; by component, seconds of each kill."""
    (tenant,) = at.open_tenants(1, seed=17)
    stores, traffic = Stores(at.run.postgres.url), Traffic(at, tenant)
    found: dict[str, list[float]] = {name: [] for name in SEEN_IN}
    with traffic.flowing():
        for _ in range(options.repeats):
            for name, seconds in found.items():
                await until_deals_flow(stores, traffic, tenant.slug)
                await asyncio.sleep(options.seconds)
                seconds.append(await kill(at, stores, traffic, tenant.slug, name))
    return found


def main() -> int:
    """Runs the benchmark; there are no bars."""
    options = read_options("recovery", __doc__ or "", seconds=2, warmup=0, repeats=3, concurrency=1)
    report = Report("recovery", options)
    with whole() as at:
        report.set(
            postgres=postgres_of(at),
            deals=f"one every {BETWEEN_DEALS_SECONDS:g} s; a deal counts that was moved after the kill",
            seen_in=SEEN_IN,
            between_kills_seconds=options.seconds,
            processes="as `sverka up --sandbox` starts them, and starts them again",
        )
        found = asyncio.run(play(options, at))
    for name, seconds in found.items():
        ms = [1000 * one for one in seconds]
        low, middle, high = (round(one, 2) for one in (min(seconds), median(seconds), max(seconds)))
        p50, p99 = round(percentile(ms, 0.5), 1), round(percentile(ms, 0.99), 1)
        report.add(
            Row(f"{name}: kill to first progress", middle, low, high, "s", p50, p99, settings={"kills": len(ms)})
        )
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
