"""Processes that die, stand still, come twice or end in the middle of their work."""

import asyncio
import random
from pathlib import Path
from typing import Final

from tests.chaos.campaign.faults.base import Fault, Hands, Injection, NotStruck
from tests.chaos.campaign.stage import SERVICES

LOOK_SECONDS: Final = 0.1
LOOKS_MAX: Final = 30
"""So long each point is waited for."""
POINTS: Final = (
    ("invoicing", "first_byte.before[elba.create_invoice]"),
    ("invoicing", "first_byte.after[elba.create_invoice]"),
    ("invoicing", "answer.after[elba.create_invoice]"),
    ("invoicing", "first_byte.after[elba.create_act]"),
    ("invoicing", "send.after[documents]"),
    ("invoicing", "mark.before[documents]"),
    ("invoicing", "offsets.before[deals]"),
    ("counterparty", "first_byte.after[elba.create_counterparty]"),
    ("counterparty", "send.before[counterparties]"),
    ("payments", "acknowledgement.after[payments]"),
    ("payments", "offsets.after[documents]"),
    ("notifier", "first_byte.after[bitrix24.write]"),
    ("notifier", "offsets.before[documents]"),
    ("ingest", "send.before[deals]"),
    ("ingest", "mark.after[deals]"),
)
"""Moments of the money path that every busy campaign passes."""


class KillService(Fault):
    """F01: SIGKILL to a service at a moment that nobody chose."""

    code = "F01"
    weight = 4

    def __init__(self, service: str = "") -> None:
        self._service = service

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        name = self._service or chance.choice(SERVICES)
        away = chance.choice((0.0, 0.0, 0.5, 2.0))
        note.detail = {"process": name, "away_seconds": away}
        async with hands.keeper.lock(name):
            await hands.keeper.kill(name, min(away, hands.left()))
        note.count = 1


class KillAtCrashPoint(Fault):
    """F02: a service kills itself at a named moment between two steps of the money path."""

    code = "F02"
    weight = 3
    latest = 0.6

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        points = list(POINTS)
        chance.shuffle(points)
        for service, point in points:
            async with hands.keeper.lock(service):
                if await self._armed(hands, service, point):
                    note.detail = {"process": service, "point": point}
                    note.count = 1
                    return
            if not hands.left():
                break
        raise NotStruck("none of the points was passed in time")

    async def _armed(self, hands: Hands, service: str, point: str) -> bool:
        plan = hands.stage.crash_plans / f"{service}.plan"
        before = hands.keeper.struck(service)
        _write(plan, f"{point}\n")
        for _ in range(LOOKS_MAX):
            await asyncio.sleep(LOOK_SECONDS)
            if hands.keeper.struck(service) > before:
                return True
        _write(plan, "")
        return hands.keeper.struck(service) > before


def _write(plan: Path, text: str) -> None:
    unfinished = plan.with_suffix(".new")
    unfinished.write_text(text)
    unfinished.replace(plan)


class FreezeService(Fault):
    """F03: SIGSTOP to a service for longer than its lease of work and its session at Kafka: a zombie afterwards."""

    code = "F03"
    weight = 2
    latest = 0.75

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        name, seconds = chance.choice(SERVICES), chance.uniform(4.0, 9.0)
        note.detail = {"process": name, "seconds": round(seconds, 1)}
        async with hands.keeper.lock(name):
            await hands.keeper.freeze(name, min(seconds, hands.left()))
        note.count = 1


class RollingEnd(Fault):
    """F04: SIGTERM to one service after another, each started again, as a roll-out does."""

    code = "F04"
    latest = 0.6

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        codes = {}
        for name in chance.sample(SERVICES, len(SERVICES)):
            if not hands.left():
                break
            async with hands.keeper.lock(name):
                codes[name] = await hands.keeper.end(name)
            note.count += 1
        note.detail = {"exit_codes": codes}
        if any(codes.values()):
            note.trouble = f"a service did not end in order: {codes}"


class TwoOfOne(Fault):
    """F17: a second process of a service beside the first: two relays, two consumers, two runners of due work."""

    code = "F17"
    latest = 0.6

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        service = chance.choice(SERVICES)
        name = f"{service}-second"
        note.detail = {"process": service}
        async with hands.keeper.lock(service):
            hands.stage.spawn_beside(name, hands.stage.replica(service, name))
            await hands.stage.ready(name)
            note.count = 1
            await asyncio.sleep(min(chance.uniform(3.0, 8.0), hands.left()))
            await hands.keeper.end_replica(name)
