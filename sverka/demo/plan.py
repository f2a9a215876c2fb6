"""The plan of a day: which deals there are, what is done with each, and how each must end."""

import random
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sverka.demo.actions import Phase, Steps

BuyerKind = Literal["company", "entrepreneur", "person"]
TaxMode = Literal["exempt", "standard"]
Portals = Literal["webhook", "app", "mixed"]
"""How portals are connected: by webhooks, as an application, or every third one as an application."""

PREPAYMENT: Final = "PREPAYMENT_INVOICE"
EXECUTING: Final = "EXECUTING"
PAID: Final = "FINAL_INVOICE"
WON: Final = "WON"
OVERDUE_DAYS: Final = 7
"""The last look is taken so many calendar days after the due date."""


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who buys. `known`: the accounting service has the record before the day begins."""

    kind: BuyerKind
    name: str
    inn: str = ""
    kpp: str = ""
    email: str = ""
    known: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """How a deal must end, as the portal and the accounting account show it. None: not looked at."""

    invoices: int = 1
    acts: int = 0
    total_kopecks: int = 0
    paid_kopecks: int = 0
    status: str = "issued"
    stage: str = PREPAYMENT
    overdue: bool = False
    comment_parts: tuple[str, ...] = ()
    """Each stands in a comment of the deal's timeline."""


@dataclass(frozen=True, slots=True)
class PlannedDeal:
    """One deal of the plan. `crm_kpp` and `crm_inn` are what the manager typed at first."""

    number: int
    tenant: int
    scenario: str
    title: str
    buyer: Buyer
    crm_inn: str
    crm_kpp: str
    twin: bool
    rows: tuple[dict[str, Any], ...]
    steps: Steps
    expected: Expected


@dataclass(frozen=True, slots=True)
class PlannedTenant:
    """One portal with its accounting account. `by_app`: connected as an OAuth application, without any webhook."""

    number: int
    vat: TaxMode
    by_app: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole day."""

    seed: int
    tenants: tuple[PlannedTenant, ...]
    deals: tuple[PlannedDeal, ...]

    def of_tenant(self, number: int) -> list[PlannedDeal]:
        """The deals of one tenant."""
        return [deal for deal in self.deals if deal.tenant == number]


@dataclass(slots=True)
class Draft:
    """What a scenario fills in; the rest is drawn."""

    chance: random.Random
    vat: TaxMode
    kind: BuyerKind = "company"
    rows: list[dict[str, Any]] = field(default_factory=list)
    total_kopecks: int = 0
    crm_inn: str | None = None
    crm_kpp: str | None = None
    twin: bool = False
    known: bool | None = None
    steps: list[tuple[Phase, tuple[Any, ...]]] = field(default_factory=list)
    expected: Expected = Expected()

    def on(self, phase: Phase, *actions: Any) -> None:
        """Something is done in a phase."""
        self.steps.append((phase, actions))
