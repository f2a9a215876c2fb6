"""A deal that is asked for an invoice again while the one that it has is being voided (R3, R14)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from contracts.messages import invoicing as messages
from services.invoicing.domain import commands as c
from services.invoicing.domain import events as e
from services.invoicing.domain.values import Deal, Reason
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

LOST = Reason(code="lookup_failed")
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


def void(stream: Documents, reason: Reason | None = None, *, undecided: bool = False) -> None:
    stream.ran(c.ConfirmCancel(document_id(stream), 1, reason, undecided))


def unknown(stream: Documents | None = None) -> Documents:
    """The answer to the order was lost, and no look-up told in time what became of it."""
    stream = stream or asked()
    void(stream, LOST, undecided=True)
    assert (phases(stream), open_cards(stream)) == ({("invoice", 1): "made"}, ["cancel_refused"])
    assert stream.said(messages.InvoiceReentered) == [], "nobody knows that it stands"
    return stream


def by_hand(stream: Documents | None = None) -> Documents:
    """The vendor voids no invoices, and the accountant is asked to."""
    stream = stream or asked()
    void(stream, MISSING)
    assert (phases(stream), open_cards(stream)) == ({("invoice", 1): "made"}, ["cancel_by_hand"])
    assert stream.said(messages.InvoiceReentered) == [], "it is on its way to be void"
    return stream


def requested(stream: Documents) -> list[tuple[str, int]]:
    """Each document that was begun."""
    return [(one.request_id, one.revision) for one in stream.happened(e.Requested)]


SECOND = [("r1", 1), ("r2", 2)]


def voiding_only() -> Documents:
    """A person has the invoice voided, which the vendor has yet to answer."""
    stream = issued()
    stream.ran(c.CancelInvoice("Анна"))
    return stream


Left = Callable[..., Documents]
LEFT: list[Left] = [unknown, by_hand]
STAY = [(unknown, "cancel_refused", "understood"), (by_hand, "cancel_by_hand", "keep")]


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


class TestLeftToAPerson:
    """Nobody but a person can tell, or bring about, that it is void: what was asked for waits for their word."""

    def test_invoice_that_was_void_after_all_is_followed_by_the_one_that_was_asked_for(self) -> None:
        stream = unknown()
        stream.ran(linked("r2"))
        take(stream, "cancel_refused", "cancelled_by_hand")
        assert phases(stream) == {("invoice", 1): "cancelled", ("invoice", 2): "ordered"}
        assert requested(stream) == SECOND
        assert stream.replayed() == stream.state

    def test_invoice_that_the_accountant_voids_is_followed_by_the_one_that_was_asked_for(self) -> None:
        stream = by_hand()
        stream.ran(linked("r2"))
        take(stream, "cancel_by_hand", "done")
        assert phases(stream) == {("invoice", 1): "made"}, "nobody has looked yet"
        stream.ran(c.SeeCancelChecked(document_id(stream), "Анна", True))
        assert phases(stream) == {("invoice", 1): "cancelled", ("invoice", 2): "ordered"}
        assert requested(stream) == SECOND

    def test_invoice_whose_id_nobody_knows_is_followed_by_it_too(self) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(linked())
        stream.ran(answer(last(stream), remote_id=""))
        stream.ran(c.CancelInvoice("Анна"))
        stream.ran(request("r2"))
        take(stream, "cancel_by_hand", "done")
        assert requested(stream) == SECOND

    @pytest.mark.parametrize(("left", "kind", "choice"), STAY)
    def test_manager_reads_that_it_stands_once_a_person_says_so(self, left: Left, kind: str, choice: str) -> None:
        stream = left(asked(replace(request("r2"), history_id="h2")))
        take(stream, kind, choice)
        (note,) = stream.said(messages.InvoiceReentered)
        assert (note.number, note.history_id) == ("B24-15", "h2")
        stream.ran(c.CancelInvoice("Анна"))
        stream.ran(c.ConfirmCancel(document_id(stream), 2))
        assert phases(stream) == {("invoice", 1): "cancelled"}, "what was answered is not made later"

    @pytest.mark.parametrize(("left", "kind", "choice"), STAY)
    def test_change_that_was_asked_for_is_a_question_then(self, left: Left, kind: str, choice: str) -> None:
        stream = left()
        stream.ran(c.SeeDeal(deal("b")))
        take(stream, "content_changed", "keep")
        take(stream, kind, choice)
        assert (open_cards(stream), requested(stream)) == (["content_changed"], [("r1", 1)])

    @pytest.mark.parametrize("left", LEFT)
    def test_what_is_asked_for_while_the_question_stands_waits_too(self, left: Left) -> None:
        stream = left(voiding_only())
        stream.ran(request("r2"))
        assert stream.ran(request("r2")) == []
        stream.ran(c.SeeVoid(document_id(stream), "Анна", False))
        assert requested(stream) == SECOND
        assert stream.said(messages.InvoiceReentered) == []

    def test_what_is_asked_for_while_it_is_looked_waits_too(self) -> None:
        stream = by_hand(voiding_only())
        take(stream, "cancel_by_hand", "done")
        stream.ran(request("r2"))
        stream.ran(c.SeeCancelChecked(document_id(stream), "Анна", False))
        assert (requested(stream), open_cards(stream)) == ([("r1", 1)], ["cancel_by_hand"])
        take(stream, "cancel_by_hand", "keep")
        assert len(stream.said(messages.InvoiceReentered)) == 1

    @pytest.mark.parametrize("left", LEFT)
    def test_two_that_are_asked_for_are_one(self, left: Left) -> None:
        stream = voiding_only()
        stream.ran(replace(request("r2"), sequence=7))
        left(stream)
        stream.ran(replace(request("r3", what=deal("b")), sequence=8))
        stream.ran(c.SeeVoid(document_id(stream), "Анна", False))
        assert requested(stream) == [("r1", 1), ("r3", 2)]
        assert stream.ran(replace(request("r2"), sequence=7)) == []

    @pytest.mark.parametrize("left", LEFT)
    def test_invoice_that_is_replaced_anyway_is_made_once(self, left: Left) -> None:
        stream = issued()
        stream.ran(c.CancelInvoice("Анна", replace=True))
        stream.ran(request("r2"))
        left(stream)
        taken = ("cancel_refused", "cancelled_by_hand") if left is unknown else ("cancel_by_hand", "done")
        take(stream, *taken)
        stream.ran(c.SeeCancelChecked(document_id(stream), "Анна", True))
        assert phases(stream) == {("invoice", 1): "cancelled", ("invoice", 2): "ordered"}

    @pytest.mark.parametrize("left", LEFT)
    def test_second_order_to_void_it_leaves_what_was_asked_for_waiting(self, left: Left) -> None:
        for answered, made in ((None, SECOND), (NO, [("r1", 1)])):
            stream = left(asked())
            stream.ran(c.CancelInvoice("Анна"))
            assert open_cards(stream) == []
            stream.ran(c.ConfirmCancel(document_id(stream), 2, answered))
            assert requested(stream) == made
            assert len(stream.said(messages.InvoiceReentered)) == int(answered is not None)

    @pytest.mark.parametrize("left", LEFT)
    @pytest.mark.parametrize("what", [deal(lost=True), None])
    def test_deal_that_is_lost_or_gone_by_then_is_not_invoiced_until_it_is_back(self, left: Left, what: Deal) -> None:
        stream = left()
        stream.ran(linked("r2"))
        stream.ran(c.SeeDeal(what))
        stream.ran(c.SeeVoid(document_id(stream), "Анна", False))
        assert phases(stream)["invoice", 2] == "waiting"
        stream.ran(c.SeeDeal(deal()))
        assert phases(stream)["invoice", 2] == "ordered"

    @pytest.mark.parametrize("left", LEFT)
    def test_payment_tells_nothing_of_it(self, left: Left) -> None:
        """Money comes for void invoices too: the person who has to tell sees it."""
        stream = left()
        cards = open_cards(stream)
        stream.ran(c.SeeBalance(document_id(stream), 1, True, "paid"))
        assert (open_cards(stream), stream.said(messages.InvoiceReentered)) == (cards, [])
        stream.ran(c.SeeVoid(document_id(stream), "Анна", False))
        assert requested(stream) == SECOND

    @pytest.mark.parametrize("left", LEFT)
    def test_repeat_that_a_person_orders_beside_it_is_the_answer(self, left: Left) -> None:
        stream = left()
        stream.ran(c.RepeatInvoice("Анна"))
        stream.ran(answer(last(stream)))
        stream.ran(c.SeeVoid(document_id(stream), "Анна", False))
        assert phases(stream) == {("invoice", 1): "cancelled", ("invoice", 2): "made"}
        assert [one.number for one in stream.said(messages.InvoiceReentered)] == ["B24-15-2"]


class TestDraftLeftToAPerson:
    """The invoice that is to be void is one that its accountant has yet to post."""

    def _left(self) -> Documents:
        stream = documents()
        stream.ran(request())
        stream.ran(linked())
        stream.ran(answer(last(stream), unposted=True))
        stream.ran(c.CancelInvoice("Анна"))
        stream.ran(request("r2"))
        void(stream, LOST, undecided=True)
        assert phases(stream) == {("invoice", 1): "review"}
        return stream

    def _posted(self, stream: Documents, **fields: int) -> None:
        stream.ran(c.SeeReview(document_id(stream), 1, answer(last(stream), **fields).issued))

    def test_draft_that_is_seen_to_be_gone_is_followed_by_what_was_asked_for(self) -> None:
        stream = self._left()
        stream.ran(c.SeeReview(document_id(stream), 1, None))
        assert requested(stream) == SECOND

    def test_draft_that_is_posted_is_still_asked_about(self) -> None:
        stream = self._left()
        self._posted(stream)
        assert (phases(stream), open_cards(stream)) == ({("invoice", 1): "made"}, ["cancel_refused"])
        stream.ran(request("r3"))
        assert stream.said(messages.InvoiceReentered) == []
        take(stream, "cancel_refused", "understood")
        assert len(stream.said(messages.InvoiceReentered)) == 1

    def test_draft_that_is_posted_with_another_sum_and_taken_is_the_answer(self) -> None:
        stream = self._left()
        self._posted(stream, total_kopecks=1)
        assert open_cards(stream) == ["document_differs"]
        take(stream, "document_differs", "accept")
        assert (len(stream.said(messages.InvoiceReentered)), requested(stream)) == (1, [("r1", 1)])
        stream.ran(request("r3"))
        assert len(stream.said(messages.InvoiceReentered)) == 2, "nothing waits any more"

    def test_draft_that_is_posted_with_another_sum_and_given_up_is_followed_by_what_was_asked_for(self) -> None:
        stream = self._left()
        self._posted(stream, total_kopecks=1)
        take(stream, "document_differs", "give_up")
        assert requested(stream) == SECOND
