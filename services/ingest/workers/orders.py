"""Reads what a shop pushed of an order, and tells its stream of the newest version."""

import hashlib
import hmac
from decimal import Decimal
from typing import Final
from uuid import UUID

from chassis.domain import Problem
from chassis.ids import TenantId
from chassis.subjects import Subjects
from chassis.values.orders import OrderId
from chassis.values.units import SERVICE
from chassis.work.handlers import Done, StreamCommand, Task, TaskResult
from connectors.ports.shop import ShopDelivery, ShopOrder, ShopPayer, ShopPush
from connectors.shop.mapping import parse_push, prices
from services.ingest.domain import order
from services.ingest.domain.values import Buyer, BuyerKind, Line, OrderRef, Shop, Snapshot, content_hash
from services.ingest.store.orders import KnownOrder, OrderStore
from services.ingest.workers.snapshot import bounded, read_line

_INN_OF_PERSON: Final = 12
_INN_OF_COMPANY: Final = 10


class ReadOrderTask:
    """The newest of an order's pushes that wait; older ones say nothing any more, and none of the shop is called."""

    kind = order.READ_ORDER
    recurring = False
    permits = 0

    def __init__(self, store: OrderStore, subjects: Subjects) -> None:
        self._store = store
        self._subjects = subjects

    async def run(self, task: Task) -> TaskResult:
        """One command; the stream knows a version that it has seen."""
        order_id = OrderId(str(task.payload["shop_id"]), int(task.payload["order_id"]))
        account, work_id = order.shop_account(task.tenant, order_id.shop), UUID(task.work_id)
        known = await self._store.known(task.tenant, order_id, account, work_id)
        commands: tuple[StreamCommand, ...] = ()
        config = known.tenant.config
        if known.body is not None and config is not None and known.tenant.status != "removed":
            push = parse_push(known.body)
            assert not isinstance(push, Problem), "only what could be read was kept"
            shop = config.settings.shop(order_id.shop)
            seen = await self._read(task.tenant, known, push, shop, order_id)
            observed = order.ObserveOrder(order_id, push.occurred_at, push.version, seen, config)
            commands = (StreamCommand(task.stream, observed, f"push:{order_id.shop}:{known.push_id}"),)
        await self._store.mark_read(task.tenant, work_id, known.unread_upto)
        return Done(commands)

    async def _read(
        self, tenant: TenantId, known: KnownOrder, push: ShopPush, shop: Shop | None, order_id: OrderId
    ) -> order.Order | None:
        if push.order is None:
            return None
        snapshot, person = read_order(push.order, order_id, shop, known.hook_secret)
        if person:
            kept = known.subject_ref if snapshot.content_hash == known.content_hash else ""
            reference = kept or str(await self._subjects.keep(tenant, person))
            assert snapshot.buyer is not None, "an order has a buyer"
            buyer = snapshot.buyer.model_copy(update={"subject_ref": reference})
            snapshot = snapshot.model_copy(update={"buyer": buyer})
        snapshot, oversized = bounded(snapshot)
        return order.Order(
            snapshot=snapshot,
            created_at=push.order.created_at,
            status=push.order.status,
            cancelled=push.order.cancelled,
            pay_systems=push.order.pay_systems,
            oversized=oversized,
        )


def read_order(
    found: ShopOrder, order_id: OrderId, shop: Shop | None, hook_secret: str
) -> tuple[Snapshot, dict[str, str]]:
    """The order as a deal, and of a buyer who is a person the words that must lie behind its ``subject_ref``."""
    buyer, person = _buyer(found.payer, order_id, hook_secret)
    deliveries = tuple(_delivery(delivery, shop) for delivery in found.deliveries)
    snapshot = Snapshot(
        deal_id=str(order_id),
        title=found.number,
        category_id="",
        stage_id=found.status,
        currency=found.currency,
        opportunity_kopecks=found.total_kopecks,
        buyer=buyer,
        lines=(*(read_line(row) for row in found.rows), *deliveries),
        order=OrderRef(shop_id=order_id.shop, order_id=order_id.order, number=found.number, gifts=found.gifts),
    )
    summed = content_hash(snapshot, tuple(f"{name}={value}" for name, value in sorted(person.items())))
    return snapshot.model_copy(update={"content_hash": summed}), person


def _delivery(delivery: ShopDelivery, shop: Shop | None) -> Line:
    """Delivery is a line of its own, never a part of the goods' prices; its VAT is the shop's, else the tenant's."""
    name = shop.delivery_name if shop is not None else Shop.model_fields["delivery_name"].default
    rate = delivery.rate or (shop.delivery_vat if shop is not None else None) or ""
    with_tax, without_tax = prices(delivery.price, rate, included=delivery.vat_included)
    return Line(
        name=f"{name}: {delivery.name}" if delivery.name else name,
        quantity=Decimal(1),
        price=with_tax,
        price_exclusive=without_tax,
        vat=rate,
        tax_included=delivery.vat_included,
        unit_code=SERVICE.code,
        unit_name=SERVICE.symbol,
        product_id="ORDER_DELIVERY",
        is_service=True,
    )


def _buyer(payer: ShopPayer, order_id: OrderId, hook_secret: str) -> tuple[Buyer, dict[str, str]]:
    kind = _kind(payer)
    if kind != "person":
        buyer = Buyer(
            crm_kind="company",
            crm_id="",
            kind=kind,
            name=payer.name or payer.contact,
            full_name=payer.name,
            inn=payer.inn,
            kpp=payer.kpp,
            ogrn=payer.ogrn,
            address=payer.address,
            email=payer.email,
        )
        return buyer, {}
    name, email = payer.contact or payer.name, payer.email.casefold()
    # People are told apart by e-mail, never by name (R11); the address itself must not stand in the name of a stream.
    told_by = hmac.new(hook_secret.encode(), email.encode(), hashlib.sha256).hexdigest()[:32] if email else ""
    known_as = f"shop-{told_by}" if told_by else str(order_id)
    person = {"name": name, "email": payer.email, "phone": payer.phone, "address": payer.address}
    buyer = Buyer(crm_kind="contact", crm_id=known_as, kind="person", inn=payer.inn)
    return buyer, {key: value for key, value in person.items() if value}


def _kind(payer: ShopPayer) -> BuyerKind:
    """Whose INN it is says who buys; without one the shop's kind of payer does."""
    digits = len("".join(character for character in payer.inn if character.isdigit()))
    if digits == _INN_OF_PERSON:
        return "entrepreneur" if payer.legal else "person"
    return "company" if payer.legal or digits >= _INN_OF_COMPANY else "person"
