"""ingest: from a portal's webhook to its 200, which is given after the durable commit; one ingest process."""

import asyncio
import itertools
import os
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import urlencode, urlsplit

import uvloop

from bench.load import Load, post
from bench.measuring import Window, between, cpu_seconds
from bench.options import Options, read_options
from bench.report import Bar, Report, Row
from bench.stand import Stand
from bench.tenants import Tenant, open_tenants

SERVICE: Final = "ingest"
TENANTS: Final = 10
DEALS: Final = 2_000
"""Different deals of each tenant that the webhooks name, in turn."""


def webhooks(tenants: Sequence[Tenant], host: str) -> Iterator[bytes]:
    """Requests as a portal posts them, for all deals in turn, for ever."""
    prepared = [_webhook(tenant, host, deal) for deal in range(1, DEALS + 1) for tenant in tenants]
    return itertools.cycle(prepared)


def _webhook(tenant: Tenant, host: str, deal: int) -> bytes:
    form = {
        "event": "ONCRMDEALUPDATE",
        "event_handler_id": "58",
        "data[FIELDS][ID]": str(deal),
        "ts": "1789034405",
        "auth[domain]": f"{tenant.slug}.bitrix24.ru",
        "auth[client_endpoint]": f"https://{tenant.slug}.bitrix24.ru/rest/",
        "auth[server_endpoint]": "https://oauth.bitrix24.tech/rest/",
        "auth[member_id]": "0123456789abcdef0123456789abcdef",
        "auth[application_token]": tenant.application_token,
    }
    return post(tenant.hook_path, host, "application/x-www-form-urlencoded", urlencode(form).encode())


async def measure(
    options: Options, url: str, requests: Iterator[bytes], connections: int
) -> tuple[list[Window], list[float]]:
    """Windows and latencies under so many connections. Raises RuntimeError for an answer that is not 200."""
    where = urlsplit(url)
    load = await Load.open(where.hostname or "", where.port or 0, connections, requests)
    await asyncio.sleep(options.warmup)
    load.forget_latencies()
    windows = []
    for _ in range(options.repeats):
        cpu, started, first = cpu_seconds(os.getpid()), time.perf_counter(), load.answered()
        await asyncio.sleep(options.seconds)
        last, ended = load.answered(), time.perf_counter()
        windows.append(Window(last - first, ended - started, between(cpu, cpu_seconds(os.getpid()))))
    latencies, statuses = load.close()
    if set(statuses) != {200}:
        raise RuntimeError(f"answers by status: {statuses}")
    return windows, latencies


def main() -> int:
    """Runs the benchmark; the exit code says whether all bars are met."""
    options = read_options("ingest", __doc__ or "", seconds=5, warmup=2, repeats=3, concurrency=64)
    report = Report("ingest", options)
    with Stand(sandbox=True) as stand:
        stand.start("sandbox")
        stand.start(SERVICE)
        url = stand.specs[SERVICE].url
        with stand.client("sandbox", "/control") as control, stand.client(SERVICE) as api:
            tenants = open_tenants(control, api, TENANTS, seed=7, unlimited=False, subscribed=False)
        requests = webhooks(tenants, urlsplit(url).netloc)
        report.set(
            postgres=stand.postgres_settings(stand.environment(SERVICE)["SVERKA_DELIVERY_DATABASE_URL"]),
            role="the delivery role writes webhooks and due work",
            telemetry="traces sampled at the default ratio 0.1, no exporter address",
            load="prepared requests from one other process on the same machine",
            work_meanwhile="the same process reads the named deals from the sandbox, within 2 calls a second a portal",
            tenants=TENANTS,
            deals=DEALS * TENANTS,
        )
        one = Bar("p50_ms", at_most=3)
        many = Bar("median", at_least=3_000), Bar("p99_ms", at_most=50)
        for name, connections, bars in (("one connection", 1, [one]), ("connections", options.concurrency, many)):
            windows, latencies = uvloop.run(measure(options, url, requests, connections))
            row = Row.of_windows(
                name if connections == 1 else f"{connections} {name}",
                "webhooks/s",
                windows,
                product=[SERVICE],
                latencies_ms=latencies,
                settings={"connections": connections},
                bars=bars,
            )
            report.add(row)
        stand.stop(SERVICE)
        if options.profile:
            stand.start(SERVICE, profile=True)
            uvloop.run(measure(options, url, requests, options.concurrency))
            stand.stop(SERVICE)
            report.profile(stand.profile_of(SERVICE))
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
