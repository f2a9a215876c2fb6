"""One run: two portals post webhooks while ingest and PostgreSQL are killed and commits are cut off; then what was
acknowledged is looked for in the table and in the public list."""

import random
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg

from bench.portals import Acknowledged, Honest, Where, at_work
from deploy.local.ports import HOST
from deploy.local.postgres import Postgres
from tests.chaos.campaign.postgres_wire import cut_commits
from tests.chaos.campaign.proxy import Proxy, proxied
from tests.chaos.webhooks.ingest import Ingest, Portal
from tests.kit.kafka import eventually
from tests.kit.mortal import Mortal

TENANTS: Final = ("vektor", "gamma")
KILL_SECONDS: Final = (0.5, 3.0)
LINES: Final = 32
DEALS: Final = 200
COMMITS_CUT: Final = 4
KILL_SECONDS_MAX: Final = 120.0
LOAD_SECONDS_MAX: Final = 2_400.0
LIST_PAGE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to. ``kills`` counts the strikes by what they hit. ``lost`` were acknowledged and do not stand in
    the table as they were posted; ``unlisted`` the public list does not show; ``doubled`` ids were given to several."""

    acknowledged: int
    kills: dict[str, int]
    statuses: dict[int, int]
    lost: list[Acknowledged]
    unlisted: list[int]
    doubled: list[int]
    seconds: float


def where(ingest: Ingest, portal: Portal) -> Where:
    """A portal's ways to an ingest."""
    return Where(HOST, ingest.port, portal.path, portal.token)


async def run(postgres: Mortal[Postgres], folder: Path, *, webhooks: int, kills_min: int, seed: int) -> Outcome:
    """Until ``webhooks`` are acknowledged and each of the three was struck ``kills_min`` times."""
    await postgres.ready()
    port = urlsplit(postgres.part.url).port
    assert port is not None
    async with proxied("postgres", port) as proxy:
        return await _run(postgres, proxy, folder, webhooks=webhooks, kills_min=kills_min, seed=seed)


async def _run(
    postgres: Mortal[Postgres], proxy: Proxy, folder: Path, *, webhooks: int, kills_min: int, seed: int
) -> Outcome:
    ingest = await Ingest.made(postgres, folder, proxy.port)
    ingest.start()
    try:
        await ingest.answers()
        for tenant in TENANTS:
            await ingest.open_portal(tenant)
        portals = {tenant: Honest(where(ingest, portal), DEALS) for tenant, portal in ingest.portals.items()}
        began = time.monotonic()
        async with at_work(*(portal.run(LINES // len(TENANTS)) for portal in portals.values())):
            kills = await _kills(ingest, postgres, proxy, portals, webhooks, kills_min, seed)
            await ingest.answers()
        seconds = time.monotonic() - began
        lost: list[Acknowledged] = []
        unlisted: list[int] = []
        doubled: list[int] = []
        for tenant, portal in portals.items():
            ids = Counter(one.delivery_id for one in portal.acknowledged)
            doubled += [one for one, times in ids.items() if times > 1]
            lost += missing(portal.acknowledged, await _stored(ingest, tenant))
            unlisted += sorted(ids.keys() - await _listed(ingest, tenant))
        statuses = sum((portal.statuses for portal in portals.values()), start=Counter[int]())
        return Outcome(_acknowledged(portals), kills, dict(statuses), lost, unlisted, doubled, seconds)
    finally:
        ingest.kill()


async def _kills(
    ingest: Ingest,
    postgres: Mortal[Postgres],
    proxy: Proxy,
    portals: dict[str, Honest],
    webhooks: int,
    kills_min: int,
    seed: int,
) -> dict[str, int]:
    chance = random.Random(seed)  # noqa: S311 - a plan that can be repeated, no secret
    kills = {"ingest": 0, "postgres": 0, "commits": 0}
    began = time.monotonic()
    while _acknowledged(portals) < webhooks or min(kills.values()) < kills_min:
        assert time.monotonic() - began < LOAD_SECONDS_MAX, (_acknowledged(portals), kills)
        before, moment = _acknowledged(portals), time.monotonic() + chance.uniform(*KILL_SECONDS)

        async def in_the_middle(before: int = before, moment: float = moment) -> bool:
            return _acknowledged(portals) > before and time.monotonic() >= moment

        await eventually(in_the_middle, KILL_SECONDS_MAX, "an acknowledged webhook after the last kill")
        victim = min(kills, key=lambda name: (kills[name] >= kills_min, chance.random()))
        if victim == "ingest":
            ingest.kill()
            ingest.start()
        elif victim == "commits":
            await _cut(proxy, chance)
        else:
            postgres.kill()
            await postgres.start()
        kills[victim] += 1
    return kills


async def _cut(proxy: Proxy, chance: random.Random) -> None:
    """Cuts connections at their COMMIT, by a coin before the server has it: a webhook that was acknowledged by then is
    lost, where a kill would have to hit the thousandth of a second between the answer and the commit."""
    before = proxy.touched
    cut_commits(proxy, chance, COMMITS_CUT)

    async def all_cut() -> bool:
        return proxy.touched >= before + COMMITS_CUT

    try:
        await eventually(all_cut, KILL_SECONDS_MAX, "commits to cut off")
    finally:
        proxy.clear()


def _acknowledged(portals: dict[str, Honest]) -> int:
    return sum(len(portal.acknowledged) for portal in portals.values())


def missing(acknowledged: list[Acknowledged], table: dict[int, tuple[str, bytes]]) -> list[Acknowledged]:
    """Those of which the table does not have the very same under their id."""
    return [one for one in acknowledged if table.get(one.delivery_id) != (one.object_id, one.sha256)]


async def _stored(ingest: Ingest, tenant: str) -> dict[int, tuple[str, bytes]]:
    """What the table has of a tenant's webhooks, by delivery id."""
    admin = await asyncpg.connect(ingest.own.admin_url)
    try:
        rows = await admin.fetch(
            "SELECT delivery_id, object_id, sha256 FROM webhooks WHERE tenant_id = $1 AND status <> 'refused'", tenant
        )
    finally:
        await admin.close()
    return {row["delivery_id"]: (row["object_id"], row["sha256"]) for row in rows}


async def _listed(ingest: Ingest, tenant: str) -> set[int]:
    """The delivery ids that the public list shows, page by page."""
    found: list[dict[str, Any]] = []
    async with ingest.api() as api:
        while True:
            after = found[-1]["delivery_id"] if found else 0
            answer = await api.get("/api/v1/deliveries", params={"after": after, "limit": LIST_PAGE, "tenant": tenant})
            assert answer.status_code == 200, answer.text
            page = answer.json()["deliveries"]
            if not page:
                return {one["delivery_id"] for one in found}
            found += page
