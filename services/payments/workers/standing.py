"""Looks now and then at unpaid invoices in accounting: whether they stand, since a cancelled one brings no payment,
whether their sum is the one that was issued, since people edit there too, and whether what is paid of them is what is
counted, since a payment may be entered with a date that no poll goes back to.
Of invoices whose payments are in doubt: whether the doubt still stands.
"""

import datetime as dt
import uuid
from typing import Final

from chassis import log
from chassis.clock import Clock
from chassis.outcomes import Deferred, Failure, Ok, Rejected, Retryable
from chassis.tenants import TenantDirectory
from chassis.work.handlers import Done, StreamCommand, Task, TaskResult
from connectors.ports.accounting import InvoiceCard, InvoiceStatus
from connectors.ports.whole import WholeAccounting
from connectors.registry import Capability, VendorOf
from services.payments.domain import commands as c
from services.payments.domain import plans
from services.payments.store import InvoiceRow, PaymentStore
from services.payments.workers.balances import is_outage

CARDS_PER_RUN_MAX: Final = 5
STANDING_EVERY: Final = dt.timedelta(hours=6)

Seen = tuple[c.SeeGone | c.SeeTotal | c.NoticePayments, ...]

_log = log.get(__name__)


class LookAtStanding:
    """The cards of all unpaid invoices of an account, a few at a time, every six hours; where sums are polled, the poll
    reads the cards itself."""

    kind = plans.STANDING
    recurring = True
    permits = 2 * CARDS_PER_RUN_MAX
    polls = False

    def __init__(
        self,
        vendor_of: VendorOf,
        accounting: WholeAccounting,
        store: PaymentStore,
        directory: TenantDirectory,
        clock: Clock,
    ) -> None:
        self._vendor_of = vendor_of
        self._accounting = accounting
        self._store = store
        self._directory = directory
        self._clock = clock

    async def run(self, task: Task) -> TaskResult:
        """The place among the invoices moves with the commands in one transaction."""
        settings = (await self._directory.view(task.tenant)).settings
        if not plans.switched_on(settings):
            return Done(found_something=False)
        after, now = task.payload.get("after", ""), self._clock.now()
        invoices = await self._store.open_invoices(task.tenant, task.account, after, CARDS_PER_RUN_MAX)
        by_statements = plans.told_by_statements(settings, task.account)
        commands: list[StreamCommand] = []
        found: Seen | Failure
        for invoice in invoices:
            if invoice.doubted:
                found = () if by_statements else await self._doubted(task, invoice)
            else:
                found = await self._look(task, invoice, by_statements=by_statements)
            if isinstance(found, Deferred) or (isinstance(found, Retryable) and is_outage(found, task)):
                return found
            if isinstance(found, Failure):  # of this invoice alone; the others must not wait for it
                _log.warning("a card is read later", account=task.account, reason=found.problem.code)
            else:
                commands += [StreamCommand(invoice.stream, seen, f"standing:{uuid.uuid4()}") for seen in found]
        more = len(invoices) == CARDS_PER_RUN_MAX
        payload = {"after": invoices[-1].invoice_id} if more else {}
        again = now if more else now + STANDING_EVERY
        return Done(tuple(commands), again_at=again, payload=payload, found_something=bool(commands))

    async def _look(self, task: Task, invoice: InvoiceRow, *, by_statements: bool) -> Seen | Failure:
        """What an invoice's deal is to be told; nothing where all is as it is known."""
        assert task.permit is not None, "the plan names an account"
        card = await self._accounting.read_invoice(task.permit, invoice.remote_id)
        if isinstance(card, Rejected) and card.problem.code == "document_not_found":
            return (c.SeeGone(invoice.invoice_id, "deleted"),)
        if not isinstance(card, Ok):
            return card
        if card.value.status is InvoiceStatus.CANCELLED:
            return (c.SeeGone(invoice.invoice_id, "rejected"),)
        paid = invoice.paid_kopecks if by_statements else await self._paid(task, invoice, card.value)
        if isinstance(paid, Failure):
            return paid
        total = card.value.total_kopecks
        edited = () if total == invoice.total_kopecks else (c.SeeTotal(invoice.invoice_id, total),)
        return edited if paid == invoice.paid_kopecks else (*edited, c.NoticePayments(invoice.invoice_id, paid))

    async def _doubted(self, task: Task, invoice: InvoiceRow) -> Seen | Failure:
        """Whether anything has changed since the list of its payments came empty and its card said that it is paid."""
        assert task.permit is not None, "the plan names an account"
        card = await self._accounting.read_invoice(task.permit, invoice.remote_id)
        if isinstance(card, Ok) and card.value.paid_kopecks:
            listed = await self._accounting.payments_of_invoice(task.permit, invoice.remote_id)
            if not isinstance(listed, Ok):
                return listed
            live = [row.amount_kopecks for row in listed.value if not row.removed]
            return (c.NoticePayments(invoice.invoice_id, sum(live)),) if live else ()
        if isinstance(card, Ok) or (isinstance(card, Rejected) and card.problem.code == "document_not_found"):
            return (c.NoticePayments(invoice.invoice_id, 0),)
        return card

    async def _paid(self, task: Task, invoice: InvoiceRow, card: InvoiceCard) -> int | Failure:
        """What accounting says is paid of an invoice; what is counted, where it cannot be asked."""
        assert task.permit is not None, "the plan names an account"
        if card.paid_kopecks is not None:
            return card.paid_kopecks
        if not self._vendor_of(task.account).can(Capability.PAYMENTS_OF_INVOICE):
            return invoice.paid_kopecks
        listed = await self._accounting.payments_of_invoice(task.permit, invoice.remote_id)
        if not isinstance(listed, Ok):
            return listed
        return sum(row.amount_kopecks for row in listed.value if not row.removed)
