"""What a fault is, and what it has in its hands."""

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from tests.chaos.campaign.accountant import Accountant
from tests.chaos.campaign.keeper import Keeper
from tests.chaos.campaign.people import StagedDeal
from tests.chaos.campaign.stage import Stage
from tests.chaos.campaign.view import View
from tests.chaos.campaign.world import Pair, World


@dataclass(slots=True)
class Injection:
    """One use of a fault: when it was planned and done (seconds after the start; real unix times), and what it hit.

    `rules` are the sandbox's rules that it armed; each must fire. Without rules `count` says how often it struck.
    """

    code: str
    name: str
    at: float
    began: float = 0.0
    ended: float = 0.0
    count: int = 0
    rules: list[str] = field(default_factory=list)
    detail: dict[str, Any] = field(default_factory=dict)
    trouble: str = ""

    def as_json(self, view: View) -> dict[str, Any]:
        """The injection as the checker reads it, with how often it fired."""
        fired = {rule: view.fired[rule] for rule in self.rules}
        return asdict(self) | {"fired": self.count + sum(fired.values()), "rules": fired}


@dataclass(slots=True)
class Hands:
    """All that a fault may touch."""

    stage: Stage
    keeper: Keeper
    world: World
    view: View
    accountant: Accountant
    pairs: Sequence[Pair]
    deals: Sequence[StagedDeal]
    hooks: dict[str, str]
    """Where each portal's webhooks go, past the proxy, by slug."""
    ends: float
    """When faults stop, by the monotonic clock."""

    def left(self) -> float:
        """Real seconds until faults stop."""
        return max(0.0, self.ends - time.monotonic())


class NotStruck(Exception):  # noqa: N818 - named after what did not happen
    """A fault found nothing to hit; the run says so, and fails."""


class Fault(ABC):
    """One kind of fault; the first line of its docstring is its description. `code` is its number in the catalogue."""

    code: ClassVar[str]
    weight: ClassVar[int] = 1
    latest: ClassVar[float] = 0.9
    """It strikes before this share of the time of faults, so that something is left to be hit."""
    seconds: ClassVar[float] = 0.0
    """How long it lasts at most."""

    @abstractmethod
    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        """Does it, undoes it, and notes what was hit."""


class RuleFault(Fault):
    """A fault of a vendor or on the way from one: a rule in the sandbox's fault plan, for the next fitting call."""

    @abstractmethod
    def rules(self, hands: Hands, chance: random.Random) -> list[dict[str, Any]]:
        """The rules; each must fire."""

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        rules = self.rules(hands, chance)
        note.detail = {"rules": rules}
        note.rules = await hands.world.add_rules(rules)


def rule(vendor: str, operation: str, kind: str, *, limit: int = 1, **params: Any) -> dict[str, Any]:
    """A rule that hits the next calls of an operation, whichever account they are for."""
    return {"vendor": vendor, "operation": operation, "kind": kind, "rate": 1, "limit": limit, "params": params}
