"""Rules of documents by their ids: numbers, sums, VAT, buyers, due dates."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest

from contracts.messages import invoicing as messages
from services.invoicing.domain import commands as c
from services.invoicing.domain.events import VatOverridden
from services.invoicing.domain.values import Tax
from tests.services.invoicing.parts import (
    ROMASHKA,
    STANDARD,
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
    row,
    take,
)
from tests.services.streams import NOW


def reasons(stream: Documents) -> list[str]:
    """The codes of the last refusal."""
    return [reason.code for reason in stream.said(messages.InvoiceRejected)[-1].reasons]


class TestR7Number:
    def test_number_is_the_deals_and_a_later_revision_is_counted(self) -> None:
        stream = issued()
        assert last(stream).request["number"] == "B24-15"
        stream.ran(c.SeeDeal(deal("b")))
        take(stream, "content_changed", "replace")
        stream.ran(c.ConfirmCancel(last(stream, "cancel-invoice").request["document_id"], 1))
        assert last(stream).request["number"] == "B24-15-2"

    def test_template_of_the_tenant_names_the_number(self) -> None:
        stream = documents()
        stream.ran(request(number_template="СЧ/{deal}"))
        stream.ran(linked())
        assert last(stream).request["number"] == "СЧ/15"

    def test_vendor_that_numbers_is_given_no_number_in_any_revision(self) -> None:
        stream = issued(number_template="")
        assert last(stream).request["number"] == ""
        stream.ran(c.SeeDeal(deal("b")))
        take(stream, "content_changed", "replace")
        stream.ran(c.ConfirmCancel(last(stream, "cancel-invoice").request["document_id"], 1))
        assert last(stream).request["number"] == ""

    def test_marker_stands_in_the_comment_and_not_in_the_number(self) -> None:
        sent = last(issued())
        assert sent.marker.startswith("[b24:15:invoice:1:")
        assert sent.marker in sent.request["comment"]
        assert sent.marker not in sent.request["number"]


class TestR8Total:
    def test_sum_of_lines_is_invoiced_within_a_kopeck_per_line(self) -> None:
        stream = documents()
        stream.ran(request(what=deal(rows=(row("10.01", "3"), row("5", "1")), opportunity_kopecks=35_05)))
        stream.ran(linked())
        assert last(stream).request["total_kopecks"] == 35_03

    @pytest.mark.parametrize("off", [-3, 3, 100_00])
    def test_deal_that_says_another_sum_is_blocked_with_both_named(self, off: int) -> None:
        stream = documents()
        stream.ran(request(what=deal(rows=(row("10.01", "3"), row("5", "1")), opportunity_kopecks=35_03 + off)))
        stream.ran(linked())
        (said,) = stream.said(messages.InvoiceRejected)
        assert said.reasons[0].code == "total_differs"
        assert said.reasons[0].values == {"lines_kopecks": 35_03, "deal_kopecks": 35_03 + off}
        assert not stream.effects

    def test_vat_on_top_gives_half_a_kopeck_per_unit_more(self) -> None:
        rows = (row("12.87", "100", "22", tax_included=False, price_exclusive=Decimal("10.55")),)
        stream = documents()
        stream.ran(request(what=deal(rows=rows, opportunity_kopecks=1287_00), tax=STANDARD))
        stream.ran(linked())
        sent = last(stream).request
        assert (sent["total_kopecks"], sent["vat_kopecks"]) == (1287_10, 232_10)

    def test_deal_without_lines_is_blocked(self) -> None:
        stream = documents()
        stream.ran(request(what=deal(rows=())))
        stream.ran(linked())
        assert reasons(stream) == ["lines_missing"]

    def test_zero_negative_and_broken_lines_are_named_all_at_once(self) -> None:
        rows = (row(name=" "), row("-5", "1"), row("5", "0"), row("1", "1", "16"))
        stream = documents()
        stream.ran(request(what=deal(rows=rows, currency="USD")))
        stream.ran(refused())
        assert set(reasons(stream)) == {
            "inn_missing",
            "currency_unsupported",
            "line_name_missing",
            "line_price_negative",
            "line_quantity_not_positive",
            "vat_rate_unknown",
        }
        assert len(stream.said(messages.InvoiceRejected)) == 1

    def test_unknown_rate_is_named_with_its_line(self) -> None:
        stream = documents()
        stream.ran(request(what=deal(rows=(row(), row("1", "1", "16"))), tax=STANDARD))
        stream.ran(linked())
        (said,) = stream.said(messages.InvoiceRejected)
        assert [(one.code, one.values["line"]) for one in said.reasons] == [("vat_rate_unknown", 2)]

    @pytest.mark.parametrize(
        ("price", "quantity", "parts"),
        [
            ("33.33", "3", [(3, 33_33)]),
            ("0.125", "4", [(4, 12.5)]),
            ("1.5", "2.5", [(1, 3_75)]),
        ],
    )
    def test_price_times_quantity_gives_the_amount_of_every_line(
        self, price: str, quantity: str, parts: list[tuple[float, float]]
    ) -> None:
        stream = documents()
        stream.ran(request(what=deal(rows=(row(price, quantity),))))
        stream.ran(linked())
        lines = last(stream).request["lines"]
        assert all(Decimal(one["quantity"]) * one["price_kopecks"] == one["amount_kopecks"] for one in lines)
        whole = sum(count * each for count, each in parts)
        assert sum(one["amount_kopecks"] for one in lines) == whole

    def test_fractional_quantity_that_no_kopeck_price_gives_becomes_one_piece(self) -> None:
        stream = documents()
        stream.ran(request(what=deal(rows=(row("10.01", "1.333", unit_code="166", unit_name="кг"),))))
        stream.ran(linked())
        (line,) = last(stream).request["lines"]
        assert line["quantity"] == "1"
        assert line["name"].startswith("Стол (1.333 ")


class TestR9Vat:
    def test_exempt_sellers_included_vat_is_dropped_with_the_same_total_and_a_warning(self) -> None:
        stream = issued(what=deal(rows=(row("1000", "2", "22"),)))
        (said,) = stream.said(messages.InvoiceIssued)
        assert (said.total_kopecks, said.vat_kopecks) == (2000_00, 0)
        assert [one.code for one in said.warnings if one.code != "unit_defaulted"] == ["vat_dropped_for_exempt_seller"]

    def test_exempt_sellers_vat_on_top_is_blocked(self) -> None:
        stream = documents()
        stream.ran(request(what=deal(rows=(row("1000", "2", "22", tax_included=False),))))
        stream.ran(linked())
        assert reasons(stream) == ["vat_on_top"]

    def _old_rate(self) -> c.Request:
        return request(what=deal(rows=(row("1000", "1", "20"),)), tax=STANDARD)

    def test_rate_of_last_year_is_blocked_and_the_accountant_is_asked(self) -> None:
        stream = documents()
        stream.ran(self._old_rate())
        stream.ran(linked())
        assert reasons(stream) == ["vat_rate_not_in_force"]
        assert open_cards(stream) == ["vat_rate_not_in_force"]

    def test_accountant_issues_with_it_and_the_decision_stays_in_the_history(self) -> None:
        stream = documents()
        stream.ran(self._old_rate())
        stream.ran(linked())
        take(stream, "vat_rate_not_in_force", "issue")
        assert last(stream).request["vat_kopecks"] == 166_67
        assert [event.by for event in stream.happened(VatOverridden)] == ["Анна"]

    def test_accountant_waits_and_the_corrected_deal_goes_on(self) -> None:
        stream = documents()
        stream.ran(self._old_rate())
        stream.ran(linked())
        take(stream, "vat_rate_not_in_force", "wait")
        assert not stream.effects
        stream.ran(c.SeeDeal(deal("b", rows=(row("1000", "1", "22"),))))
        assert last(stream).request["vat_kopecks"] == 180_33

    def test_correction_of_the_deal_takes_the_question_back(self) -> None:
        stream = documents()
        stream.ran(self._old_rate())
        stream.ran(linked())
        stream.ran(c.SeeDeal(deal("b", rows=(row("1000", "1", "22"),))))
        assert open_cards(stream) == []

    def test_question_is_not_asked_while_other_things_are_missing(self) -> None:
        stream = documents()
        stream.ran(request(what=deal(rows=(row("1000", "1", "20"), row(name=" "))), tax=STANDARD))
        stream.ran(linked())
        assert open_cards(stream) == []


class TestR10R11Buyers:
    def test_nothing_is_sent_for_a_refused_buyer(self) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(refused(code="kpp_missing"))
        assert reasons(stream) == ["kpp_missing"]
        assert not stream.effects

    def test_corrected_buyer_goes_on_by_itself(self) -> None:
        stream = documents()
        stream.ran(request(what=deal("a", "")))
        stream.ran(refused())
        stream.ran(c.SeeDeal(deal("b")))
        assert not stream.effects
        stream.ran(linked())
        assert last(stream).request["counterparty_remote_id"] == f"elba-{ROMASHKA}"

    def test_link_that_comes_before_the_deals_change_waits_for_it(self) -> None:
        stream = documents()
        stream.ran(request(what=deal("a", "")))
        stream.ran(refused())
        stream.ran(linked())
        assert phases(stream) == {("invoice", 1): "blocked"}
        assert len(stream.said(messages.InvoiceRejected)) == 1
        stream.ran(c.SeeDeal(deal("b")))
        assert phases(stream) == {("invoice", 1): "ordered"}

    def test_refusal_for_one_document_takes_no_link_from_another(self) -> None:
        stream = documents()
        stream.ran(request(what=deal(rows=())))
        stream.ran(linked())
        stream.ran(request("act", "act", deal(rows=())))
        stream.ran(refused("act"))
        stream.ran(c.SeeDeal(deal("b")))
        assert phases(stream) == {("invoice", 1): "ordered", ("act", 1): "blocked"}

    def test_link_that_was_answered_before_a_refusal_and_comes_after_it_is_nothing(self) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(replace(refused(), sequence=4))
        assert stream.ran(replace(linked(), sequence=3)) == []
        stream.ran(replace(linked(), sequence=5))
        assert phases(stream) == {("invoice", 1): "ordered"}

    def test_same_link_as_before_a_refusal_is_news_after_it(self) -> None:
        stream = documents()
        stream.ran(request(what=deal(rows=())))
        stream.ran(linked())
        stream.ran(refused())
        stream.ran(linked())
        stream.ran(c.SeeDeal(deal("b")))
        assert phases(stream) == {("invoice", 1): "ordered"}

    def test_link_of_a_buyer_that_the_deal_showed_meanwhile_is_of_a_former_one(self) -> None:
        stream = documents()
        stream.ran(request(what=deal("a", "")))
        stream.ran(c.SeeDeal(deal("b", VASILEK)))
        stream.ran(c.SeeDeal(deal("c")))
        stream.ran(linked(buyer=VASILEK))
        assert reasons(stream) == ["buyer_changed"]

    def test_act_that_waits_for_the_payment_alone_lacks_nothing_else(self) -> None:
        stream = documents()
        stream.ran(request("act", "act", deal(rows=()), act_requires_paid=True))
        stream.ran(linked("act"))
        stream.ran(c.SeeDeal(deal("b")))
        (act,) = stream.state.documents.values()
        assert (act.phase, act.reasons) == ("held", ())

    def test_replacement_that_waits_for_its_buyer_goes_on_with_the_answer_to_its_request(self) -> None:
        stream = issued()
        stream.ran(c.SeeDeal(deal("b", VASILEK)))
        take(stream, "content_changed", "replace")
        stream.ran(c.ConfirmCancel(last(stream, "cancel-invoice").request["document_id"], 1))
        stream.ran(linked(buyer=VASILEK))
        assert phases(stream) == {("invoice", 1): "cancelled", ("invoice", 2): "ordered"}

    def test_link_of_the_former_buyer_is_never_used_for_the_present_one(self) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(c.SeeDeal(deal("a", VASILEK)))
        stream.ran(linked())
        assert not stream.effects
        assert reasons(stream) == ["buyer_changed"]
        stream.ran(request("r2", what=deal("a", VASILEK)))
        stream.ran(linked("r2", VASILEK))
        assert last(stream).request["counterparty_remote_id"] == f"elba-{VASILEK}"

    def test_blocked_deal_whose_buyer_changes_with_the_correction_is_not_sent_to_the_former_one(self) -> None:
        stream = documents()
        stream.ran(request(what=deal(rows=())))
        stream.ran(linked())
        stream.ran(c.SeeDeal(deal("b", VASILEK)))
        assert not stream.effects
        assert reasons(stream) == ["buyer_changed"]

    def test_warnings_about_the_buyer_reach_the_invoice(self) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(c.KnowBuyer("r1", link(warnings=({"code": "ogrn_invalid"},))))
        stream.ran(answer(last(stream)))
        (said,) = stream.said(messages.InvoiceIssued)
        assert "ogrn_invalid" in [one.code for one in said.warnings]


class TestR10R11WhoseLink:
    def test_invoice_of_another_contact_than_the_one_that_was_linked_is_not_sent(self) -> None:
        stream = documents()
        stream.ran(request(what=deal(buyer="c77", opportunity_kopecks=1)))
        stream.ran(linked(buyer="c77"))
        assert reasons(stream) == ["total_differs"]
        stream.ran(c.SeeDeal(deal("b", buyer="c88")))
        assert reasons(stream) == ["buyer_changed"]
        assert stream.effects_of("create-invoice") == []
        stream.ran(request("r2", what=deal("b", buyer="c88")))
        stream.ran(linked("r2", "c88"))
        assert last(stream).request["counterparty_remote_id"] == "elba-c88"

    def test_company_whose_kpp_the_register_told_gets_its_invoice_at_once(self) -> None:
        stream = documents()
        stream.ran(request(what=deal(buyer="7736207543")))
        stream.ran(linked())
        assert last(stream).request["counterparty_remote_id"] == f"elba-{ROMASHKA}"
        stream.ran(answer(last(stream)))
        stream.ran(c.SeeDeal(deal()))
        assert open_cards(stream) == []

    def test_company_that_lost_the_kpp_of_its_link_is_another_buyer(self) -> None:
        stream = documents()
        stream.ran(request(what=deal(opportunity_kopecks=1)))
        stream.ran(linked())
        stream.ran(c.SeeDeal(deal("b", buyer="7736207543")))
        assert reasons(stream) == ["buyer_changed"]


class TestR15DueDate:
    @pytest.mark.parametrize(
        ("now", "date", "due"),
        [
            ("2026-03-12T10:00:00+00:00", "2026-03-12", "2026-03-16"),  # +3 is a Sunday
            ("2026-03-12T21:30:00+00:00", "2026-03-13", "2026-03-16"),  # past midnight in Moscow
            ("2026-12-30T10:00:00+00:00", "2026-12-30", "2027-01-11"),  # new year's holidays
            ("2026-04-29T10:00:00+00:00", "2026-04-29", "2026-05-04"),
        ],
    )
    def test_three_calendar_days_rolled_to_a_working_day_of_the_sellers_zone(
        self, now: str, date: str, due: str
    ) -> None:
        stream = documents(dt.datetime.fromisoformat(now))
        stream.ran(request())
        stream.ran(linked())
        assert (last(stream).request["date"], last(stream).request["due_date"]) == (date, due)

    def test_year_without_a_calendar_is_warned_about(self) -> None:
        stream = issued(documents(dt.datetime(2031, 3, 12, 10, tzinfo=dt.UTC)))
        assert "calendar_missing" in [one.code for one in stream.said(messages.InvoiceIssued)[0].warnings]

    def test_date_is_frozen_when_it_is_ordered(self) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(linked())
        first = last(stream)
        stream.now = NOW + dt.timedelta(days=9)
        stream.ran(c.Doubt(first.request["document_id"], 1, refused().reasons[0], None))
        take(stream, "document_uncertain", "resend")
        assert last(stream).request["attempt"] == 2
        assert last(stream).request["date"] == first.request["date"]
        assert last(stream).marker == first.marker


class TestTax:
    def test_seller_without_a_profile_for_the_day_is_blocked(self) -> None:
        stream = documents()
        stream.ran(request(tax=(Tax(valid_from=dt.date(2027, 1, 1), regime="osno", vat="standard"),)))
        stream.ran(linked())
        assert reasons(stream) == ["tax_profile_missing"]

    def test_profile_that_was_missing_counts_once_the_stage_is_entered_again(self) -> None:
        stream = documents()
        stream.ran(request(tax=(Tax(valid_from=dt.date(2027, 1, 1), regime="osno", vat="standard"),)))
        stream.ran(linked())
        stream.ran(c.SeeDeal(deal("b")))
        assert phases(stream) == {("invoice", 1): "blocked"}
        stream.ran(request("r2", what=deal("b")))
        stream.ran(linked("r2"))
        assert phases(stream) == {("invoice", 1): "ordered"}

    def test_foreign_currency_is_blocked(self) -> None:
        stream = documents()
        stream.ran(request(what=deal(currency="USD")))
        stream.ran(linked())
        assert reasons(stream) == ["currency_unsupported"]
