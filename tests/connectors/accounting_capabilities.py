"""What every accounting service must do, once per capability; a vendor's tests inherit it.

The fixture ``desk`` is an account of the sandbox with a connector to it. What a vendor cannot do is refused, and that
is tested.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

import pytest

from chassis.outcomes import Ok, Outcome, Rejected, Retryable
from connectors.ports.accounting import CounterpartyDraft, FeedCursor, InvoiceStatus
from connectors.registry import AccountingVendor, Capability
from tests.connectors.accounting_behaviour import AccountingBehaviour
from tests.connectors.accounting_desk import DAY, AccountingDesk, taken
from tests.connectors.accounting_samples import MARKER

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)

REFUSALS: dict[Capability, Callable[[AccountingDesk], Awaitable[Outcome[Any]]]] = {
    Capability.FIND_COUNTERPARTY: lambda desk: desk.accounting.find_counterparty(desk.permit, "7709123453"),
    Capability.COUNTERPARTY_CHANGES: lambda desk: desk.accounting.counterparty_changes(
        desk.permit, FeedCursor(LONG_AGO)
    ),
    Capability.FIND_INVOICE: lambda desk: desk.find_invoice(),
    Capability.READ_INVOICE: lambda desk: desk.accounting.read_invoice(desk.permit, "1"),
    Capability.INVOICE_CHANGES: lambda desk: desk.accounting.invoice_changes(desk.permit, FeedCursor(LONG_AGO)),
    Capability.INVOICE_PDF: lambda desk: desk.accounting.invoice_pdf(desk.permit, "1"),
    Capability.CANCEL_INVOICE: lambda desk: desk.accounting.cancel_invoice(desk.permit, "1", key="c"),
    Capability.PAYMENTS: lambda desk: desk.accounting.payments_changed(desk.permit, FeedCursor(LONG_AGO)),
    Capability.PAYMENTS_OF_INVOICE: lambda desk: desk.accounting.payments_of_invoice(desk.permit, "1"),
    Capability.CREATE_ACT: lambda desk: desk.accounting.create_act(desk.permit, desk.act_draft("1", None), key="a"),
    Capability.READ_ACT: lambda desk: desk.accounting.read_act(desk.permit, "1"),
    Capability.ACT_PDF: lambda desk: desk.accounting.act_pdf(desk.permit, "1"),
}


class AccountingCapabilities(AccountingBehaviour):
    """What each capability promises, in an account that has nothing yet."""

    vendor: ClassVar[AccountingVendor]
    creating_invoice: ClassVar[str] = "invoice.create"
    finding_invoice: ClassVar[str] = "invoice.find"
    fetching_pdf: ClassVar[str] = "invoice.pdf"
    fetches_tokens: ClassVar[bool] = True

    def needs(self, *capabilities: Capability) -> None:
        """Ends the test where the vendor cannot do it; that it is refused is another test."""
        if not all(self.vendor.can(one) for one in capabilities):
            pytest.skip("the vendor cannot do it")

    async def test_what_the_vendor_cannot_do_is_refused(self, desk: AccountingDesk) -> None:
        for capability, call in REFUSALS.items():
            if not self.vendor.can(capability):
                outcome = await call(desk)
                assert isinstance(outcome, Rejected), capability
                assert outcome.problem.code == "capability_missing"

    # buyers

    async def test_a_buyer_is_found_by_its_inn(self, desk: AccountingDesk) -> None:
        self.needs(Capability.FIND_COUNTERPARTY)
        assert taken(await desk.accounting.find_counterparty(desk.permit, "7709123453")) == ()
        made = await desk.buyer()
        found = taken(await desk.accounting.find_counterparty(desk.permit, "7709123453"))
        assert [(one.counterparty_id, one.inn, one.kpp) for one in found] == [(made, "7709123453", "770901001")]

    async def test_two_records_of_one_inn_are_both_found(self, desk: AccountingDesk) -> None:
        self.needs(Capability.FIND_COUNTERPARTY)
        made = await desk.buyer()
        await desk.act(f"/counterparties/{made}/duplicate", {})
        assert len(taken(await desk.accounting.find_counterparty(desk.permit, "7709123453"))) == 2

    async def test_entrepreneurs_and_people_are_buyers_too(self, desk: AccountingDesk) -> None:
        self.needs(Capability.CREATE_COUNTERPARTY_WITHOUT_INN)
        person = CounterpartyDraft("person", "Лапина Ирина", email="irina@lapina.example")
        sole = CounterpartyDraft("entrepreneur", "ИП Лапин Пётр", inn="500100732259", email="p@lapin.example")
        assert taken(await desk.accounting.create_counterparty(desk.permit, person, key="p")).kind == "person"
        made = taken(await desk.accounting.create_counterparty(desk.permit, sole, key="s"))
        assert (made.kind, made.inn, made.kpp) == ("entrepreneur", "500100732259", "")

    async def test_changed_buyers_are_listed(self, desk: AccountingDesk) -> None:
        self.needs(Capability.COUNTERPARTY_CHANGES)
        made = await desk.buyer()
        page = taken(await desk.accounting.counterparty_changes(desk.permit, FeedCursor(LONG_AGO)))
        assert made in {one.counterparty_id for one in page.counterparties}

    async def test_a_refusal_carries_the_vendors_words(self, desk: AccountingDesk) -> None:
        wrong = CounterpartyDraft("company", "ООО «Лотос»", inn="7709123450", kpp="770901001")
        outcome = await desk.accounting.create_counterparty(desk.permit, wrong, key="w")
        assert isinstance(outcome, Rejected)
        assert outcome.problem.code == "accounting_refused"
        assert "ИНН" in outcome.problem.values["text"]

    # invoices

    async def test_an_invoice_is_read_back_as_it_was_made(self, desk: AccountingDesk) -> None:
        self.needs(Capability.READ_INVOICE)
        buyer = await desk.buyer()
        made = taken(await desk.create_invoice(buyer))
        card = taken(await desk.accounting.read_invoice(desk.permit, made.invoice_id))
        assert card.number == made.number
        assert (card.issued_on, card.due_on) == (DAY, date(2026, 3, 13))
        assert (card.total_kopecks, card.vat_kopecks or 0, card.paid_kopecks or 0) == (8_500_000, 0, 0)
        assert (card.counterparty_id, card.status) == (buyer, InvoiceStatus.ISSUED)
        assert card.url.startswith("http")
        assert MARKER in card.comment

    async def test_a_lost_invoice_is_found_by_its_marker(self, desk: AccountingDesk) -> None:
        self.needs(Capability.FIND_INVOICE)
        buyer = await desk.buyer()
        assert taken(await desk.find_invoice(buyer=buyer)).matches == ()
        made = taken(await desk.create_invoice(buyer))
        for asked in ("", buyer):
            found = taken(await desk.find_invoice(buyer=asked))
            assert [one.invoice_id for one in found.matches] == [made.invoice_id]
            assert MARKER in found.matches[0].comment

    async def test_an_invoice_that_was_edited_by_hand_is_found_by_its_marker(self, desk: AccountingDesk) -> None:
        self.needs(Capability.FIND_INVOICE)
        buyer = await desk.buyer()
        made = taken(await desk.create_invoice(buyer))
        await desk.act(f"/invoices/{made.invoice_id}", {"number": "77", "date": "2026-03-11"}, "PATCH")
        since = datetime.now(UTC) - timedelta(minutes=5)
        found = taken(await desk.find_invoice(since=since, buyer=buyer))
        assert [(one.invoice_id, one.number) for one in found.matches] == [(made.invoice_id, "77")]

    async def test_a_changed_invoice_is_listed(self, desk: AccountingDesk) -> None:
        self.needs(Capability.INVOICE_CHANGES)
        made = await desk.invoice()
        page = taken(await desk.accounting.invoice_changes(desk.permit, FeedCursor(LONG_AGO)))
        assert [one.invoice_id for one in page.invoices] == [made]
        assert page.next is None

    async def test_an_invoice_has_a_file(self, desk: AccountingDesk) -> None:
        self.needs(Capability.INVOICE_PDF)
        made = await desk.invoice()
        assert taken(await desk.accounting.invoice_pdf(desk.permit, made)).content.startswith(b"%PDF-")

    async def test_an_invoice_is_cancelled_unless_it_is_paid(self, desk: AccountingDesk) -> None:
        self.needs(Capability.CANCEL_INVOICE)
        made = await desk.invoice()
        await desk.act("/payments", {"invoice": made, "amount_kopecks": 100})
        refused = await desk.accounting.cancel_invoice(desk.permit, made, key="c1")
        assert isinstance(refused, Rejected)
        assert refused.problem.code == "invoice_already_paid"
        other = str(
            taken(
                await desk.accounting.create_invoice(
                    desk.permit, desk.draft((await desk.state())["invoices"][made]["counterparty_id"]), key="two"
                )
            ).invoice_id
        )
        cancelled = taken(await desk.accounting.cancel_invoice(desk.permit, other, key="c2"))
        assert cancelled.status is InvoiceStatus.CANCELLED
        again = await desk.accounting.read_invoice(desk.permit, other)
        assert (
            again.value.status is InvoiceStatus.CANCELLED
            if isinstance(again, Ok)
            else again.problem.code == "document_not_found"
        )

    async def test_an_invoice_that_is_gone_is_named_so(self, desk: AccountingDesk) -> None:
        self.needs(Capability.READ_INVOICE)
        made = await desk.invoice()
        await desk.act(f"/invoices/{made}", method="DELETE")
        outcome = await desk.accounting.read_invoice(desk.permit, made)
        assert isinstance(outcome, Rejected)
        assert outcome.problem.code == "document_not_found"

    # money

    async def test_the_payments_of_an_invoice_are_told(self, desk: AccountingDesk) -> None:
        self.needs(Capability.PAYMENTS_OF_INVOICE)
        made = await desk.invoice()
        assert taken(await desk.accounting.payments_of_invoice(desk.permit, made)) == ()
        part = {"invoice": made, "amount_kopecks": 4_000_000, "payment_order_number": "451", "date": "2026-03-12"}
        first = await desk.act("/payments", part)
        await desk.act("/payments", {"invoice": made})
        rows = taken(await desk.accounting.payments_of_invoice(desk.permit, made))
        assert sorted(row.amount_kopecks for row in rows) == [4_000_000, 4_500_000]
        told = next(row for row in rows if row.amount_kopecks == 4_000_000)
        assert (told.invoice_id, told.order_number, told.paid_on) == (made, "451", date(2026, 3, 12))
        await desk.act(f"/payments/{first['id']}/remove", {})
        rows = taken(await desk.accounting.payments_of_invoice(desk.permit, made))
        assert [row.amount_kopecks for row in rows if not row.removed] == [4_500_000]

    async def test_money_is_seen_in_the_invoices_card(self, desk: AccountingDesk) -> None:
        self.needs(Capability.READ_INVOICE)
        made = await desk.invoice()
        for amount, status in ((4_000_000, InvoiceStatus.PARTIALLY_PAID), (4_500_000, InvoiceStatus.PAID)):
            await desk.act("/payments", {"invoice": made, "amount_kopecks": amount})
            assert taken(await desk.accounting.read_invoice(desk.permit, made)).status is status
        await desk.act("/payments", {"invoice": made, "amount_kopecks": 500_000, "refund": True})
        assert taken(await desk.accounting.read_invoice(desk.permit, made)).paid_kopecks == 8_000_000

    async def test_payments_come_by_the_feed(self, desk: AccountingDesk) -> None:
        self.needs(Capability.PAYMENTS)
        made = await desk.invoice()
        paid = await desk.act("/payments", {"invoice": made})
        page = taken(await desk.accounting.payments_changed(desk.permit, FeedCursor(LONG_AGO)))
        assert [(row.share_of or row.payment_id, row.invoice_id) for row in page.payments] == [(paid["id"], made)]
        assert page.next is None

    # acts

    async def test_an_act_belongs_to_its_invoice(self, desk: AccountingDesk) -> None:
        self.needs(Capability.CREATE_ACT)
        buyer = await desk.buyer()
        invoice = str(taken(await desk.create_invoice(buyer)).invoice_id)
        act = taken(await desk.accounting.create_act(desk.permit, desk.act_draft(buyer, invoice), key="act"))
        assert (act.total_kopecks, act.invoice_id, act.counterparty_id) == (8_500_000, invoice, buyer)
        if self.vendor.can(Capability.READ_ACT):
            assert taken(await desk.accounting.read_act(desk.permit, act.act_id)).number == act.number
        if self.vendor.can(Capability.ACT_PDF):
            assert taken(await desk.accounting.act_pdf(desk.permit, act.act_id)).content.startswith(b"%PDF-")

    # the account

    @pytest.mark.parametrize(("status", "problem"), [(402, "accounting_tariff"), (403, "accounting_forbidden")])
    async def test_an_account_that_is_closed_to_us(self, desk: AccountingDesk, status: int, problem: str) -> None:
        assert taken(await desk.accounting.ping(desk.permit)) is None
        await desk.act("/dials", {"refuse_status": status})
        outcome = await desk.accounting.ping(desk.permit)
        assert isinstance(outcome, Retryable)
        assert (outcome.problem.code, outcome.outage) == (problem, True)

    async def test_access_that_is_no_longer_taken(self, desk: AccountingDesk) -> None:
        await desk.act("/dials", {"refuse_status": 401})
        outcome = await desk.accounting.ping(desk.permit)
        assert isinstance(outcome, Retryable)
        assert (outcome.problem.code, outcome.outage) == (
            "token_refused" if self.fetches_tokens else "credentials_refused",
            True,
        )
