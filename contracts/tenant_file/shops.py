"""Shops in the tenant's file; a field's description is what a person should write there."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from contracts.tenant_file.parts import DuePart, Part


def _order_template(text: str) -> str:
    if "{order}" not in text or re.sub(r"\{order\}", "", text).count("{"):
        raise ValueError("not a template")
    return text


_ShopSecret = Annotated[str, Field(min_length=16, max_length=2000, repr=False)]
_KeyId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]


class ShopKeyPart(Part):
    """A secret of a shop that is being exchanged for another."""

    key_id: _KeyId = Field(description="write the id under which the shop's module knows the secret, for example 1")
    secret: _ShopSecret = Field(description="write the secret, 16 characters or more, best as env:NAME or file:PATH")


class DeliveryPart(Part):
    """How the price of delivery stands in documents."""

    name: str = Field(
        default="Доставка", min_length=1, max_length=100, description="write a name, for example Доставка"
    )
    vat: Literal["none", "0", "5", "7", "10", "20", "22"] | None = Field(
        default=None, description='write "none" or a rate in quotes, for example "22", for shops that do not say it'
    )


class OrderNumberingPart(Part):
    """Numbers of orders' invoices, where the vendor does not give them."""

    template: Annotated[str, Field(min_length=7, max_length=30), AfterValidator(_order_template)] = Field(
        default="{order}", description='write a text with {order} in it, for example "S-{order}"'
    )


class ShopPart(Part):
    """A shop whose orders are invoiced."""

    id: str = Field(
        pattern=r"^[a-z0-9-]{1,20}$", description="write 1 to 20 characters of a-z, 0-9 and -, for example main"
    )
    secret: _ShopSecret = Field(
        description="write the secret that the shop's module signs with, 16 characters or more, best as env:NAME"
    )
    key_id: _KeyId = Field(default="1", description="write the id of that secret in the shop's module, for example 1")
    previous: ShopKeyPart | None = Field(
        default=None, description="write {key_id: …, secret: …} of the old secret while the shop is given a new one"
    )
    seller: str = Field(
        default="", pattern=r"^[a-z0-9-]{0,40}$", description="write the id of the seller, where there are several"
    )
    currency: Literal["RUB"] = Field(default="RUB", description="write RUB; other currencies cannot be invoiced")
    invoice_pay_systems: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        min_length=1,
        max_length=50,
        description="write the ids of the shop's pay systems that want an invoice, for example [48]",
    )
    issue_act: tuple[Annotated[str, Field(min_length=1, max_length=10)], ...] = Field(
        default=(), max_length=50, description="write the order statuses that ask for an act, for example [F]"
    )
    due: DuePart | None = Field(
        default=None, description="write {days: 3, calendar: true}, or leave it to the seller's"
    )
    delivery: DeliveryPart = Field(default=DeliveryPart(), description="write {name: Доставка}")
    numbering: OrderNumberingPart = Field(default=OrderNumberingPart(), description='write {template: "{order}"}')
    buyers_without_inn: Literal["individuals", "refuse"] = Field(
        default="individuals", description="write individuals or refuse"
    )

    @field_validator("previous")
    @classmethod
    def _another(cls, previous: ShopKeyPart | None, info: ValidationInfo) -> ShopKeyPart | None:
        if previous is not None and previous.key_id == info.data.get("key_id"):
            raise ValueError("the same id twice")
        return previous
