"""Every kind of fault that the sandbox has, in every kind of call: never a success that is none, never an absence that
is none, never a second document."""

from typing import Any

import pytest

from chassis.outcomes import Deferred, Ok, Rejected, Retryable, Uncertain
from connectors.ports.accounting import InvoiceStatus
from connectors.registry import Capability
from tests.connectors.accounting.calls import FILES, OF_ACTS, OF_MONEY, READS, WRITES
from tests.connectors.accounting.desk import AccountingDesk, taken
from tests.connectors.accounting.traits import Expected, Shape, Traits
from tests.connectors.kit import FailureType
from tests.connectors.kit_sandbox import HANGING

# What a fault makes of a creation: the outcome of the call, and how many documents it left.
CREATE_FAULTS: list[tuple[str, dict[str, Any], Expected, int]] = [
    ("timeout_before", {}, Uncertain, 0),
    ("timeout_after", {}, Uncertain, 1),
    ("late_commit", {"commit_seconds": 1000}, Uncertain, 0),
    ("error_before", {"status": 500}, Uncertain, 0),
    ("error_before", {"status": 503}, Uncertain, 0),
    ("error_before", {"status": 400}, Rejected, 0),
    ("error_after", {"status": 500}, Uncertain, 1),
    ("error_after", {"status": 502}, Uncertain, 1),
    ("limit_503", {}, Uncertain, 0),
    ("limit_429", {"retry_after": 7}, Deferred, 0),
    ("limit_429", {}, Deferred, 0),
    ("operation_time_limit", {}, Deferred, 0),
    ("token_expired", {}, Retryable, 0),
    ("slow_bytes", {}, Uncertain, 1),
    ("truncated", {}, Uncertain, 1),
    ("reset", {}, Uncertain, 1),
    ("html_200", {}, Uncertain, 1),
    ("empty", {}, Uncertain, 1),
    ("error_in_200", {"status": 400}, Rejected, 0),
    ("error_in_200", {"status": 500}, Uncertain, 0),
    ("field_added", {}, Ok, 1),
    ("read_lag", {}, Ok, 1),
    ("kopeck_off", {}, Ok, 1),
]

READ_FAULTS: list[tuple[str, dict[str, Any], FailureType]] = [
    ("timeout_before", {}, Retryable),
    ("timeout_after", {}, Retryable),
    ("error_before", {"status": 500}, Retryable),
    ("error_after", {"status": 504}, Retryable),
    ("slow_bytes", {}, Retryable),
    ("reset", {}, Retryable),
    ("limit_503", {}, Retryable),
    ("error_in_200", {"status": 500}, Retryable),
    ("field_missing", {"field": "items"}, Retryable),
    ("field_retyped", {"field": "items", "value": "x"}, Retryable),
]

# A body that is none, access that ends, a limit, a member that nobody knows: in every read.
BODIES: list[tuple[str, Expected]] = [
    ("html_200", Retryable),
    ("empty", Retryable),
    ("truncated", Retryable),
    ("token_expired", Retryable),
    ("limit_429", Deferred),
    ("field_added", Ok),
]

WRITE_FAULTS = ["html_200", "empty", "truncated", "reset", "error_after"]

PDF_FAULTS: list[tuple[str, FailureType]] = [
    ("pdf_empty", Retryable),
    ("pdf_html", Retryable),
    ("html_200", Retryable),
    ("empty", Retryable),
    ("truncated", Retryable),
    ("reset", Retryable),
    ("timeout_after", Retryable),
    ("slow_bytes", Retryable),
    ("error_after", Retryable),
    ("limit_429", Deferred),
    ("pdf_late", Deferred),
]

ELSEWHERE = {"field_missing", "field_retyped", "paging_shift"}
"""Kinds that depend on a vendor's words (``Traits.shapes``), or on a list of pages."""


