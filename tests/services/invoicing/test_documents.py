"""A deal's documents: asked again, changed, refused, in doubt, cancelled, and the act after them."""

import datetime as dt

import pytest

from chassis.cards import TakeCard
from chassis.domain import Refused
from contracts.messages import invoicing as messages
from contracts.messages import operations
from services.invoicing.domain import commands as c
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
    linked,
    open_cards,
    phases,
    refused,
    request,
    take,
)

UNKNOWN = Reason(code="goods_unknown", values={"vendor": "kontur", "names": ["Стул", "Стол"]})


class TestR3AskedAgain:
    def test_same_content_with_the_invoice_there_is_a_note_and_nothing_else(self) -> None:
        stream = issued()
        stream.ran(request("r2"))
        (note,) = stream.said(messages.InvoiceReentered)
        assert note.number == "B24-15"
        assert len(stream.effects) == 1
        assert open_cards(stream) == []

    def test_changed_content_asks_what_to_do(self) -> None:
        stream = issued()
        stream.ran(request("r2", what=deal("b")))
        assert open_cards(stream) == ["content_changed"]
        assert len(stream.effects) == 1
        assert stream.said(messages.InvoiceReentered) == []

    @pytest.mark.parametrize("progress", [0, 1])
    def test_while_it_is_being_issued_nothing_happens(self, progress: int) -> None:
        stream = documents()
        stream.ran(request())
        if progress:
            stream.ran(linked())
        before = (stream.state.documents, stream.effects.copy(), len(stream.messages))
        assert stream.ran(request("r2")) == []
        assert (stream.state.documents, stream.effects, len(stream.messages)) == before

    def test_repeated_request_changes_nothing_at_any_time(self) -> None:
        stream = documents()
        for step in (request(), refused(), c.SeeDeal(deal("b")), linked(), None):
            if step is not None:
                stream.ran(step)
            assert stream.ran(request()) == []
        stream.ran(c.Doubt(last(stream).request["document_id"], 1, NO, None))
        take(stream, "document_uncertain", "give_up")
        assert stream.ran(request()) == []

    def test_blocked_one_begins_anew_under_the_same_key(self) -> None:
        stream = documents()
        stream.ran(request(what=deal(rows=())))
        stream.ran(linked())
        stream.ran(request("r2", what=deal("b")))
        stream.ran(linked("r2"))
        assert phases(stream) == {("invoice", 1): "ordered"}

    def test_kept_invoice_is_asked_about_again_when_the_stage_is_entered_again(self) -> None:
        stream = issued()
        stream.ran(c.SeeDeal(deal("b")))
        take(stream, "content_changed", "keep")
        stream.ran(request("r2", what=deal("b")))
        assert open_cards(stream) == ["content_changed"]

    def test_content_that_came_back_is_a_note_again(self) -> None:
        stream = issued()
        stream.ran(c.SeeDeal(deal("b")))
        stream.ran(request("r2", what=deal("a")))
        assert open_cards(stream) == []
        assert len(stream.said(messages.InvoiceReentered)) == 1

    def test_given_up_invoice_is_made_as_the_next_revision(self) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(c.MeetDeadline("r1"))
        take(stream, "buyer_late", "give_up")
        stream.ran(request("r2"))
        stream.ran(linked("r2"))
        assert phases(stream) == {("invoice", 1): "given_up", ("invoice", 2): "ordered"}


