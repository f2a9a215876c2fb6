"""sync: a first sync of a portal's companies at the vendors' limits, half of them known to the accounting service; the
clock at 60, so that an hour of waiting for limits takes a minute of the machine."""

import asyncio
import contextlib
import math
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bench.measuring import between, cpu_seconds
from bench.memory import Peak
from bench.options import read_options
from bench.report import Bar, Report, Row
from bench.stores import Stores
from bench.tenants import apply_tenants, seed_pairs
from bench.whole import POSTS_AT_ONCE, PRODUCT, Whole, postgres_of, whole
from chassis.values.inn import inn_ok
from connectors.bitrix24.companies import PAGES_PER_LIST
from connectors.bitrix24.schema import PAGE_ROWS
from connectors.elba import schema as elba
from connectors.kontur import schema as kontur
from connectors.moedelo import schema as moedelo
from connectors.moedelo.paging import OVERLAP_ROWS
from connectors.registry import BITRIX24, ELBA_SEED, KONTUR, MOEDELO, AccountingVendor, RateLimit
from sverka.demo import accounting
from sverka.endings import NotAsWished
from sverka.http import Json

CLOCK_RATE: Final = 60
KNOWN_SHARE: Final = 0.5
CREATED_PER_READ: Final = 100
LOOK_SECONDS: Final = 2.0
SECONDS_MAX: Final = 3_600.0
KNOWN_LOOKS_MAX: Final = 100
COUNTED_AFTER_SECONDS: Final = 1.5  # sessions tell of their commits after a second
KPP: Final = "770901001"


@dataclass(frozen=True, slots=True)
class _Vendor:
    """An accounting service that lists its records: how it is set up, what it allows, how many new rows a page has."""

    service: accounting.Service
    vendor: AccountingVendor
    page_rows: int


VENDORS: Final[Mapping[str, _Vendor]] = {
    "elba": _Vendor(accounting.ELBA, ELBA_SEED, elba.PAGE_ROWS),
    "moedelo": _Vendor(accounting.MOEDELO, MOEDELO, moedelo.PAGE_ROWS - OVERLAP_ROWS),
    "kontur": _Vendor(accounting.KONTUR, KONTUR, kontur.PAGE_ROWS),
}


def _inn(number: int) -> str:
    return next(text for digit in range(10) if inn_ok(text := f"{770_000_000 + number}{digit}"))


def _fill(at: Whole, seeded: Mapping[str, Any], service: accounting.Service, companies: int) -> int:
    """The portal's companies and the account's records, a day before the product knows of either; returns how many the
    account knows."""
    known = int(companies * KNOWN_SHARE)
    (one,) = seeded["tenants"]
    slug, account = one["slug"], seeded["env"][service.env(one["index"], "ACCOUNT")]

    def make(numbers: range) -> None:
        with Json(at.control.base_url, what="sandbox") as control:
            for number in numbers:
                name, inn = f"ООО «Покупатель {number}»", _inn(number)
                control.post(f"/bitrix24/portals/{slug}/companies", {"title": name, "inn": inn, "kpp": KPP})
                if number < known:
                    control.post(
                        f"/{service.sandbox}/{account}/counterparties", {"fullName": name, "inn": inn, "kpp": KPP}
                    )

    share = math.ceil(companies / POSTS_AT_ONCE)
    with ThreadPoolExecutor(POSTS_AT_ONCE) as pool:
        list(pool.map(make, (range(start, min(start + share, companies)) for start in range(0, companies, share))))
    at.control.post("/clock", {"advance_seconds": 86_400, "wait": True})
    return known


def _least_seconds(requests: int, limit: RateLimit) -> float:
    """The time in which a vendor serves so many requests when nothing else is asked of it."""
    return max(0.0, (requests - limit.burst) / limit.per_second)


def _synced(at: Whole, slug: str, seconds_max: float) -> tuple[dict[str, Any], dict[str, float]]:
    """Carries it out; the seller's sync when it is done, and how many real seconds it was in each phase."""
    at.ingest.post(f"/api/v1/sync/{slug}", {"apply": True})
    looked = began = time.monotonic()
    phases: dict[str, float] = {}
    while looked - began < seconds_max:
        found: dict[str, Any] = at.ingest.get(f"/api/v1/sync/{slug}")["syncs"][0]
        if found["phase"] == "done":
            return found, {phase: round(seconds, 1) for phase, seconds in phases.items()}
        time.sleep(LOOK_SECONDS)
        now = time.monotonic()
        phases[found["phase"]] = phases.get(found["phase"], 0.0) + now - looked
        looked = now
    raise RuntimeError(f"the sync did not end in {seconds_max:.0f} s")


