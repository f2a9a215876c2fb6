"""Processes that die, stand still or end in the middle of their work."""

import random

from tests.chaos.campaign.faults.base import Fault, Hands, Injection

SERVICES = ("ingest", "counterparty", "invoicing", "payments", "notifier")


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
