"""Follows invoices that await their accountant, until they are posted or thrown away; their paper meanwhile."""

from datetime import datetime

from chassis.blobs import Blobs
from chassis.clock import Clock
from chassis.outcomes import Deferred, Ok, Retryable
from chassis.work.handlers import Done, StreamCommand, Task, TaskResult
from connectors.ports.accounting import InvoiceStatus, ReadInvoice
from services.invoicing.domain import commands as c
from services.invoicing.domain import plans
from services.invoicing.workers.gone import is_gone, may_be_hidden
from services.invoicing.workers.payloads import invoice_result, issued_of
from services.invoicing.workers.tasks import Papers


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
        """One look at the draft's card. A new draft that is not found may not be visible yet."""
        assert task.permit is not None, "the plan names an account"
        payload = task.payload
        found = await self._accounting.read_invoice(task.permit, payload["remote_id"])
        hidden = is_gone(found) and may_be_hidden(self._clock, datetime.fromisoformat(payload["since"]))
        if hidden or (isinstance(found, Ok) and found.value.status is InvoiceStatus.DRAFT):
            return self._waits(task)
        if isinstance(found, Ok) and found.value.status is not InvoiceStatus.CANCELLED:
            issued = issued_of(invoice_result(found.value, payload.get("vat_kopecks", 0)))
        elif isinstance(found, Ok) or is_gone(found):
            issued = None
        else:
            return found if isinstance(found, Deferred | Retryable) else Retryable(found.problem, outage=False)
        seen = c.SeeReview(payload["document_id"], payload["attempt"], issued)
        return Done((StreamCommand(task.stream, seen, f"review:{task.work_id}:{task.due_at.isoformat()}"),))

    def _waits(self, task: Task) -> Done:
        """It is looked at again; once a day people hear that it still awaits its accountant."""
        payload, now = task.payload, self._clock.now()
        again_at = now + plans.review_wait(now - datetime.fromisoformat(payload["since"]))
        if now - datetime.fromisoformat(payload.get("told", payload["since"])) < plans.REVIEW_WAIT:
            return Done(again_at=again_at, found_something=False)
        late = c.MissReview(payload["document_id"], payload["attempt"])
        told = StreamCommand(task.stream, late, f"review-late:{task.work_id}:{task.due_at.isoformat()}")
        return Done((told,), again_at=again_at, payload={**payload, "told": now.isoformat()}, found_something=False)


class DrawDraft:
    """Makes the paper of an invoice that its accountant has yet to post, with a watermark and nothing to pay by (R16),
    whatever files the accounting service gives."""

    kind = plans.DRAW_DRAFT
    recurring = False
    permits = 0

    def __init__(self, blobs: Blobs, papers: Papers) -> None:
        self._blobs = blobs
        self._papers = papers

    async def run(self, task: Task) -> TaskResult:
        """One that cannot be made is left out: nothing waits for it, and what stands in its way is asked about when the
        posted invoice has none."""
        document_id = task.payload["document_id"]
        drawn = await self._papers.pdf(task, draft=True)
        if not isinstance(drawn, Ok):
            return Done(found_something=False)
        blob = str(await self._blobs.put(task.tenant, drawn.value.content))
        command = c.Render(document_id, blob, len(drawn.value.content), draft=True)
        return Done((StreamCommand(task.stream, command, f"draft:{document_id}:{blob}"),))
