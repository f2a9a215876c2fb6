"""Nomenclature of an accounting service, by our external code: DTOs and Protocols."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from chassis.outcomes import Outcome
from chassis.work.handlers import Permit


@dataclass(frozen=True, slots=True)
class ProductDraft:
    """Goods or a service to be created; ``external_code`` is the product's code in other systems, else the CRM's id,
    ``price`` roubles per unit with VAT contained."""

    external_code: str
    name: str
    article: str
    unit_code: str
    unit_symbol: str
    price: Decimal | None
    vat_rate: str
    is_service: bool


@dataclass(frozen=True, slots=True)
class Product:
    """An item of the nomenclature as the service holds it; ``vat_rate`` canonical or the vendor's raw word."""

    product_id: str
    name: str
    article: str
    external_code: str
    unit: str
    price: Decimal | None
    vat_rate: str
    archived: bool = False


@dataclass(frozen=True, slots=True)
class UsedItem:
    """Which item of the nomenclature a document's lines of one product refer to; ``created`` for this document."""

    product_id: str
    item_id: str
    created: bool = False


class FindProduct(Protocol):
    """Items of exactly this external code."""

    async def find_product(self, permit: Permit, external_code: str) -> Outcome[tuple[Product, ...]]: ...


class CreateProduct(Protocol):
    """Creates an item; ``key`` is the effect's id."""

    async def create_product(self, permit: Permit, draft: ProductDraft, *, key: str) -> Outcome[Product]: ...
