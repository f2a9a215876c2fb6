"""Draws the faults of a campaign, and its shape: when its day begins and how its vendors behave throughout."""

import random
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from tests.chaos.campaign.driver import Planned
from tests.chaos.campaign.faults.base import Fault
from tests.chaos.campaign.faults.processes import SERVICES, KillService

STARTS: Final = (
    datetime(2026, 9, 15, 9, 0),  # noqa: DTZ001 - in the sellers' zone
    datetime(2026, 9, 14, 23, 52),  # noqa: DTZ001 - over midnight
    datetime(2026, 12, 31, 23, 52),  # noqa: DTZ001 - into the next year
    datetime(2028, 2, 29, 9, 0),  # noqa: DTZ001 - a leap day
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What holds for the whole of a campaign."""

    start: datetime
    idempotency_honoured: bool

    def as_json(self) -> dict[str, Any]:
        """As data."""
        return asdict(self) | {"start": self.start.isoformat()}


def shape_of(seed: int) -> Shape:
    """The same for the same seed."""
    return Shape(STARTS[seed % len(STARTS)], seed % 3 == 0)


def draw_faults(
    seed: int, seconds: float, *, count: int | None, deals: int, kinds: tuple[str, ...] = ()
) -> list[Planned]:
    """At least one kill of every service."""
    chance = random.Random(f"faults|{seed}|{count}|{deals}")
    faults: list[Fault] = [KillService(service) for service in SERVICES]
    return [
        Planned(round(chance.uniform(0.05, fault.latest) * seconds, 2), fault, f"{seed}|{number}")
        for number, fault in enumerate(faults)
    ]
