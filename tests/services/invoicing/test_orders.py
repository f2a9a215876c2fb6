"""Orders of shops: invoiced as deals are; a person says what becomes of the invoice of a cancelled one (R14)."""

from typing import Any

from services.invoicing.domain import commands as c
from services.invoicing.domain import events as e
from tests.services.invoicing.parts import (
    Documents,
    answer,
    deal,
    documents,
    issued,
    last,
    linked,
    open_cards,
    phases,
    request,
    take,
)

ORDER: dict[str, Any] = {"deal_id": "shop-main-236", "order_number": "A-392/26", "responsible_id": ""}


def ordered() -> Documents:
    """An order whose invoice was sent."""
    stream = documents()
    stream.ran(request(what=deal(**ORDER, gifts=2), number_template="A-392/26"))
    stream.ran(linked())
    return stream


def test_invoice_of_an_order_names_it_as_its_buyer_knows_it() -> None:
    (made,) = ordered().happened(e.Ordered)
    assert made.draft.number == "A-392/26"
    assert made.draft.comment.startswith("Заказ с сайта №A-392/26. Оплатить до ")
    assert made.draft.marker.startswith("[b24:shop-main-236:invoice:1:")
    assert {"gifts_left_out": {"count": 2}}.items() <= {one.code: one.values for one in made.draft.warnings}.items()


def test_cancelled_order_asks_what_becomes_of_its_invoice() -> None:
    stream = ordered()
    stream.ran(answer(last(stream)))
    stream.ran(c.SeeDeal(None))
    assert open_cards(stream) == ["order_cancelled"]
    take(stream, "order_cancelled", "cancel")
    assert phases(stream) == {("invoice", 1): "cancelling"}
    (cancel,) = stream.happened(e.CancelOrdered)
    assert not cancel.replace
    stream.ran(c.ConfirmCancel(cancel.document_id, 1))
    assert phases(stream) == {("invoice", 1): "cancelled"}


def test_order_that_was_cancelled_while_its_invoice_was_on_its_way_is_asked_about_once() -> None:
    stream = ordered()
    stream.ran(c.SeeDeal(None))
    assert open_cards(stream) == []
    stream.ran(answer(last(stream)))
    assert open_cards(stream) == ["order_cancelled"]
    take(stream, "order_cancelled", "keep")
    stream.ran(c.SeeDeal(None))
    assert open_cards(stream) == []
    assert phases(stream) == {("invoice", 1): "made"}


def test_restored_order_takes_the_question_back() -> None:
    stream = ordered()
    stream.ran(answer(last(stream)))
    stream.ran(c.SeeDeal(None))
    stream.ran(c.SeeDeal(deal(**ORDER, gifts=2)))
    assert open_cards(stream) == []


def test_deleted_deal_of_a_portal_is_not_asked_about() -> None:
    stream = issued()
    stream.ran(c.SeeDeal(None))
    assert open_cards(stream) == []
