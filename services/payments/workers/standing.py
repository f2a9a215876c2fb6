"""Looks now and then whether unpaid invoices still stand in accounting; a cancelled one brings no payment."""

import datetime as dt
import uuid
from typing import Final

from chassis import log
from chassis.clock import Clock
from chassis.outcomes import Deferred, Ok, Rejected, Retryable
from chassis.work.handlers import Done, StreamCommand, Task, TaskResult
from connectors.ports.accounting import InvoiceStatus, ReadInvoice
from services.payments.domain import commands as c
from services.payments.domain import plans
from services.payments.store import PaymentStore

CARDS_PER_RUN_MAX: Final = 5
STANDING_EVERY: Final = dt.timedelta(hours=6)

_log = log.get(__name__)


class LookAtStanding:
    """The cards of all unpaid invoices of an account, a few at a time, every six hours; where sums are polled, the poll
    reads the cards itself."""

    kind = plans.STANDING
    recurring = True
    permits = CARDS_PER_RUN_MAX
    polls = False

    def __init__(self, accounting: ReadInvoice, store: PaymentStore, clock: Clock) -> None:
        self._accounting = accounting
        self._store = store
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """The place among the invoices moves with the commands in one transaction."""
        assert task.permit is not None, "the plan names an account"
        after, now = task.payload.get("after", ""), self._clock.now()
        invoices = await self._store.open_invoices(task.tenant, task.account, after, CARDS_PER_RUN_MAX)
        commands: list[StreamCommand] = []
        for invoice in invoices:
            card = await self._accounting.read_invoice(task.permit, invoice.remote_id)
            reason = ""
            if isinstance(card, Ok):
                reason = "rejected" if card.value.status is InvoiceStatus.CANCELLED else ""
            elif isinstance(card, Rejected) and card.problem.code == "document_not_found":
                reason = "deleted"
            elif isinstance(card, Deferred) or (isinstance(card, Retryable) and card.outage):
                return card
            else:  # of this invoice alone; the others must not wait for it
                _log.warning("a card is read later", account=task.account, reason=card.problem.code)
            if reason:
                gone = c.SeeGone(invoice.invoice_id, reason)
                commands.append(StreamCommand(invoice.stream, gone, f"standing:{uuid.uuid4()}"))
        more = len(invoices) == CARDS_PER_RUN_MAX
        payload = {"after": invoices[-1].invoice_id} if more else {}
        again = now if more else now + STANDING_EVERY
        return Done(tuple(commands), again_at=again, payload=payload, found_something=bool(commands))
