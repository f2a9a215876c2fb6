"""The PDF of a deal's invoice, the act after it, and steps that a tenant has switched off."""

import datetime as dt
from typing import Any

import pytest

from contracts.messages import invoicing as messages
from contracts.messages import operations
from services.invoicing.domain import commands as c
from services.invoicing.domain.values import Deal, Issued, Reason
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
    request,
    row,
    take,
)


class TestPdf:
    def test_pdf_is_fetched_and_told_with_a_name_for_people(self) -> None:
        stream = issued()
        assert stream.tasks["fetch-pdf", last(stream).request["document_id"]].payload["number"] == "B24-15"
        stream.ran(c.Render(last(stream).request["document_id"], "blob-1", 60_000))
        assert stream.said(messages.DocumentRendered)[0].file_name == "Счёт B24-15.pdf"
        assert stream.ran(c.Render(last(stream).request["document_id"], "blob-1", 60_000)) == []

    def test_name_of_the_file_is_in_the_tenants_language_and_safe(self) -> None:
        stream = issued(language="en", number_template="A/{deal}")
        stream.ran(c.Render(last(stream).request["document_id"], "blob-1", 60_000))
        assert stream.said(messages.DocumentRendered)[0].file_name == "Invoice A-15.pdf"

    def test_pdf_that_is_refused_is_asked_about_and_fetched_again(self) -> None:
        stream = issued()
        document_id = last(stream).request["document_id"]
        stream.ran(c.MissPdf(document_id, NO))
        stream.tasks.clear()
        take(stream, "pdf_refused", "fetch_again")
        assert ("fetch-pdf", document_id) in stream.tasks

    def test_question_about_a_missing_pdf_says_why(self) -> None:
        stream = issued()
        stream.ran(c.MissPdf(last(stream).request["document_id"], Reason(code="document_differs")))
        assert stream.said(operations.DecisionNeeded)[0].values["why"] == "document_differs"

    def test_pdf_that_came_takes_the_question_back(self) -> None:
        stream = issued()
        document_id = last(stream).request["document_id"]
        stream.ran(c.MissPdf(document_id, NO))
        stream.ran(c.Render(document_id, "blob-1", 60_000))
        assert open_cards(stream) == []

    def test_nobody_is_asked_about_the_pdf_of_an_invoice_that_is_void(self) -> None:
        stream = issued()
        document_id = last(stream).request["document_id"]
        stream.ran(c.CancelInvoice("Анна"))
        stream.ran(c.ConfirmCancel(document_id, 1))
        assert stream.ran(c.MissPdf(document_id, NO)) == []

    def test_question_about_the_pdf_is_taken_back_with_the_invoice(self) -> None:
        stream = issued()
        document_id = last(stream).request["document_id"]
        stream.ran(c.MissPdf(document_id, NO))
        stream.ran(c.CancelInvoice("Анна"))
        stream.ran(c.ConfirmCancel(document_id, 1))
        assert open_cards(stream) == []