class TestR14ChangedAfterIssue:
    def test_manager_is_asked_and_no_second_document_is_made(self) -> None:
        stream = issued()
        stream.ran(c.SeeDeal(deal("b")))
        (said,) = stream.said(messages.InvoiceRevised)
        assert said.total_after_kopecks - said.total_before_kopecks == 2_00
        assert open_cards(stream) == ["content_changed"]
        assert len(stream.effects) == 1

    @pytest.mark.parametrize("doubted", [False, True])
    def test_change_while_it_is_on_its_way_is_told_when_it_is_there(self, doubted: bool) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(linked())
        sent = last(stream)
        if doubted:
            stream.ran(c.Doubt(sent.request["document_id"], 1, NO, None))
        stream.ran(c.SeeDeal(deal("b")))
        assert stream.said(messages.InvoiceRevised) == []
        stream.ran(answer(sent))
        assert len(stream.said(messages.InvoiceRevised)) == 1
        assert open_cards(stream) == ["content_changed"]

    def test_request_for_an_act_brings_the_deals_change_too(self) -> None:
        stream = issued()
        stream.ran(request("r2", "act", deal("b")))
        assert open_cards(stream) == ["content_changed"]

    def test_change_that_was_undone_takes_the_question_back(self) -> None:
        stream = issued()
        stream.ran(c.SeeDeal(deal("b")))
        stream.ran(c.SeeDeal(deal("a")))
        assert open_cards(stream) == []
        assert stream.said(operations.DecisionTaken)[-1].choice == "withdrawn"

    def test_a_buyers_card_that_was_filled_up_is_no_change_of_the_deal(self) -> None:
        stream = issued()
        filled = deal("a", buyer_name="ООО «РОМАШКА»", buyer_address="119021, г Москва").model_copy(
            update={"content_hash": "filled"}
        )
        assert stream.ran(c.SeeDeal(filled)) == []
        stream.ran(c.SeeDeal(deal("b")))
        stream.ran(c.SeeDeal(filled))
        assert open_cards(stream) == []
        stream.ran(request("r2", what=filled))
        assert len(stream.said(messages.InvoiceReentered)) == 1

    def test_second_change_replaces_the_question(self) -> None:
        stream = issued()
        stream.ran(c.SeeDeal(deal("b")))
        stream.ran(c.SeeDeal(deal("c")))
        assert open_cards(stream) == ["content_changed"]
        assert stream.said(operations.DecisionNeeded)[-1].values["total_after_kopecks"] == 2 * (1000 + ord("c")) * 100

    def test_replacement_voids_the_old_one_first(self) -> None:
        stream = issued()
        stream.ran(c.SeeDeal(deal("b")))
        take(stream, "content_changed", "replace")
        assert phases(stream) == {("invoice", 1): "cancelling"}
        stream.ran(c.ConfirmCancel(last(stream, "cancel-invoice").request["document_id"], 1))
        assert phases(stream) == {("invoice", 1): "cancelled", ("invoice", 2): "ordered"}
        assert last(stream).request["total_kopecks"] == 2 * (1000 + ord("b")) * 100

    def test_replacement_for_another_buyer_is_not_sent_to_the_former_one(self) -> None:
        stream = issued()
        stream.ran(c.SeeDeal(deal("b", VASILEK)))
        take(stream, "content_changed", "replace")
        stream.ran(c.ConfirmCancel(last(stream, "cancel-invoice").request["document_id"], 1))
        assert phases(stream) == {("invoice", 1): "cancelled", ("invoice", 2): "blocked"}
        assert stream.said(messages.InvoiceRejected)[-1].reasons[0].code == "buyer_changed"
        stream.ran(request("r2", what=deal("b", VASILEK)))
        stream.ran(linked("r2", VASILEK))
        assert last(stream).request["counterparty_remote_id"] == f"elba-{VASILEK}"

    def test_deal_whose_lines_cannot_be_computed_any_more_is_asked_about_without_a_sum(self) -> None:
        stream = issued()
        stream.ran(c.SeeDeal(deal("b", rows=())))
        assert stream.said(messages.InvoiceRevised)[0].total_after_kopecks == 0