def _until_known(at: Whole, slug: str) -> None:
    """The tenant was applied a moment ago, and the service that syncs hears of it by message."""
    for _ in range(KNOWN_LOOKS_MAX):
        with contextlib.suppress(NotAsWished):
            at.ingest.get(f"/api/v1/sync/{slug}")
            break
        time.sleep(0.1)


def main() -> int:
    """Runs the benchmark; the exit code says whether all bars are met."""
    sizes = {"companies": (5_000, "companies of the portal"), "rate": (CLOCK_RATE, "the clock's rate")}
    words = {"vendor": (tuple(VENDORS), "the accounting service")}
    options = read_options(
        "sync", __doc__ or "", seconds=1, warmup=0, repeats=1, concurrency=1, sizes=sizes, words=words
    )
    asked = VENDORS[options.words["vendor"]]
    report, companies, rate = Report("sync", options), options.sizes["companies"], options.sizes["rate"]
    with whole() as at:
        seeded = seed_pairs(at.control, 1, 7, asked.service)
        known = _fill(at, seeded, asked.service, companies)
        (tenant,) = apply_tenants(at.control, at.ingest, seeded, asked.service, unlimited=False, subscribed=False)
        at.control.post("/clock", {"rate": rate})
        stores = Stores(at.run.postgres.url)
        commits = asyncio.run(stores.commits())
        _until_known(at, tenant.slug)
        began, cpu = time.monotonic(), cpu_seconds(at.run.launcher.pid)
        with Peak(at.run.launcher.pid) as peak:
            found, phases = _synced(at, tenant.slug, SECONDS_MAX)
        real_seconds, used = time.monotonic() - began, between(cpu, cpu_seconds(at.run.launcher.pid))
        time.sleep(COUNTED_AFTER_SECONDS)
        by_service = {
            service: round((after - commits[service]) / companies, 3)
            for service, after in asyncio.run(stores.commits()).items()
        }
        settings = postgres_of(at)
    took = (datetime.fromisoformat(found["ended_at"]) - datetime.fromisoformat(found["began_at"])).total_seconds()
    created = companies - known
    calls = math.ceil(known / asked.page_rows) + created
    crm = math.ceil(companies / (PAGE_ROWS * PAGES_PER_LIST)) + math.ceil(created / CREATED_PER_READ)
    least = max(_least_seconds(calls, asked.vendor.limit), _least_seconds(crm, BITRIX24.limit))
    ratio, memory = took / max(least, 1.0), peak.resident["counterparty"]
    report.set(
        vendor=asked.service.sandbox, companies=companies, known=known, outcomes=found["outcomes"], clock_rate=rate,
        postgres=settings, commits_per_company=by_service,
        business_seconds=round(took, 1), least_seconds=round(least, 1), real_seconds=round(real_seconds, 1),
        real_seconds_by_phase=phases,
        least=f"one request for a page of records, one a creation, at {asked.vendor.limit.per_second:g} a second; CRM "
        "beside it at 2 a second",
    )  # fmt: skip
    shown = round(ratio, 2)
    by_part = {part: round(1000 * seconds / companies, 3) for part, seconds in sorted(used.items())}
    product = round(sum(by_part.get(part, 0.0) for part in PRODUCT), 3)
    report.add(
        Row(
            "time against the vendors' limits", shown, shown, shown, "times", None, None, product, {}, by_part,
            bars=[Bar("max", at_most=1.1)],
        )
    )  # fmt: skip
    shown = round(memory, 1)
    report.add(Row("memory of counterparty", shown, shown, shown, "MB (RSS)", bars=[Bar("max", at_most=300.0)]))
    right = found["outcomes"]["paired"] == known and found["outcomes"]["created"] == created
    if not right:
        report.note(f"not every company came to its end as planned: {found['outcomes']}")
    return report.finish() or (0 if right else 1)


if __name__ == "__main__":
    sys.exit(main())
