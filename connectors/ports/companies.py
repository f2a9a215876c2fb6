"""What a provider of the state register of companies tells of one INN."""

import enum
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

from chassis.outcomes import Outcome
from chassis.work.handlers import Permit

CompanyKind = Literal["company", "entrepreneur"]


class CompanyStatus(enum.StrEnum):
    """How a company stands in the register. UNKNOWN is a word we do not know: information, never a state."""

    ACTIVE = "active"
    REORGANIZING = "reorganizing"
    LIQUIDATING = "liquidating"
    BANKRUPT = "bankrupt"
    LIQUIDATED = "liquidated"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CompanyCard:
    """A company or an entrepreneur in the register; texts as the provider writes them, ``""`` when empty.

    ``branch``: the KPP that was asked for is a branch's. ``address_doubted``: the register marks the address as
    unreliable. Directors and founders are left out: they are people, and no document needs them.
    """

    inn: str
    kind: CompanyKind
    full_name: str
    short_name: str
    status: CompanyStatus
    provider: str
    kpp: str = ""
    ogrn: str = ""
    address: str = ""
    registered_on: date | None = None
    liquidated_on: date | None = None
    branch: bool = False
    address_doubted: bool = False


class CompanyByInn(Protocol):
    """The card of an INN, of the branch where ``kpp`` is a branch's; None when the register has no such INN.

    Deferred ``register_quota`` with ``until``: the account's quota is used up till then. ``answered_today``: the key
    has answered on this day, so that a refusal without a reason means the quota. At most two requests.
    """

    async def by_inn(
        self, permit: Permit, inn: str, kpp: str = "", *, answered_today: bool = False
    ) -> Outcome[CompanyCard | None]: ...
