"""Orders of a shop: whatever the order of arrival the newest version stands, and each document is asked for once."""

from datetime import timedelta
from typing import Any

import pytest

from chassis.domain import Event
from chassis.values.orders import OrderId
from services.ingest.app import ORDERS
from services.ingest.domain import deal, order
from services.ingest.domain.order import ObserveOrder, Order
from services.ingest.domain.values import Config, Due, OrderRef, Reason, Shop, Steps, shop_key
from tests.services.ingest.test_domain import ACTIVATED, SELLER, SETTINGS, snapshot
from tests.services.streams import Stream

CREATED = ACTIVATED + timedelta(days=3)
PUSHED = CREATED + timedelta(minutes=5)
ID = OrderId("site", 77)
SHOP = Shop(shop_id="site", seller_id="main", pay_systems=(3, 4), issue_act=("F",))
OTHER = SELLER.model_copy(update={"seller_id": "other", "inn": "7709123453"})
WITH_SHOP = SETTINGS.model_copy(update={"sellers": (OTHER, SELLER), "shops": (SHOP,)})
CONFIG = Config(version=4, settings=WITH_SHOP)
Orders = Stream[order.State, order.Command]


def an_order(price: str = "100.00", number: str = "A-77", **changes: Any) -> Order:
    """An order that a company wants an invoice for."""
    shown = snapshot(price, deal_id=str(ID), order=OrderRef(shop_id="site", order_id=77, number=number))
    return Order(snapshot=shown, created_at=CREATED, status="N", pay_systems=frozenset({3})).model_copy(update=changes)


def push(version: int | None, seen: Order | None, minutes: float = 0, config: Config = CONFIG) -> ObserveOrder:
    """A push of the shop, so many minutes after the first."""
    return ObserveOrder(ID, PUSHED + timedelta(minutes=minutes), version, seen, config)


def orders() -> Orders:
    """An order of which nothing is known."""
    return Stream(ORDERS, f"order-{ID}")


def configured(shop: Shop | None = SHOP, **settings: Any) -> Config:
    """The tenant's settings, otherwise."""
    shops = () if shop is None else (shop,)
    return Config(version=4, settings=WITH_SHOP.model_copy(update={"shops": shops, **settings}))


def names(events: list[Event]) -> list[str]:
    """What happened, by name."""
    return [type(event).__name__ for event in events]


def test_a_new_order_asks_for_an_invoice_of_the_shops_seller() -> None:
    stream = orders()
    seen, made = stream.ran(push(1, an_order()))
    assert seen == order.OrderSeen(deal_id="shop-site-77", version=1, occurred_at=PUSHED)
    assert isinstance(made, deal.RequestMade)
    assert made.request_id == deal.request_id("shop:site", "shop-site-77", "order", "invoice")
    assert (made.kind, made.history_id, made.config_version) == ("invoice", "", 4)
    assert (made.triggered_at, made.deal) == (CREATED, an_order().snapshot)
    settings = made.settings
    assert (settings.seller_id, settings.seller_inn, settings.number_template) == ("main", SELLER.inn, "A-77")
    assert (settings.due, settings.policies.buyers_without_inn) == (SELLER.due, "individuals")
    assert (settings.timezone, settings.steps, settings.tax) == ("Europe/Moscow", Steps(), SELLER.tax)
    state = stream.state
    assert (state.stream, state.version, state.occurred_at) == ("order-shop-site-77", 1, PUSHED)
    assert (state.deal, state.gone) == (made.deal, False)
    assert state.asked_for("invoice")
    assert not state.asked_for("act")


def test_a_shop_has_its_own_term_template_and_way_with_buyers() -> None:
    shop = SHOP.model_copy(
        update={"due": Due(days=9, calendar=False), "number_template": "S-{order}/26", "buyers_without_inn": "refuse"}
    )
    _, made = orders().ran(push(1, an_order(), config=configured(shop)))
    assert isinstance(made, deal.RequestMade)
    settings = made.settings
    assert (settings.due.days, settings.due.calendar, settings.number_template) == (9, False, "S-A-77/26")
    assert settings.policies.buyers_without_inn == "refuse"


@pytest.mark.parametrize(
    ("number", "shown"),
    [("9" * 24, "9" * 24), ("9" * 25, "77"), ("{deal}", "77"), ("a}", "a}")],
)
def test_a_number_that_no_invoice_can_carry_gives_way_to_the_orders_id(number: str, shown: str) -> None:
    _, made = orders().ran(push(1, an_order(number=number)))
    assert isinstance(made, deal.RequestMade)
    assert made.settings.number_template == shown


def test_an_older_version_that_comes_later_says_nothing() -> None:
    stream = orders()
    stream.ran(push(5, an_order("500.00"), minutes=1))
    assert stream.ran(push(4, an_order("400.00"), minutes=9)) == []
    assert stream.ran(push(5, an_order("300.00"), minutes=1)) == [], "the same push again"
    assert stream.ran(push(5, an_order("300.00"), minutes=0)) == []
    assert names(stream.ran(push(5, an_order("200.00"), minutes=2))) == ["OrderSeen", "ContentChanged"]
    assert names(stream.ran(push(6, an_order("100.00"), minutes=0))) == ["OrderSeen", "ContentChanged"]


def test_a_changed_order_is_told_with_the_settings_of_now_and_an_unchanged_one_is_not() -> None:
    stream = orders()
    stream.ran(push(1, an_order()))
    assert names(stream.ran(push(2, an_order(), minutes=1))) == ["OrderSeen"]
    _, changed = stream.ran(push(3, an_order("200.00"), minutes=2))
    assert isinstance(changed, deal.ContentChanged)
    assert changed.deal == stream.state.deal == an_order("200.00").snapshot
    assert changed.settings is not None
    assert (changed.settings.seller_id, changed.settings.number_template) == ("main", "A-77")
    _, changed = stream.ran(push(4, an_order("300.00"), minutes=3, config=configured(None)))
    assert isinstance(changed, deal.ContentChanged)
    assert changed.settings is None, "nobody sells any more"


