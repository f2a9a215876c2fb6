"""Waits until a campaign is at rest: deals played, cards taken, nothing open, and every poll has looked since."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg
import httpx
from aiokafka.errors import KafkaError  # type: ignore[import-untyped] # it ships no types

from tests.chaos.campaign.accountant import Accountant
from tests.chaos.campaign.broker import read_logs
from tests.chaos.campaign.proxy import HOST
from tests.chaos.campaign.share import Allowance
from tests.chaos.campaign.stage import SERVICES, Stage
from tests.chaos.campaign.world import World

LOOK_SECONDS: Final = 0.3
SENT: Final = "SELECT DISTINCT message_id::text FROM outbox WHERE topic <> 'tenants'"
"""Of the compacted topic older states may be gone."""


async def settle(
    stage: Stage,
    world: World,
    accountant: Accountant,
    plays: Sequence[asyncio.Task[None]],
    helpers: Sequence[asyncio.Task[None]],
    allowance: Allowance,
) -> str:
    """Nothing when all is at rest; else, when the time that is allowed is over, what was not."""
    headers = {"authorization": f"Bearer {stage.tokens()['service']}"}
    urls = [stage.url(name) for name in SERVICES]
    acted_at: datetime | None = None
    why = "deals"
    async with httpx.AsyncClient(headers=headers, timeout=10.0, trust_env=False) as client:
        while allowance.left():
            for helper in helpers:
                if helper.done():
                    helper.result()
            await asyncio.sleep(LOOK_SECONDS)
            waiting = sum(not play.done() for play in plays)
            if waiting:
                why = f"{waiting} deals wait for what should happen to them"
                continue
            if accountant.open:
                why, acted_at = f"{accountant.open} decision cards are open", None
                continue
            if acted_at is None:
                acted_at = datetime.fromisoformat((await world.clock())["now"])
            if pending := await world.events_pending() + await world.timers_pending():
                why = f"{pending} events or late commits are on their way"
                continue
            why = await _open(client, urls, acted_at)
            if not why:
                why = await _open(client, urls, acted_at)  # a message on its way back up is nowhere for a moment
            if not why:
                why = await _not_in_the_broker(stage)
            if not why and not accountant.open:
                return ""
    return why


async def _not_in_the_broker(stage: Stage) -> str:
    """Whether the broker holds all that was sent: a loss of what nobody misses is found within half a minute."""
    try:
        logs = await read_logs(f"{HOST}:{stage.proxies['kafka'].port}")
    except (KafkaError, TimeoutError) as error:
        return f"the broker's logs cannot be read: {type(error).__name__}"
    held = {message for log in logs.values() for _, message in log}
    for service, url in stage.databases().items():
        connection = await asyncpg.connect(url, timeout=10)
        try:
            sent = await connection.fetch(SENT)
        finally:
            await connection.close()
        if missing := {row[0] for row in sent} - held:
            return f"{service}: {len(missing)} messages are no longer in the broker"
    return ""


async def _open(client: httpx.AsyncClient, urls: Sequence[str], acted_at: datetime) -> str:
    quiet: list[datetime] = []
    for url in urls:
        try:
            answer = await client.get(f"{url}/internal/status")
            status: dict[str, Any] = answer.raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            return f"{url} does not answer: {type(error).__name__}"
        name = status["service"]
        if not status["ready"]:
            return f"{name} is not ready: {status['missing']}"
        if not status["idle"]:
            parts = ("outbox_unsent", "due_work", "delayed_work", "work_under_way", "open_work", "consumer_lag", "busy")
            return f"{name}: " + ", ".join(f"{part} {status[part]}" for part in parts if status[part])
        if status["polls"]:
            if status["quiet_since"] is None:
                return f"{name}: a poll has news"
            quiet.append(datetime.fromisoformat(status["quiet_since"]))
    if quiet and min(quiet) <= acted_at:
        return "a poll has not looked since"
    return ""
