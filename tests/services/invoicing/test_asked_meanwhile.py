"""A deal that is asked for an invoice again while the one that it has is being voided (R3, R14)."""

from dataclasses import replace

import pytest

from contracts.messages import invoicing as messages
from services.invoicing.domain import commands as c
from services.invoicing.domain import events as e
from services.invoicing.domain.values import Reason
from tests.services.invoicing.parts import (
    NO,
    VASILEK,
    Documents,
    answer,
    deal,
    documents,
    issued,
    last,
    link,
    linked,
    open_cards,
    phases,
    refused,
    request,
    take,
)

MISSING = Reason(code="capability_missing", values={"vendor": "elba", "capability": "cancel_invoice"})


def document_id(stream: Documents) -> str:
    return str(last(stream, "cancel-invoice").request["document_id"])


def voiding() -> Documents:
    """The deal was lost, and a person has its invoice voided, which the vendor has yet to answer."""
    stream = issued()
    stream.ran(c.SeeDeal(deal(lost=True)))
    take(stream, "deal_lost", "cancel")
    return stream


def asked(again: c.Request | None = None) -> Documents:
    """And then the customer came back."""
    stream = voiding()
    stream.ran(again or request("r2"))
    assert phases(stream) == {("invoice", 1): "cancelling"}, "as long as it may stand there is no other"
    return stream


def void(stream: Documents, reason: Reason | None = None) -> None:
    stream.ran(c.ConfirmCancel(document_id(stream), 1, reason))


class TestVoided:
    def test_invoice_that_was_asked_for_meanwhile_is_made(self) -> None:
        stream = asked()
        stream.ran(linked("r2"))
        void(stream)
        assert phases(stream) == {("invoice", 1): "cancelled", ("invoice", 2): "ordered"}
        assert last(stream).request["number"] == "B24-15-2"
        stream.ran(answer(last(stream)))
        assert [one.request_id for one in stream.said(messages.InvoiceIssued)] == ["r1", "r2"]
        assert stream.replayed() == stream.state

    def test_buyer_may_be_answered_later_or_refused(self) -> None:
        for answered, phase in ((linked("r2"), "ordered"), (refused("r2"), "blocked")):
            stream = asked()
            void(stream)
            assert phases(stream)["invoice", 2] == "waiting"
            stream.ran(answered)
            assert phases(stream)["invoice", 2] == phase

    def test_it_shows_what_the_deal_shows_by_then(self) -> None:
        stream = asked()
        stream.ran(linked("r2"))
        stream.ran(c.SeeDeal(deal("b")))
        stream.ran(c.SeeDeal(deal("b", VASILEK)))
        stream.ran(linked("r2", VASILEK))
        void(stream)
        assert phases(stream)["invoice", 2] == "ordered"
        assert last(stream).request["total_kopecks"] == deal("b").opportunity_kopecks
        assert last(stream).request["counterparty_remote_id"] == link(VASILEK).remote_id

    def test_buyer_of_before_a_change_is_not_the_one_that_it_goes_to(self) -> None:
        stream = asked()
        stream.ran(linked("r2"))
        stream.ran(c.SeeDeal(deal("a", VASILEK)))
        void(stream)
        assert phases(stream)["invoice", 2] == "blocked"
        assert stream.said(messages.InvoiceRejected)[-1].reasons[0].code == "buyer_changed"
        stream.ran(linked("r2", VASILEK))
        assert phases(stream)["invoice", 2] == "ordered"

    def test_however_often_it_is_asked_one_is_made(self) -> None:
        stream = asked()
        assert stream.ran(request("r2")) == []
        stream.ran(request("r3"))
        void(stream)
        assert stream.ran(request("r2")) == []
        assert set(phases(stream)) == {("invoice", 1), ("invoice", 2)}

    @pytest.mark.parametrize("backwards", [False, True])
    def test_newest_request_counts(self, backwards: bool) -> None:
        stream = voiding()
        both = [replace(request("r2"), sequence=7), replace(request("r3", what=deal("b")), sequence=8)]
        for one in reversed(both) if backwards else both:
            stream.ran(one)
        void(stream)
        assert [one.request_id for one in stream.happened(e.Requested)] == ["r1", "r3"]
        assert stream.state.documents[stream.happened(e.Requested)[-1].document_id].deal == deal("b")

    def test_deal_that_is_lost_again_or_gone_is_not_invoiced_until_it_is_back(self) -> None:
        for what in (deal(lost=True), None):
            stream = asked()
            stream.ran(linked("r2"))
            stream.ran(c.SeeDeal(what))
            void(stream)
            assert phases(stream)["invoice", 2] == "waiting"
            stream.ran(c.SeeDeal(deal()))
            assert phases(stream)["invoice", 2] == "ordered"

    def test_word_of_a_person_that_it_is_void_is_the_same(self) -> None:
        stream = asked()
        stream.ran(c.SeeVoid(document_id(stream), "Анна", False))
        assert phases(stream) == {("invoice", 1): "cancelled", ("invoice", 2): "waiting"}
        void(stream)
        assert phases(stream) == {("invoice", 1): "cancelled", ("invoice", 2): "waiting"}

    def test_invoice_that_is_replaced_anyway_is_made_once(self) -> None:
        stream = issued()
        stream.ran(c.CancelInvoice("Анна", replace=True))
        stream.ran(request("r2"))
        void(stream)
        assert phases(stream) == {("invoice", 1): "cancelled", ("invoice", 2): "ordered"}

    def test_seller_who_took_over_meanwhile_makes_it(self) -> None:
        stream = asked(request("r2", seller_id="other", account="elba:other"))
        stream.ran(linked("r2"))
        void(stream)
        assert last(stream).account == "elba:other"


class TestNotVoided:
    def test_manager_reads_that_it_stands(self) -> None:
        stream = asked(replace(request("r2"), history_id="h2"))
        void(stream, NO)
        assert (phases(stream), open_cards(stream)) == ({("invoice", 1): "made"}, ["cancel_refused"])
        (note,) = stream.said(messages.InvoiceReentered)
        assert (note.number, note.history_id) == ("B24-15", "h2")
        stream.ran(c.CancelInvoice("Анна"))
        stream.ran(c.ConfirmCancel(document_id(stream), 2))
        assert phases(stream) == {("invoice", 1): "cancelled"}, "what was answered is not made later"

    def test_change_is_asked_about_once(self) -> None:
        stream = asked(request("r2", what=deal("b")))
        void(stream, MISSING)
        assert open_cards(stream) == ["cancel_by_hand", "content_changed"]
        assert stream.said(messages.InvoiceReentered) == []

    def test_draft_still_awaits_its_accountant(self) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(linked())
        stream.ran(answer(last(stream), unposted=True))
        stream.ran(c.CancelInvoice("Анна"))
        stream.ran(request("r2"))
        void(stream, NO)
        assert phases(stream) == {("invoice", 1): "review"}