class AccountingFaults(Traits):
    """What a fault makes of each call."""

    @pytest.mark.parametrize(("kind", "params", "expected", "documents"), CREATE_FAULTS)
    async def test_a_creation_meets_every_fault(
        self, desk: AccountingDesk, kind: str, params: dict[str, Any], expected: Expected, documents: int
    ) -> None:
        buyer = await desk.buyer()
        await desk.fault(self.operation(Capability.CREATE_INVOICE), kind, **params)
        outcome = await desk.create_invoice(buyer)
        assert isinstance(outcome, Uncertain if self.reads_back and kind == "read_lag" else expected), outcome
        assert await desk.documents() == documents
        if isinstance(outcome, Uncertain) and self.can(Capability.FIND_INVOICE):
            lookup = await desk.find_invoice()
            assert isinstance(lookup, Ok)
            assert len(lookup.value.matches) == documents

    async def test_a_creation_whose_answer_changed_its_shape(self, desk: AccountingDesk, shape: Shape) -> None:
        kind, params, expected = shape
        buyer = await desk.buyer()
        await desk.fault(self.operation(Capability.CREATE_INVOICE), kind, **params)
        assert isinstance(await desk.create_invoice(buyer), expected)
        assert await desk.documents() == 1

    async def test_a_document_that_came_late_is_found_when_it_is_there(self, desk: AccountingDesk) -> None:
        self.needs(Capability.FIND_INVOICE)
        buyer = await desk.buyer()
        await desk.fault(self.operation(Capability.CREATE_INVOICE), "late_commit", commit_seconds=60)
        assert isinstance(await desk.create_invoice(buyer), Uncertain)
        assert taken(await desk.find_invoice()).matches == ()
        await desk.sandbox.advance(90)
        assert len(taken(await desk.find_invoice()).matches) == 1

    @pytest.mark.parametrize("kind", WRITE_FAULTS)
    async def test_a_write_whose_answer_is_lost_is_never_called_done(
        self, desk: AccountingDesk, write: Capability, kind: str
    ) -> None:
        invoice = await desk.invoice()
        before = await desk.state()
        await desk.fault(self.operation(write), kind)
        outcome = await WRITES[write](desk, invoice)
        assert await desk.faults_fired() == 1
        if write is not Capability.CANCEL_INVOICE:
            assert isinstance(outcome, Uncertain), outcome
            after = await desk.state()
            assert sum(len(after[one]) - len(before[one]) for one in ("counterparties", "acts", "products")) == 1
        elif isinstance(outcome, Ok):  # some read the document again
            assert outcome.value.status is InvoiceStatus.CANCELLED
        else:
            assert isinstance(outcome, Uncertain), outcome

    @pytest.mark.parametrize(("kind", "params", "expected"), READ_FAULTS)
    async def test_a_look_up_that_meets_a_fault_is_no_absence(
        self, desk: AccountingDesk, kind: str, params: dict[str, Any], expected: FailureType
    ) -> None:
        look_up = Capability.FIND_INVOICE if self.can(Capability.FIND_INVOICE) else Capability.FIND_COUNTERPARTY
        await desk.fault(self.operation(look_up), kind, **params | ({"field": self.rows} if "field" in params else {}))
        outcome = await READS[look_up](desk, "")
        assert isinstance(outcome, expected), outcome
        if kind not in HANGING:  # of those the client may tire before it has been heard
            assert await desk.faults_fired() == 1

    @pytest.mark.parametrize(("kind", "expected"), BODIES)
    async def test_a_read_meets_every_kind_of_body(
        self, desk: AccountingDesk, read: Capability, kind: str, expected: Expected
    ) -> None:
        document = await desk.invoice()
        if read in OF_ACTS:
            document = (await desk.make_act(document)).act_id
        if read in OF_MONEY:
            await desk.act("/payments", {"invoice": document, "amount_kopecks": 100})
        await desk.fault(self.operation(read), kind)
        outcome = await READS[read](desk, document)
        assert isinstance(outcome, expected), outcome
        assert await desk.faults_fired() == 1

    @pytest.mark.parametrize(("kind", "expected"), PDF_FAULTS)
    async def test_a_pdf_meets_every_fault(self, desk: AccountingDesk, kind: str, expected: FailureType) -> None:
        self.needs(Capability.INVOICE_PDF)
        invoice_id = await desk.invoice()
        await desk.fault(self.operation(Capability.INVOICE_PDF), kind)
        outcome = await FILES[Capability.INVOICE_PDF](desk, invoice_id)
        assert isinstance(outcome, Ok if self.renders_at_once and kind == "pdf_late" else expected)

    async def test_a_pdf_that_is_rendered_in_its_time(self, desk: AccountingDesk) -> None:
        self.needs(Capability.INVOICE_PDF)
        if self.renders_at_once:
            pytest.skip("its files are there at once")
        await desk.act("/dials", {"pdf_render_seconds": 30})
        invoice_id = await desk.invoice()
        outcome = await desk.accounting.invoice_pdf(desk.permit, invoice_id)
        assert isinstance(outcome, Deferred)
        assert outcome.until is not None
        await desk.sandbox.advance(60)
        assert taken(await desk.accounting.invoice_pdf(desk.permit, invoice_id)).content.startswith(b"%PDF-")

    async def test_a_kopeck_of_difference_is_seen_in_the_card(self, desk: AccountingDesk) -> None:
        buyer = await desk.buyer()
        await desk.fault(self.operation(Capability.CREATE_INVOICE), "kopeck_off", kopecks=1)
        made = taken(await desk.create_invoice(buyer))
        assert taken(await desk.accounting.read_invoice(desk.permit, made.invoice_id)).total_kopecks == 8_500_001