class TestR23Act:
    def _ordered(self, stream: Documents, **fields: object) -> Documents:
        stream.ran(request("act1", "act", **fields))  # type: ignore[arg-type]
        stream.ran(linked("act1"))
        return stream

    def test_act_of_an_unpaid_invoice_is_made_with_a_warning(self) -> None:
        stream = self._ordered(issued())
        stream.ran(answer(last(stream, "create-act")))
        assert stream.said(messages.ActIssued)[0].unpaid
        assert last(stream, "create-act").request["invoice_remote_id"].startswith("remote-")

    def test_act_of_a_paid_invoice_has_no_warning(self) -> None:
        stream = issued()
        stream.ran(c.SeeBalance(last(stream).request["document_id"], 2, True, "paid"))
        self._ordered(stream).ran(answer(last(stream, "create-act")))
        assert not stream.said(messages.ActIssued)[0].unpaid

    def _differing(self, stream: Documents, what: Deal) -> list[tuple[str, Any]]:
        """What is said of the sum of an act of this deal."""
        self._ordered(stream, what=what)
        stream.ran(answer(last(stream, "create-act")))
        (made,) = stream.said(messages.ActIssued)
        return [(one.code, one.values["invoiced_kopecks"]) for one in made.warnings]

    def test_r23_act_of_a_deal_that_was_changed_after_its_invoice_says_what_was_invoiced(self) -> None:
        stream = issued()
        stream.ran(c.SeeDeal(deal("b")))
        take(stream, "content_changed", "keep")
        assert self._differing(stream, deal("b")) == [("act_differs", deal("a").opportunity_kopecks)]

    def test_r23_act_for_another_buyer_than_was_invoiced_says_so(self) -> None:
        stream = issued()
        stream.ran(c.SeeDeal(deal(buyer=VASILEK)))
        stream.ran(request("act1", "act", deal(buyer=VASILEK)))
        stream.ran(linked("act1", VASILEK))
        stream.ran(answer(last(stream, "create-act")))
        (made,) = stream.said(messages.ActIssued)
        assert [one.code for one in made.warnings] == ["act_other_buyer"]

    def test_act_of_what_was_invoiced_by_one_or_all_invoices_says_nothing_of_sums(self) -> None:
        assert self._differing(issued(), deal()) == []
        both = issued()
        both.ran(c.RepeatInvoice("Анна"))
        both.ran(answer(last(both), remote_id="second"))
        assert self._differing(both, deal()) == []

    @pytest.mark.parametrize(
        ("days", "language", "said"),
        [
            (3, "ru", "Сделка №15. Период оказания услуг: с 12.03.2026 по 15.03.2026"),
            (0, "ru", "Сделка №15. Период оказания услуг: 12.03.2026"),
            (3, "en", "Deal 15. Services rendered from 12.03.2026 to 15.03.2026"),
        ],
    )
    def test_r23_act_names_the_days_from_its_invoice_to_itself(self, days: int, language: str, said: str) -> None:
        stream = issued()
        stream.now += dt.timedelta(days=days)
        sent = last(self._ordered(stream, language=language), "create-act")
        assert sent.request["comment"] == f"{said} {sent.marker}"

    def test_period_of_an_act_begins_with_the_first_invoice_that_stands(self) -> None:
        stream = issued()
        for passed in (1, 2):
            stream.now += dt.timedelta(days=passed)
            stream.ran(c.RepeatInvoice("Анна", "B24-15"))
            stream.ran(answer(last(stream), remote_id=f"repeat-{passed}"))
        stream.ran(c.CancelInvoice("Анна", "B24-15"))
        stream.ran(c.ConfirmCancel(last(stream, "cancel-invoice").request["document_id"], 1))
        stream.now += dt.timedelta(days=4)
        sent = last(self._ordered(stream), "create-act")
        assert "услуг: с 13.03.2026 по 19.03.2026" in sent.request["comment"]

    def test_act_without_an_invoice_is_of_its_own_day(self) -> None:
        sent = last(self._ordered(documents()), "create-act")
        assert "Период оказания услуг: 12.03.2026 " in sent.request["comment"]

    def test_period_stays_as_it_was_ordered_when_the_act_is_sent_once_more(self) -> None:
        stream = self._ordered(issued())
        first = last(stream, "create-act")
        stream.now += dt.timedelta(days=9)
        stream.ran(c.Doubt(first.request["document_id"], 1, NO, None))
        take(stream, "document_uncertain", "resend")
        assert last(stream, "create-act").request["comment"] == first.request["comment"]

    @pytest.mark.parametrize(("service", "has_period"), [(False, False), (True, True)])
    def test_goods_alone_have_no_period_of_services(self, service: bool, has_period: bool) -> None:
        rows = (row(product_id="550"), row(product_id="551", is_service=service))
        sent = last(self._ordered(issued(), what=deal(rows=rows)), "create-act")
        assert ("Период" in sent.request["comment"]) == has_period

    def test_act_without_an_invoice_says_nothing_of_sums(self) -> None:
        assert self._differing(documents(), deal()) == []

    @pytest.mark.parametrize(("form", "warned"), [("act", True), ("waybill", False), ("upd", False), ("sale", False)])
    def test_goods_that_go_by_an_act_are_mentioned(self, form: str, warned: bool) -> None:
        goods = deal(rows=(row(product_id="550"), row(product_id="551", is_service=True), row()))
        stream = self._ordered(issued(), what=goods)
        stream.ran(answer(last(stream, "create-act"), form=form))
        (made,) = stream.said(messages.ActIssued)
        assert made.form == form
        counts = [(one.code, one.values["count"]) for one in made.warnings if one.code != "act_differs"]
        assert counts == ([("goods_in_act", 1)] if warned else [])
        assert [line["is_service"] for line in last(stream, "create-act").request["lines"]] == [False, True, False]

    def test_file_is_named_by_what_the_document_is(self) -> None:
        stream = self._ordered(issued())
        sent = last(stream, "create-act")
        stream.ran(answer(sent, form="waybill"))
        stream.ran(c.Render(sent.request["document_id"], "blob-1", 60_000))
        (rendered,) = stream.said(messages.DocumentRendered)
        assert (rendered.file_name, rendered.form) == ("Накладная 17.pdf", "waybill")

    def test_tenant_may_want_payment_first_and_the_manager_is_told(self) -> None:
        stream = self._ordered(issued(), act_requires_paid=True)
        assert stream.effects_of("create-act") == []
        assert [one.code for one in stream.said(messages.ActRejected)[0].reasons] == ["unpaid"]
        stream.ran(c.SeeBalance(last(stream).request["document_id"], 2, True, "paid"))
        assert len(stream.effects_of("create-act")) == 1

    def test_act_that_waits_for_its_payment_is_asked_for_anew_by_other_settings(self) -> None:
        stream = self._ordered(issued(), act_requires_paid=True)
        stream.ran(request("act2", "act"))
        stream.ran(linked("act2"))
        assert len(stream.effects_of("create-act")) == 1
        stream.ran(c.SeeBalance(last(stream).request["document_id"], 2, True, "paid"))
        stream.ran(linked("act1", remote_id="elba-new"))
        assert len(stream.effects_of("create-act")) == 1

    def test_act_goes_on_when_a_paid_invoice_could_not_be_cancelled(self) -> None:
        stream = issued()
        invoice_id = last(stream).request["document_id"]
        stream.ran(c.SeeBalance(invoice_id, 2, True, "paid"))
        stream.ran(c.SeeDeal(deal("b")))
        take(stream, "content_changed", "replace")
        self._ordered(stream, act_requires_paid=True, what=deal("b"))
        assert stream.effects_of("create-act") == []
        stream.ran(c.ConfirmCancel(invoice_id, 1, NO))
        assert len(stream.effects_of("create-act")) == 1

    def test_older_balance_does_not_make_an_act(self) -> None:
        stream = issued()
        invoice_id = last(stream).request["document_id"]
        stream.ran(c.SeeBalance(invoice_id, 5, False, "partially_paid"))
        self._ordered(stream, act_requires_paid=True)
        assert stream.ran(c.SeeBalance(invoice_id, 4, True, "paid")) == []
        assert stream.effects_of("create-act") == []

    @pytest.mark.parametrize("content", ["a", "b"])
    def test_act_is_made_once_whatever_the_deal_shows_later(self, content: str) -> None:
        stream = self._ordered(issued())
        stream.ran(answer(last(stream, "create-act")))
        stream.ran(request("act2", "act", deal(content)))
        assert len(stream.effects_of("create-act")) == 1
        assert "act" not in [one.values["document"] for one in stream.said(operations.DecisionNeeded)]

    def test_act_is_not_tied_to_an_invoice_that_does_not_stand(self) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(linked())
        stream.ran(answer(last(stream), counterparty_remote_id="somebody"))
        self._ordered(stream)
        assert last(stream, "create-act").request["invoice_remote_id"] == ""

    def test_act_found_by_a_person_is_taken_at_their_word_without_a_file(self) -> None:
        stream = self._ordered(issued())
        sent = last(stream, "create-act")
        stream.ran(c.Doubt(sent.request["document_id"], 1, NO, None))
        take(stream, "document_uncertain", "found", "А-3")
        (task,) = (plan for (kind, _), plan in stream.tasks.items() if kind == "adopt-document")
        taken = Issued(
            remote_id="",
            number="А-3",
            date=dt.date(2026, 3, 12),
            total_kopecks=task.payload["total_kopecks"],
            vat_kopecks=0,
        )
        stream.ran(c.Adopt(sent.request["document_id"], "card", taken))
        assert stream.said(messages.ActIssued)[0].number == "А-3"
        assert ("fetch-pdf", sent.request["document_id"]) not in stream.tasks


class TestSteps:
    def test_switched_off_step_makes_nothing_but_sees_the_deal(self) -> None:
        stream = issued()
        stream.ran(request("act1", "act", deal("b"), act_on=False))
        assert ("act", 1) not in phases(stream)
        assert open_cards(stream) == ["content_changed"]

    def test_equal_refusals_are_told_once(self) -> None:
        stream = documents()
        stream.ran(request(what=deal(rows=())))
        stream.ran(linked())
        stream.ran(c.SeeDeal(deal("b", rows=())))
        stream.ran(c.SeeDeal(deal("c", rows=(row(name=""),))))
        assert len(stream.said(messages.InvoiceRejected)) == 2