class TestCancelling:
    def _cancelling(self) -> Documents:
        stream = issued()
        stream.ran(c.SeeDeal(deal("b")))
        take(stream, "content_changed", "replace")
        return stream

    def test_refused_cancel_leaves_the_invoice_and_asks(self) -> None:
        stream = self._cancelling()
        stream.ran(c.ConfirmCancel(last(stream, "cancel-invoice").request["document_id"], 1, NO))
        assert phases(stream) == {("invoice", 1): "made"}
        assert open_cards(stream) == ["cancel_refused"]

    def test_each_order_to_cancel_is_an_effect_of_its_own(self) -> None:
        stream = self._cancelling()
        document_id = last(stream, "cancel-invoice").request["document_id"]
        stream.ran(c.ConfirmCancel(document_id, 1, NO))
        take(stream, "cancel_refused", "understood")
        stream.ran(c.SeeDeal(deal("c")))
        take(stream, "content_changed", "replace")
        assert len(stream.effects_of("cancel-invoice")) == 2
        assert stream.ran(c.ConfirmCancel(document_id, 1)) == []
        stream.ran(c.ConfirmCancel(document_id, 2))
        assert phases(stream)["invoice", 1] == "cancelled"

    def test_invoice_cancelled_by_hand_goes_on_as_if_it_had_been_cancelled_by_us(self) -> None:
        stream = self._cancelling()
        stream.ran(c.ConfirmCancel(last(stream, "cancel-invoice").request["document_id"], 1, NO))
        take(stream, "cancel_refused", "cancelled_by_hand")
        assert stream.said(messages.InvoiceCancelled)[0].by == "Анна"
        assert phases(stream) == {("invoice", 1): "cancelled", ("invoice", 2): "ordered"}

    def test_change_while_cancelling_is_what_the_replacement_shows(self) -> None:
        stream = self._cancelling()
        stream.ran(c.SeeDeal(deal("d")))
        stream.ran(c.ConfirmCancel(last(stream, "cancel-invoice").request["document_id"], 1))
        assert last(stream).request["total_kopecks"] == 2 * (1000 + ord("d")) * 100

    def test_change_while_cancelling_is_asked_about_when_the_cancel_is_refused(self) -> None:
        stream = self._cancelling()
        stream.ran(c.SeeDeal(deal("d")))
        stream.ran(c.ConfirmCancel(last(stream, "cancel-invoice").request["document_id"], 1, NO))
        assert open_cards(stream) == ["cancel_refused", "content_changed"]


class TestDoubt:
    def _doubtful(self) -> Documents:
        stream = documents()
        stream.ran(request())
        stream.ran(linked())
        stream.ran(c.Doubt(last(stream).request["document_id"], 1, NO, stream.now))
        return stream

    def test_person_is_asked_with_all_that_tells_the_document(self) -> None:
        stream = self._doubtful()
        (asked,) = stream.said(operations.DecisionNeeded)
        assert asked.choices == ("found", "resend", "give_up")
        assert asked.values["number"] == "B24-15"
        assert str(asked.values["marker"]).startswith("[b24:15:invoice:1:")

    def test_found_one_is_looked_up_and_taken(self) -> None:
        stream = self._doubtful()
        take(stream, "document_uncertain", "found", "B24-15")
        (task,) = (plan for (kind, _), plan in stream.tasks.items() if kind == "adopt-document")
        assert task.payload["number"] == "B24-15"
        stream.ran(c.Adopt(task.payload["document_id"], task.payload["card_id"], answer(last(stream)).issued))
        assert phases(stream) == {("invoice", 1): "made"}

    def test_named_one_that_is_not_there_is_asked_about_again(self) -> None:
        stream = self._doubtful()
        take(stream, "document_uncertain", "found", "17")
        stream.ran(c.Adopt(last(stream).request["document_id"], "card", None, NO))
        assert open_cards(stream) == ["document_uncertain"]

    def test_question_that_stands_again_carries_why_the_named_one_will_not_do(self) -> None:
        stream = self._doubtful()
        take(stream, "document_uncertain", "found", "17")
        why = Reason(code="document_of_other_deal", values={"number": "17", "deal": "16"})
        stream.ran(c.Adopt(last(stream).request["document_id"], "card", None, why))
        asked = stream.said(operations.DecisionNeeded)[-1]
        told = {name: asked.values[name] for name in ("why", "named", "other_deal", "deal")}
        assert told == {"why": "document_of_other_deal", "named": "17", "other_deal": "16", "deal": "15"}

    def test_answer_that_comes_after_all_takes_the_question_back(self) -> None:
        stream = self._doubtful()
        stream.ran(answer(last(stream)))
        assert open_cards(stream) == []
        assert phases(stream) == {("invoice", 1): "made"}

    def test_stale_answer_of_an_earlier_attempt_is_not_taken(self) -> None:
        stream = self._doubtful()
        first = last(stream)
        take(stream, "document_uncertain", "resend")
        assert stream.ran(answer(first)) == []
        assert stream.ran(c.Reject(first.request["document_id"], 1, NO)) == []
        assert stream.ran(c.Doubt(first.request["document_id"], 1, NO, None)) == []

    def test_number_is_needed_to_say_that_it_was_found(self) -> None:
        stream = self._doubtful()
        (asked,) = stream.said(operations.DecisionNeeded)
        decided = stream.run(TakeCard(asked.card_id, "found", "Анна"))
        assert isinstance(decided, Refused)
        assert decided.problem.code == "number_needed"

    @pytest.mark.parametrize(
        "change", [{"total_kopecks": 1}, {"vat_kopecks": 2}, {"counterparty_remote_id": "somebody"}]
    )
    def test_other_sums_and_other_buyers_are_asked_about(self, change: dict[str, object]) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(linked())
        stream.ran(answer(last(stream), **change))
        assert open_cards(stream) == ["document_differs"]
        assert stream.said(messages.InvoiceIssued) == []
        take(stream, "document_differs", "accept")
        assert len(stream.said(messages.InvoiceIssued)) == 1

    def test_kopeck_per_line_of_the_vendors_rounding_is_taken_as_it_is(self) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(linked())
        sent = last(stream)
        stream.ran(answer(sent, total_kopecks=sent.request["total_kopecks"] - 1, vat_kopecks=1))
        (said,) = stream.said(messages.InvoiceIssued)
        assert (said.rounding_delta_kopecks, said.vat_kopecks) == (-1, 1)
        assert said.total_kopecks == sent.request["total_kopecks"] - 1