def test_an_order_is_cancelled_once_and_comes_back() -> None:
    stream = orders()
    stream.ran(push(1, an_order()))
    cancelled = an_order(cancelled=True)
    seen, gone = stream.ran(push(2, cancelled, minutes=1))
    assert seen == order.OrderSeen(
        deal_id="shop-site-77", version=2, occurred_at=PUSHED + timedelta(minutes=1), cancelled=True
    )
    assert gone == deal.DealGone(deal_id="shop-site-77")
    assert stream.state.gone
    assert names(stream.ran(push(3, cancelled, minutes=2))) == ["OrderSeen"]
    assert names(stream.ran(push(4, an_order(), minutes=3))) == ["OrderSeen", "ContentChanged"]
    assert not stream.state.gone


def test_a_deletion_needs_no_version_and_counts_by_its_moment() -> None:
    stream = orders()
    stream.ran(push(3, an_order(), minutes=1))
    assert stream.ran(push(None, None, minutes=1)) == []
    seen, gone = stream.ran(push(None, None, minutes=2))
    assert isinstance(seen, order.OrderSeen)
    assert (seen.version, seen.cancelled, names([gone])) == (3, True, ["DealGone"])


@pytest.mark.parametrize("seen", [None, an_order(cancelled=True)])
def test_what_was_gone_before_it_was_read_asks_for_nothing(seen: Order | None) -> None:
    assert names(orders().ran(push(0, seen))) == ["OrderSeen"]
    assert names(orders().ran(push(None, None))) == ["OrderSeen"]


@pytest.mark.parametrize(
    ("seen", "config"),
    [
        (an_order(), configured(None)),
        (an_order(pay_systems=frozenset({5})), CONFIG),
        (an_order(pay_systems=frozenset()), CONFIG),
        (an_order(), configured(steps=Steps(invoice=False))),
        (an_order(created_at=ACTIVATED - timedelta(seconds=1)), CONFIG),
        (
            an_order(),
            CONFIG.model_copy(update={"triggers_since": {shop_key("site"): CREATED + timedelta(seconds=1)}}),
        ),
    ],
    ids=["no shop", "paid otherwise", "nothing to pay", "step off", "before activation", "before the shop"],
)
def test_an_order_that_is_not_ours_to_invoice_is_only_seen(seen: Order, config: Config) -> None:
    assert names(orders().ran(push(1, seen, config=config))) == ["OrderSeen"]


@pytest.mark.parametrize("since", [ACTIVATED, CREATED])
def test_the_first_moment_of_a_shop_counts(since: Any) -> None:
    config = CONFIG.model_copy(update={"triggers_since": {shop_key("site"): since}})
    assert names(orders().ran(push(1, an_order(created_at=since), config=config))) == ["OrderSeen", "RequestMade"]


def test_a_status_asks_for_the_act_once_and_at_the_moment_of_its_push() -> None:
    stream = orders()
    stream.ran(push(1, an_order()))
    _, act = stream.ran(push(2, an_order(status="F"), minutes=5))
    assert isinstance(act, deal.RequestMade)
    assert act.request_id == deal.request_id("shop:site", "shop-site-77", "order", "act")
    assert (act.kind, act.triggered_at) == ("act", PUSHED + timedelta(minutes=5))
    assert names(stream.ran(push(3, an_order(status="F"), minutes=6))) == ["OrderSeen"]
    assert set(stream.state.requests) == {"invoice", "act"}


def test_the_act_can_be_the_only_step() -> None:
    config = configured(steps=Steps(invoice=False))
    stream = orders()
    _, act = stream.ran(push(1, an_order(status="F"), config=config))
    assert isinstance(act, deal.RequestMade)
    assert act.kind == "act"
    off = configured(steps=Steps(act=False))
    assert names(stream.ran(push(2, an_order(status="F"), minutes=1, config=off))) == ["OrderSeen", "RequestMade"]


def test_why_an_order_cannot_be_invoiced_is_told_once_until_the_reason_changes() -> None:
    stranger = configured(SHOP.model_copy(update={"seller_id": "gone"}))
    stream = orders()
    _, failed = stream.ran(push(1, an_order(), config=stranger))
    assert failed == deal.RequestFailed(
        request_id=deal.request_id("shop:site", "shop-site-77", "order", "invoice"),
        kind="invoice",
        history_id="",
        deal_id="shop-site-77",
        responsible_id="",
        reasons=(Reason(code="seller_missing"),),
    )
    assert not stream.state.asked_for("invoice")
    assert names(stream.ran(push(2, an_order(), minutes=1, config=stranger))) == ["OrderSeen"]
    _, other = stream.ran(push(3, an_order(oversized=True), minutes=2))
    assert isinstance(other, deal.RequestFailed)
    assert [reason.code for reason in other.reasons] == ["deal_too_long"]
    assert names(stream.ran(push(4, an_order(), minutes=3))) == ["OrderSeen", "RequestMade"]


def test_the_work_of_an_order_is_one_row_however_many_pushes_there_are() -> None:
    plan = order.read_plan(ID)
    assert (plan.kind, plan.key, plan.payload) == ("read-order", "shop-site-77", {"shop_id": "site", "order_id": 77})
    assert order.shop_account("vektor", "site") == "shop:vektor:site"
