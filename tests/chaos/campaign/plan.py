"""The plan of a campaign: which deals there are, what people do with each, and how each must end."""

from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

BuyerKind = Literal["company", "entrepreneur", "person"]
TaxMode = Literal["exempt", "standard"]

NEW: Final = "NEW"
LOST: Final = "LOSE"
INVOICING: Final = "PREPAYMENT_INVOICE"
PAID: Final = "FINAL_INVOICE"
WON: Final = "WON"


@dataclass(frozen=True, slots=True)
class Enter:
    """The manager moves the deal to the invoicing stage."""


@dataclass(frozen=True, slots=True)
class Move:
    """Moves the deal to a stage, once its invoice is shown on it, or also once it stands in stage `after`."""

    stage: str
    after: str = ""


@dataclass(frozen=True, slots=True)
class Pay:
    """The buyer pays, once the deal shows its invoice; `early`: as soon as the accounting service has one."""

    kopecks: int
    early: bool = False
    listed_twice: bool = False
    late_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Refund:
    """The seller pays back, once the deal shows `paid_kopecks` as paid."""

    kopecks: int
    paid_kopecks: int


@dataclass(frozen=True, slots=True)
class Change:
    """The bank changes the deal's last payment, once it counted: removed, vanished, renamed, revised."""

    how: Literal["removed", "vanished", "renamed", "revised"]
    paid_kopecks: int
    to_kopecks: int = 0


@dataclass(frozen=True, slots=True)
class FillKpp:
    """The manager fills in the KPP, once the deal says that data are missing."""


@dataclass(frozen=True, slots=True)
class FixInn:
    """The manager puts the right INN in place of another's, once the deal says that data are missing."""


@dataclass(frozen=True, slots=True)
class AddGoods:
    """The manager adds one line, once the deal shows its invoice."""

    kopecks: int


@dataclass(frozen=True, slots=True)
class Lose:
    """The manager gives the deal up, once it says that data are missing, and fills in afterwards what was missing."""


@dataclass(frozen=True, slots=True)
class Flap:
    """The manager drags the deal out of the invoicing stage and back, this many times, at once."""

    times: int


@dataclass(frozen=True, slots=True)
class ByHand:
    """The accountant edits, deletes or cancels the invoice by hand, once the deal shows it."""

    how: Literal["edited", "deleted", "cancelled"]


@dataclass(frozen=True, slots=True)
class Decide:
    """The accountant takes the deal's card of this kind, once it is open."""

    kind: str
    choice: str


Step = Enter | Move | Pay | Refund | Change | FillKpp | FixInn | AddGoods | Lose | Flap | ByHand | Decide


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who buys. `records` of the accounting service before the day: own, none, double, or another branch's."""

    kind: BuyerKind
    name: str
    inn: str = ""
    kpp: str = ""
    email: str = ""
    records: Literal["none", "own", "double", "branch"] = "none"


@dataclass(frozen=True, slots=True)
class Expected:
    """How a deal must end, as the portal and the accounting account show it."""

    invoices: int = 1
    acts: int = 0
    total_kopecks: int = 0
    paid_kopecks: int = 0
    status: str = "Выставлен"
    stage: str = INVOICING
    revision: int = 1
    number_shown: bool = True
    cards: tuple[str, ...] = ()
    """Kinds of decision cards that the plan itself causes."""


@dataclass(frozen=True, slots=True)
class PlannedDeal:
    """One deal. `starts_at` is in real seconds after the start; `slot` is the same for deals alike in all tenants."""

    number: int
    tenant: int
    slot: int
    scenario: str
    title: str
    buyer: Buyer
    crm_inn: str
    crm_kpp: str
    twin: bool
    card: dict[str, Any]
    """What else the manager types into the deal: currency, opportunity."""
    rows: tuple[dict[str, Any], ...]
    steps: tuple[Step, ...]
    expected: Expected
    starts_at: float


@dataclass(frozen=True, slots=True)
class PlannedTenant:
    """One portal with its account. `canary` stands in every title, name of goods and of a buyer, and nowhere else."""

    number: int
    vat: TaxMode
    canary: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole campaign's work."""

    seed: int
    tenants: tuple[PlannedTenant, ...]
    deals: tuple[PlannedDeal, ...]


@dataclass(slots=True)
class Draft:
    """What a scenario fills in."""

    chance: Any
    vat: TaxMode
    canary: str
    kind: BuyerKind = "company"
    records: Literal["none", "own", "double", "branch"] | None = None
    crm_inn: str | None = None
    crm_kpp: str | None = None
    twin: bool = False
    card: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    total_kopecks: int = 0
    steps: list[Step] = field(default_factory=list)
    expected: Expected = Expected()


def as_json(deal: PlannedDeal) -> dict[str, Any]:
    """A planned deal as data; each step with its name."""
    data = asdict(deal)
    data["steps"] = [{"do": type(step).__name__, **asdict(step)} for step in deal.steps]
    return data
