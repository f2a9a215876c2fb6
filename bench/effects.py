"""effects: chains of four calls by one process, each call with its INTENT or claim and its outcome committed."""

import asyncio
import os
import sys
from dataclasses import replace
from typing import Final

import asyncpg
import uvloop

from bench import chained_calls
from bench.measuring import Window, windows
from bench.options import Options, read_options
from bench.report import Bar, Report, Row
from bench.stand import Stand
from bench.stub import DELAY_SECONDS, HOST
from bench.tenants import PDF_BYTES
from chassis.migrate import Passwords, migrate
from deploy.local.service import ProcessSpec
from sverka.http import Json

NAME: Final = chained_calls.NAME
STUB: Final = "stub"
ENDED: Final = "SELECT count(*) FROM events WHERE data->>'reached' = 'ended'"
LATENCIES: Final = """
SELECT extract(epoch FROM max(recorded_at) - min(recorded_at))::float8 * 1000 AS ms FROM events
GROUP BY tenant_id, stream HAVING bool_or(data->>'reached' = 'ended') ORDER BY max(recorded_at) DESC LIMIT 5000
"""


def processes(stand: Stand) -> list[ProcessSpec]:
    """The stub, and the service with the environment of a product's service."""
    urls = asyncio.run(migrate(stand.addresses.postgres_url, NAME, [], Passwords("bench-app", "bench-delivery")))
    stub_port, port = stand.addresses.port(STUB), stand.addresses.port(NAME)
    stub_url, url = f"http://{HOST}:{stub_port}", f"http://{HOST}:{port}"
    like = stand.specs["invoicing"]
    env = {
        **like.env,
        "SVERKA_PORT": str(port),
        "SVERKA_DATABASE_URL": urls.app,
        "SVERKA_DELIVERY_DATABASE_URL": urls.delivery,
        "SVERKA_INGEST_URL": stub_url,
    }
    stub = ProcessSpec(
        STUB, [sys.executable, "-m", "bench.stub", str(stub_port)], stub_url, f"{stub_url}/readyz", env=like.env
    )
    service = replace(
        like,
        name=NAME,
        argv=[sys.executable, "-m", "bench.chained_calls"],
        url=url,
        ready_url=f"{url}/readyz",
        env=env,
    )
    return [stub, service]


async def measure(options: Options, stand: Stand) -> tuple[list[Window], list[float]]:
    """Chains ended in each window, and how long the last of them took from begin to end."""
    admin = await asyncpg.connect(stand.addresses.postgres_url.rpartition("/")[0] + f"/sverka_{NAME}")

    async def ended() -> int:
        return int(await admin.fetchval(ENDED))

    try:
        found = await windows(
            ended, root=os.getpid(), warmup=options.warmup, seconds=options.seconds, repeats=options.repeats
        )
        return found, [row["ms"] for row in await admin.fetch(LATENCIES)]
    finally:
        await admin.close()


def main() -> int:
    """Runs the benchmark; the exit code says whether all bars are met."""
    options = read_options("effects", __doc__ or "", seconds=5, warmup=3, repeats=3, concurrency=50)
    report = Report("effects", options)
    with Stand() as stand:
        stub, service = processes(stand)
        report.set(
            postgres=stand.postgres_settings(service.env["SVERKA_DATABASE_URL"]),
            role="application and delivery roles, row-level security in force",
            telemetry="traces sampled at the default ratio 0.1, no exporter address",
            calls="find counterparty (task), create counterparty (effect), create invoice (effect), PDF (task)",
            stub=f"answers in {DELAY_SECONDS * 1000:g} ms, a PDF of {PDF_BYTES // 1024} KiB; one other process",
            permits="over HTTP from the stub, without a limit, in blocks of 10",
            tenants=chained_calls.TENANTS,
        )
        stand.start_processes([stub, service])
        with Json(service.url, what=NAME) as client:
            client.post("/begin", {"chains": options.concurrency})
        found, latencies = uvloop.run(measure(options, stand))
        settings = {"chains_under_way": options.concurrency, "workers": "50, the default"}
        row = Row.of_windows(
            "chains of four calls",
            "chains/s",
            found,
            product=["bench.chained_calls"],
            latencies_ms=latencies,
            settings=settings,
            bars=[Bar("median", at_least=300)],
        )
        report.add(row)
        stand.stop(NAME)
        if options.profile:
            stand.start_processes([service], profile=True)
            uvloop.run(measure(options, stand))
            stand.stop(NAME)
            report.profile(stand.profile_of(NAME))
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
