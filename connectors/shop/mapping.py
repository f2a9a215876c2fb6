"""From the body of a push to an order: pure."""

from decimal import Decimal
from typing import Any, Final

from pydantic import ValidationError

from chassis.domain import Problem
from chassis.values.lines import SourceRow
from chassis.values.money import exact_kopecks_from_decimal
from chassis.values.vat import rate_text
from connectors.ports.shop import ShopDelivery, ShopOrder, ShopPayer, ShopPush
from connectors.shop.schema import (
    DELETED,
    PING,
    WireDeletion,
    WireHead,
    WireItem,
    WireOrder,
    WirePush,
)
from connectors.wire import read_json

BODY_BYTES_MAX: Final = 1024 * 1024
PATHS_TOLD_MAX: Final = 20
NAME_LENGTH_MAX: Final = 255
_PERCENT: Final = Decimal(100)


def parse_push(body: bytes) -> ShopPush | Problem:
    """The push. Problems: ``push_unreadable``, and ``push_schema`` with the ``paths`` that are not as agreed."""
    try:
        document = read_json(body)
    except ValueError:
        return Problem("push_unreadable")
    if not isinstance(document, dict):
        return Problem("push_unreadable")
    try:
        return _push(document)
    except ValidationError as error:
        return Problem("push_schema", {"paths": _paths(error)})


def _push(document: dict[str, Any]) -> ShopPush:
    head = WireHead.model_validate(document)
    if head.event == PING:
        return ShopPush(head.event, head.occurred_at)
    if head.event == DELETED:
        gone = WireDeletion.model_validate(document)
        return ShopPush(gone.event, gone.occurred_at, gone.order.id, gone.order.version)
    push = WirePush.model_validate(document)
    order = push.order
    return ShopPush(push.event, push.occurred_at, order.id, order.version, _order(order))


def _paths(error: ValidationError) -> list[str]:
    places = {".".join(str(step) for step in one["loc"]): None for one in error.errors(include_input=False)}
    return list(places)[:PATHS_TOLD_MAX]


def _order(order: WireOrder) -> ShopOrder:
    sold = [item for item in order.items if item.set_parent is None]
    paid_for = sorted((item for item in sold if Decimal(item.price)), key=lambda item: item.id)
    return ShopOrder(
        order_id=order.id,
        number=order.account_number,
        status=order.status,
        cancelled=order.canceled,
        currency=order.currency,
        created_at=order.created_at,
        total_kopecks=exact_kopecks_from_decimal(Decimal(order.total)),
        payer=_payer(order),
        rows=tuple(_row(item) for item in paid_for),
        deliveries=tuple(
            ShopDelivery(
                name=delivery.name.strip(),
                price=Decimal(delivery.price),
                rate=rate_text(delivery.vat_rate) if "vat_rate" in delivery.model_fields_set else None,
                vat_included=delivery.vat_included,
            )
            for delivery in order.deliveries
            if not delivery.canceled and Decimal(delivery.price)
        ),
        pay_systems=frozenset(payment.pay_system_id for payment in order.payments if not payment.is_return),
        gifts=len(sold) - len(paid_for),
    )


def _payer(order: WireOrder) -> ShopPayer:
    given = {name: (value or "").strip() for name, value in order.payer.model_dump().items()}
    return ShopPayer(legal=order.person_type.kind == "legal", **given)


def _row(item: WireItem) -> SourceRow:
    price = Decimal(item.price)
    with_tax, without_tax = prices(price, rate_text(item.vat_rate), included=item.vat_included)
    return SourceRow(
        name=item.name[:NAME_LENGTH_MAX],
        quantity=Decimal(item.quantity),
        price=with_tax,
        price_exclusive=without_tax,
        rate=rate_text(item.vat_rate),
        vat_included=item.vat_included,
        unit_code=item.okei or None,
        unit_name=item.unit or None,
        is_service=item.kind == "service",
        product_id=item.product_xml_id or (str(item.product_id) if item.product_id else None),
    )


def prices(price: Decimal, rate: str, *, included: bool) -> tuple[Decimal, Decimal]:
    """The unit price with and without tax; the one that the shop did not give has four decimals."""
    percent = Decimal(rate) if rate.isdecimal() else Decimal(0)
    if included:
        return price, (price * _PERCENT / (_PERCENT + percent)).quantize(Decimal("0.0001"))
    return (price * (_PERCENT + percent) / _PERCENT).quantize(Decimal("0.0001")), price
