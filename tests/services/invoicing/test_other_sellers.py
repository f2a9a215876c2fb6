"""The tenant's seller is another by now: what was sent for the one before stays the deal's, and nothing is doubled."""

from typing import Any

import pytest

from contracts.messages import invoicing as messages
from services.invoicing.domain import commands as c
from tests.services.invoicing.parts import (
    NO,
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
)

ANOTHER: dict[str, Any] = {"seller_id": "other", "account": "kontur:other", "vendor": "kontur", "number_template": ""}
MOVED: dict[str, Any] = {"account": "moedelo:main", "vendor": "moedelo", "number_template": ""}


def of_sellers(stream: Documents) -> dict[tuple[str, str], str]:
    """The phase of each document, by seller and kind."""
    return {(one.terms.seller_id, one.kind): one.phase for one in stream.state.documents.values()}


def test_stage_entered_again_is_a_note_whoever_sells_by_now() -> None:
    stream = issued()
    stream.ran(request("r2", **ANOTHER))
    stream.ran(linked("r2"))
    (note,) = stream.said(messages.InvoiceReentered)
    assert note.number == "B24-15"
    assert len(stream.effects) == 1


def test_changed_deal_is_asked_about_whoever_sells_by_now() -> None:
    stream = issued()
    stream.ran(request("r2", what=deal("b"), **ANOTHER))
    stream.ran(linked("r2"))
    assert open_cards(stream) == ["content_changed"]
    assert len(stream.effects) == 1


@pytest.mark.parametrize("lost", [False, True])
def test_what_is_on_its_way_is_waited_for(lost: bool) -> None:
    stream = documents()
    stream.ran(request())
    stream.ran(linked())
    if lost:
        stream.ran(c.Doubt(last(stream).request["document_id"], 1, NO, None))
    stream.ran(request("r2", **ANOTHER))
    stream.ran(linked("r2"))
    assert len(stream.effects) == 1


@pytest.mark.parametrize("blocked", [False, True])
def test_what_was_not_sent_is_left_to_the_present_seller_alone(blocked: bool) -> None:
    stream = documents()
    stream.ran(request(what=deal(rows=()) if blocked else None))
    if blocked:
        stream.ran(linked())
    stream.ran(request("r2", what=deal(rows=()), **ANOTHER))
    stream.ran(linked("r2"))
    stream.ran(linked())
    stream.ran(c.SeeDeal(deal("b")))
    assert of_sellers(stream) == {("main", "invoice"): "given_up", ("other", "invoice"): "ordered"}
    assert [effect.account for effect in stream.effects.values()] == ["kontur:other"]


def test_void_invoice_of_the_former_seller_makes_way() -> None:
    stream = issued()
    stream.ran(c.CancelInvoice("Анна"))
    stream.ran(c.ConfirmCancel(last(stream).request["document_id"], 1))
    stream.ran(request("r2", **ANOTHER))
    stream.ran(linked("r2"))
    assert of_sellers(stream) == {("main", "invoice"): "cancelled", ("other", "invoice"): "ordered"}


def test_act_is_made_once_whoever_sells_by_now() -> None:
    stream = documents()
    stream.ran(request(kind="act"))
    stream.ran(linked())
    stream.ran(answer(last(stream, "create-act")))
    stream.ran(request("r2", kind="act", **ANOTHER))
    stream.ran(linked("r2"))
    assert len(stream.effects_of("create-act")) == 1


@pytest.mark.parametrize(
    ("invoiced", "present"),
    [({}, ANOTHER), ({"seller_inn": "7725010016"}, {"seller_inn": "7709123453"})],
)
@pytest.mark.parametrize("lost", [False, True])
def test_act_of_what_another_seller_invoiced_is_refused_in_words(
    invoiced: dict[str, Any], present: dict[str, Any], lost: bool
) -> None:
    stream = documents()
    stream.ran(request(**invoiced))
    stream.ran(linked())
    stream.ran(c.Doubt(last(stream).request["document_id"], 1, NO, None) if lost else answer(last(stream)))
    stream.ran(request("act", kind="act", **present))
    stream.ran(linked("act"))
    (told,) = stream.said(messages.ActRejected)
    assert [(one.code, one.values["number"]) for one in told.reasons] == [
        ("act_other_seller", "" if lost else "B24-15")
    ]
    assert stream.effects_of("create-act") == []


def test_act_is_made_once_the_other_sellers_invoice_is_void_and_it_is_asked_for_again() -> None:
    stream = issued()
    stream.ran(request("act", kind="act", **ANOTHER))
    stream.ran(linked("act"))
    stream.ran(c.CancelInvoice("Анна"))
    stream.ran(c.ConfirmCancel(last(stream).request["document_id"], 1))
    stream.ran(request("again", kind="act", **ANOTHER))
    stream.ran(linked("again"))
    assert [one.account for one in stream.effects_of("create-act")] == ["kontur:other"]


def test_act_of_a_seller_who_was_renamed_is_made() -> None:
    stream = issued(seller_inn="7725010016")
    stream.ran(request("act", kind="act", **ANOTHER, seller_inn="7725010016"))
    stream.ran(linked("act"))
    assert len(stream.effects_of("create-act")) == 1


def test_act_in_another_accounting_service_names_no_invoice_of_the_former_one() -> None:
    stream = issued()
    stream.ran(request("act", kind="act", **MOVED))
    stream.ran(linked("act"))
    (sent,) = stream.effects_of("create-act")
    assert (sent.account, sent.request["invoice_remote_id"]) == ("moedelo:main", "")


def test_what_waits_for_its_buyer_is_made_in_the_accounting_service_that_is_in_use_by_now() -> None:
    stream = documents()
    stream.ran(request())
    stream.ran(request("r2", **MOVED))
    stream.ran(linked())
    assert stream.effects_of("create-invoice") == []
    stream.ran(linked("r2"))
    assert [one.account for one in stream.effects_of("create-invoice")] == ["moedelo:main"]
    assert phases(stream) == {("invoice", 1): "ordered"}


def test_what_waits_for_its_buyer_is_not_begun_anew_by_the_same_settings() -> None:
    stream = documents()
    stream.ran(request())
    assert stream.ran(request("r2")) == []
    stream.ran(linked())
    assert len(stream.effects_of("create-invoice")) == 1
