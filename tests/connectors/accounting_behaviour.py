"""What every accounting service must do under every fault; a vendor's tests inherit it.

The fixture ``desk`` is an account of the sandbox with a connector to it. The class attributes name the sandbox's
operations.
"""

from typing import Any, ClassVar, Protocol

import pytest

from chassis.outcomes import Deferred, Ok, Outcome, Rejected, Retryable, Uncertain
from chassis.work.handlers import Permit
from connectors.ports.accounting import Accounting, InvoiceCard, InvoiceLookup
from tests.connectors.kit import FailureType

Expected = FailureType | type[Ok[Any]]

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
    ("truncated", {}, Retryable),
    ("reset", {}, Retryable),
    ("html_200", {}, Retryable),
    ("empty", {}, Retryable),
    ("token_expired", {}, Retryable),
    ("limit_503", {}, Retryable),
    ("limit_429", {}, Deferred),
    ("error_in_200", {"status": 500}, Retryable),
    ("field_missing", {"field": "items"}, Retryable),
    ("field_retyped", {"field": "items", "value": "x"}, Retryable),
]

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


class AccountingDesk(Protocol):
    """An account that these tests may use up."""

    accounting: Accounting
    permit: Permit

    async def fault(self, operation: str, kind: str, **params: Any) -> None: ...

    async def buyer(self) -> str: ...

    async def invoice(self) -> str: ...

    async def create_invoice(self, buyer: str) -> Outcome[InvoiceCard]: ...

    async def find_invoice(self) -> Outcome[InvoiceLookup]: ...

    async def documents(self) -> int: ...


class AccountingBehaviour:
    """Never a success that is none, never an absence that is none."""

    creating_invoice: ClassVar[str]
    finding_invoice: ClassVar[str]
    fetching_pdf: ClassVar[str]
    rows: ClassVar[str] = "items"  # the field that a list's rows stand in
    renders_at_once: ClassVar[bool] = False  # whether a file is there as soon as its document is

    @pytest.mark.parametrize(("kind", "params", "expected", "documents"), CREATE_FAULTS)
    async def test_a_creation_meets_every_fault(
        self, desk: AccountingDesk, kind: str, params: dict[str, Any], expected: Expected, documents: int
    ) -> None:
        buyer = await desk.buyer()
        await desk.fault(self.creating_invoice, kind, **params)
        outcome = await desk.create_invoice(buyer)
        assert isinstance(outcome, expected), outcome
        assert await desk.documents() == documents
        if isinstance(outcome, Uncertain):
            lookup = await desk.find_invoice()
            assert isinstance(lookup, Ok)
            assert len(lookup.value.matches) == documents

    @pytest.mark.parametrize(("kind", "params", "expected"), READ_FAULTS)
    async def test_a_look_up_that_meets_a_fault_is_no_absence(
        self, desk: AccountingDesk, kind: str, params: dict[str, Any], expected: FailureType
    ) -> None:
        await desk.fault(self.finding_invoice, kind, **params | ({"field": self.rows} if "field" in params else {}))
        outcome = await desk.find_invoice()
        assert isinstance(outcome, expected), outcome

    @pytest.mark.parametrize(("kind", "expected"), PDF_FAULTS)
    async def test_a_pdf_meets_every_fault(self, desk: AccountingDesk, kind: str, expected: FailureType) -> None:
        invoice_id = await desk.invoice()
        await desk.fault(self.fetching_pdf, kind)
        outcome = await desk.accounting.invoice_pdf(desk.permit, invoice_id)
        assert isinstance(outcome, Ok if self.renders_at_once and kind == "pdf_late" else expected)
