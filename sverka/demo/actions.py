"""What people do with a deal during the day, as data."""

from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """The parts of the day, in order; in between everything comes to rest."""

    MORNING = "morning"
    REPAIRS = "repairs"
    MONEY = "money"
    MORE_MONEY = "more_money"
    CLOSING = "closing"
    DECISIONS = "decisions"


@dataclass(frozen=True, slots=True)
class Enter:
    """The manager moves the deal to the invoicing stage. With `unheard` the portal's webhook is lost."""

    unheard: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """The manager moves the deal to a stage."""

    stage: str


@dataclass(frozen=True, slots=True)
class FillKpp:
    """The manager fills in the company's KPP."""


@dataclass(frozen=True, slots=True)
class AddGoods:
    """The manager adds one line for this many kopecks."""

    kopecks: int


@dataclass(frozen=True, slots=True)
class Pay:
    """The buyer pays this many kopecks. With `listed_twice` the accounting service shows the payment twice."""

    kopecks: int
    listed_twice: bool = False


@dataclass(frozen=True, slots=True)
class Refund:
    """The seller pays this many kopecks back."""

    kopecks: int


@dataclass(frozen=True, slots=True)
class Reverse:
    """The bank takes the deal's last payment back."""


@dataclass(frozen=True, slots=True)
class Rename:
    """The accounting service gives the deal's last payment another id."""


@dataclass(frozen=True, slots=True)
class Decide:
    """The accountant takes the card of this kind, about this deal."""

    kind: str
    choice: str


Action = Enter | Move | FillKpp | AddGoods | Pay | Refund | Reverse | Rename | Decide
Steps = tuple[tuple[Phase, tuple[Action, ...]], ...]
