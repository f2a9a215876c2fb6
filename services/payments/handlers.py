"""From public messages to commands on a deal's payments and on statement files; pure, no SQL, no network."""

from collections.abc import Sequence

from chassis import tenants
from chassis.messaging.routing import Routed
from contracts.envelope import Envelope, Message
from contracts.messages import ingest, invoicing
from services.payments.domain import DEAL_PREFIX, callback, statement
from services.payments.domain import commands as c


def route(message: Message, envelope: Envelope) -> Sequence[Routed]:
    """The commands of one message, by stream; none for what moves no money."""
    match message:
        case ingest.TenantState():
            seen = tenants.SeeTenant(message.status, message.version, message.settings.model_dump(mode="json"))
            return (Routed(tenants.STREAM, seen),)
        case invoicing.InvoiceIssued():
            known = c.KnowInvoice(
                invoice_id=message.invoice_id,
                deal_id=message.deal_id,
                number=message.number,
                remote_id=message.remote_id,
                account=message.account,
                total_kopecks=message.total_kopecks,
                due_date=message.due_date,
                category_id=message.category_id,
                responsible_id=message.responsible_id,
                issued_on=message.date,
                buyer_inn=message.buyer_inn,
                vat_kopecks=message.vat_kopecks,
            )
            return (Routed(f"{DEAL_PREFIX}-{message.deal_id}", known),)
        case invoicing.InvoiceCancelled():
            return (Routed(f"{DEAL_PREFIX}-{message.deal_id}", c.VoidInvoice(message.invoice_id)),)
        case ingest.StatementReceived():
            came = statement.SeeStatement(
                statement_id=message.statement_id,
                blob=message.blob,
                file_name=message.file_name,
                size_bytes=message.size_bytes,
                received_at=message.received_at,
            )
            return (Routed(f"{statement.PREFIX}-{message.statement_id}", came),)
        case ingest.AccountingCalled():
            seen_call = callback.SeeCall(message.account, message.object_id)
            return (Routed(callback.stream_of(message.account, message.object_id), seen_call),)
        case _:
            return ()
