"""One order of a shop: its newest version, and the requests that were made of it. It goes on as a deal does."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from chassis.aggregate import EventCodec, TaskPlan
from chassis.domain import Event, Refused
from chassis.values.orders import OrderId
from services.ingest.domain.deal import (
    TOO_LONG,
    ContentChanged,
    DealGone,
    RequestFailed,
    RequestMade,
    request_id,
)
from services.ingest.domain.values import (
    Config,
    Effective,
    Kind,
    Reason,
    Settings,
    Shop,
    Snapshot,
    Value,
    effective_of_order,
)

PREFIX = "order"
READ_ORDER = "read-order"
SHOP_VENDOR = "shop"
NUMBER_LENGTH_MAX: Final = 24
"""Of a number that goes into the number of an invoice, which vendors bound; a longer one is left for the order's id."""


def shop_account(tenant: str, shop_id: str) -> str:
    """The account of a tenant's shop, as its secrets are kept."""
    return f"{SHOP_VENDOR}:{tenant}:{shop_id}"


class OrderSeen(Event, name="OrderSeen"):
    """A version of the order came that is newer than all before it."""

    deal_id: str
    version: int
    occurred_at: dt.datetime
    cancelled: bool = False


class Order(Value):
    """An order as it is now. ``oversized``: no message could carry its rows, so they were left out."""

    snapshot: Snapshot
    created_at: dt.datetime
    status: str = ""
    cancelled: bool = False
    pay_systems: frozenset[int] = frozenset()
    oversized: bool = False


@dataclass(frozen=True, slots=True)
class ObserveOrder:
    """What a push of a shop says. ``order`` None: it is deleted, and ``version`` None then says nothing."""

    order_id: OrderId
    occurred_at: dt.datetime
    version: int | None
    order: Order | None
    config: Config


Command = ObserveOrder
StoredEvent = OrderSeen | RequestMade | RequestFailed | ContentChanged | DealGone
EVENTS: tuple[type[Event], ...] = (OrderSeen, RequestMade, RequestFailed, ContentChanged, DealGone)
CODEC = EventCodec(EVENTS)


@dataclass(frozen=True, slots=True)
class State:
    """What is known of one order. ``deal`` is what was last said of it, None before the first request; ``gone``: it is
    cancelled or deleted."""

    stream: str
    version: int = -1
    occurred_at: dt.datetime | None = None
    requests: Mapping[Kind, RequestMade | RequestFailed] = field(default_factory=dict)
    deal: Snapshot | None = None
    gone: bool = False

    def asked_for(self, kind: Kind) -> bool:
        """Whether a document was asked for; one that could not be is tried again with the next version."""
        return isinstance(self.requests.get(kind), RequestMade)


def initial(stream: str) -> State:
    """An order of which nothing is known."""
    return State(stream)


def evolve(state: State, event: StoredEvent) -> State:
    """The state after one event."""
    match event:
        case OrderSeen():
            return replace(state, version=event.version, occurred_at=event.occurred_at)
        case RequestMade():
            return replace(state, requests={**state.requests, event.kind: event}, deal=event.deal, gone=False)
        case RequestFailed():
            return replace(state, requests={**state.requests, event.kind: event})
        case ContentChanged():
            return replace(state, deal=event.deal, gone=False)
        case DealGone():
            return replace(state, gone=True)
        case _:
            assert_never(event)


def decide(state: State, command: Command, now: dt.datetime) -> Sequence[Event] | Refused:
    """The events of one push; whatever the order in which versions come, the newest one stands."""
    version = state.version if command.version is None else command.version
    if state.occurred_at is not None and (version, command.occurred_at) <= (state.version, state.occurred_at):
        return ()
    return tuple(_observed(state, command, version))


def _observed(state: State, command: ObserveOrder, version: int) -> Iterator[Event]:
    deal_id, order = str(command.order_id), command.order
    cancelled = order is None or order.cancelled
    yield OrderSeen(deal_id=deal_id, version=version, occurred_at=command.occurred_at, cancelled=cancelled)
    if order is None or order.cancelled:
        if state.deal is not None and not state.gone:
            yield DealGone(deal_id=deal_id)
        return
    settings = command.config.settings
    shop = settings.shop(command.order_id.shop)
    if state.deal is not None and (state.gone or state.deal.content_hash != order.snapshot.content_hash):
        found = _effective(settings, shop, order)
        yield ContentChanged(deal=order.snapshot, settings=found if isinstance(found, Effective) else None)
    for kind in _kinds(order, shop, command):
        if not state.asked_for(kind):
            request = _request(kind, command, order, shop)
            if request != state.requests.get(kind):
                yield request


def _kinds(order: Order, shop: Shop | None, command: ObserveOrder) -> Iterator[Kind]:
    if shop is None or order.created_at < command.config.shop_since(shop.shop_id):
        return
    if order.pay_systems.isdisjoint(shop.pay_systems):
        return
    steps = command.config.settings.steps
    if steps.invoice:
        yield "invoice"
    if steps.act and order.status in shop.issue_act:
        yield "act"


def _effective(settings: Settings, shop: Shop | None, order: Order) -> Effective | Reason:
    ref = order.snapshot.order
    assert ref is not None, "an order's snapshot names it"
    number = ref.number if len(ref.number) <= NUMBER_LENGTH_MAX and "{" not in ref.number else str(ref.order_id)
    return Reason(code="seller_missing") if shop is None else effective_of_order(settings, shop, number)


def _request(kind: Kind, command: ObserveOrder, order: Order, shop: Shop | None) -> RequestMade | RequestFailed:
    deal, settings = order.snapshot, command.config.settings
    name = request_id(f"{SHOP_VENDOR}:{command.order_id.shop}", deal.deal_id, PREFIX, kind)
    found = _effective(settings, shop, order)
    if order.oversized:
        found = Reason(code=TOO_LONG)
    if isinstance(found, Reason):
        return RequestFailed(
            request_id=name, kind=kind, history_id="", deal_id=deal.deal_id, responsible_id="", reasons=(found,)
        )
    return RequestMade(
        request_id=name,
        kind=kind,
        history_id="",
        deal=deal,
        settings=found,
        triggered_at=order.created_at if kind == "invoice" else command.occurred_at,
        config_version=command.config.version,
    )


def read_plan(order_id: OrderId) -> TaskPlan:
    """The due work that reads what was pushed of an order: one open row, however many pushes there are."""
    return TaskPlan(READ_ORDER, str(order_id), {"shop_id": order_id.shop, "order_id": order_id.order})
