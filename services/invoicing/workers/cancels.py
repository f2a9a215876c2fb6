"""What becomes of an invoice that is to be void: a look at one that was voided by hand, and its public page."""

from chassis.outcomes import Deferred, Ok, Rejected, Retryable
from chassis.work.handlers import Done, StreamCommand, Task, TaskResult
from connectors.ports.accounting import HideInvoice, InvoiceStatus, ReadInvoice
from connectors.ports.refusing import CAPABILITY_MISSING
from connectors.registry import Capability, VendorOf
from services.invoicing.domain import commands as c
from services.invoicing.domain import plans
from services.invoicing.workers.gone import GONE


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


class HideVoid:
    """Takes the public page of a void invoice away, where the vendor has one to take; what it refuses to hide stays."""

    kind = plans.HIDE
    recurring = False
    permits = 2  # the link is looked for first

    def __init__(self, vendor_of: VendorOf, accounting: HideInvoice) -> None:
        self._vendor_of = vendor_of
        self._accounting = accounting

    async def run(self, task: Task) -> TaskResult:
        """The same again changes nothing, so that a lost answer is simply asked for once more."""
        assert task.permit is not None, "the plan names an account"
        if not self._vendor_of(task.account).can(Capability.HIDE_INVOICE):
            return Done(found_something=False)
        hidden = await self._accounting.hide_invoice(task.permit, task.payload["remote_id"])
        return hidden if isinstance(hidden, Deferred | Retryable) else Done(found_something=False)
