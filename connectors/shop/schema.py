"""The body of a push as the contract ``shop-order/v1`` has it; what a later module adds is left alone."""

from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

SCHEMA = "shop-order/v1"
ITEMS_MAX = 1_000
PING = "ping"
DELETED = "order.deleted"

Event = Literal[
    "order.created",
    "order.updated",
    "order.status_changed",
    "order.paid",
    "order.canceled",
    "order.deleted",
    "ping",
]


def _storable(text: str) -> str:
    return text.replace("\0", "\ufffd")  # JSON has the character, Postgres takes it in no text


Id = Annotated[int, Field(ge=1, le=99_999_999_999_999, strict=True)]
Text = Annotated[str, Field(max_length=2_000), AfterValidator(_storable)]
Money = Annotated[str, Field(pattern=r"^-?[0-9]{1,12}(\.[0-9]{1,2})?$")]
Price = Annotated[str, Field(pattern=r"^-?[0-9]{1,12}(\.[0-9]{1,4})?$")]
Quantity = Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,4})?$")]
Percent = Annotated[int, Field(ge=0, le=99, strict=True)]
Flag = Annotated[bool, Field(strict=True)]


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class WirePersonType(_Wire):
    """The kind of payer, as the shop's administrator has set it up."""

    id: int
    kind: Literal["legal", "individual"]


class WirePayer(_Wire):
    """The payer, put together from the order's properties by the module; null and "" are the same."""

    inn: Text | None = None
    kpp: Text | None = None
    ogrn: Text | None = None
    name: Text | None = None
    address: Text | None = None
    contact: Text | None = None
    email: Text | None = None
    phone: Text | None = None


class WireItem(_Wire):
    """A row of the basket. ``price`` is per unit after discount; a part of a set names it in ``set_parent``."""

    id: Id
    product_id: int | None = None
    product_xml_id: Text | None = None
    name: Text
    quantity: Quantity
    okei: Text | None = None
    unit: Text | None = None
    price: Price
    vat_rate: Percent | None
    vat_included: Flag
    kind: Literal["goods", "service"] = "goods"
    set_parent: int | None = None


class WireDelivery(_Wire):
    """A shipment. ``vat_rate`` left out is not known; null is no VAT."""

    id: Id
    name: Text = ""
    price: Price
    vat_rate: Percent | None = None
    vat_included: Flag = True
    canceled: Flag = False


class WirePayment(_Wire):
    """A payment of the order, made or to be made."""

    id: Id
    pay_system_id: int
    is_return: Flag = False


class WireOrder(_Wire):
    """The whole order."""

    id: Id
    account_number: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_storable)]
    version: Annotated[int, Field(ge=0, le=2_000_000_000, strict=True)]
    status: Annotated[str, Field(max_length=10), AfterValidator(_storable)] = ""
    canceled: Flag
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    created_at: AwareDatetime
    person_type: WirePersonType
    total: Money
    payer: WirePayer
    items: Annotated[tuple[WireItem, ...], Field(max_length=ITEMS_MAX)]
    deliveries: Annotated[tuple[WireDelivery, ...], Field(max_length=50)] = ()
    payments: Annotated[tuple[WirePayment, ...], Field(max_length=100)] = ()


class WireDeleted(_Wire):
    """All that is left of a deleted order."""

    id: Id
    version: Annotated[int, Field(ge=0, le=2_000_000_000, strict=True)] | None = None


class WireHead(_Wire):
    """What every push has, whatever it is about."""

    schema_name: Literal["shop-order/v1"] = Field(alias="schema")
    event: Event
    occurred_at: AwareDatetime


class WirePush(WireHead):
    """A push with an order as it is now."""

    order: WireOrder


class WireDeletion(WireHead):
    """A push about an order that is no more."""

    order: WireDeleted
