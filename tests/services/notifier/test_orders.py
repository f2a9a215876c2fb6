"""Orders of shops have no deal in the CRM: nothing is written to one, people read of them in the admin chat."""

from typing import Any

from contracts.messages.ingest import InvoiceRequested
from contracts.messages.values import Connection, DealSnapshot, EffectiveSettings, OrderRef
from services.notifier.app import DEALS
from services.notifier.workers.texts import load_texts
from tests.services.notifier.parts import (
    Told,
    asked,
    balance,
    issued,
    overdue,
    received,
    rejected,
    rendered,
    tell,
    writes,
)
from tests.services.streams import NOW, Stream

OF_ORDER: dict[str, Any] = {"deal_id": "shop-main-236", "responsible_id": ""}


def order(*, placed: bool = True) -> Told:
    """Order 392 of a shop, of which an invoice was asked for."""
    stream: Told = Stream(DEALS, "deal-shop-main-236", NOW)
    if placed:
        snapshot = DealSnapshot(
            deal_id="shop-main-236", category_id="", stage_id="N", currency="RUB", opportunity_kopecks=148_000,
            order=OrderRef(shop_id="main", order_id=236, number="392"),
        )  # fmt: skip
        connection = Connection(account="elba:vektor:main", vendor="elba")
        settings = EffectiveSettings(seller_id="main", seller_inn="500123456750", connection=connection, tax=())
        requested = InvoiceRequested(
            request_id="r1", source="shop", deal=snapshot, settings=settings, triggered_at=NOW, config_version=1
        )
        assert writes(tell(stream, requested, source="ingest")) == []
    return stream


def test_nothing_is_written_to_a_deal_and_people_read_in_the_chat() -> None:
    stream = order()
    told = [
        issued(**OF_ORDER),
        rendered().model_copy(update=OF_ORDER),
        balance(1, **OF_ORDER),
        overdue(1).model_copy(update=OF_ORDER),
    ]
    for message in told:
        assert writes(tell(stream, message)) == []
    for message in (
        rejected(responsible_id="").model_copy(update=OF_ORDER),
        received().model_copy(update=OF_ORDER | {"order_number": "341"}),
        overdue(3, remind=True).model_copy(update=OF_ORDER),
    ):
        (event,) = tell(stream, message)
        (said,) = event.writes
        assert (said.write, said.values["shop_order"]) == ("chat", "392")
        assert said.values.get("order_number", "341") == "341"
    assert stream.state.shown_status() == "issued"
    assert {plan.kind for plan in stream.effects.values()} == {"crm-chat"}


def test_what_is_said_of_an_order_goes_with_its_whole_id() -> None:
    stream = order()
    tell(stream, received().model_copy(update=OF_ORDER))
    assert [plan.request["deal_id"] for plan in stream.effects.values()] == ["shop-main-236"]


def test_what_two_would_hear_of_a_deal_the_chat_hears_once_of_an_order() -> None:
    doubled = asked(kind="document_doubled", deal_id="shop-main-236", responsible_id="7")
    assert writes(tell(order(), doubled)) == ["chat"]


def test_order_whose_number_has_not_come_yet_is_named_by_its_id() -> None:
    (event,) = tell(order(placed=False), rejected(responsible_id="").model_copy(update=OF_ORDER))
    assert event.writes[0].values["shop_order"] == "236"


def test_sentence_in_the_chat_names_the_order() -> None:
    texts = load_texts()["ru"]
    assert texts.about_order("A-[b]392", "Счёт не выставлен.") == "Заказ с сайта № A-[\u200bb]392. Счёт не выставлен."
