"""Draws the faults of a campaign, and its shape: when its day begins and how its vendors behave throughout."""

import random
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from tests.chaos.campaign.chance import chance_of
from tests.chaos.campaign.driver import Planned
from tests.chaos.campaign.faults import infrastructure, ingress, processes, vendors, versions
from tests.chaos.campaign.faults.base import Fault
from tests.chaos.campaign.stage import SERVICES

STARTS: Final = (
    datetime(2026, 9, 15, 9, 0),  # noqa: DTZ001 - in the sellers' zone
    datetime(2026, 9, 14, 23, 52),  # noqa: DTZ001 - over midnight
    datetime(2026, 12, 31, 23, 52),  # noqa: DTZ001 - into the next year
    datetime(2028, 2, 29, 9, 0),  # noqa: DTZ001 - a leap day
)
LIGHT: Final[tuple[type[Fault], ...]] = (
    processes.KillService,
    processes.KillAtCrashPoint,
    processes.FreezeService,
    infrastructure.KillPostgres,
    infrastructure.CutCommits,
    infrastructure.IdleInTransaction,
    infrastructure.RefuseCommits,
    infrastructure.KillKafka,
    infrastructure.SlowKafka,
    infrastructure.SlowPostgres,
    infrastructure.ClockJumps,
    ingress.DropWebhooks,
    ingress.DoubleWebhooks,
    ingress.ReorderWebhooks,
    ingress.DelayWebhooks,
    ingress.ForgedEvents,
    ingress.Burst,
    ingress.ForgedPosts,
    ingress.MalformedPosts,
    vendors.TimeoutBefore,
    vendors.TimeoutAfter,
    vendors.LateCommit,
    vendors.ErrorAfter,
    vendors.ErrorBefore,
    vendors.Limit,
    vendors.OperatingLimit,
    vendors.SlowBytes,
    vendors.SlowLine,
    vendors.DeadLine,
    vendors.VendorAway,
    vendors.KillSandbox,
    vendors.PermitsAway,
    vendors.BrokenAnswer,
    vendors.ErrorIn200,
    vendors.PagingShift,
    vendors.ReadLag,
    vendors.TokensEnd,
    vendors.ChangedFields,
    vendors.KopeckOff,
    vendors.BrokenPdf,
)
HEAVY: Final[tuple[type[Fault], ...]] = (
    infrastructure.LoseTopic,
    processes.RollingEnd,
    infrastructure.LoseKafka,
    processes.TwoOfOne,
    infrastructure.RewindOffsets,
    infrastructure.NoKafka,
    versions.MixedVersions,
    infrastructure.RebalanceStorm,
)
"""One of them in a campaign, in turn by its seed."""
WITHOUT_KAFKA: Final = frozenset(
    {"F01", "F03", "F05", "F06", "F09", "F10", "F18", "F20", "F21", "F22", "F24", "F25", "F26", "F35"}
)
"""What can strike while nothing goes further than ingest."""
ALL: Final = (*LIGHT, *HEAVY)
INJECTIONS_MIN: Final = 14
DEALS_PER_INJECTION: Final = 5


@dataclass(frozen=True, slots=True)
class Shape:
    """What holds for the whole of a campaign. `heavy`: the name of its one heavy fault."""

    start: datetime
    idempotency_honoured: bool
    heavy: str

    def as_json(self) -> dict[str, Any]:
        """As data."""
        return asdict(self) | {"start": self.start.isoformat()}


def shape_of(seed: int) -> Shape:
    """The same for the same seed."""
    heavy = HEAVY[seed % len(HEAVY)]
    return Shape(STARTS[seed // len(HEAVY) % len(STARTS)], seed % 3 == 0, heavy.__name__)


def draw_faults(
    seed: int, seconds: float, *, count: int | None, deals: int, kinds: tuple[str, ...] = ()
) -> list[Planned]:
    """A kill of every service and of Postgres, the heavy one, and the rest by weight, first one of each drawn kind.

    `kinds`, by code, leaves everything else out.
    """
    chance = chance_of("faults", seed, count, deals)
    wanted = count if count is not None else max(INJECTIONS_MIN, deals // DEALS_PER_INJECTION)
    heavy = HEAVY[seed % len(HEAVY)]
    faults: list[Fault] = [processes.KillService(service) for service in SERVICES]
    faults.append(infrastructure.KillPostgres())
    faults.append(heavy())
    light = [kind for kind in LIGHT if heavy is not infrastructure.NoKafka or kind.code in WITHOUT_KAFKA]
    if kinds:
        faults, light = [], [kind for kind in ALL if kind.code in kinds]
    first = _drawn_once(chance, light)
    while len(faults) < wanted:
        kind = first.pop() if first else chance.choices(light, [kind.weight for kind in light])[0]
        faults.append(kind())
    return [Planned(_moment(chance, fault, seconds), fault, f"{seed}|{place}") for place, fault in enumerate(faults)]


def _drawn_once(chance: random.Random, kinds: list[type[Fault]]) -> list[type[Fault]]:
    """Each kind once, heavier ones rather at the end, from where they are taken."""
    return sorted(kinds, key=lambda kind: chance.random() ** (1 / kind.weight))


def _moment(chance: random.Random, fault: Fault, seconds: float) -> float:
    if isinstance(fault, infrastructure.NoKafka):
        return 0.0
    return round(chance.uniform(0.04, fault.latest) * seconds, 2)
