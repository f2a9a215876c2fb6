"""The fault driver: draws which faults strike when, and lets them; the same plan for the same seed."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.chaos.campaign.chance import chance_of
from tests.chaos.campaign.faults.base import Fault, Hands, Injection


@dataclass(frozen=True, slots=True)
class Planned:
    """One strike; `at` in real seconds after the start."""

    at: float
    fault: Fault
    seed: str


class Driver:
    """Carries out a plan of strikes. What raises is noted: a rig that cannot strike must not look like a quiet day."""

    def __init__(
        self, hands: Hands, plan: Sequence[Planned], starts: float, now: Callable[[], float] = time.time
    ) -> None:
        self._hands = hands
        self._plan = plan
        self._starts = starts
        self._now = now
        self.injections: list[Injection] = []

    async def run(self) -> None:
        """Returns when every strike is over; those that last are ended when faults stop."""
        tasks = []
        for planned in sorted(self._plan, key=lambda one: one.at):
            await asyncio.sleep(max(0.0, self._starts + planned.at - time.monotonic()))
            tasks.append(asyncio.create_task(self._strike(planned)))
        await asyncio.gather(*tasks)

    async def _strike(self, planned: Planned) -> None:
        fault = planned.fault
        note = Injection(fault.code, type(fault).__name__, planned.at, began=self._now())
        self.injections.append(note)
        try:
            await fault.strike(self._hands, chance_of(planned.seed), note)
        except Exception as error:  # noqa: BLE001 - noted, and the run fails on it
            note.trouble = f"{type(error).__name__}: {error}"
        note.ended = self._now()
