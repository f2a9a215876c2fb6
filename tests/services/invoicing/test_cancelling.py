"""Invoices cancelled, replaced or repeated: by a person's word, a lost deal, or accounting itself (R3, R14, R19)."""

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from chassis.domain import Problem, Refused
from chassis.outcomes import Deferred, Ok, Outcome, Rejected, Retryable
from chassis.work.handlers import Done, Permit, Task
from connectors.ports.accounting import InvoiceCard, InvoiceStatus
from connectors.registry import accounting_of
from contracts.messages import invoicing as messages
from contracts.messages import operations
from contracts.messages import values as wire
from services.invoicing.api import taxes_of
from services.invoicing.domain import commands as c
from services.invoicing.domain import events as e
from services.invoicing.domain.values import Reason
from services.invoicing.workers import CheckCancel, HideVoid
from tests.services.invoicing.parts import (
    NO,
    STANDARD,
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
from tests.services.streams import NOW, TENANT

MISSING = Reason(code="capability_missing", values={"vendor": "elba", "capability": "cancel_invoice"})
BY_ANNA = c.CancelInvoice("Анна")


def document_id(stream: Documents) -> str:
    return str(last(stream).request["document_id"])


def refusal(stream: Documents, command: Any) -> str:
    """The code by which a command is refused."""
    decided = stream.kind.decide(stream.state, command, stream.now)
    assert isinstance(decided, Refused)
    return decided.problem.code


class TestByAPerson:
    def test_order_is_one_effect_however_often_it_is_given(self) -> None:
        stream = issued()
        stream.ran(BY_ANNA)
        assert stream.ran(BY_ANNA) == []
        assert phases(stream) == {("invoice", 1): "cancelling"}
        stream.ran(c.ConfirmCancel(document_id(stream), 1))
        assert stream.ran(BY_ANNA) == []
        assert len(stream.effects_of("cancel-invoice")) == 1
        (told,) = stream.said(messages.InvoiceCancelled)
        assert told.number == "B24-15"

    def test_replacement_is_made_once_the_old_one_is_void(self) -> None:
        stream = issued()
        stream.ran(c.CancelInvoice("Анна", "B24-15", replace=True))
        assert phases(stream) == {("invoice", 1): "cancelling"}
        stream.ran(c.ConfirmCancel(document_id(stream), 1))
        assert phases(stream) == {("invoice", 1): "cancelled", ("invoice", 2): "ordered"}
        assert last(stream).request["number"] == "B24-15-2"

    def test_what_cannot_be_meant_is_refused(self) -> None:
        assert refusal(documents(), BY_ANNA) == "invoice_none"
        assert refusal(issued(), c.CancelInvoice("Анна", "77")) == "invoice_not_of_deal"
        stream = issued()
        stream.ran(c.RepeatInvoice("Анна"))
        stream.ran(answer(last(stream)))
        assert refusal(stream, BY_ANNA) == "invoices_several"
        stream.ran(c.CancelInvoice("Анна", "B24-15-2"))
        assert phases(stream) == {("invoice", 1): "made", ("invoice", 2): "cancelling"}

    @pytest.mark.parametrize("given_up", [False, True])
    def test_invoice_that_was_not_taken_is_not_said_to_be_void(self, given_up: bool) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(linked())
        stream.ran(answer(last(stream), total_kopecks=1))
        if given_up:
            take(stream, "document_differs", "give_up")
        assert refusal(stream, BY_ANNA) == "invoice_not_taken"

    def test_draft_that_is_not_voided_still_awaits_its_accountant(self) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(linked())
        stream.ran(answer(last(stream), unposted=True))
        stream.ran(BY_ANNA)
        stream.ran(c.ConfirmCancel(document_id(stream), 1, NO))
        assert phases(stream) == {("invoice", 1): "review"}
        stream.ran(c.SeeReview(document_id(stream), 1, answer(last(stream)).issued))
        assert phases(stream) == {("invoice", 1): "made"}


class TestWhatIsKept:
    """An order to void and replace that a person took back."""

    def _refused(self, code: str) -> Documents:
        stream = documents()
        stream.ran(request())
        stream.ran(linked())
        stream.ran(answer(last(stream), unposted=True))
        stream.ran(c.CancelInvoice("Анна", "", True))
        stream.ran(c.ConfirmCancel(document_id(stream), 1, Reason(code=code)))
        return stream

    @pytest.mark.parametrize(
        ("code", "card", "choice"),
        [("capability_missing", "cancel_by_hand", "keep"), ("accounting_refused", "cancel_refused", "understood")],
    )
    def test_draft_thrown_away_later_is_not_replaced_unasked(self, code: str, card: str, choice: str) -> None:
        stream = self._refused(code)
        take(stream, card, choice)
        stream.ran(c.SeeReview(document_id(stream), 1, None))
        assert phases(stream) == {("invoice", 1): "cancelled"}

    def test_draft_thrown_away_while_the_question_stands_is_replaced(self) -> None:
        stream = self._refused("capability_missing")
        stream.ran(c.SeeReview(document_id(stream), 1, None))
        assert phases(stream) == {("invoice", 1): "cancelled", ("invoice", 2): "ordered"}


class TestRepeat:
    def test_repeat_has_the_old_lines_and_leaves_the_old_invoice(self) -> None:
        stream = issued()
        stream.ran(c.SeeDeal(deal("b")))
        stream.ran(c.RepeatInvoice("Анна"))
        assert phases(stream) == {("invoice", 1): "made", ("invoice", 2): "ordered"}
        old, new = stream.effects_of("create-invoice")
        assert old.request["lines"] == new.request["lines"]
        assert (new.request["number"], new.marker != old.marker) == ("B24-15-2", True)
        assert refusal(stream, c.RepeatInvoice("Анна")) == "invoice_on_its_way"

    @pytest.mark.parametrize(("number", "void"), [("B24-15", False), ("", True)])
    def test_repeat_that_is_ordered_again_is_made_once(self, number: str, void: bool) -> None:
        stream = issued()
        if void:
            stream.ran(BY_ANNA)
            stream.ran(c.ConfirmCancel(document_id(stream), 1))
        stream.ran(c.RepeatInvoice("Анна", number))
        stream.ran(answer(last(stream)))
        assert refusal(stream, c.RepeatInvoice("Анна", number)) == "invoice_repeated"
        stream.ran(c.RepeatInvoice("Анна", "B24-15-2"))
        assert phases(stream)["invoice", 3] == "ordered"

    def test_repeat_of_another_day_or_of_other_lines_is_made(self) -> None:
        for changed in (False, True):
            stream = issued()
            stream.ran(c.RepeatInvoice("Анна"))
            stream.ran(answer(last(stream)))
            if changed:
                stream.ran(c.SeeDeal(deal("b")))
                stream.ran(c.CancelInvoice("Анна", "B24-15", replace=True))
                stream.ran(c.ConfirmCancel(stream.effects_of("create-invoice")[0].request["document_id"], 1))
                stream.ran(answer(last(stream)))
            else:
                stream.now += dt.timedelta(days=1)
            stream.ran(c.RepeatInvoice("Анна", "B24-15-2" if changed else "B24-15"))
            assert phases(stream)["invoice", 4 if changed else 3] == "ordered"

    def test_repeat_has_the_rate_of_its_own_day(self) -> None:
        stream = documents()
        stream.ran(request(what=deal(rows=(row("1220", "1", "20"),)), tax=STANDARD))
        stream.ran(linked())
        take(stream, "vat_rate_not_in_force", "issue")
        stream.ran(answer(last(stream)))
        stream.ran(c.RepeatInvoice("Анна"))
        (line,) = last(stream).request["lines"]
        assert (line["vat"], line["amount_kopecks"], line["vat_kopecks"]) == ("22", 1220_00, 220_00)

    def test_r19_repeat_in_another_year_puts_the_new_rate_on_top_of_the_old_price(self) -> None:
        stream = documents(dt.datetime(2025, 12, 1, 10, tzinfo=dt.UTC))
        on_top = row("1200", "1", "20", tax_included=False, price_exclusive=Decimal(1000))
        stream.ran(request(what=deal(rows=(on_top,)), tax=STANDARD))
        stream.ran(linked())
        stream.ran(answer(last(stream)))
        stream.now = NOW
        stream.ran(c.RepeatInvoice("Анна"))
        assert phases(stream) == {("invoice", 1): "made", ("invoice", 2): "ordered"}
        sent = last(stream).request
        assert (sent["date"], sent["total_kopecks"], sent["vat_kopecks"]) == ("2026-03-12", 1220_00, 220_00)

    def test_r19_repeat_has_the_tax_profile_that_is_in_force_now(self) -> None:
        stream = issued(what=deal(rows=(row("1000", "1", "22"),)))
        assert last(stream).request["vat_kopecks"] == 0
        stream.ran(c.RepeatInvoice("Анна", taxes={"elba:main": STANDARD, "elba:other": ()}))
        sent = last(stream).request
        assert (sent["total_kopecks"], sent["vat_kopecks"]) == (1000_00, 180_33)

    def test_nothing_is_repeated_in_an_account_that_the_tenant_has_no_more(self) -> None:
        repeat = c.RepeatInvoice("Анна", taxes={"moedelo:main": STANDARD})
        assert refusal(issued(), repeat) == "invoice_of_other_account"

    def test_tax_profiles_are_those_of_the_tenants_settings(self) -> None:
        connection = wire.Connection(vendor="elba", account="elba:main")
        tax = (wire.TaxPeriod(valid_from=dt.date(2025, 1, 1), regime="osno", vat="standard"),)
        seller = wire.SellerSettings(seller_id="main", inn="7725010016", connection=connection, tax=tax)
        settings = wire.TenantSettings(name="Вектор", sellers=(seller,)).model_dump(mode="json")
        assert taxes_of(settings) == {"elba:main": STANDARD}
        assert taxes_of({}) == {}

    def test_r8_repeat_of_the_same_rate_keeps_the_deals_own_sum(self) -> None:
        stream = issued()
        stream.ran(c.RepeatInvoice("Анна"))
        (_, anew) = stream.state.documents.values()
        assert anew.deal.opportunity_kopecks == deal().opportunity_kopecks


class TestReplacedBesideAnother:
    """Invoice 1 is replaced while 2, a repeat of it, stands: 2 is a document of its own, and stays what it is."""

    def _two(self) -> tuple[Documents, str]:
        stream = issued()
        first = document_id(stream)
        stream.ran(c.RepeatInvoice("Анна"))
        stream.ran(answer(last(stream)))
        return stream, first

    def test_replacement_ordered_by_a_person(self) -> None:
        stream, first = self._two()
        second = stream.state.documents[document_id(stream)]
        stream.ran(c.CancelInvoice("Анна", "B24-15", replace=True))
        stream.ran(c.ConfirmCancel(first, 1))
        assert phases(stream) == {("invoice", 1): "cancelled", ("invoice", 2): "made", ("invoice", 3): "ordered"}
        assert stream.state.documents[second.document_id] == second
        assert len({effect.marker for effect in stream.effects_of("create-invoice")}) == 3

    def test_replacement_of_what_accounting_has_no_more(self) -> None:
        stream, first = self._two()
        stream.ran(c.SeeVoid(first, "Анна", True))
        assert phases(stream) == {("invoice", 1): "cancelled", ("invoice", 2): "made", ("invoice", 3): "ordered"}

    def test_replacement_beside_one_that_is_on_its_way(self) -> None:
        stream = issued()
        first = document_id(stream)
        stream.ran(c.RepeatInvoice("Анна"))
        stream.ran(c.SeeVoid(first, "Анна", True))
        stream.ran(answer(stream.effects_of("create-invoice")[1]))
        assert phases(stream) == {("invoice", 1): "cancelled", ("invoice", 2): "made", ("invoice", 3): "ordered"}


class TestLostDeal:
    def test_person_says_what_becomes_of_the_invoice(self) -> None:
        stream = issued()
        stream.ran(c.SeeDeal(deal(lost=True)))
        assert open_cards(stream) == ["deal_lost"]
        take(stream, "deal_lost", "cancel")
        stream.ran(c.ConfirmCancel(document_id(stream), 1))
        assert phases(stream) == {("invoice", 1): "cancelled"}

    def test_kept_invoice_is_not_asked_about_again_until_the_deal_is_lost_again(self) -> None:
        stream = issued()
        stream.ran(c.SeeDeal(deal(lost=True)))
        take(stream, "deal_lost", "keep")
        stream.ran(c.SeeDeal(deal(lost=True)))
        assert open_cards(stream) == []
        stream.ran(c.SeeDeal(deal()))
        stream.ran(c.SeeDeal(deal(lost=True)))
        assert open_cards(stream) == ["deal_lost"]

    def test_deal_that_comes_back_or_is_paid_takes_the_question_back(self) -> None:
        stream = issued()
        stream.ran(c.SeeDeal(deal(lost=True)))
        stream.ran(c.SeeDeal(deal()))
        assert open_cards(stream) == []
        stream.ran(c.SeeDeal(deal(lost=True)))
        stream.ran(c.SeeBalance(document_id(stream), 1, True, "paid"))
        assert open_cards(stream) == []
        assert [one.choice for one in stream.said(operations.DecisionTaken)] == ["withdrawn", "withdrawn"]

    def test_paid_invoice_is_not_asked_about(self) -> None:
        stream = issued()
        stream.ran(c.SeeBalance(document_id(stream), 1, True, "paid"))
        stream.ran(c.SeeDeal(deal(lost=True)))
        assert open_cards(stream) == []

    def test_nothing_is_sent_for_a_lost_deal_until_it_comes_back(self) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(c.SeeDeal(deal(lost=True)))
        stream.ran(linked())
        stream.ran(c.MeetDeadline("r1"))
        assert (stream.effects_of("create-invoice"), open_cards(stream)) == ([], [])
        stream.ran(c.SeeDeal(deal()))
        assert phases(stream) == {("invoice", 1): "ordered"}

    def test_invoice_that_was_on_its_way_is_asked_about_when_it_is_there(self) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(linked())
        stream.ran(c.SeeDeal(deal(lost=True)))
        assert open_cards(stream) == []
        stream.ran(answer(last(stream)))
        assert open_cards(stream) == ["deal_lost"]


class TestByHand:
    def _asked(self, *, replace: bool = False) -> Documents:
        stream = issued()
        stream.ran(c.CancelInvoice("Анна", replace=replace))
        stream.ran(c.ConfirmCancel(document_id(stream), 1, MISSING))
        return stream

    def test_accountant_is_told_what_to_cancel(self) -> None:
        stream = self._asked()
        assert (phases(stream), open_cards(stream)) == ({("invoice", 1): "made"}, ["cancel_by_hand"])
        (asked,) = stream.said(operations.DecisionNeeded)
        assert asked.choices == ("done", "keep")
        assert (asked.values["number"], asked.values["url"]) == ("B24-15", "https://elba.example/1")

    def test_word_is_proven_before_the_invoice_counts_as_void(self) -> None:
        stream = self._asked(replace=True)
        take(stream, "cancel_by_hand", "done")
        assert phases(stream) == {("invoice", 1): "made"}
        (look,) = (plan for (kind, _), plan in stream.tasks.items() if kind == "check-cancel")
        assert look.payload["remote_id"] == f"remote-{document_id(stream)}"
        stream.ran(c.SeeCancelChecked(document_id(stream), "Анна", False))
        assert open_cards(stream) == ["cancel_by_hand"]
        assert stream.said(operations.DecisionNeeded)[-1].values["still"] == 1
        take(stream, "cancel_by_hand", "done")
        stream.ran(c.SeeCancelChecked(document_id(stream), "Анна", True))
        assert phases(stream) == {("invoice", 1): "cancelled", ("invoice", 2): "ordered"}
        assert stream.said(messages.InvoiceCancelled)[0].by == "Анна"

    def test_kept_one_stands(self) -> None:
        stream = self._asked()
        take(stream, "cancel_by_hand", "keep")
        assert (phases(stream), open_cards(stream)) == ({("invoice", 1): "made"}, [])

    def test_invoice_whose_id_nobody_knows_is_never_sent_and_the_word_is_taken(self) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(linked())
        stream.ran(answer(last(stream), remote_id=""))
        stream.ran(BY_ANNA)
        assert stream.effects_of("cancel-invoice") == []
        take(stream, "cancel_by_hand", "done")
        assert phases(stream) == {("invoice", 1): "cancelled"}


class TestInAccounting:
    @pytest.mark.parametrize("anew", [False, True])
    def test_invoice_that_accounting_has_no_more_is_void_when_a_person_says_so(self, anew: bool) -> None:
        stream = issued()
        stream.ran(c.SeeVoid(document_id(stream), "Анна", anew))
        assert phases(stream)["invoice", 1] == "cancelled"
        assert (("invoice", 2) in phases(stream)) is anew
        assert stream.ran(c.SeeVoid(str(stream.happened(e.Cancelled)[0].document_id), "Анна", anew)) == []


class TestPage:
    def test_page_of_what_is_void_is_hidden_once(self) -> None:
        stream = issued()
        stream.ran(c.SeeVoid(document_id(stream), "Анна", False))
        (hide,) = (plan for (kind, _), plan in stream.tasks.items() if kind == "hide-invoice")
        assert (hide.payload, hide.account) == ({"remote_id": f"remote-{document_id(stream)}"}, "elba:main")

    def test_invoice_whose_id_nobody_knows_has_no_page_to_hide(self) -> None:
        stream = documents()
        stream.ran(request())
        stream.ran(linked())
        stream.ran(answer(last(stream), remote_id=""))
        stream.ran(BY_ANNA)
        take(stream, "cancel_by_hand", "done")
        assert phases(stream) == {("invoice", 1): "cancelled"}
        assert not [kind for kind, _ in stream.tasks if kind == "hide-invoice"]


@dataclass
class Books:
    """An accounting service that answers each read in one way."""

    gives: Outcome[InvoiceCard]

    async def read_invoice(self, permit: Permit, invoice_id: str) -> Outcome[InvoiceCard]:
        return self.gives


def card(status: InvoiceStatus) -> Ok[InvoiceCard]:
    return Ok(InvoiceCard("e1", "118", NOW.date(), None, "b1", "", (), 100_00, 0, 0, status, "", "", None))


async def look(gives: Outcome[InvoiceCard]) -> Any:
    permit = Permit("elba-vendor:t:main", "https://elba.example", "", 1, NOW)
    payload = {"document_id": "d1", "remote_id": "e1", "by": "Анна"}
    task = Task(TENANT, "w1", "check-cancel", "c1", payload, "deal-15", "elba-vendor:t:main", 1, permit, NOW)
    return await CheckCancel(Books(gives)).run(task)


@pytest.mark.parametrize(
    ("gives", "void"),
    [
        (card(InvoiceStatus.CANCELLED), True),
        (card(InvoiceStatus.ISSUED), False),
        (Rejected(Problem("document_not_found")), True),
        (Rejected(Problem("capability_missing")), True),
    ],
)
async def test_look_tells_whether_it_is_void(gives: Outcome[InvoiceCard], void: bool) -> None:
    done = await look(gives)
    assert isinstance(done, Done)
    assert [one.body for one in done.commands] == [c.SeeCancelChecked("d1", "Анна", void)]


@pytest.mark.parametrize(
    "gives", [Deferred(Problem("vendor_limit")), Retryable(Problem("vendor_fault")), Rejected(Problem("x"))]
)
async def test_look_that_fails_is_made_again(gives: Outcome[InvoiceCard]) -> None:
    assert isinstance(await look(gives), Deferred | Retryable)


@dataclass
class Showcase:
    """An accounting service with pages, that answers in one way."""

    gives: Outcome[None]
    asked: list[str] = field(default_factory=list)

    async def hide_invoice(self, permit: Permit, invoice_id: str) -> Outcome[None]:
        self.asked.append(invoice_id)
        return self.gives


async def hide(showcase: Showcase, account: str) -> Any:
    permit = Permit(account, "https://elba.example", "", 2, NOW)
    task = Task(TENANT, "w1", "hide-invoice", "d1", {"remote_id": "e1"}, "deal-15", account, 1, permit, NOW)
    return await HideVoid(accounting_of, showcase).run(task)


@pytest.mark.parametrize(
    ("gives", "result"),
    [
        (Ok(None), Done),
        (Rejected(Problem("document_not_found")), Done),
        (Retryable(Problem("vendor_fault"), outage=True), Retryable),
        (Deferred(Problem("vendor_limit"), None), Deferred),
    ],
)
async def test_hiding_goes_on_until_the_vendor_says_something_definite(gives: Outcome[None], result: type) -> None:
    showcase = Showcase(gives)
    assert isinstance(await hide(showcase, "elba-vendor:t:main"), result)
    assert showcase.asked == ["e1"]


async def test_vendors_without_pages_of_their_own_are_not_asked() -> None:
    showcase = Showcase(Ok(None))
    assert isinstance(await hide(showcase, "kontur:t:main"), Done)
    assert showcase.asked == []