class TestR25UnknownGoods:
    def waiting(self) -> Documents:
        stream = documents()
        stream.ran(request())
        stream.ran(linked())
        stream.ran(c.Reject(last(stream).request["document_id"], 1, UNKNOWN))
        return stream

    def test_invoice_with_goods_that_accounting_lacks_waits_for_a_person(self) -> None:
        stream = self.waiting()
        (asked,) = stream.said(operations.DecisionNeeded)
        assert (asked.kind, asked.values["names"]) == ("goods_unknown", "«Стул», «Стол»")
        take(stream, "goods_unknown", "try_again")
        assert last(stream).request["attempt"] == 2
        stream.ran(answer(last(stream)))
        assert len(stream.said(messages.InvoiceIssued)) == 1

    def test_goods_that_are_still_not_there_are_asked_about_anew(self) -> None:
        stream = self.waiting()
        take(stream, "goods_unknown", "try_again")
        stream.ran(c.Reject(last(stream).request["document_id"], 2, UNKNOWN))
        assert open_cards(stream) == ["goods_unknown"]
        take(stream, "goods_unknown", "give_up")
        assert len(stream.effects) == 2

    def test_a_deal_with_other_goods_is_sent_by_itself(self) -> None:
        stream = self.waiting()
        stream.ran(c.SeeDeal(deal("b")))
        assert open_cards(stream) == []
        assert last(stream).request["attempt"] == 2


class TestRefusedByTheVendor:
    def test_manager_reads_why_and_a_changed_deal_is_sent_anew(self) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(linked())
        stream.ran(c.Reject(last(stream).request["document_id"], 1, NO))
        assert stream.said(messages.InvoiceRejected)[0].reasons[0].values == {"text": "нет"}
        assert stream.ran(c.SeeDeal(deal("a"))) == []
        stream.ran(c.SeeDeal(deal("b")))
        assert last(stream).request["attempt"] == 2

    def test_change_that_came_while_it_was_sent_is_sent_at_once(self) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(linked())
        sent = last(stream)
        stream.ran(c.SeeDeal(deal("b")))
        stream.ran(c.Reject(sent.request["document_id"], 1, NO))
        assert last(stream).request["attempt"] == 2
        assert last(stream).request["total_kopecks"] == 2 * (1000 + ord("b")) * 100


class TestDeadline:
    def test_waiting_for_the_buyer_ends_in_a_question(self) -> None:
        stream = documents()
        stream.ran(request())
        assert stream.tasks["request-deadline", "r1"].due_at == stream.now + dt.timedelta(hours=24)
        stream.ran(c.MeetDeadline("r1"))
        assert open_cards(stream) == ["buyer_late"]

    def test_waiting_on_sets_a_new_deadline_that_asks_again(self) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(c.MeetDeadline("r1"))
        stream.tasks.clear()
        take(stream, "buyer_late", "wait")
        assert ("request-deadline", "r1") in stream.tasks
        stream.ran(c.MeetDeadline("r1"))
        assert open_cards(stream) == ["buyer_late"]

    def test_link_that_comes_takes_the_question_back(self) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(c.MeetDeadline("r1"))
        stream.ran(linked())
        assert open_cards(stream) == []

    def test_deadline_of_a_document_that_does_not_wait_is_nothing(self) -> None:
        assert issued().ran(c.MeetDeadline("r1")) == []
