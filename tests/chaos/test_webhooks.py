"""An acknowledged webhook is never lost, whatever is killed; and who may not post one costs nobody else anything."""

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import asyncpg
import psutil  # type: ignore[import-untyped]
import pytest

from bench.portals import Acknowledged, Honest, Hostile, at_work
from deploy.local.postgres import Postgres
from tests.chaos.webhooks.ingest import IN_FLIGHT_MAX, Ingest
from tests.chaos.webhooks.run import DEALS, missing, run, where
from tests.kit.kafka import eventually
from tests.kit.mortal import Mortal

pytestmark = [pytest.mark.parts, pytest.mark.timeout(3_000)]

SEED: Final = int(os.environ.get("SVERKA_SEED", "7"))
WEBHOOKS: Final = int(os.environ.get("SVERKA_WEBHOOKS", "1500"))
"""How many are acknowledged before the test looks; many more are those of ``make webhooks``."""
KILLS_MIN: Final = 2
SLOW_LINES: Final = IN_FLIGHT_MAX + 50
HOSTILE_SECONDS: Final = 12.0
QUIET_WEBHOOKS: Final = 100
MIB: Final = 2**20
RSS_GROWTH_BYTES_MAX: Final = 64 * MIB


@pytest.fixture
async def ingest(mortal_postgres: Mortal[Postgres], tmp_path: Path) -> AsyncIterator[Ingest]:
    """An ingest that two portals post to."""
    made = await Ingest.made(mortal_postgres, tmp_path)
    made.start()
    try:
        await made.answers()
        for tenant in ("vektor", "gamma"):
            await made.open_portal(tenant)
        yield made
    finally:
        made.kill()


async def test_no_acknowledged_webhook_is_lost_by_kills(mortal_postgres: Mortal[Postgres], tmp_path: Path) -> None:
    outcome = await run(mortal_postgres, tmp_path, webhooks=WEBHOOKS, kills_min=KILLS_MIN, seed=SEED)
    print(f"{outcome.acknowledged} acknowledged in {outcome.seconds:.0f} s, {outcome.kills}, {outcome.statuses}")
    assert outcome.lost == []
    assert outcome.unlisted == []
    assert outcome.doubled == []
    assert set(outcome.statuses) <= {200, 503, 0}


def test_a_missing_webhook_is_noticed() -> None:
    one = Acknowledged(5, "12", b"sum")
    assert missing([one], {5: ("12", b"sum")}) == []
    assert missing([one], {}) == missing([one], {5: ("12", b"other")}) == [one]


async def test_who_may_not_post_costs_the_others_nothing(ingest: Ingest) -> None:
    target, quiet = (where(ingest, portal) for portal in ingest.portals.values())
    honest, hostile = Honest(quiet, DEALS), Hostile(target, quiet)
    process = psutil.Process(ingest.process.pid)

    async def posted(count: int) -> None:
        async def enough() -> bool:
            return len(honest.latencies_ms) >= count

        await eventually(enough, 120, f"{count} webhooks of the quiet tenant")

    async with at_work(honest.run(2)):
        await posted(QUIET_WEBHOOKS)
        before = peak = process.memory_info().rss
        until = time.monotonic() + HOSTILE_SECONDS
        count = len(honest.latencies_ms)
        async with at_work(hostile.run(lines=2, slow=SLOW_LINES)):
            while time.monotonic() < until or len(honest.latencies_ms) < count + QUIET_WEBHOOKS:
                await posted(len(honest.latencies_ms) + 1)
                peak = max(peak, process.memory_info().rss)
    print(f"quiet {dict(honest.statuses)}, RSS +{(peak - before) / MIB:.1f} MiB, hostile {hostile.statuses}")
    assert set(honest.statuses) == {200}
    answers = {kind: set(statuses) - {0} for kind, statuses in hostile.statuses.items()}
    assert answers == {
        "forged": {403}, "foreign": {403}, "replayed": {200}, "malformed": {400}, "oversized": {413},
        "slow body": {408}, "slow head": set(),
    }  # fmt: skip
    assert peak - before <= RSS_GROWTH_BYTES_MAX
    admin = await asyncpg.connect(ingest.own.admin_url)
    replayed = await admin.fetchval("SELECT count(*) FROM work WHERE tenant_id = 'vektor' AND kind = 'read-deal'")
    await admin.close()
    assert replayed == 1, "a webhook that is posted again and again is one piece of work"
