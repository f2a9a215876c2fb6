"""What each capability of an accounting service promises, in an account that has nothing yet."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from chassis.outcomes import Deferred, Ok, Rejected, Retryable, Uncertain
from connectors.ports.accounting import CounterpartyDraft, FeedCursor, InvoiceStatus, TokenRequest
from connectors.registry import MOEDELO, Capability
from tests.connectors.accounting.calls import CALLS, LONG_AGO, PERSON, PRODUCT, SOLE, recently
from tests.connectors.accounting.desk import BUYER, DAY, INN, AccountingDesk, taken
from tests.connectors.accounting.samples import MARKER
from tests.connectors.accounting.traits import Traits


class AccountingCapabilities(Traits):
    """One test and more for each capability; what a vendor cannot do is refused in words that name it."""

    async def test_what_the_vendor_cannot_do_is_refused(self, desk: AccountingDesk, missing: Capability) -> None:
        desk.http.calls.clear()
        outcome = await CALLS[missing](desk, "1")
        assert isinstance(outcome, Rejected)
        assert outcome.problem.code == "capability_missing"
        assert outcome.problem.values["vendor"] == self.vendor.vendor
        assert outcome.problem.values["capability"]
        assert desk.http.calls == []

    # buyers

    async def test_a_buyer_is_found_by_its_inn(self, desk: AccountingDesk) -> None:
        self.needs(Capability.FIND_COUNTERPARTY)
        assert taken(await desk.accounting.find_counterparty(desk.permit, INN)) == ()
        made = await desk.buyer()
        found = taken(await desk.accounting.find_counterparty(desk.permit, INN))
        assert [(one.counterparty_id, one.inn, one.kpp) for one in found] == [(made, INN, "770901001")]

    async def test_a_buyer_that_was_deleted_is_not_read_and_its_documents_say_so(self, desk: AccountingDesk) -> None:
        self.needs(Capability.READ_COUNTERPARTY)
        made = await desk.buyer()
        card = taken(await desk.accounting.read_counterparty(desk.permit, made))
        assert (card.counterparty_id, card.inn, card.kpp) == (made, INN, "770901001")
        await desk.act(f"/counterparties/{made}", method="DELETE")
        gone = await desk.accounting.read_counterparty(desk.permit, made)
        assert isinstance(gone, Rejected)
        assert gone.problem.code == "document_not_found"
        act = await desk.accounting.create_act(desk.permit, desk.act_draft(made, None), key="act")
        for refused in (await desk.create_invoice(made), act):
            assert isinstance(refused, Rejected)
            assert refused.problem.code == "counterparty_gone"
            assert "онтрагент не найден" in refused.problem.values["text"]
        assert await desk.documents() == 0

    async def test_two_records_of_one_inn_are_both_found(self, desk: AccountingDesk) -> None:
        self.needs(Capability.FIND_COUNTERPARTY)
        made = await desk.buyer()
        await desk.act(f"/counterparties/{made}/duplicate", {})
        assert len(taken(await desk.accounting.find_counterparty(desk.permit, INN))) == 2

    @pytest.mark.parametrize("key", ["buyer", "another"])
    async def test_a_second_card_of_one_buyer(self, desk: AccountingDesk, key: str) -> None:
        if key != "buyer" and not self.knows_buyers:
            pytest.skip("it takes two of one INN")
        await desk.act("/dials", {"duplicate_counterparties": False})
        made = await desk.buyer()
        outcome = await desk.accounting.create_counterparty(desk.permit, BUYER, key=key)
        if isinstance(outcome, Ok):
            assert (outcome.value.counterparty_id, key) == (made, "buyer")
        else:
            assert isinstance(outcome, Rejected)
            assert outcome.problem.code == "already_exists"
        assert len(taken(await desk.accounting.find_counterparty(desk.permit, INN))) == 1

    async def test_a_lost_buyer_is_found_by_its_inn(self, desk: AccountingDesk) -> None:
        await desk.fault(self.operation(Capability.CREATE_COUNTERPARTY), "truncated")
        assert isinstance(await desk.accounting.create_counterparty(desk.permit, BUYER, key="buyer"), Uncertain)
        assert len(taken(await desk.accounting.find_counterparty(desk.permit, INN))) == 1

    async def test_entrepreneurs_and_people_are_buyers_too(self, desk: AccountingDesk) -> None:
        self.needs(Capability.CREATE_COUNTERPARTY_WITHOUT_INN)
        assert taken(await desk.accounting.create_counterparty(desk.permit, PERSON, key="p")).kind == "person"
        made = taken(await desk.accounting.create_counterparty(desk.permit, SOLE, key="s"))
        assert (made.kind, made.inn, made.kpp) == ("entrepreneur", SOLE.inn, "")

    async def test_a_lost_person_is_found_without_an_inn(self, desk: AccountingDesk) -> None:
        if not (self.can(Capability.FIND_PERSON) or self.can(Capability.COUNTERPARTY_CHANGES)):
            pytest.skip("a person decides")
        await desk.fault(self.operation(Capability.CREATE_COUNTERPARTY), "truncated")
        assert isinstance(await desk.accounting.create_counterparty(desk.permit, PERSON, key="p"), Uncertain)
        if self.can(Capability.FIND_PERSON):
            other = replace(PERSON, email="other@lapina.example")
            taken(await desk.accounting.create_counterparty(desk.permit, other, key="other"))
            (one,) = taken(await desk.accounting.find_person(desk.permit, PERSON.name, PERSON.email))
            assert taken(await desk.accounting.find_person(desk.permit, PERSON.name, "nobody@lapina.example")) == ()
        else:
            (one,) = taken(
                await desk.accounting.counterparty_changes(desk.permit, FeedCursor(recently()))
            ).counterparties
        assert (one.name, one.inn) == (PERSON.name, "")

    async def test_changed_buyers_are_listed(self, desk: AccountingDesk) -> None:
        self.needs(Capability.COUNTERPARTY_CHANGES)
        made = await desk.buyer()
        page = taken(await desk.accounting.counterparty_changes(desk.permit, FeedCursor(recently())))
        assert [one.counterparty_id for one in page.counterparties] == [made]
        later = FeedCursor(datetime.now(UTC) + timedelta(hours=1))
        assert taken(await desk.accounting.counterparty_changes(desk.permit, later)).counterparties == ()

    async def test_changes_since_long_ago_are_all_buyers(self, desk: AccountingDesk) -> None:
        self.needs(Capability.LIST_COUNTERPARTIES)
        made = await desk.buyer()
        page = taken(await desk.accounting.counterparty_changes(desk.permit, FeedCursor(LONG_AGO)))
        assert made in [one.counterparty_id for one in page.counterparties]

    async def test_a_refusal_carries_the_vendors_words(self, desk: AccountingDesk) -> None:
        if not self.checks_inn:
            pytest.skip("it takes any INN")
        wrong = CounterpartyDraft("company", "ООО «Лотос»", inn="7709123450", kpp="770901001")
        outcome = await desk.accounting.create_counterparty(desk.permit, wrong, key="w")
        assert isinstance(outcome, Rejected)
        assert outcome.problem.code == "accounting_refused"
        assert "ИНН" in outcome.problem.values["text"]

    # invoices

    async def test_an_invoice_is_read_back_as_it_was_made(self, desk: AccountingDesk) -> None:
        buyer = await desk.buyer()
        made = taken(await desk.create_invoice(buyer))
        await desk.settled("invoices", made.invoice_id)
        card = taken(await desk.accounting.read_invoice(desk.permit, made.invoice_id))
        assert card.number == made.number
        assert card.issued_on == DAY
        assert (card.total_kopecks, card.vat_kopecks or 0, card.paid_kopecks or 0) == (8_500_000, 0, 0)
        assert (card.counterparty_id, card.status) == (buyer, InvoiceStatus.ISSUED)
        assert MARKER in card.comment

    async def test_a_repeat_under_one_key(self, desk: AccountingDesk) -> None:
        buyer = await desk.buyer()
        first, second = taken(await desk.create_invoice(buyer)), taken(await desk.create_invoice(buyer))
        assert (first.invoice_id == second.invoice_id) is self.repeats_make_one
        assert await desk.documents() == (1 if self.repeats_make_one else 2)
        if self.can(Capability.FIND_INVOICE):
            found = taken(await desk.find_invoice(buyer=buyer)).matches
            assert {one.invoice_id for one in found} == {first.invoice_id, second.invoice_id}

    async def test_another_invoice_under_one_key(self, desk: AccountingDesk) -> None:
        buyer = await desk.buyer()
        taken(await desk.create_invoice(buyer))
        outcome = await desk.create_invoice(buyer, marker="[b24:2:invoice:1:7c1f09aa]")
        if self.refuses_other_content:
            assert isinstance(outcome, Uncertain)
            assert outcome.problem.code == "idempotency_conflict"
        else:
            assert "[b24:2:invoice:1:7c1f09aa]" in taken(outcome).comment

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
        found = taken(await desk.find_invoice(since=recently(), buyer=buyer))
        assert [(one.invoice_id, one.number) for one in found.matches] == [(made.invoice_id, "77")]

    async def test_an_invoice_has_a_file(self, desk: AccountingDesk) -> None:
        self.needs(Capability.INVOICE_PDF)
        made = await desk.invoice()
        assert taken(await desk.accounting.invoice_pdf(desk.permit, made)).content.startswith(b"%PDF-")

    async def test_an_invoice_is_cancelled_unless_it_is_paid(self, desk: AccountingDesk) -> None:
        self.needs(Capability.CANCEL_INVOICE)
        buyer = await desk.buyer()
        made = await desk.issued(buyer)
        await desk.act("/payments", {"invoice": made, "amount_kopecks": 100})
        refused = await desk.accounting.cancel_invoice(desk.permit, made, key="c1")
        assert isinstance(refused, Rejected)
        assert refused.problem.code == "invoice_already_paid"
        other = await desk.issued(buyer, key="two", marker="[b24:2:invoice:1:7c1f09aa]")
        cancelled = taken(await desk.accounting.cancel_invoice(desk.permit, other, key="c2"))
        assert cancelled.status is InvoiceStatus.CANCELLED
        for again in (
            await desk.accounting.cancel_invoice(desk.permit, other, key="c3"),
            await desk.accounting.read_invoice(desk.permit, other),
        ):
            if isinstance(again, Ok):
                assert again.value.status is InvoiceStatus.CANCELLED
            else:  # some delete what is cancelled
                assert again.problem.code == "document_not_found"

    async def test_an_invoice_that_is_gone_is_named_so(self, desk: AccountingDesk) -> None:
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
        if not self.tells_paid:
            pytest.skip("its cards do not tell")
        made = await desk.invoice()
        for amount, status in ((4_000_000, InvoiceStatus.PARTIALLY_PAID), (4_500_000, InvoiceStatus.PAID)):
            await desk.act("/payments", {"invoice": made, "amount_kopecks": amount})
            assert taken(await desk.accounting.read_invoice(desk.permit, made)).status is status
        await desk.act("/payments", {"invoice": made, "amount_kopecks": 500_000, "refund": True})
        assert taken(await desk.accounting.read_invoice(desk.permit, made)).paid_kopecks == 8_000_000

    # acts

    async def test_an_act_belongs_to_its_invoice(self, desk: AccountingDesk) -> None:
        self.needs(Capability.CREATE_ACT)
        invoice = await desk.invoice()
        act = await desk.make_act(invoice)
        assert (act.total_kopecks, act.invoice_id, act.counterparty_id) == (8_500_000, invoice, desk.last_buyer)
        if self.can(Capability.READ_ACT):
            assert taken(await desk.accounting.read_act(desk.permit, act.act_id)).number == act.number
        if self.can(Capability.ACT_PDF):
            assert taken(await desk.accounting.act_pdf(desk.permit, act.act_id)).content.startswith(b"%PDF-")

    async def test_a_lost_act_is_found_by_its_marker_or_by_its_bill_alone(self, desk: AccountingDesk) -> None:
        self.needs(Capability.FIND_ACT)
        invoice = await desk.invoice()
        await desk.fault(self.operation(Capability.CREATE_ACT), "truncated")
        draft = desk.act_draft(desk.last_buyer, invoice)
        assert isinstance(await desk.accounting.create_act(desk.permit, draft, key="a"), Uncertain)
        found = taken(await desk.accounting.find_act(desk.permit, marker=MARKER, invoice_id=invoice, since=LONG_AGO))
        if desk.vendor is MOEDELO:
            assert [one.invoice_id for one in found] == [invoice]  # its acts have no place for a marker
            return
        assert [MARKER in one.comment for one in found] == [True]
        other = "[b24:2:act:1:7c1f09aa]"
        assert (
            taken(await desk.accounting.find_act(desk.permit, marker=other, invoice_id=invoice, since=LONG_AGO)) == ()
        )

    # goods

    async def test_a_product_is_found_by_its_code(self, desk: AccountingDesk) -> None:
        self.needs(Capability.FIND_PRODUCT, Capability.CREATE_PRODUCT)
        code = PRODUCT.external_code
        assert taken(await desk.accounting.find_product(desk.permit, code)) == ()
        made = taken(await desk.accounting.create_product(desk.permit, PRODUCT, key="p"))
        assert [one.product_id for one in taken(await desk.accounting.find_product(desk.permit, code))] == [
            made.product_id
        ]

    @pytest.mark.parametrize("wanted", ["create", "text"])
    async def test_lines_are_items_of_the_nomenclature_where_the_vendor_has_them(
        self, desk: AccountingDesk, wanted: str
    ) -> None:
        buyer = await desk.buyer()
        desk.permit = replace(desk.permit, options={**desk.permit.options, "unknown_goods": wanted})
        before = len((await desk.state())["products"])
        taken(await desk.create_invoice(buyer))
        made = len((await desk.state())["products"]) - before
        items = {"text": False, "text or items": wanted == "create", "items": True}[self.vendor.line_items]
        assert made == (1 if items else 0)

    # the account

    async def test_an_account_that_is_closed_to_us(self, desk: AccountingDesk) -> None:
        assert taken(await desk.accounting.ping(desk.permit)) is None
        for status, problem in {401: self.key_refused, **self.closing_statuses}.items():
            await desk.act("/dials", {"refuse_status": status})
            outcome = await desk.accounting.ping(desk.permit)
            assert isinstance(outcome, Retryable)
            assert (outcome.problem.code, outcome.outage) == (problem, True)

    async def test_access_that_nobody_gave_opens_nothing(self, desk: AccountingDesk) -> None:
        outcome = await desk.accounting.ping(desk.permitted("1f6d2a90-0d8f-4f1a-9a7d-0c5a6f7a2b10"))
        assert isinstance(outcome, Retryable)
        assert (outcome.problem.code, outcome.outage) == (self.key_refused, True)

    async def test_an_expired_token_asks_for_a_fresh_one(self, desk: AccountingDesk) -> None:
        if not self.signs_in:
            pytest.skip("its keys do not end")
        await desk.act("/tokens", {"state": "expired", "existing": True})
        outcome = await desk.accounting.ping(desk.permit)
        assert isinstance(outcome, Retryable)
        assert outcome.problem.code == "token_refused"
        await desk.sign_in()
        assert taken(await desk.accounting.ping(desk.permit)) is None

    async def test_wrong_credentials_are_refused(self, desk: AccountingDesk) -> None:
        if not self.signs_in:
            pytest.skip("its keys are not fetched")
        wrong = TokenRequest(desk.account["token_url"], desk.account["client_id"], "wrong")
        outcome = await desk.accounting.obtain_token(wrong)
        assert isinstance(outcome, Rejected)
        assert outcome.problem.code == "credentials_refused"

    async def test_the_limit_is_no_failure(self, desk: AccountingDesk) -> None:
        await desk.act("/dials", {"limit_burst": 1, "limit_per_second": 0.01})
        await desk.sandbox.control("/limits", {"enabled": True})
        began = datetime.now(UTC)
        outcomes = [await desk.accounting.ping(desk.permit) for _ in range(3)]
        assert isinstance(outcomes[-1], Deferred)
        assert outcomes[-1].problem.code == "vendor_limit"
        assert outcomes[-1].until is None or outcomes[-1].until > began

    async def test_a_port_where_nobody_listens_is_not_sent(self, desk: AccountingDesk) -> None:
        away = replace(desk.permit, endpoint="http://127.0.0.1:9/api/v1")
        outcome = await desk.accounting.create_counterparty(away, BUYER, key="k")
        assert isinstance(outcome, Retryable)
        assert outcome.outage
