"""An acknowledged webhook is never lost, whatever is killed; and who may not post one costs nobody else anything."""

import os
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import asyncpg
import psutil  # type: ignore[import-untyped]
import pytest

from bench.portals import Acknowledged, Honest, Hostile, Where, at_work
from deploy.local.ports import HOST
from deploy.local.postgres import Postgres
from tests.chaos.webhooks.ingest import IN_FLIGHT_MAX, Ingest, Portal
from tests.kit.kafka import eventually
from tests.kit.mortal import Mortal

pytestmark = [pytest.mark.parts, pytest.mark.slow, pytest.mark.timeout(3_000)]

SEED: Final = int(os.environ.get("SVERKA_SEED", "7"))
WEBHOOKS: Final = int(os.environ.get("SVERKA_WEBHOOKS", "5000"))
"""How many are acknowledged before the test looks; 50,000 in the long run."""
KILLS_MIN: Final = 4
KILL_SECONDS: Final = (0.5, 3.0)
LINES: Final = 32
DEALS: Final = 200
LOAD_SECONDS_MAX: Final = 2_400.0
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


def where(ingest: Ingest, portal: Portal) -> Where:
    return Where(HOST, ingest.port, portal.path, portal.token)


async def stored(ingest: Ingest, tenant: str) -> dict[int, tuple[str, bytes]]:
    """What the table has of a tenant's webhooks, by delivery id."""
    admin = await asyncpg.connect(ingest.own.admin_url)
    try:
        rows = await admin.fetch(
            "SELECT delivery_id, object_id, sha256 FROM webhooks WHERE tenant_id = $1 AND status <> 'refused'", tenant
        )
    finally:
        await admin.close()
    return {row["delivery_id"]: (row["object_id"], row["sha256"]) for row in rows}


async def listed(ingest: Ingest, tenant: str) -> set[int]:
    """The delivery ids that the public list shows, page by page."""
    found: list[dict[str, Any]] = []
    async with ingest.api() as api:
        while True:
            after = found[-1]["delivery_id"] if found else 0
            answer = await api.get("/api/v1/deliveries", params={"after": after, "limit": 1000, "tenant": tenant})
            assert answer.status_code == 200, answer.text
            page = answer.json()["deliveries"]
            if not page:
                return {one["delivery_id"] for one in found}
            found += page


def missing(acknowledged: list[Acknowledged], table: dict[int, tuple[str, bytes]]) -> list[Acknowledged]:
    """Those of which the table does not have the very same under their id."""
    return [one for one in acknowledged if table.get(one.delivery_id) != (one.object_id, one.sha256)]


async def test_no_acknowledged_webhook_is_lost_by_kills(ingest: Ingest, mortal_postgres: Mortal[Postgres]) -> None:
    portals = {tenant: Honest(where(ingest, portal), DEALS) for tenant, portal in ingest.portals.items()}
    chance = random.Random(SEED)  # noqa: S311 - a plan that can be repeated, no secret
    kills = {"ingest": 0, "postgres": 0}
    began = time.monotonic()

    def acknowledged() -> int:
        return sum(len(portal.acknowledged) for portal in portals.values())

    async def kill(victim: str) -> None:
        before, moment = acknowledged(), time.monotonic() + chance.uniform(*KILL_SECONDS)

        async def in_the_middle() -> bool:
            return acknowledged() > before and time.monotonic() >= moment

        await eventually(in_the_middle, 120, "an acknowledged webhook after the last kill")
        if victim == "ingest":
            ingest.kill()
            ingest.start()
        else:
            mortal_postgres.kill()
            await mortal_postgres.start()
        kills[victim] += 1

    async with at_work(*(portal.run(LINES // 2) for portal in portals.values())):
        while acknowledged() < WEBHOOKS or min(kills.values()) < KILLS_MIN:
            assert time.monotonic() - began < LOAD_SECONDS_MAX, (acknowledged(), kills)
            await kill(chance.choice(("ingest", "postgres")))
        await ingest.answers()
    seconds = time.monotonic() - began
    lost: list[Acknowledged] = []
    for tenant, portal in portals.items():
        ids = [one.delivery_id for one in portal.acknowledged]
        assert len(set(ids)) == len(ids), "an id is given once"
        lost += missing(portal.acknowledged, await stored(ingest, tenant))
        assert set(ids) <= await listed(ingest, tenant)
    others = sum((portal.statuses for portal in portals.values()), start=type(portal.statuses)())
    print(f"{acknowledged()} acknowledged in {seconds:.0f} s, {kills}, answers {dict(others)}, missing {len(lost)}")
    assert lost == []
    assert set(others) <= {200, 503, 0}


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
