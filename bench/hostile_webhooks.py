"""hostile_webhooks: what a portal pays for others who post forged, endless, slow and senseless webhooks beside it."""

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]

from bench.measuring import median, parts_under, percentile, resident_bytes
from bench.options import read_options
from bench.portals import CUT, Honest, Hostile, Where, at_work
from bench.report import Bar, Report, Row
from bench.stand import Stand
from bench.tenants import Tenant, open_tenants

SERVICE: Final = "ingest"
DEALS: Final = 200
LINES_OF_A_KIND: Final = 2
LOOK_SECONDS: Final = 0.25
MIB: Final = 2**20


async def measure(honest: Honest, seconds: float, process: psutil.Process) -> tuple[list[float], int]:
    """The latencies of the next ``seconds`` in milliseconds, and the highest RSS in bytes."""
    honest.latencies_ms.clear()
    peak = 0
    for _ in range(max(1, round(seconds / LOOK_SECONDS))):
        await asyncio.sleep(LOOK_SECONDS)
        peak = max(peak, resident_bytes(process))
    return list(honest.latencies_ms), peak


async def play(
    quiet: Where, target: Where, process: psutil.Process, *, seconds: float, warmup: float, repeats: int, slow: int
) -> tuple[list[tuple[list[float], list[float], int]], Honest, Hostile]:
    """For each repeat: latencies alone, latencies beside the others, and by how many bytes the RSS grew."""
    honest, hostile = Honest(quiet, DEALS), Hostile(target, quiet)
    found = []
    async with at_work(honest.run(2)):
        await asyncio.sleep(warmup)
        for _ in range(repeats):
            alone, before = await measure(honest, seconds, process)
            async with at_work(hostile.run(lines=LINES_OF_A_KIND, slow=slow)):
                beside, after = await measure(honest, seconds, process)
            found.append((alone, beside, after - before))
    return found, honest, hostile


def main() -> int:
    """Runs the benchmark; the exit code says whether all bars are met."""
    options = read_options("hostile_webhooks", __doc__ or "", seconds=10, warmup=3, repeats=3, concurrency=600)
    report = Report("hostile_webhooks", options)
    with Stand(sandbox=True) as stand:
        stand.start("sandbox")
        stand.start(SERVICE)
        url = urlsplit(stand.specs[SERVICE].url)
        with stand.client("sandbox", "/control") as control, stand.client(SERVICE) as api:
            tenants = open_tenants(control, api, 2, seed=7, unlimited=False, subscribed=False)

        def where(tenant: Tenant) -> Where:
            return Where(url.hostname or "", url.port or 0, tenant.hook_path, tenant.application_token)

        (process,) = parts_under(os.getpid())[SERVICE]
        quiet, target = (where(tenant) for tenant in tenants)
        found, honest, hostile = asyncio.run(
            play(
                quiet,
                target,
                process,
                seconds=options.seconds,
                warmup=options.warmup,
                repeats=options.repeats,
                slow=options.concurrency,
            )
        )
    p95s = [(percentile(alone, 0.95), percentile(beside, 0.95)) for alone, beside, _ in found]
    ratios = [beside / alone for alone, beside in p95s]
    grown = [growth / MIB for _, _, growth in found]
    report.set(
        hostile={kind: _by_status(statuses) for kind, statuses in sorted(hostile.statuses.items())},
        quiet=_by_status(honest.statuses),
        p95_ms_alone_and_beside=[(round(alone, 1), round(beside, 1)) for alone, beside in p95s],
        load="one other process on the same machine; its own CPU is in the latencies of both",
    )
    report.add(_row("p95 of a quiet portal beside hostile ones, to its p95 alone", ratios, "×", 2))
    report.add(_row("growth of ingest's memory", grown, "MiB (RSS)", 64))
    refused = [honest.statuses.total() - honest.statuses[200]]
    report.add(
        _row("webhooks of the quiet portal that were not taken", [float(one) for one in refused], "webhooks", 0.5)
    )
    return report.finish()


def _by_status(statuses: Mapping[int, int]) -> dict[str, int]:
    return {str(status) if status != CUT else "cut": count for status, count in sorted(statuses.items())}


def _row(name: str, values: list[float], unit: str, at_most: float) -> Row:
    low, middle, high = (round(one, 2) for one in (min(values), median(values), max(values)))
    return Row(name, middle, low, high, unit, bars=[Bar("median" if unit == "×" else "max", at_most=at_most)])


if __name__ == "__main__":
    sys.exit(main())
