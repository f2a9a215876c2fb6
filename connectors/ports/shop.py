"""Orders of shops as any shop's connector gives them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from chassis.values.lines import SourceRow


@dataclass(frozen=True, slots=True)
class ShopPayer:
    """Who pays, raw: nothing is checked or cleaned. ``legal`` is what the shop says of the kind of payer."""

    legal: bool
    inn: str = ""
    kpp: str = ""
    ogrn: str = ""
    name: str = ""
    address: str = ""
    contact: str = ""
    email: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class ShopDelivery:
    """A delivery that costs something; ``price`` in roubles. ``rate`` None where the shop does not say which VAT."""

    name: str
    price: Decimal
    rate: str | None
    vat_included: bool


@dataclass(frozen=True, slots=True)
class ShopOrder:
    """An order as it is now. ``number`` is what the buyer sees, ``order_id`` never changes.

    ``rows`` are goods without parts of sets and without gifts, ``gifts`` how many rows cost nothing;
    ``pay_systems`` are those of its payments, refunds left out.
    """

    order_id: int
    number: str
    status: str
    cancelled: bool
    currency: str
    created_at: datetime
    total_kopecks: int
    payer: ShopPayer = field(repr=False)
    rows: Sequence[SourceRow] = ()
    deliveries: Sequence[ShopDelivery] = ()
    pay_systems: frozenset[int] = frozenset()
    gifts: int = 0


@dataclass(frozen=True, slots=True)
class ShopPush:
    """One push. ``order_id`` None: only a ping. ``order`` None with an id: the order is deleted, and ``version`` may be
    unknown then."""

    event: str
    occurred_at: datetime
    order_id: int | None = None
    version: int | None = None
    order: ShopOrder | None = None


@dataclass(frozen=True, slots=True)
class SignedPush:
    """A push whose signature holds; ``delivery`` is the same on every retry."""

    delivery: UUID
