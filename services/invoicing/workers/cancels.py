"""Looks whether an invoice is void, where the accounting service has to be told by hand."""

from chassis.outcomes import Deferred, Ok, Rejected, Retryable
from chassis.work.handlers import Done, StreamCommand, Task, TaskResult
from connectors.ports.accounting import InvoiceStatus, ReadInvoice
from connectors.ports.refusing import CAPABILITY_MISSING
from services.invoicing.domain import commands as c
from services.invoicing.domain import plans

GONE = "document_not_found"


class CheckCancel:
    """Reads the invoice that a person says to have voided; where none can be read, the word is taken."""

    kind = plans.CHECK_CANCEL
    recurring = False
    permits = 1

    def __init__(self, accounting: ReadInvoice) -> None:
        self._accounting = accounting

    async def run(self, task: Task) -> TaskResult:
        """One look at the invoice's card."""
        assert task.permit is not None, "the plan names an account"
        payload = task.payload
        found = await self._accounting.read_invoice(task.permit, payload["remote_id"])
        if isinstance(found, Ok):
            void = found.value.status is InvoiceStatus.CANCELLED
        elif isinstance(found, Rejected) and found.problem.code in (GONE, CAPABILITY_MISSING):
            void = True
        else:
            return found if isinstance(found, Deferred | Retryable) else Retryable(found.problem, outage=False)
        seen = c.SeeCancelChecked(payload["document_id"], payload["by"], void)
        return Done((StreamCommand(task.stream, seen, f"void:{task.work_id}"),))
