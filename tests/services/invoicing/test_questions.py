"""What a person is told with a question or a refusal, and what changes nothing as it is late, alien or the same."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from chassis.cards import CardOpened
from chassis.domain import Problem, Refused
from services.invoicing.domain import commands as c
from services.invoicing.domain import edi_commands as ec
from services.invoicing.domain import events as e
from services.invoicing.domain.edi_events import EdiInvited
from services.invoicing.domain.values import Reason
from tests.services.invoicing import edi_parts
from tests.services.invoicing.edi_parts import BOX, begun, key, posted, prepared
from tests.services.invoicing.parts import (
    NO,
    STANDARD,
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
    request,
    row,
    take,
)
from tests.services.streams import Stream

MISSING = Reason(code="capability_missing", values={"vendor": "elba", "capability": "cancel_invoice"})
A_TOTAL, B_TOTAL = 2 * (1000 + ord("a")) * 100, 2 * (1000 + ord("b")) * 100


def asked(stream: Stream[Any, Any], kind: str) -> dict[str, Any]:
    """The values of the newest question of a kind, beside those that name deal and document in all of them."""
    values = [one for one in stream.happened(CardOpened) if one.kind == kind][-1].values
    return {name: value for name, value in values.items() if name not in ("deal", "document")}


def refusal(stream: Documents, command: c.Command) -> Problem:
    """Why a command is refused."""
    decided = stream.kind.decide(stream.state, command, stream.now)
    assert isinstance(decided, Refused)
    return decided.problem


def invoice_id(stream: Documents) -> str:
    """The document of the newest invoice."""
    return str(last(stream).request["document_id"])


def ordered() -> Documents:
    """An invoice on its way."""
    stream = documents()
    stream.ran(request())
    stream.ran(linked())
    return stream


def twice() -> Documents:
    """A deal with two invoices that stand."""
    stream = issued()
    stream.ran(c.RepeatInvoice("Анна"))
    stream.ran(answer(last(stream)))
    return stream


class TestRefusals:
    def test_number_of_no_invoice_is_named(self) -> None:
        assert refusal(issued(), c.CancelInvoice("Анна", "77")) == Problem("invoice_not_of_deal", {"number": "77"})
        assert refusal(issued(), c.RepeatInvoice("Анна", "77")) == Problem("invoice_not_of_deal", {"number": "77"})

    def test_all_invoices_that_could_be_meant_are_named(self) -> None:
        assert refusal(twice(), c.CancelInvoice("Анна")) == Problem("invoices_several", {"numbers": "B24-15, B24-15-2"})

    def test_act_is_no_invoice(self) -> None:
        stream = issued()
        stream.ran(request("act", "act"))
        stream.ran(linked("act"))
        stream.ran(answer(last(stream, "create-act"), number="A-1"))
        assert refusal(stream, c.CancelInvoice("Анна", "A-1")) == Problem("invoice_not_of_deal", {"number": "A-1"})

    @pytest.mark.parametrize("stop", [None, deal(lost=True)])
    def test_nothing_is_repeated_for_a_deal_that_is_gone_or_lost(self, stop: Any) -> None:
        stream = issued()
        stream.ran(c.SeeDeal(stop))
        assert refusal(stream, c.RepeatInvoice("Анна")) == Problem("deal_stopped")


class TestCancelling:
    def test_refused_cancel_names_the_invoice(self) -> None:
        stream = issued()
        stream.ran(c.CancelInvoice("Анна"))
        stream.ran(c.ConfirmCancel(invoice_id(stream), 1, NO))
        assert asked(stream, "cancel_refused")["number"] == "B24-15"

    @pytest.mark.parametrize("replaced", [False, True])
    def test_accountant_is_told_all_of_the_invoice(self, replaced: bool) -> None:
        stream = issued()
        stream.ran(c.CancelInvoice("Анна", replace=replaced))
        stream.ran(c.ConfirmCancel(invoice_id(stream), 1, MISSING))
        assert asked(stream, "cancel_by_hand") == {
            "vendor": "elba",
            "number": "B24-15",
            "date": "2026-03-12",
            "total_kopecks": A_TOTAL,
            "url": "https://elba.example/1",
            "replaced": int(replaced),
            "still": 0,
        }

    def test_why_an_invoice_without_an_id_is_left_to_a_person_is_told(self) -> None:
        stream = ordered()
        stream.ran(answer(last(stream), remote_id=""))
        stream.ran(c.CancelInvoice("Анна"))
        (told,) = stream.happened(e.CancelRefused)
        assert told.reason == MISSING

    def test_invoices_that_nobody_knows_change_nothing(self) -> None:
        stream = issued()
        for stranger in (
            c.ConfirmCancel("stranger", 1),
            c.SeeCancelChecked("stranger", "Анна", True),
            c.SeeVoid("stranger", "Анна", True),
            c.MissPdf("stranger", NO),
            c.Adopt("stranger", "card", None),
            c.Render("stranger", "blob", 1),
        ):
            assert stream.ran(stranger) == []

    def test_whoever_says_that_it_is_void_is_named(self) -> None:
        stream = issued()
        stream.ran(c.SeeVoid(invoice_id(stream), "Анна", False))
        (told,) = stream.happened(e.Cancelled)
        assert (told.by, told.number) == ("Анна", "B24-15")

    def test_repeat_is_of_the_sellers_day(self) -> None:
        """Moscow has New Year, and with it another rate, while London has not."""
        stream = documents(dt.datetime(2025, 12, 31, 22, tzinfo=dt.UTC))
        stream.ran(request(what=deal(rows=(row("1220", "1", "20"),)), tax=STANDARD))
        stream.ran(linked())
        take(stream, "vat_rate_not_in_force", "issue")
        stream.ran(answer(last(stream)))
        stream.ran(c.RepeatInvoice("Анна"))
        (line,) = last(stream).request["lines"]
        assert (line["vat"], last(stream).request["date"]) == ("22", "2026-01-01")


class TestAnswers:
    @pytest.mark.parametrize(("fields", "other"), [({"total_kopecks": 1}, 0), ({"counterparty_remote_id": "x"}, 1)])
    def test_document_that_differs_is_shown_beside_what_was_ordered(self, fields: dict[str, Any], other: int) -> None:
        stream = ordered()
        stream.ran(answer(last(stream), **fields))
        assert asked(stream, "document_differs") == {
            "number": "B24-15",
            "ordered_kopecks": A_TOTAL,
            "found_kopecks": fields.get("total_kopecks", A_TOTAL),
            "other_buyer": other,
        }
        assert stream.ran(answer(last(stream), **fields)) == [], "the same answer again"

    def test_document_with_another_vat_is_shown_with_both(self) -> None:
        stream = ordered()
        stream.ran(answer(last(stream), vat_kopecks=A_TOTAL // 6))
        shown = asked(stream, "document_differs")
        assert (shown["ordered_vat_kopecks"], shown["found_vat_kopecks"]) == (0, A_TOTAL // 6)

    def test_draft_of_a_deal_that_was_lost_meanwhile_is_asked_about(self) -> None:
        stream = ordered()
        stream.ran(c.SeeDeal(deal(lost=True)))
        stream.ran(answer(last(stream), unposted=True))
        assert open_cards(stream) == ["deal_lost"]

    def test_change_on_the_way_is_told_with_both_sums_once_the_invoice_is_there(self) -> None:
        stream = ordered()
        stream.ran(c.SeeDeal(deal("b")))
        stream.ran(answer(last(stream)))
        assert [one.total_kopecks for one in stream.happened(e.ContentChanged)] == [B_TOTAL, B_TOTAL]
        assert asked(stream, "content_changed") == {
            "number": "B24-15",
            "total_before_kopecks": A_TOTAL,
            "total_after_kopecks": B_TOTAL,
            "content": deal("b").content_hash,
        }

    def test_change_that_was_refused_too_is_no_change_of_what_is_made_in_the_end(self) -> None:
        stream = ordered()
        stream.ran(c.SeeDeal(deal("b")))
        stream.ran(c.Reject(invoice_id(stream), 1, NO))
        stream.ran(c.Reject(invoice_id(stream), 2, NO))
        stream.ran(c.SeeDeal(deal("c")))
        stream.ran(answer(last(stream)))
        assert (phases(stream), open_cards(stream)) == ({("invoice", 1): "made"}, [])

    def test_change_to_what_cannot_be_drafted_comes_to_nothing(self) -> None:
        stream = issued()
        stream.ran(c.SeeDeal(deal("b", rows=())))
        assert asked(stream, "content_changed")["total_after_kopecks"] == 0

    def test_change_of_an_act_on_its_way_is_not_told_again_when_it_is_there(self) -> None:
        stream = documents()
        stream.ran(request("act", "act"))
        stream.ran(linked("act"))
        stream.ran(c.SeeDeal(deal("b")))
        assert len(stream.happened(e.ContentChanged)) == 1
        stream.ran(answer(last(stream, "create-act")))
        assert len(stream.happened(e.ContentChanged)) == 1
        assert open_cards(stream) == []

    def test_file_that_is_there_is_not_missed(self) -> None:
        stream = issued()
        stream.ran(c.Render(invoice_id(stream), "blob-1", 60_000))
        assert stream.ran(c.Render(invoice_id(stream), "blob-1", 60_000)) == []
        assert stream.ran(c.MissPdf(invoice_id(stream), NO)) == []


class TestDoubled:
    @pytest.mark.parametrize("choice", ["cleared", "keep_both"])
    def test_documents_of_the_deal_wait_until_it_is_said_what_becomes_of_the_copy(self, choice: str) -> None:
        stream = ordered()
        sent = answer(last(stream))
        stream.ran(replace(sent, doubted=True))
        late = sent.issued.model_copy(update={"remote_id": "late", "url": ""})
        copies = (sent.issued, late)
        stream.ran(c.SeeCopies(sent.document_id, 1, sent.issued.number, sent.issued.date, copies))
        stream.ran(request("act", "act"))
        stream.ran(linked("act"))
        assert stream.effects_of("create-act") == []
        take(stream, "document_doubled", choice)
        assert len(stream.effects_of("create-act")) == 1


class TestWhatWasHeard:
    @pytest.mark.parametrize("sequence", [1, 4])
    def test_request_that_asks_for_nothing_tells_what_the_deal_shows(self, sequence: int) -> None:
        stream = documents()
        stream.ran(replace(request(invoice_on=False), sequence=sequence))
        assert stream.state.documents == {}
        (heard,) = stream.happened(e.DealHeard)
        assert (heard.sequence, heard.deal) == (sequence, deal())

    def test_late_request_of_other_content_asks_nothing(self) -> None:
        stream = documents()
        stream.ran(replace(request(), sequence=5))
        stream.ran(linked())
        stream.ran(answer(last(stream)))
        stream.ran(replace(request("r2", what=deal("b")), sequence=3))
        assert (open_cards(stream), phases(stream)) == ([], {("invoice", 1): "made"})

    @pytest.mark.parametrize("sequence", [0, 5, 6])
    def test_request_that_is_not_late_counts_more_than_what_was_heard_before(self, sequence: int) -> None:
        stream = documents()
        stream.ran(c.SeeDeal(deal("a"), 5))
        stream.ran(replace(request(what=deal("b")), sequence=sequence))
        stream.ran(linked())
        assert last(stream).request["total_kopecks"] == B_TOTAL

    @pytest.mark.parametrize("sequence", [1, 5])
    def test_request_that_begins_a_document_is_heard_with_it(self, sequence: int) -> None:
        stream = documents()
        stream.ran(replace(request(), sequence=sequence))
        assert stream.happened(e.DealHeard) == []
        assert stream.state.heard == e.DealHeard(sequence=sequence, deal=deal())

    def test_late_request_of_an_act_is_of_what_the_newer_one_of_the_invoice_showed(self) -> None:
        stream = documents()
        stream.ran(replace(request(what=deal("b")), sequence=5))
        stream.ran(replace(request("act", "act", deal("a")), sequence=3))
        stream.ran(linked("act"))
        assert last(stream, "create-act").request["total_kopecks"] == B_TOTAL

    def test_blocked_document_that_is_asked_for_anew_begins_once_with_what_the_request_shows(self) -> None:
        stream = documents()
        stream.ran(request(what=deal(rows=())))
        stream.ran(linked())
        assert phases(stream) == {("invoice", 1): "blocked"}
        events = stream.ran(request("r2", what=deal("b")))
        assert [type(event).__name__ for event in events][:1] == ["Requested"]
        assert stream.happened(e.DealSeen) == []
        stream.ran(linked("r2"))
        assert last(stream).request["total_kopecks"] == B_TOTAL


class TestDrafts:
    def test_both_codes_of_the_rouble_are_taken(self) -> None:
        stream = documents()
        stream.ran(request(what=deal(currency="RUR")))
        stream.ran(linked())
        assert phases(stream) == {("invoice", 1): "ordered"}

    def test_day_without_a_tax_profile_is_named(self) -> None:
        stream = documents()
        stream.ran(request(tax=()))
        stream.ran(linked())
        (blocked,) = stream.happened(e.Blocked)
        assert Reason(code="tax_profile_missing", values={"date": "2026-03-12"}) in blocked.reasons

    @pytest.mark.parametrize(("calendar", "due"), [(True, "2026-03-16"), (False, "2026-03-18")])
    def test_term_is_of_calendar_or_of_working_days(self, calendar: bool, due: str) -> None:
        stream = documents()
        stream.ran(request(due_days=4, due_calendar=calendar))
        stream.ran(linked())
        assert last(stream).request["due_date"] == due

    def test_comment_says_of_which_deal_or_order_it_is_and_until_when(self) -> None:
        stream = ordered()
        of_deal = stream.effects_of("create-invoice")[0].request["comment"]
        assert "15" in of_deal
        shop = documents()
        shop.ran(request(what=deal(order_number="A-77")))
        shop.ran(linked())
        of_order = shop.effects_of("create-invoice")[0].request["comment"]
        assert "A-77" in of_order
        for said in (of_deal, of_order):
            assert dt.date.fromisoformat(last(stream).request["due_date"]).strftime("%d.%m.%Y") in said

    def test_line_keeps_the_product_that_it_is_of(self) -> None:
        stream = documents()
        stream.ran(request(what=deal(rows=(row(product_id="550", external_code="TBL-1"), row()))))
        stream.ran(linked())
        assert [line["product_id"] for line in last(stream).request["lines"]] == ["550", ""]


class TestBuyers:
    def test_buyer_of_before_gives_no_document(self) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(c.SeeDeal(deal("b", VASILEK)))
        stream.ran(linked())
        assert stream.effects_of("create-invoice") == []
        (blocked,) = stream.happened(e.Blocked)
        assert [reason.code for reason in blocked.reasons] == ["buyer_changed"]


class TestExchanges:
    def test_refusal_of_an_earlier_attempt_says_nothing(self) -> None:
        stream = prepared()
        assert stream.ran(ec.RefusePost(key(stream), 7, NO)) == []
        assert posted(stream).ran(ec.RefusePost(key(stream), 1, NO)) == []

    def test_refusal_is_shown_in_the_operators_words(self) -> None:
        stream = prepared()
        stream.ran(ec.RefusePost(key(stream), 1, NO))
        values = asked(stream, "edi_not_posted")
        assert (values["text"], values["number"]) == ("нет", "88")

    def test_refusal_without_words_is_shown_without_any(self) -> None:
        stream = prepared()
        stream.ran(ec.RefusePost(key(stream), 1, Reason(code="edi_refused")))
        assert asked(stream, "edi_not_posted")["text"] == ""

    @pytest.mark.parametrize(("reason", "text"), [(NO, "нет"), (Reason(code="edi_refused"), "")])
    def test_refused_invitation_is_shown_in_the_operators_words(self, reason: Reason, text: str) -> None:
        stream = begun()
        stream.ran(ec.SeeInvitation(key(stream), BOX, 0, "", reason))
        assert asked(stream, "edi_partner_refuses")["text"] == text
        assert stream.happened(EdiInvited) == []

    def test_doubtful_document_is_named_by_its_marker_and_asked_about_once(self) -> None:
        stream = prepared()
        stream.ran(ec.RefusePost(key(stream), 1, NO, doubtful=True))
        assert asked(stream, "edi_uncertain")["marker"] == edi_parts.only(stream).order.marker != ""

    def test_long_wait_is_asked_about_once(self) -> None:
        stream = posted()
        edi_parts.moved(stream, "awaiting_counterparty")
        stream.ran(ec.MeetEdiDeadline(key(stream), "awaiting_counterparty"))
        assert edi_parts.questions(stream) == ["edi_waits_long"]
        assert stream.ran(ec.MeetEdiDeadline(key(stream), "awaiting_counterparty")) == []
