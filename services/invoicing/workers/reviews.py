"""Follows invoices that await their accountant, until they are posted or thrown away."""

from datetime import datetime

from chassis.clock import Clock
from chassis.outcomes import Deferred, Ok, Rejected, Retryable
from chassis.work.handlers import Done, StreamCommand, Task, TaskResult
from connectors.ports.accounting import InvoiceStatus, ReadInvoice
from services.invoicing.domain import commands as c
from services.invoicing.domain import plans
from services.invoicing.workers.payloads import invoice_result, issued_of

GONE = "document_not_found"


class FollowReview:
    """Looks whether a draft was posted (R16); rarer the longer it waits, since a review may take days."""

    kind = plans.REVIEW
    recurring = True
    of_one_object = True
    permits = 1

    def __init__(self, accounting: ReadInvoice, clock: Clock) -> None:
        self._accounting = accounting
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """One look at the draft's card."""
        assert task.permit is not None, "the plan names an account"
        payload = task.payload
        found = await self._accounting.read_invoice(task.permit, payload["remote_id"])
        if isinstance(found, Ok) and found.value.status is InvoiceStatus.DRAFT:
            now = self._clock.now()
            wait = plans.review_wait(now - datetime.fromisoformat(payload["since"]))
            return Done(again_at=now + wait, found_something=False)
        if isinstance(found, Ok) and found.value.status is not InvoiceStatus.CANCELLED:
            issued = issued_of(invoice_result(found.value))
        elif isinstance(found, Ok) or (isinstance(found, Rejected) and found.problem.code == GONE):
            issued = None
        else:
            return found if isinstance(found, Deferred | Retryable) else Retryable(found.problem, outage=False)
        seen = c.SeeReview(payload["document_id"], payload["attempt"], issued)
        return Done((StreamCommand(task.stream, seen, f"review:{task.work_id}:{task.due_at.isoformat()}"),))
